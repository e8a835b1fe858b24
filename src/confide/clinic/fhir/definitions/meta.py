"""Identity and version inside a resource."""

from __future__ import annotations

from copy import copy
from typing import Any

from msgspec import UNSET, Struct

from confide.clinic.fhir.definitions.structs import struct


def with_meta(resource: Struct, identifier: str, version: str, last_updated: str) -> Struct:
    """Return a copy with ``id``, ``meta.versionId`` and ``meta.lastUpdated`` set; every other part of meta stays.

    Args:
        resource: a resource made by this package
        identifier: a FHIR id
        version: a FHIR id
        last_updated: a FHIR instant
    """
    changed: Any = copy(resource)
    meta: Any = struct("Meta")() if changed.meta is UNSET else copy(changed.meta)
    meta.versionId = version
    meta.lastUpdated = last_updated
    changed.id = identifier
    changed.meta = meta
    return changed  # type: ignore[no-any-return]
