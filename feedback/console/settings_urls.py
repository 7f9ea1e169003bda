"""Below /projects/<slug>/settings/: pages for members, then pages for owners."""

from django.urls import URLPattern, URLResolver, path

from feedback.console import notification_page, webhook_pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("notifications/", notification_page.notifications_page, name="notifications"),
    path("webhooks/", webhook_pages.webhooks_page, name="webhooks"),
    path("webhooks/<int:webhook_id>/test/", webhook_pages.send_test, name="test-webhook"),
    path("webhooks/<int:webhook_id>/disable/", webhook_pages.disable, name="disable-webhook"),
]
