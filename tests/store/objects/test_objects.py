"""What every object store promises, held against each kind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from confide.store.objects.errors import ObjectExists, ObjectMissing, UnknownObjects
from confide.store.objects.protocol import Stored, written

if TYPE_CHECKING:
    from confide.store.objects.protocol import ObjectStore, Reading

MIB = 1024 * 1024
NAME = "ab/cdef0123456789"
SIZES = [0, 1, 70_000, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 17 * MIB]
"""With the borders of S3's parts among them."""
YEAR_2020 = 1_577_836_800_000_000


def content(size: int) -> bytes:
    """Bytes in which a lost or repeated block shows."""
    return b"".join(at.to_bytes(8, "big") for at in range(size // 8 + 1))[:size]


def put(objects: ObjectStore, name: str, plain: bytes, step: int = MIB) -> None:
    """Write an object in pieces."""
    with written(objects, name) as writing:
        for start in range(0, len(plain), step):
            assert writing.write(plain[start : start + step]) == len(plain[start : start + step])


def read(reading: Reading, step: int = MIB) -> bytes:
    """Read an open object to its end, and close it."""
    room = memoryview(bytearray(step))
    came = bytearray()
    try:
        while got := reading.readinto(room):
            came += room[:got]
    finally:
        reading.close()
    return bytes(came)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_comes_back(objects: ObjectStore, size: int) -> None:
    """Of any size, in whatever pieces it was written and is read."""
    put(objects, NAME, content(size), 999_999)
    reading = objects.get(NAME)

    assert reading.size == size
    assert read(reading, 777_777) == content(size)


@pytest.mark.parametrize("limit", [0, 1, 12, 4999, 5000, 6000])
def test_a_limit_ends_the_reading(objects: ObjectStore, limit: int) -> None:
    """No byte beyond it comes, and the size is that of the whole object."""
    put(objects, NAME, content(5000))
    reading = objects.get(NAME, limit)

    assert reading.size == 5000
    assert read(reading, 64) == content(5000)[:limit]


def test_an_object_exists_once_it_is_finished(objects: ObjectStore) -> None:
    """Not while it is being written, however large it is."""
    writing = objects.put(NAME)
    writing.write(content(9 * MIB))
    before = objects.find(NAME)
    writing.finish()
    found = objects.find(NAME)

    assert before is None
    assert found is not None
    assert (found.name, found.size) == (NAME, 9 * MIB)
    assert found.written > YEAR_2020


@pytest.mark.parametrize("size", [100, 9 * MIB])
def test_an_error_leaves_nothing(objects: ObjectStore, size: int) -> None:
    """Neither the object nor its beginning, and the error goes on."""

    def fail() -> None:
        with written(objects, NAME) as writing:
            writing.write(content(size))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert objects.find(NAME) is None
    assert list(objects.unfinished("")) == []
    put(objects, NAME, b"again")


def test_aborting_what_is_finished_changes_nothing(objects: ObjectStore) -> None:
    """So that whoever cleans up need not know how far it came."""
    writing = objects.put(NAME)
    writing.write(b"whole")
    writing.finish()
    writing.abort()

    assert read(objects.get(NAME)) == b"whole"


@pytest.mark.parametrize("size", [10, 9 * MIB])
def test_an_object_is_never_overwritten(objects: ObjectStore, size: int) -> None:
    """The second writer of a name is refused, and leaves nothing behind."""
    put(objects, NAME, b"first")

    with pytest.raises(ObjectExists):
        put(objects, NAME, content(size))
    assert read(objects.get(NAME)) == b"first"
    assert list(objects.unfinished("")) == []


def test_of_two_writers_at_once_one_wins(objects: ObjectStore) -> None:
    """Whoever is refused is told, and the object is one of the two as a whole."""
    refused: list[bytes] = []
    ready = threading.Barrier(2)

    def write(plain: bytes) -> None:
        ready.wait(10)
        try:
            put(objects, NAME, plain, 1000)
        except ObjectExists:
            refused.append(plain)

    both = [b"a" * 50_000, b"b" * 50_000]
    threads = [threading.Thread(target=write, args=(plain,)) for plain in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [read(objects.get(NAME))] == [plain for plain in both if plain not in refused]


def test_objects_are_listed_by_the_beginning_of_their_name(objects: ObjectStore) -> None:
    """The beginning may end anywhere, not at a slash alone; the prefix of the store itself does not show."""
    names = ["one/ab/1", "one/ab/22", "one/ac/1", "two/ab/1", "one2/1"]
    for name in names:
        put(objects, name, name.encode())
    listed = {prefix: {one.name: one.size for one in objects.list(prefix)} for prefix in ("", "one", "one/", "one/a", "one/ab/2", "three")}

    assert listed == {prefix: {name: len(name) for name in names if name.startswith(prefix)} for prefix in listed}


def test_a_deleted_object_is_gone(objects: ObjectStore) -> None:
    """Also from the list; deleting it once more is no error, and its name is free again."""
    put(objects, NAME, b"x")
    objects.delete(NAME)
    objects.delete(NAME)

    assert objects.find(NAME) is None
    assert list(objects.list("")) == []
    with pytest.raises(ObjectMissing):
        objects.get(NAME)
    put(objects, NAME, b"y")
    assert read(objects.get(NAME)) == b"y"


def test_what_a_killed_writer_left_is_found_and_discarded(objects: ObjectStore) -> None:
    """It is in no list of objects, only in the one of unfinished ones."""
    writing = objects.put(NAME)
    writing.write(content(9 * MIB))
    left = list(objects.unfinished("ab"))
    elsewhere = list(objects.unfinished("ac"))
    objects.discard(left[0])
    objects.discard(left[0])

    assert [one.name for one in left] == [NAME]
    assert elsewhere == list(objects.unfinished("")) == []
    assert list(objects.list("")) == []


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "-a", "A", "a b", "ä", "a.part", "a\n", "a\0b", "x" * 201, "%2e%2e/x"]
)
def test_a_name_that_leads_elsewhere_is_refused(objects: ObjectStore, name: str) -> None:
    """By every verb, before anything is touched."""
    for verb in (objects.put, objects.get, objects.find, objects.delete):
        with pytest.raises(UnknownObjects):
            verb(name)


def test_nothing_is_told_about_an_object_but_name_size_and_time() -> None:
    """There is no place in which a store could keep a type, an owner or a file name."""
    assert list(Stored.__slots__) == ["name", "size", "written"]
