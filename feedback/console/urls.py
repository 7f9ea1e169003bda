"""Below /projects/<slug>/inbox/."""

from django.urls import URLPattern, URLResolver, path

from feedback.console import comment_actions, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.comments, name="inbox"),
    path("<str:receipt>/status/", comment_actions.change_status, name="comment-status"),
    path("<str:receipt>/delete/", comment_actions.delete, name="delete-comment"),
]
