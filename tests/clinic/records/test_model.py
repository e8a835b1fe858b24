"""Where a version is at home: whatever access is decided by stands in the context that its envelope is bound to."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from confide.clinic.records.model import NO_COMPARTMENT, ONE_COMPARTMENT, SEVERAL_COMPARTMENTS, Found, Home
from confide.values.ids import NO_SUBJECT, DocumentKey, Pseudonym, SubjectId, TenantId

KEYS = st.integers(0, 2**63 - 1).map(DocumentKey) | st.integers(0, 3).map(DocumentKey)
IDENTIFIERS = st.binary(min_size=16, max_size=16) | st.sampled_from([bytes(16), bytes(15) + b"\x01"])
TYPES = st.sampled_from(["Patient", "Observation", "Organization", "Basic", "", "\x00\x00\x00\x00"])
HOMES = st.one_of(
    st.builds(lambda kind: Home(None, NO_COMPARTMENT, NO_SUBJECT, kind), TYPES),
    st.builds(lambda key, owner, kind: Home(key, ONE_COMPARTMENT, SubjectId(owner), kind), KEYS, IDENTIFIERS, TYPES),
    st.builds(
        lambda keys, kind: Home(None, SEVERAL_COMPARTMENTS, NO_SUBJECT, kind, tuple(sorted(keys))), st.lists(KEYS, max_size=3), TYPES
    ),
)
VERSIONS = st.tuples(st.integers(1, 3).map(TenantId), HOMES, IDENTIFIERS, st.integers(1, 2**31 - 1) | st.integers(1, 2))


@given(VERSIONS, VERSIONS)
@example(
    (TenantId(1), Home(None, SEVERAL_COMPARTMENTS, NO_SUBJECT, "A", (DocumentKey(1),)), bytes(16), 1),
    (TenantId(1), Home(None, SEVERAL_COMPARTMENTS, NO_SUBJECT, "\x00\x00\x00\x00\x00\x00\x00\x01A"), bytes(16), 1),
)
@example(
    (TenantId(1), Home(DocumentKey(1), ONE_COMPARTMENT, SubjectId(bytes(16)), "A"), bytes(16), 1),
    (TenantId(1), Home(None, SEVERAL_COMPARTMENTS, NO_SUBJECT, "A", (DocumentKey(1),)), bytes(16), 1),
)
def test_no_two_versions_share_a_context(one: tuple[TenantId, Home, bytes, int], other: tuple[TenantId, Home, bytes, int]) -> None:
    """Tenant, identifier, number, type, and the patients a version is about, one or several, each make another one."""
    contexts = [home.place(tenant, identifier, number).context() for tenant, home, identifier, number in (one, other)]

    assert (contexts[0] == contexts[1]) is (one == other)


def version(method: str, sealed: bytes | None, *, deleted: bool = False, number: int = 2) -> Found:
    """A version of a document whose current one is the second."""
    home = Home(None, NO_COMPARTMENT, NO_SUBJECT, "Basic")
    return Found(DocumentKey(1), bytes(16), Pseudonym(bytes(16)), 2, deleted, number, home, 0, method, sealed, None)


def test_a_version_without_content_says_that_it_was_deleted() -> None:
    """Otherwise someone took the content out; an older version may say so while the document is there again."""
    assert not version("update", b"sealed").is_hollow()
    assert not version("delete", None, deleted=True).is_hollow()
    assert not version("delete", None, number=1).is_hollow()
    assert version("update", None).is_hollow()
    assert version("update", None, deleted=True).is_hollow()
    assert version("delete", None).is_hollow()
