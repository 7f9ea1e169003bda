"""Feedback's part of the export API. Every endpoint needs an API key with its scope."""

from django.urls import URLPattern, URLResolver, path

from feedback.api.comment_endpoint import Comments
from feedback.api.project_endpoint import OneProject

urlpatterns: list[URLPattern | URLResolver] = [
    path("project", OneProject.as_view()),
    path("comments", Comments.as_view()),
]
