"""Ask a provider, which is synchronous and may be far away, from an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from confide.keys.errors import ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

DEADLINE_SECONDS = 30
"""After this a call counts as unanswered, whatever the provider's own time-outs are. They are shorter by default."""


async def beside(call: Callable[[], T]) -> T:
    """Return what a call to a provider returns, made in a thread, so that the event loop goes on.

    Raises:
        ProviderUnavailable: no answer within the deadline.
    """
    try:
        return await asyncio.wait_for(asyncio.to_thread(call), DEADLINE_SECONDS)
    except TimeoutError:
        message = "The key provider does not answer: look at whether it runs and can be reached. Nothing was changed."
        raise ProviderUnavailable(message) from None
