"""The words of a declaration. Categories are terms of the W3C Data Privacy Vocabulary (https://w3id.org/dpv)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Category(Enum):
    """What kind of personal data a field holds."""

    NAME = "pd:Name"
    CONTACT = "pd:Contact"
    ADDRESS = "pd:PhysicalAddress"
    IDENTIFIER = "pd:Identifying"
    BIRTH = "pd:BirthDate"
    HEALTH = "pd:HealthRecord"
    DEMOGRAPHIC = "pd:Demographic"
    PICTURE = "pd:Picture"
    FINANCIAL = "pd:Financial"
    CREDENTIAL = "pd:Authenticating"
    ACTIVITY = "pd:ServiceConsumptionBehavior"
    PSEUDONYM = "dpv:PseudonymisedData"
    NONE = "dpv:NonPersonalData"


class Identifiability(Enum):
    """What a field tells about who it is, for de-identification."""

    DIRECT = "direct"
    QUASI = "quasi"
    SENSITIVE = "sensitive"
    NONE = "none"


class Protection(Enum):
    """How a field is stored."""

    SEALED = "sealed"
    TOKEN = "keyed hash"  # noqa: S105 - a word for a protection
    HASH = "password or token hash"
    RANDOM = "random"
    PLAIN = "plain"


class Erase(Enum):
    """What erasure does."""

    SHRED = "shred"
    DELETE = "delete"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What one stored field is. A plain field says why it may be plain."""

    category: Category
    identifiability: Identifiability
    protection: Protection
    erase: Erase
    reason: str = ""


def declared(category: Category, protection: Protection, erase: Erase = Erase.DELETE, reason: str = "") -> dict[str, Declaration]:
    """Return what goes into `Column.info` for a column of our own tables."""
    identifiability = Identifiability.NONE if category in {Category.NONE, Category.PSEUDONYM} else Identifiability.SENSITIVE
    return {INFO: Declaration(category, identifiability, protection, erase, reason)}


INFO = "datamap"
"""Key of a declaration in `Column.info`."""
