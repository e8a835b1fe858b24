"""Why data is processed, and which class of key serves that purpose."""

from __future__ import annotations

from enum import Enum


class Purpose(Enum):
    """HL7 v3 PurposeOfUse codes, and terms of the W3C Data Privacy Vocabulary for what is not health care; nowhere is there a default."""

    TREATMENT = "TREAT"
    PATIENT_REQUEST = "PATRQT"
    HEALTH_RECORDS_ADMINISTRATION = "HSYSADMIN"
    COMPLIANCE = "HCOMPL"
    SERVICE_PROVISION = "dpv:ServiceProvision"
    CUSTOMER_CARE = "dpv:CustomerCare"
    FRAUD_PREVENTION = "dpv:FraudPreventionAndDetection"
    LEGAL_COMPLIANCE = "dpv:LegalCompliance"
    RIGHTS_FULFILMENT = "dpv:RightsFulfilment"
    MAINTENANCE = "dpv:TechnicalServiceProvision"


class PurposeClass(Enum):
    """The class of a data encryption key; stands in every envelope context."""

    CARE = b"care"
    """A person's chart: one key per person."""
    COMMONS = b"commons"
    """Resources outside every patient compartment (practitioners, organisations): one key per tenant."""
    CONTRACT = b"contract"
    """What a contract with the person needs (GDPR Art. 6(1)(b)): one key per person."""
    CONSENT = b"consent"
    """What the person agreed to, apart from the rest, so that it can be shredded apart (Art. 6(1)(a)): one key per person."""
    STATUTORY = b"statutory"
    """What the law keeps (Art. 6(1)(c)); it outlives the erasure of a person: one key per tenant."""
    SERVICE = b"service"
    """The service's own secrets, one key per tenant; an account's, one key per account."""
    SEARCHES = b"searches"
    """What was searched for when the answer was about no one person: one key per tenant and week, which dies after some weeks."""
