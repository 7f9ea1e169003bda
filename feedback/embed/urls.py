"""Open to every page with a write key."""

from django.urls import URLPattern, URLResolver, path, re_path

from feedback.embed import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/comments", views.comments, name="leave_comment"),
    path("v1/comments/", views.comments),
    re_path(r"^v1/", views.nothing),
]
