"""Below /projects/<slug>/inbox/, for everybody in the project."""

from django.urls import URLPattern, URLResolver, path

from feedback.console import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.comments, name="inbox"),
]
