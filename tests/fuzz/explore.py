"""Hypothesis against a running server: examples out of a seed, and the smallest one that shows a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.run import FoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from tests.fuzz.run import Run


def explore(run: Run, check: Callable[..., None], examples: int, **drawn: SearchStrategy[Any]) -> None:
    """Try a check on many examples; a fault is noted with the smallest of them."""

    @seed(run.rng.getrandbits(64))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(**drawn)
    def attempt(**values: Any) -> None:
        check(run, **values)

    try:
        attempt()
    except FoundError as error:
        run.note("the smallest of many", str(error))
