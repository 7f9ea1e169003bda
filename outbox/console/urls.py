"""Below /projects/<slug>/settings/. For owners only."""

from django.urls import URLPattern, URLResolver, path

from outbox.console import delivery_pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("deliveries/", delivery_pages.deliveries_page, name="deliveries"),
    path("deliveries/<int:delivery_id>/retry/", delivery_pages.retry, name="retry-delivery"),
]
