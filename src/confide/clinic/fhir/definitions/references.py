"""Whether the text of a reference names a type that its element may point to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.clinic.fhir.definitions.facts import resource_types

if TYPE_CHECKING:
    from collections.abc import Collection


def may_point(text: str, targets: Collection[str]) -> bool:
    """Whether a reference may point to one of these types, as far as its text says what it points to.

    ``Type/id``, with or without an address before it or a version behind it, and ``Type?query`` say so. Fragments,
    ``urn:`` and addresses without a type of FHIR do not, and pass.
    """
    address, query, _ = text.partition("?")
    parts = address.split("/_history/", 1)[0].rsplit("/", 2)
    name = parts[-1] if query else parts[-2] if len(parts) > 1 else ""
    return name in targets or name not in resource_types()
