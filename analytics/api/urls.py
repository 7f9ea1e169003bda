"""The export API. Every endpoint needs an API key with its scope, except the schema, which shows no data."""

from django.urls import URLPattern, URLResolver, path

from analytics.api.event_endpoint import Events
from analytics.api.insight_endpoints import Insight, InsightPeople
from analytics.api.people_endpoints import OnePerson, People, PersonFacts, PersonTimeline
from analytics.api.session_endpoint import Sessions
from api.reference import openapi

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema", openapi),
    path("events", Events.as_view()),
    path("people", People.as_view()),
    path("people/<int:person_id>", OnePerson.as_view()),
    path("people/<int:person_id>/facts", PersonFacts.as_view()),
    path("people/<int:person_id>/timeline", PersonTimeline.as_view()),
    path("sessions", Sessions.as_view()),
    path("insights/<str:kind>", Insight.as_view()),
    path("insights/<str:kind>/people", InsightPeople.as_view()),
]
