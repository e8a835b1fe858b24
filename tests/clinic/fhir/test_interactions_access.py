"""Who gets what: every role with every interaction, and the compartment of one patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from confide.values.principal import Role
from tests.clinic.practice import entry, ids, observation, patient, removal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLES = ("clinician", "patient", "administrator", "auditor", "nobody")
MATRIX = """
read own chart        200 200 403 403 401
read another's        200 404 403 403 401
read commons          200 200 403 403 401
read outside commons  200 404 403 403 401
vread own             200 200 403 403 401
vread another's       200 404 403 403 401
history own           200 200 403 403 401
history another's     200 404 403 403 401
search                200 200 403 403 401
search by POST        200 200 403 403 401
search commons        200 200 403 403 401
create                201 403 403 403 401
update own chart      200 403 403 403 401
update another's      200 403 403 403 401
update nothing        405 403 403 403 401
transaction           200 403 403 403 401
empty transaction     200 403 403 403 401
delete nothing        404 403 403 403 401
delete own chart      204 403 403 403 401
unknown type          404 404 404 404 401
capabilities          200 200 200 200 200
"""
ABSENT = "0b3f5c1e-1111-4222-8333-444455556666"


class Chart:
    """A patient with an account, another one, and records of and outside both."""

    own: Client
    mine: str
    theirs: str
    about_me: str
    about_them: str
    ward: str
    loose: str


@pytest_asyncio.fixture(loop_scope="module")
async def chart(practice: Practice, clinician: Client) -> AsyncIterator[Chart]:
    """Return fresh patients and records."""
    made = Chart()
    made.mine, made.theirs = [(await clinician.create(patient("Twin")))["id"] for _ in range(2)]
    made.about_me, made.about_them = [(await clinician.create(observation(one)))["id"] for one in (made.mine, made.theirs)]
    made.ward = (await clinician.create({"resourceType": "Organization", "name": "Ward"}))["id"]
    made.loose = (await clinician.create({"resourceType": "Basic", "code": {"text": "of nobody"}}))["id"]
    made.own = await practice.sign_in(Role.PATIENT, made.mine)
    yield made


async def statuses(client: Client, chart: Chart) -> dict[str, int]:
    """Return how each interaction is answered, those that change something last."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    absent = patient(id=ABSENT)
    asked: dict[str, Any] = {
        "read own chart": client.get(f"Observation/{chart.about_me}"),
        "read another's": client.get(f"Observation/{chart.about_them}"),
        "read commons": client.get(f"Organization/{chart.ward}"),
        "read outside commons": client.get(f"Basic/{chart.loose}"),
        "vread own": client.get(f"Observation/{chart.about_me}/_history/1"),
        "vread another's": client.get(f"Observation/{chart.about_them}/_history/1"),
        "history own": client.get(f"Patient/{chart.mine}/_history"),
        "history another's": client.get(f"Patient/{chart.theirs}/_history"),
        "search": client.get("Patient", name="Twin"),
        "search by POST": client.http.post("/fhir/Patient/_search", content="name=Twin", headers=form),
        "search commons": client.get("Organization", name="Ward"),
        "create": client.post("Patient", patient()),
        "update own chart": client.put({**observation(chart.mine), "id": chart.about_me}),
        "update another's": client.put({**observation(chart.theirs), "id": chart.about_them}),
        "update nothing": client.put(absent),
        "transaction": client.transact(entry(patient())),
        "empty transaction": client.transact(),
        "delete nothing": client.delete(f"Observation/{ABSENT}"),
        "delete own chart": client.delete(f"Observation/{chart.about_me}"),
        "unknown type": client.get("NoType/1"),
        "capabilities": client.get("metadata"),
    }
    return {name: (await answer).status_code for name, answer in asked.items()}


async def test_every_role_with_every_interaction(practice: Practice, clinician: Client, chart: Chart) -> None:
    """The matrix, written out: whoever changes the policy changes this picture."""
    callers = {
        "patient": chart.own,
        "administrator": await practice.sign_in(Role.ADMINISTRATOR),
        "auditor": await practice.sign_in(Role.AUDITOR),
        "nobody": practice.client(None),
        "clinician": clinician,
    }
    answered = {role: await statuses(client, chart) for role, client in callers.items()}
    shown = [f"{name:<21} " + " ".join(str(answered[role][name]) for role in ROLES) for name in answered["clinician"]]

    assert shown == MATRIX.strip().splitlines()


