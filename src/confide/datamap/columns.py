"""The declarations that the columns of our own tables share."""

from __future__ import annotations

from confide.datamap.terms import Category, Erase, Protection, declared

SEALED = declared(Category.HEALTH, Protection.SEALED, Erase.SHRED)
LOGIN = declared(Category.IDENTIFIER, Protection.SEALED)
SECRET = declared(Category.CREDENTIAL, Protection.SEALED)
TOKENED = declared(Category.IDENTIFIER, Protection.TOKEN)
HASHED = declared(Category.CREDENTIAL, Protection.HASH)
RANDOM = declared(Category.PSEUDONYM, Protection.RANDOM)
KEYS = declared(Category.PSEUDONYM, Protection.RANDOM)
TENANT = declared(Category.NONE, Protection.PLAIN, Erase.KEEP, "the organisation, not a person")
TYPE = declared(
    Category.ACTIVITY,
    Protection.PLAIN,
    Erase.DELETE,
    "the FHIR type is needed to search; it tells which kinds of records a random identifier has",
)
SHAPE = declared(Category.NONE, Protection.PLAIN, Erase.DELETE, "structure of the row: version, method, kind, number of compartments")
WHEN = declared(Category.ACTIVITY, Protection.PLAIN, Erase.DELETE, "when the row was written or used, of a random identifier")
TRAIL = declared(Category.ACTIVITY, Protection.RANDOM, Erase.KEEP, "pseudonyms and codes; search values inside are sealed")
