"""What a run prints: tables, then the machine, then whether the floor holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import web
from benchmarks.measure import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.crypto import Pair
    from benchmarks.web import Figure

FLOOR = {"SQLite": 1.0, "PostgreSQL": 1.5}
"""CPU-ms of an ordinary request, with the database server counted: the one-millisecond rule."""
AIM = {"SQLite": 0.5, "PostgreSQL": 0.7}


@dataclass(frozen=True)
class Table:
    """The figures of one way to run."""

    engine: str
    way: str
    figures: list[Figure]

    @property
    def title(self) -> str:
        """What was measured."""
        return f"{self.engine}, {self.way}"


def crypto(pairs: Sequence[Pair]) -> None:
    """Print what sealing costs."""
    print(f"\n{'Sealing, CPU µs':<66}{'Confide':>8}{'library':>10}{'ratio':>7}")
    for pair in pairs:
        print(f"{pair.what:<66}{pair.confide:8.1f}{pair.raw:10.1f}{pair.confide / pair.raw:7.2f}")


def imports(figures: Mapping[str, Sequence[Figure]]) -> None:
    """Print what a resource of a transaction costs."""
    print(f"\n{'Transactions, CPU-ms a resource':<66}{'server':>8}{'database':>10}{'both':>7}{'a second':>10}")
    for engine, some in figures.items():
        for figure in some:
            print(f"{engine + ', ' + figure.name:<66}{_columns(figure)}")


def requests(table: Table, slices: Sequence[Mapping[str, Figure]]) -> None:
    """Print what a request costs, and how many times what the slices cost."""
    print(
        f"\n{table.title + ': CPU-ms a request':<50}{'server':>8}{'database':>10}{'both':>7}{'a second':>10}{'ms':>7}{'p99 ms':>8}", end=""
    )
    print(f"{'x bare':>8}{'x guarded':>11}")
    for figure in table.figures:
        ratios = "".join(_ratio(figure, one.get(figure.name), width) for one, width in zip(slices, (8, 11), strict=True))
        print(f"{figure.name:<50}{_columns(figure)}{figure.mid('waiting'):7.1f}{figure.mid('slowest'):8.1f}{ratios}")


def slices(bare: Mapping[str, Figure], guarded: Mapping[str, Figure]) -> None:
    """Print what the slices cost."""
    print(f"\n{'Slices on SQLite over HTTP: CPU-ms a request':<50}{'bare':>8}{'guarded':>10}")
    for name, figure in bare.items():
        print(f"{name:<50}{figure.total:8.3f}{guarded[name].total:10.3f}")


def _ratio(figure: Figure, beside: Figure | None, width: int) -> str:
    return f"{figure.total / beside.total:{width}.1f}" if beside else " " * width


def _columns(figure: Figure) -> str:
    return f"{figure.mid('server'):8.3f}{figure.mid('database'):10.3f}{figure.total:7.3f}{figure.mid('rate'):10.0f}"


def conditions(seconds: float) -> None:
    """Print on what and how it was measured."""
    print()
    for line in machine():
        print(line)
    print(f"{web.ROUNDS} rounds of {web.REQUESTS} requests of a kind on 16 kept connections, medians; {seconds:.0f} s in all.")


def verdict(tables: Sequence[Table]) -> bool:
    """Print what lies above the aim or the floor; return whether nothing is above the floor."""
    print(f"Floor: {FLOOR['SQLite']} CPU-ms a request on SQLite, {FLOOR['PostgreSQL']} on PostgreSQL with its server.", end=" ")
    print(f"Aim: {AIM['SQLite']} and {AIM['PostgreSQL']}.")
    held = True
    for table in tables:
        for figure in table.figures:
            if figure.total > FLOOR[table.engine]:
                print(f"  above the FLOOR: {table.title}, {figure.name}: {figure.total:.3f}")
                held = False
            elif figure.total > AIM[table.engine]:
                print(f"  above the aim:   {table.title}, {figure.name}: {figure.total:.3f}")
    print("Every request stays below the floor." if held else "FALLS SHORT of the floor.")
    return held
