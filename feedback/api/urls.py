"""Feedback's part of the export API; every address needs an API key with the view's scope."""

from django.urls import URLPattern, URLResolver, path

from feedback.api.comments import Comments

urlpatterns: list[URLPattern | URLResolver] = [
    path("comments", Comments.as_view()),
]
