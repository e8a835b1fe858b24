"""What Django's page and mail about an error show: the way of the error, no variable and nothing that was sent: any may be personal.

The middleware gives both classes to each request; `DEFAULT_EXCEPTION_REPORTER` gives them to mails, which Django makes without asking it.
"""

from __future__ import annotations

from typing import Any

from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

_SHOWN = frozenset({"REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL"})
"""Of what a server says of a request; the rest has addresses, cookies, headers and the environment."""


class SealingReporterFilter(SafeExceptionReporterFilter):
    """Hides variables and what was sent, with DEBUG as without; names of parameters as well, since a wrong request has values there."""

    def is_active(self, request: Any) -> bool:  # noqa: ARG002 - Django's signature
        """Return that it hides, always."""
        return True

    def get_post_parameters(self, request: Any) -> dict[str, str]:  # noqa: ARG002 - as above
        """Return nothing of what was sent in a form."""
        return {}

    def get_safe_cookies(self, request: Any) -> dict[str, str]:  # noqa: ARG002 - as above
        """Return no cookie."""
        return {}

    def get_safe_request_meta(self, request: Any) -> dict[str, Any]:
        """Return what the server says of the request, as far as nobody sent it."""
        told = getattr(request, "META", {})
        return {name: told[name] for name in _SHOWN & told.keys()}

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - as above
        """Return the names of the variables."""
        return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]


class SealingReporter(ExceptionReporter):
    """Shows no query of an address, no file and no part of a text that could not be decoded, also where there is no request."""

    def __init__(self, *given: Any, **options: Any) -> None:
        """Take what Django gives."""
        super().__init__(*given, **options)
        self.filter = SealingReporterFilter()

    def get_traceback_data(self) -> dict[str, Any]:
        """Return what the page or mail is made of."""
        found: dict[str, Any] = super().get_traceback_data()
        return {**found, "request_GET_items": (), "request_FILES_items": (), "unicode_hint": ""}

    def _get_raw_insecure_uri(self) -> str:
        """Return the address without what stands behind its path."""
        return f"{self.request.scheme}://{self.request._get_raw_host()}{self.request.path}"  # noqa: SLF001 - as Django does it
