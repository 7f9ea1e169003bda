"""Pages below /projects/<slug>/."""

from django.urls import URLPattern, URLResolver, path

from analytics.console import (
    identity_page,
    insight_pages,
    people_pages,
    person_actions,
    settings_pages,
    start_page,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", start_page.start, name="start"),
    path("waiting/", start_page.waiting, name="waiting"),
    path("people/", people_pages.people, name="people"),
    path("people/<int:person_id>/", people_pages.person, name="person"),
    path("people/<int:person_id>/news/", people_pages.news, name="person-news"),
    path("people/<int:person_id>/merge/", person_actions.merge_other, name="merge"),
    path("people/<int:person_id>/merge/<int:link_id>/undo/", person_actions.undo_link, name="undo-merge"),
    path("insights/<slug:kind>/", insight_pages.insight, name="insight"),
    path("insights/<slug:kind>/beside/", insight_pages.beside, name="insight-beside"),
    path("insights/<slug:kind>/people/", insight_pages.behind, name="insight-people"),
    path("settings/", settings_pages.settings, name="settings"),
    path("settings/ingestion/", settings_pages.ingestion, name="ingestion"),
    path("settings/health/", settings_pages.health, name="health"),
    path("settings/keys/", settings_pages.create_key, name="create-key"),
    path("settings/keys/<int:key_id>/revoke/", settings_pages.revoke_key, name="revoke-key"),
    path("settings/identity/", identity_page.identity, name="identity"),
    path("settings/identity/enforced/", identity_page.set_enforced, name="set-identity-enforced"),
    path("settings/identity/secrets/", identity_page.create_secret, name="create-identity-secret"),
    path(
        "settings/identity/secrets/<slug:kid>/revoke/",
        identity_page.revoke_secret,
        name="revoke-identity-secret",
    ),
    path("settings/timezone/", settings_pages.set_timezone, name="set-timezone"),
]
