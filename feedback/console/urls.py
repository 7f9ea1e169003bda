"""Below /projects/<slug>/inbox/."""

from django.urls import URLPattern, URLResolver, path

from feedback.console import comment_actions, pictures_view, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.comments, name="inbox"),
    path("pictures/<str:picture_id>/", pictures_view.picture, name="picture"),
    path("<str:receipt>/status/", comment_actions.change_status, name="comment-status"),
    path("<str:receipt>/delete/", comment_actions.delete, name="delete-comment"),
]
