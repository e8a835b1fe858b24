"""What Django's page and mail about an error show: the way of the error, and no variable, since any may hold a personal value."""

from __future__ import annotations

from typing import Any

from django.views.debug import SafeExceptionReporterFilter


class SealingReporterFilter(SafeExceptionReporterFilter):
    """Hides variables and what was sent, with DEBUG as without; the middleware gives it to each request."""

    def is_active(self, request: Any) -> bool:  # noqa: ARG002 - Django's signature
        """Return that it hides, always."""
        return True

    def get_post_parameters(self, request: Any) -> dict[str, str]:
        """Return the names of what was sent in a form."""
        hidden: str = self.cleansed_substitute
        return dict.fromkeys(getattr(request, "POST", None) or (), hidden)

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - as above
        """Return the names of the variables."""
        return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]
