"""Why data is processed, and which class of key serves that purpose."""

from __future__ import annotations

from enum import Enum


class Purpose(Enum):
    """HL7 v3 PurposeOfUse codes; there is no default purpose anywhere."""

    TREATMENT = "TREAT"
    PATIENT_REQUEST = "PATRQT"
    HEALTH_RECORDS_ADMINISTRATION = "HSYSADMIN"
    COMPLIANCE = "HCOMPL"


class PurposeClass(Enum):
    """The class of a data encryption key; stands in every envelope context."""

    CARE = b"care"
    """A person's chart: one key per person."""
    COMMONS = b"commons"
    """Resources outside every patient compartment (practitioners, organisations): one key per tenant."""
    SERVICE = b"service"
    """The service's own secrets, one key per tenant; an account's, one key per account."""
    SEARCHES = b"searches"
    """What was searched for when the answer was about no one person: one key per tenant and week, which dies after some weeks."""
