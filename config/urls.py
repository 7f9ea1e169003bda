"""All URLs that Django serves, from public to admin.

Requests of clients and visitors (/v1/..., /e/ and so on) never get here: config/asgi.py passes them to ingest.
"""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from api.problems import unknown_address

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("config.health")),
    path("api/v1/", include("analytics.api.urls")),
    path("api/v1/", include("feedback.api.urls")),
    path("api/docs/", include("api.docs_urls")),
    re_path(r"^api/", unknown_address),
    path("", include("projects.urls")),
    path("projects/<slug:slug>/", include("analytics.console.urls")),
    path("projects/<slug:slug>/inbox/", include("feedback.console.urls")),
    path("projects/<slug:slug>/settings/", include("feedback.console.settings_urls")),
    path("projects/<slug:slug>/settings/", include("outbox.console.urls")),
    # The admin's own form would accept any number of passwords.
    path("admin/login/", RedirectView.as_view(pattern_name="sign_in", query_string=True)),
    path("admin/", admin.site.urls),
]
