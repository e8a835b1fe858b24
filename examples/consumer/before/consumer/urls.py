"""Where everything is."""

from django.urls import path
from people import views

urlpatterns = [
    path("login", views.sign_in),
    path("people", views.people),
    path("people/<int:key>", views.person),
    path("people/<int:key>/consents/<str:purpose>", views.consent),
    path("people/<int:key>/notes", views.notes),
    path("search", views.search),
]
