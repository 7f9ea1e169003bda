"""The export API; every address needs an API key with the view's scope, but for the schema, which holds no data."""

from django.urls import URLPattern, URLResolver, path

from analytics.api.events import Events
from analytics.api.insights import Insight, InsightPeople
from analytics.api.people import OnePerson, People, PersonTimeline
from analytics.api.project import OneProject
from analytics.api.reference import openapi
from analytics.api.sessions import Sessions

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema", openapi),
    path("project", OneProject.as_view()),
    path("events", Events.as_view()),
    path("people", People.as_view()),
    path("people/<int:person_id>", OnePerson.as_view()),
    path("people/<int:person_id>/timeline", PersonTimeline.as_view()),
    path("sessions", Sessions.as_view()),
    path("insights/<str:kind>", Insight.as_view()),
    path("insights/<str:kind>/people", InsightPeople.as_view()),
]
