"""Below /projects/<slug>/, for members: two who are one, and one who are two."""

from django.urls import URLPattern, URLResolver, path

from analytics.merging import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("people/<int:person_id>/merge/", views.merge_other, name="merge"),
    path("people/<int:person_id>/merge/<int:link_id>/undo/", views.undo_link, name="undo-merge"),
]
