"""Nothing personal stands in a text form of a model, in the log of an engine, or in an error."""

from __future__ import annotations

import io
import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, Session, mapped_column

from confide.adopt.index import Indexed
from confide.adopt.sqlalchemy.declare import personal, row_id
from confide.adopt.sqlalchemy.instrument import instrument
from confide.datamap.terms import Category
from confide.sealed.cell import SHOWN
from confide.sealed.columns import Field, Personal
from confide.sealed.kinds import kind_of

if TYPE_CHECKING:
    from confide.adopt.scope import Scope
    from tests.adopt.town import Town

MARKER = "Marker-Ada"


@pytest.fixture
def ada(town: Town, session: Session) -> Any:
    """A stored customer, opened."""
    found = town.Customer(name=MARKER, email=f"{MARKER}@example.org", accounts=[town.Account(iban=MARKER)])
    session.add(found)
    session.commit()
    return found


def test_text_forms_of_a_model_show_nothing(town: Town, session: Session, ada: Any, acting: Scope) -> None:
    """Of a new object, of a loaded one and of one that was opened; in every way that Python has."""
    new = town.Customer(name=MARKER, email=MARKER)
    assert ada.name == MARKER
    for one in (new, ada):
        for shown in (repr(one), str(one), f"{one}", f"{one!r}", f"{one:}", str([one]), str(one.__dict__), repr(sa.inspect(one).dict)):
            assert MARKER not in shown
        assert SHOWN in repr(one)
    history = sa.inspect(ada).attrs.name.history

    assert MARKER not in str(history)
    assert ada.name == MARKER


def test_a_subclass_that_prints_itself_shows_nothing(town: Town) -> None:
    """Also where it says `str` or `format` anew, and where a base without a table does."""

    class Telling:
        def __str__(self) -> str:
            return f"name is {self.name}"  # type: ignore[attr-defined]

        def __format__(self, spec: str) -> str:
            return f"name is {self.name}"  # type: ignore[attr-defined]

    class Client(Telling, town.Base):  # type: ignore[misc, name-defined]
        __tablename__ = "client"
        row: Mapped[bytes] = row_id(primary_key=True)
        name: Mapped[str] = personal(is_a=Category.NAME)

    client = Client(name=MARKER)

    assert f"{client} {client!s}" == f"name is {SHOWN} name is {SHOWN}"
    assert client.name == MARKER


def test_a_dataclass_model_shows_nothing(town: Town) -> None:
    """Whose repr is generated."""

    class Base(MappedAsDataclass, DeclarativeBase):
        pass

    instrument(Base, town.vault)

    class Client(Base):
        __tablename__ = "client"
        id: Mapped[int] = mapped_column(primary_key=True, init=False)
        row: Mapped[bytes] = row_id(init=False)
        name: Mapped[str] = personal(is_a=Category.NAME)

    client = Client(name=MARKER)

    assert MARKER not in repr(client)
    assert client.name == MARKER


def test_the_log_of_an_engine_shows_nothing(
    town: Town, session: Session, ada: Any, acting: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    """With echo on, for every kind of statement."""
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    session.add(town.Customer(name=MARKER, email="other@example.org"))
    session.flush()
    ada.name = MARKER + " changed"
    session.flush()
    session.execute(sa.insert(town.Customer), [{"name": MARKER}])
    session.execute(sa.update(town.Customer), [{"id": ada.id, "name": MARKER}])
    session.scalars(sa.select(town.Customer).where(town.Customer.name.starts_with(MARKER))).all()
    session.delete(ada)
    session.flush()

    assert len(caplog.records) > 20
    assert "marker" not in caplog.text.lower()


def store(session: Session, one: Any) -> None:
    """Add and flush."""
    session.add(one)
    session.flush()


def test_errors_show_nothing(town: Town, session: Session, ada: Any, acting: Scope) -> None:
    """Neither the database's own nor SQLAlchemy's, which repeat parameters."""
    failures = []
    for work in (
        lambda: session.execute(sa.insert(town.Customer), [{"id": ada.id, "name": MARKER}]),
        lambda: session.execute(sa.insert(town.Customer.__table__), [{"name": MARKER}]),
        lambda: session.execute(sa.update(town.Customer).values(name=MARKER)),
        lambda: session.execute(sa.insert(town.Customer), [{"name": MARKER * 100}]),
        lambda: store(session, town.Customer(name=MARKER, email=ada.email)),
        lambda: town.Customer.name == MARKER,
    ):
        with pytest.raises(Exception) as failed:  # noqa: PT011 - whichever it is, it shows nothing
            work()
        failures.append("".join(traceback.format_exception(failed.value)))
        session.rollback()

    for failure in failures:
        assert MARKER.lower() not in failure.lower().replace(MARKER.lower() + '"', "")


def test_the_logging_module_shows_nothing(town: Town, ada: Any, acting: Scope) -> None:
    """A model handed to a log is formatted by it."""
    stream = io.StringIO()
    logger = logging.getLogger("backend of this test")
    logger.addHandler(logging.StreamHandler(stream))
    assert ada.name == MARKER
    logger.warning("customer %s and %r", ada, ada.__dict__)

    assert SHOWN in stream.getvalue()
    assert MARKER not in stream.getvalue()


def test_what_goes_into_the_index_prints_no_value() -> None:
    """It stands in variables, which a report of an error may show."""
    of = Field("customer", "name", Personal(Category.NAME), kind_of(str), None)
    assert MARKER not in repr([Indexed(of, MARKER, b"row", None)])
