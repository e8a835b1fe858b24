"""What the floors in pyproject.toml cannot say: rules over the import graph, and rules over the source text.

Every rule is a function that returns what breaks it, so that a test can hold it against a tree with a planted violation.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import grimp

Leak = tuple[str, str]
"""An importer and what it imports."""

PURE_ROOMS = {"model", "rules", "roles", "permissions", "policy", "decide", "clock", "plan", "detectors", "errors"}
PURE_FLOORS = {"values", "crypto", "datamap"}
"""Rooms in which a rule, a model or a codec can be read, tested and fuzzed with nothing running."""

OUTSIDE_WORLD = {
    "aiohttp", "alembic", "asyncio", "asyncpg", "click", "concurrent", "django", "fastapi", "glob", "http", "httpx", "io", "logging",
    "multiprocessing", "os", "pathlib", "pydantic", "pydantic_settings", "requests", "rich", "select", "shutil", "socket", "sqlalchemy",
    "sqlite3", "ssl", "starlette", "subprocess", "tempfile", "threading", "time", "urllib", "uvicorn", "uvloop",
}  # fmt: skip
"""Whatever touches a disk, a network, a database, a clock or a framework."""

NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "handler", "handlers", "service", "misc"}

BUILDERS = ("clinic.app", "adopt", "cli")
"""The only places that put things together …"""
BUILT = (
    "keys.providers",
    "store.objects.folder",
    "store.objects.opening",
    "store.objects.s3",
    "store.opening",
    "store.sqlite",
    "store.postgresql",
    "clinic.settings",
    "clinic.app",
)
"""… and what they put together; each may also be used inside its own package."""


def rooms(module: str) -> list[str]:
    """Return the parts of a module's name below the root package."""
    return module.split(".")[1:]


def within(module: str, place: str) -> bool:
    """Tell whether a module is `place` (named from below the root package) or lies in it."""
    name = ".".join(rooms(module))
    return name == place or name.startswith(place + ".")


def ours(graph: grimp.ImportGraph, root: str) -> set[str]:
    """Return the modules of the root package."""
    return {module for module in graph.modules if module == root or module.startswith(root + ".")}


def impure(graph: grimp.ImportGraph, root: str) -> set[Leak]:
    """Pure rooms that reach the outside world, however indirectly."""
    pure = {module for module in ours(graph, root) if set(rooms(module)) & PURE_ROOMS or set(rooms(module)[:1]) & PURE_FLOORS}
    return {(module, seen) for module in pure for seen in graph.find_upstream_modules(module) if seen in OUTSIDE_WORLD}


def borrowed_stores(graph: grimp.ImportGraph, root: str) -> set[Leak]:
    """A package's `store.py` that another package imports: rows are private, others call a verb."""
    return {
        (importer, store)
        for store in ours(graph, root)
        if store.endswith(".store") and len(rooms(store)) > 1
        for importer in graph.find_modules_that_directly_import(store)
        if not importer.startswith(store.removesuffix("store"))
    }


def built_elsewhere(graph: grimp.ImportGraph, root: str) -> set[Leak]:
    """Imports of what only `clinic/app.py`, `adopt` and `cli` may put together."""
    return {
        (importer, module)
        for module in ours(graph, root)
        for place in BUILT
        if within(module, place)
        for importer in graph.find_modules_that_directly_import(module)
        if not any(within(importer, builder) for builder in BUILDERS) and not within(importer, own_package(place))
    }


def own_package(place: str) -> str:
    """Return the package that `place` lies in; its neighbours there may use it. A settings file has no neighbours."""
    return place if place.startswith("clinic.") else place.split(".", maxsplit=1)[0]


def empty_names(graph: grimp.ImportGraph, root: str) -> set[str]:
    """Modules whose name says nothing about what they hold."""
    return {module for module in ours(graph, root) if set(rooms(module)) & NAMES_THAT_SAY_NOTHING}


def sources(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    """Yield each source file under a package folder: its path from there, and its syntax tree."""
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(folder).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def speaking_inits(folder: Path) -> set[str]:
    """`__init__.py` files that hold more than a docstring."""
    return {
        path
        for path, tree in sources(folder)
        if path.endswith("__init__.py")
        and any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in tree.body)
    }


def forged_permits(folder: Path) -> set[str]:
    """Files other than `access/decide.py` that call `Permit`, under whatever name they imported it, or copy one with changes."""
    return {
        f"{path}:{call.lineno}"
        for path, tree in sources(folder)
        if path != "access/decide.py"
        for call in calls(tree)
        if called(call) in names_of(tree, "Permit") or (called(call) in names_of(tree, "replace") and speaks_of_permit(call))
    }


def opened_elsewhere(folder: Path) -> set[str]:
    """Files other than `access/unseal.py` that hand a permit to something's `open` or `opening`."""
    return {
        f"{path}:{call.lineno}"
        for path, tree in sources(folder)
        if path != "access/unseal.py"
        for call in calls(tree)
        if called(call) in {"open", "opening"} and speaks_of_permit(call)
    }


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield every call in a file."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    """Return the last part of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def names_of(tree: ast.Module, imported: str) -> set[str]:
    """Return the names under which a file knows something that it imports."""
    aliases = (alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names)
    return {imported} | {alias.asname for alias in aliases if alias.name == imported and alias.asname}


def speaks_of_permit(call: ast.Call) -> bool:
    """Tell whether an argument of a call is a permit, going by its name."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    named = {keyword.arg for keyword in call.keywords}
    return "permit" in named or any(
        (isinstance(node, ast.Name) and node.id.endswith("permit")) or (isinstance(node, ast.Attribute) and node.attr.endswith("permit"))
        for node in given
    )
