"""Where the shop's pages are."""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from confide.adopt.django.admin import PersonalAdmin
from confide.adopt.django.middleware import for_purpose
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Customer

if TYPE_CHECKING:
    from collections.abc import Iterator


class CustomerAdmin(PersonalAdmin):
    list_display = ("pk", "name", "email", "branch")
    search_fields = ("^name", "=email")
    list_filter = ("branch",)


if not admin.site.is_registered(Customer):
    admin.site.register(Customer, CustomerAdmin)


def names(_request: Any) -> HttpResponse:
    """Every name."""
    return JsonResponse([one.name for one in Customer.objects.order_by("pk")], safe=False)


async def names_async(_request: Any) -> HttpResponse:
    """Every name, on the event loop."""
    return JsonResponse([one.name async for one in Customer.objects.order_by("pk")], safe=False)


def stream(_request: Any) -> StreamingHttpResponse:
    """Every name, one by one."""
    return StreamingHttpResponse(f"{one.name}\n" for one in Customer.objects.order_by("pk"))


async def stream_async(_request: Any) -> StreamingHttpResponse:
    """Every name, one by one, on the event loop."""

    async def lines() -> Any:
        async for one in Customer.objects.order_by("pk"):
            yield f"{one.name}\n"

    return StreamingHttpResponse(lines())


def stream_fails(_request: Any) -> StreamingHttpResponse:
    """A stream that fails once it has opened a name."""

    def lines() -> Iterator[str]:
        _ = Customer.objects.earliest("pk").name
        raise RuntimeError
        yield

    return StreamingHttpResponse(lines())


LATER: list[Context] = []
"""Contexts of requests that were kept."""


def later(_request: Any) -> HttpResponse:
    """Keep the context of a request in which a name was opened."""
    _ = Customer.objects.earliest("pk").name
    LATER.append(copy_context())
    return HttpResponse()


def counted(_request: Any) -> HttpResponse:
    """No name."""
    return JsonResponse({"count": Customer.objects.count()})


def add(request: Any) -> HttpResponse:
    """Add a customer and fail."""
    with transaction.atomic():
        name = request.POST["name"]
        Customer.objects.create(name=name)
        raise RuntimeError


def look(request: Any) -> HttpResponse:
    """Fail over a text that is no ASCII."""
    return HttpResponse(request.GET["name"].encode("ascii"))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("names", names),
    path("names-async", names_async),
    path("stream", stream),
    path("stream-async", stream_async),
    path("stream-fails", stream_fails),
    path("later", later),
    path("count", counted),
    path("fraud", for_purpose(Purpose.FRAUD_PREVENTION)(names)),
    path("fraud-async", for_purpose(Purpose.FRAUD_PREVENTION)(names_async)),
    path("add", add),
    path("look", look),
]
