from django.urls import URLPattern, URLResolver, path

from api.reference import docs

urlpatterns: list[URLPattern | URLResolver] = [path("", docs, name="api-docs")]
