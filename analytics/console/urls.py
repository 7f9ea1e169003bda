"""The dashboard's addresses below /projects/<slug>/: what all of its members may see, then what its owner does."""

from django.urls import URLPattern, URLResolver, path

from analytics.console import insights, people, settings, start

urlpatterns: list[URLPattern | URLResolver] = [
    path("", start.start, name="start"),
    path("waiting/", start.waiting, name="waiting"),
    path("people/", people.people, name="people"),
    path("people/<int:person_id>/", people.person, name="person"),
    path("people/<int:person_id>/news/", people.news, name="person-news"),
    path("insights/retention/", insights.retention, name="retention"),
    path("insights/trends/", insights.trends, name="trends"),
    path("insights/retention/people/", insights.behind, {"kind": "retention"}, name="retention-people"),
    path("insights/trends/people/", insights.behind, {"kind": "trends"}, name="trends-people"),
    path("settings/", settings.settings, name="settings"),
    path("settings/arrivals/", settings.arrivals, name="arrivals"),
    path("settings/keys/", settings.create_key, name="create-key"),
    path("settings/keys/<int:key_id>/revoke/", settings.revoke_key, name="revoke-key"),
    path("settings/timezone/", settings.set_timezone, name="set-timezone"),
]
