"""Sign-in and the list of projects."""

from django.urls import URLPattern, URLResolver, path

from projects import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-in/", views.sign_in_page, name="sign_in"),
    path("sign-in/<str:token>/", views.sign_in_link, name="sign_in_link"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("", views.start, name="start"),
    path("projects/", views.project_list, name="projects"),
]
