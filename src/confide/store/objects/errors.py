"""What can go wrong with an object store. Errors name no object: who reads a log learns no names that a thief could look for."""

from __future__ import annotations

from typing import ClassVar

from confide.store.errors import StoreError


class ObjectsError(StoreError):
    """The object store did not do what it was asked."""

    code: ClassVar[str] = "store.objects"


class ObjectMissing(ObjectsError):
    """No object has the name: it was deleted, or the store is not the one that belongs to this database."""

    code: ClassVar[str] = "store.object-missing"


class ObjectExists(ObjectsError):
    """An object has the name already; objects are never overwritten."""

    code: ClassVar[str] = "store.object-exists"


class ObjectsRefused(ObjectsError):
    """The store refuses: credentials, policy, permissions or settings; waiting does not help."""

    code: ClassVar[str] = "store.objects-refused"


class UnknownObjects(ObjectsError):
    """The address of the object store is neither a folder nor s3://…, or the name of an object is none."""

    code: ClassVar[str] = "store.unknown-objects"


def missing() -> ObjectMissing:
    """Return the error for a name that leads to nothing."""
    return ObjectMissing("A stored file is not there: it was deleted, or the object store is not the one of this database.")


def taken() -> ObjectExists:
    """Return the error for a name that is in use."""
    return ObjectExists("There is an object of this name already, and objects are never overwritten.")
