"""Below /projects/<slug>/inbox/, for everybody in the project."""

from django.urls import URLPattern, URLResolver, path

from feedback.console import reactions, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.comments, name="inbox"),
    path("reactions/", reactions.by_cohort, name="reactions"),
    path("reactions/people/", reactions.behind, name="reactions-people"),
]