async def test_a_denied_caller_learns_nothing(practice: Practice, chart: Chart) -> None:
    """403 is the same for what is there and what is not."""
    caller = await practice.sign_in(Role.ADMINISTRATOR)
    answers = [
        await caller.get(path)
        for path in (f"Patient/{chart.mine}", f"Patient/{ABSENT}", "Patient?name=Twin", "Observation?x=y", f"Patient/{ABSENT}/_history")
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1


async def test_a_patient_finds_their_own_compartment_only(clinician: Client, chart: Chart) -> None:
    """Every search, by whatever parameter, gives what is theirs; totals count nothing else."""
    for parameters in ({}, {"name": "Twin"}, {"_id": f"{chart.mine},{chart.theirs}"}, {"family:exact": "Twin"}):
        answer = (await chart.own.get("Patient", _total="accurate", **parameters)).json()
        assert (ids(answer), answer["total"]) == ([chart.mine], 1)
    for parameters in (
        {},
        {"patient": chart.mine},
        {"subject": f"Patient/{chart.mine}", "code": "8867-4"},
        {"_id": f"{chart.about_me},{chart.about_them}"},
    ):
        answer = (await chart.own.get("Observation", _total="accurate", **parameters)).json()
        assert (ids(answer), answer["total"]) == ([chart.about_me], 1)
    for parameters in (
        {"patient": chart.theirs},
        {"subject": f"Patient/{chart.theirs}", "code": "8867-4"},
        {"patient": ABSENT},
        {"_id": chart.about_them},
    ):
        answer = (await chart.own.get("Observation", _total="accurate", _count="0", **parameters)).json()
        assert answer["total"] == 0
    assert (await chart.own.get("Basic")).json().get("entry") is None


async def test_another_patient_is_as_absent_as_none(chart: Chart) -> None:
    """A search about another patient answers as one about nobody, but for the link to itself."""
    answers = [
        (await chart.own.get("Observation", patient=one, _total="accurate", code="8867-4")).text.replace(one, "…")
        for one in (chart.theirs, ABSENT)
    ]

    assert answers[0] == answers[1]


def shared(*about: str) -> dict[str, Any]:
    """Return an Appointment of several patients."""
    participants = [{"actor": {"reference": f"Patient/{one}"}, "status": "accepted"} for one in about]
    return {"resourceType": "Appointment", "status": "proposed", "participant": participants}


async def sees(client: Client, address: str) -> dict[str, int]:
    """Return how the ways to one resource are answered."""
    kind, identifier = address.split("/")
    search = await client.get(kind, _id=identifier, _total="accurate")
    return {
        "read": (await client.get(address)).status_code,
        "history": (await client.get(f"{address}/_history")).status_code,
        "search": search.json()["total"],
    }


ALL, NONE = {"read": 200, "history": 200, "search": 1}, {"read": 404, "history": 404, "search": 0}


async def test_a_record_about_several_is_seen_by_each(practice: Practice, clinician: Client) -> None:
    """Both patients of an appointment, the clinician, and nobody else; searches by either find it."""
    one, two, other = [(await clinician.create(patient()))["id"] for _ in range(3)]
    address = f"Appointment/{(await clinician.create(shared(one, two)))['id']}"
    callers = [await practice.sign_in(Role.PATIENT, who) for who in (one, two, other)]

    assert [await sees(caller, address) for caller in (*callers, clinician)] == [ALL, ALL, NONE, ALL]
    assert [await clinician.found("Appointment", patient=who) for who in (one, two, other)] == [[address.split("/")[1]]] * 2 + [[]]
    assert await callers[0].found("Appointment", patient=one) == [address.split("/")[1]]


async def test_who_is_taken_out_of_a_record_loses_it(practice: Practice, clinician: Client) -> None:
    """After an update that names another patient, the old one keeps the versions that were about them, and nothing newer."""
    old, new = [(await clinician.create(patient()))["id"] for _ in range(2)]
    made = await clinician.create(observation(old, valueString="about the old one"))
    address = f"Observation/{made['id']}"
    before, after = [await practice.sign_in(Role.PATIENT, who) for who in (old, new)]
    await clinician.put({**observation(new, valueString="about the new one"), "id": made["id"]})

    assert await sees(before, address) == {"read": 404, "history": 200, "search": 0}
    assert await sees(after, address) == ALL
    assert [await versions(one, address) for one in (before, after, clinician)] == [["1"], ["2"], ["2", "1"]]
    assert [await clinician.found("Observation", patient=who) for who in (old, new)] == [[], [made["id"]]]
    assert [await clinician.found("Observation", patient=who, code="8867-4") for who in (old, new)] == [[], [made["id"]]]
    answers = [await before.get(f"{address}/_history/2"), await after.get(f"{address}/_history/1"), await before.get(address)]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert all(b"new one" not in answer.content for answer in answers)


async def versions(client: Client, address: str) -> list[str]:
    """Return the numbers of the versions that a history shows, each of which vread must show too."""
    shown = [one["response"]["etag"][3:-1] for one in (await client.get(f"{address}/_history")).json()["entry"]]
    assert {(await client.get(f"{address}/_history/{number}")).status_code for number in shown} <= {200, 410}
    return shown


async def test_who_leaves_a_record_about_several_loses_it(practice: Practice, clinician: Client) -> None:
    """Of two patients one is taken out; they keep the version that named them, and see nothing newer."""
    stays, leaves = [(await clinician.create(patient()))["id"] for _ in range(2)]
    made = await clinician.create(shared(stays, leaves))
    address = f"Appointment/{made['id']}"
    staying, leaving = [await practice.sign_in(Role.PATIENT, who) for who in (stays, leaves)]
    await clinician.put({**shared(stays), "id": made["id"]})

    assert await sees(leaving, address) == {"read": 404, "history": 200, "search": 0}
    assert [await versions(one, address) for one in (staying, leaving, clinician)] == [["2", "1"], ["1"], ["2", "1"]]
    assert await clinician.found("Appointment", patient=leaves) == []


async def test_who_joins_a_record_sees_nothing_older(practice: Practice, clinician: Client) -> None:
    """The version before they were named is not theirs."""
    first, joins = [(await clinician.create(patient()))["id"] for _ in range(2)]
    made = await clinician.create(shared(first))
    address = f"Appointment/{made['id']}"
    joining, earlier = [await practice.sign_in(Role.PATIENT, who) for who in (joins, first)]
    await clinician.put({**shared(first, joins), "id": made["id"]})

    assert [await versions(one, address) for one in (joining, earlier)] == [["2"], ["2", "1"]]


async def test_a_record_that_leaves_every_compartment_is_lost_to_its_patient(practice: Practice, clinician: Client) -> None:
    """A Basic without a subject is nobody's."""
    mine = (await clinician.create(patient()))["id"]
    basic = {"resourceType": "Basic", "code": {"text": "x"}}
    made = await clinician.create({**basic, "subject": {"reference": f"Patient/{mine}"}})
    own = await practice.sign_in(Role.PATIENT, mine)
    seen = await sees(own, f"Basic/{made['id']}")
    await clinician.put({**basic, "id": made["id"]})

    assert seen == ALL
    assert await sees(own, f"Basic/{made['id']}") == {"read": 404, "history": 200, "search": 0}


async def test_a_patient_sees_the_deletion_of_what_was_theirs_only(practice: Practice, clinician: Client) -> None:
    """A record that was moved away and then deleted is not told as gone to the old patient."""
    old, new = [(await clinician.create(patient()))["id"] for _ in range(2)]
    made = await clinician.create(observation(old))
    await clinician.put({**observation(new), "id": made["id"]})
    await clinician.transact(removal(f"Observation/{made['id']}"))
    callers = [await practice.sign_in(Role.PATIENT, who) for who in (old, new)]

    assert [(await one.get(f"Observation/{made['id']}")).status_code for one in callers] == [404, 410]


async def test_linked_patients_stay_apart(practice: Practice, clinician: Client) -> None:
    """A link from one Patient to another gives neither the chart of the other."""
    one = (await clinician.create(patient()))["id"]
    other = (await clinician.create(patient(link=[{"other": {"reference": f"Patient/{one}"}, "type": "seealso"}])))["id"]
    callers = [await practice.sign_in(Role.PATIENT, who) for who in (one, other)]

    assert [await caller.found("Patient") for caller in callers] == [[one], [other]]


async def test_a_reference_to_this_server_by_its_address_places_a_record(practice: Practice, clinician: Client) -> None:
    """An absolute reference, one with a version, and one with both are the same patient; another server's Patient is not."""
    mine = (await clinician.create(patient()))["id"]
    own = await practice.sign_in(Role.PATIENT, mine)
    base = f"{clinician.http.base_url}/fhir/"
    ours = [f"{prefix}Patient/{mine}{suffix}" for prefix in ("", base) for suffix in ("", "/_history/1")]
    made = [await clinician.create({**observation(""), "subject": {"reference": text}}) for text in ours]
    await clinician.create({**observation(""), "subject": {"reference": f"https://elsewhere.example/fhir/Patient/{mine}"}})

    assert await own.found("Observation") == [one["id"] for one in made]
    assert await clinician.found("Observation", patient=mine, code="8867-4") == [one["id"] for one in made]


async def test_a_type_in_a_reference_does_not_hide_a_record(practice: Practice, clinician: Client) -> None:
    """Reference.type says Group, the address says Patient: the address counts."""
    mine = (await clinician.create(patient()))["id"]
    about = {"reference": f"Patient/{mine}", "type": "Group"}
    answer = await clinician.post("Observation", {**observation(""), "subject": about})

    own = await practice.sign_in(Role.PATIENT, mine)
    assert answer.status_code in {201, 400}
    assert len(await own.found("Observation")) == (answer.status_code == 201)
