"""A scope for each request, and no byte of an answer before the events of what was opened for it are stored.

Put it first in MIDDLEWARE: whatever another middleware opens is then recorded as well. Whoever is signed in acts, for the purpose that the
settings name, from the moment the view is chosen; `for_purpose` says another one for a view, and CONFIDE["ACTOR"] decides otherwise.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import JsonResponse
from django.utils.module_loading import import_string

from confide.adopt.answers import answer_of
from confide.adopt.django.project import vault
from confide.adopt.django.report import SealingReporter, SealingReporterFilter
from confide.adopt.scope import SCOPE
from confide.values.errors import ConfideError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

    from confide.adopt.scope import Scope
    from confide.values.purpose import Purpose

_PURPOSE = "confide_purpose"
_END = object()


class VaultMiddleware:
    """Wraps the handling of requests, in threads and on an event loop."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        """Take what answers."""
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        """Answer one request in a scope of its own."""
        if self._is_async:
            return self._answer_async(request)
        scope, before = self._begin(request)
        response = None
        try:
            response = self._get_response(request)
        finally:
            SCOPE.reset(before)
            _end(scope, response)
            refused = _record(scope)
        return self._leaving(scope, response) if refused is None else _refuse(scope, refused)

    async def _answer_async(self, request: Any) -> Any:
        scope, before = self._begin(request)
        response = None
        try:
            response = await self._get_response(request)
        finally:
            SCOPE.reset(before)
            _end(scope, response)
            refused = await _record_async(scope)
        return self._leaving(scope, response) if refused is None else _refuse(scope, refused)

    def _begin(self, request: Any) -> tuple[Scope, Any]:
        request.exception_reporter_filter, request.exception_reporter_class = SealingReporterFilter(), SealingReporter
        scope = vault().new_scope()
        return scope, SCOPE.set(scope)

    def process_view(self, request: Any, view: Any, _arguments: Any, _named: Any) -> None:
        """Let whoever is signed in act."""
        said = settings.CONFIDE
        actor = import_string(said["ACTOR"]) if "ACTOR" in said else _signed_in
        acts: dict[str, Any] | None = actor(request)
        if not acts:
            return
        purpose = getattr(view, _PURPOSE, None) or acts.get("purpose") or said.get("PURPOSE")
        if purpose is not None:  # else the view itself says it, `vault().act(…)`
            vault().act(**{**acts, "purpose": purpose})

    def process_exception(self, _request: Any, error: Exception) -> Any:
        """Answer the refusals of the vault; their sentences hold no personal value."""
        if not isinstance(error, ConfideError):
            return None
        return _answer(error)

    def _leaving(self, scope: Scope, response: Any) -> Any:
        """Record what is opened while an answer streams, chunk by chunk, before the chunk leaves."""
        if _streams(response):
            content = response.streaming_content
            response.streaming_content = _chunks_async(scope, content) if response.is_async else _chunks(scope, content)
        return response


def for_purpose(purpose: Purpose) -> Callable[[Any], Any]:
    """Say for what a view opens personal values."""

    def marked(view: Any) -> Any:
        @wraps(view)
        def called(*given: Any, **named: Any) -> Any:
            return view(*given, **named)

        found = markcoroutinefunction(called) if iscoroutinefunction(view) else called
        setattr(found, _PURPOSE, purpose)
        return found

    return marked


def _signed_in(request: Any) -> dict[str, Any] | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return {"who": getattr(user, "_wrapped", user)}


def _streams(response: Any) -> bool:
    return bool(getattr(response, "streaming", False))


def _end(scope: Scope, response: Any) -> None:
    """End the scope of a request, unless its answer is still to be made."""
    if not _streams(response):
        scope.close()


def _record(scope: Scope) -> ConfideError | None:
    """Store the events; return why they are not."""
    try:
        vault().record(scope)
    except ConfideError as error:
        return error
    return None


async def _record_async(scope: Scope) -> ConfideError | None:
    try:
        await vault().record_async(scope)
    except ConfideError as error:
        return error
    return None


def _refuse(scope: Scope, error: ConfideError) -> JsonResponse:
    scope.close()
    return _answer(error)


def _answer(error: ConfideError) -> JsonResponse:
    status, headers, body = answer_of(error)
    return JsonResponse(body, status=status, headers=headers)


def _chunks(scope: Scope, content: Iterable[bytes]) -> Iterator[bytes]:
    chunks = iter(content)
    try:
        while True:
            before = SCOPE.set(scope)
            try:
                chunk: Any = next(chunks, _END)
            finally:
                SCOPE.reset(before)
            vault().record(scope)
            if chunk is _END:
                return
            yield chunk
    finally:  # also where the answer fails or the client has gone
        scope.close()
        vault().record(scope)


async def _chunks_async(scope: Scope, content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    chunks = aiter(content)
    try:
        while True:
            before = SCOPE.set(scope)
            try:
                chunk: Any = await anext(chunks, _END)
            finally:
                SCOPE.reset(before)
            await vault().record_async(scope)
            if chunk is _END:
                return
            yield chunk
    finally:  # as above
        scope.close()
        await vault().record_async(scope)
