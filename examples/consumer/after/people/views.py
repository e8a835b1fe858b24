"""The support team's endpoints and its search page."""

import json
from typing import Any

from django.contrib.auth import authenticate, login
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.forms import ModelForm
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST

from people.forms import NoteForm, PersonForm, SearchForm
from people.models import Note, Person

FIELDS = ["id", "name", "email", "phone", "born", "address"]
MOST = 50


def shown(person: Person) -> dict[str, Any]:
    """Return a person as JSON has them."""
    return {field: getattr(person, field) for field in FIELDS}


def saved(form: ModelForm, status: int) -> HttpResponse:
    """Store a person, or say what is wrong with the form."""
    if not form.is_valid():
        return JsonResponse(form.errors, status=400)
    return JsonResponse(shown(form.save()), status=status)


def found(form: SearchForm) -> QuerySet[Person]:
    """Return the people who are looked for."""
    wanted = form.cleaned_data if form.is_valid() else {}
    people = Person.objects.order_by("id")
    if wanted.get("name"):
        people = people.filter(name__istartswith=wanted["name"])
    if wanted.get("email"):
        people = people.filter(email__iexact=wanted["email"])
    if wanted.get("born_from") and wanted.get("born_to"):
        people = people.filter(born__range=(wanted["born_from"], wanted["born_to"]))
    return people[:MOST]


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Let a member of the support team in."""
    user = authenticate(request, username=request.POST.get("username"), password=request.POST.get("password"))
    if user is None:
        return JsonResponse({"detail": "Name and password do not fit."}, status=403)
    login(request, user)
    return JsonResponse({"name": user.get_username()})


@login_required
@require_http_methods(["GET", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """List people, or welcome one."""
    if request.method == "POST":
        return saved(PersonForm(json.loads(request.body)), 201)
    return JsonResponse([shown(one) for one in found(SearchForm(request.GET))], safe=False)


@login_required
@require_http_methods(["GET", "PATCH", "DELETE"])
def person(request: HttpRequest, key: int) -> HttpResponse:
    """Show, change or forget a person."""
    one = get_object_or_404(Person, pk=key)
    if request.method == "DELETE":
        one.delete()
        return HttpResponse(status=204)
    if request.method == "PATCH":
        return saved(PersonForm(model_to_dict(one) | json.loads(request.body), instance=one), 200)
    return JsonResponse(shown(one) | {"consents": {each.purpose: each.given for each in one.consents.order_by("purpose")}})


@login_required
@require_http_methods(["PUT"])
def consent(request: HttpRequest, key: int, purpose: str) -> HttpResponse:
    """Give or withdraw a consent."""
    one = get_object_or_404(Person, pk=key)
    given = bool(json.loads(request.body)["given"])
    one.consents.update_or_create(purpose=purpose, defaults={"given": given})
    return JsonResponse({"purpose": purpose, "given": given})


@login_required
@require_http_methods(["GET", "POST"])
def notes(request: HttpRequest, key: int) -> HttpResponse:
    """List the notes about a person, or write one."""
    one = get_object_or_404(Person, pk=key)
    if request.method == "POST":
        form = NoteForm(json.loads(request.body), instance=Note(person=one, author=request.user.get_username()))
        if not form.is_valid():
            return JsonResponse(form.errors, status=400)
        form.save()
    listed = one.notes.order_by("id")
    return JsonResponse([{"author": each.author, "text": each.text} for each in listed], safe=False, status=200)


@login_required
def search(request: HttpRequest) -> HttpResponse:
    """Show the search page with what it found."""
    form = SearchForm(request.GET)
    return render(request, "people/search.html", {"form": form, "people": found(form) if request.GET else []})
