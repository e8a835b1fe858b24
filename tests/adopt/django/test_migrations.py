"""Migrations: what Django writes down of the fields is stable, its tables are those of the vault, and existing rows can be sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from django.apps import apps
from django.core.management import call_command
from django.db import connection, migrations, models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import MigrationWriter

from confide.adopt.django.checks import check_models
from confide.adopt.django.described import describe
from confide.adopt.django.fields import Category, Find, Personal, PurposeClass, RowId, SubjectId
from confide.adopt.django.migrating import sealing
from confide.adopt.refusals import Undeclared
from confide.adopt.tables import tables_in
from confide.sealed.errors import DeclarationRefused
from tests.adopt.django.shop.models import Customer

if TYPE_CHECKING:
    from confide.adopt.django.vault import Vault
    from confide.adopt.scope import Scope


def test_nothing_is_left_to_migrate(vault: Vault) -> None:
    """`makemigrations --check` is clean, for the vault's own tables and for the shop's."""
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
    call_command("check", "--fail-level", "WARNING")


def test_the_tables_are_those_of_the_vault(vault: Vault) -> None:
    """Columns, keys and nullability as the vault's own connection knows them."""
    expected = sa.MetaData()
    tables_in(expected)
    engine = sa.create_engine(vault.settings.database.replace("postgresql://", "postgresql+psycopg://", 1))
    found = sa.MetaData()
    found.reflect(engine, only=list(expected.tables))
    engine.dispose()

    for name, table in expected.tables.items():
        there = found.tables[name]
        assert {one.name: one.nullable for one in there.columns} == {one.name: one.nullable for one in table.columns}
        assert [one.name for one in there.primary_key] == [one.name for one in table.primary_key]
        assert {one.name for one in there.indexes} >= {one.name for one in table.indexes}


@pytest.mark.parametrize("field", [
    Personal(models.CharField("full name", max_length=9, null=True), is_a=Category.NAME, find={Find.PREFIX, Find.EXACT}),
    Personal(models.DateField(db_column="dob"), is_a=Category.BIRTH, purpose=PurposeClass.CONSENT, whose="row", known_as="old.born"),
    RowId(primary_key=True), RowId(), SubjectId(), SubjectId("customer.owner", null=True),
])  # fmt: skip
def test_a_field_is_written_down_and_read_again(field: Any) -> None:
    """Its text makes the same field, and the same text again."""
    field.set_attributes_from_name("held")
    text, imports = MigrationWriter.serialize(field)
    known: dict[str, Any] = {}
    exec("\n".join(sorted(imports)) + f"\nmade = {text}", known)  # noqa: S102 - as a migration is read
    made = known["made"]
    made.set_attributes_from_name("held")

    assert made.deconstruct() == field.deconstruct() or MigrationWriter.serialize(made)[0] == text
    assert MigrationWriter.serialize(made)[0] == MigrationWriter.serialize(field.clone())[0] == text


def test_a_declaration_that_changes_is_a_migration(vault: Vault) -> None:
    """So that the historical models of a data migration seal as the program does."""
    before, after = ProjectState.from_apps(apps), ProjectState.from_apps(apps)
    changed = Personal(models.CharField(max_length=80), is_a=Category.NAME, find=Find.EXACT)
    after.models["shop", "customer"].fields["name"] = changed
    found = MigrationAutodetector(before, after)._detect_changes()["shop"][0]

    assert [(type(one), one.name) for one in found.operations] == [(migrations.AlterField, "name")]


def test_an_existing_table_is_sealed_by_a_migration(vault: Vault, acting: Scope) -> None:
    """Rows get identifiers of their own and of their person, and are sealed and found; an empty value stays empty."""
    before = ProjectState()
    text = models.CharField(max_length=80, null=True)
    before.add_model(ModelState("desk", "Guest", [("id", models.BigAutoField(primary_key=True)), ("name", text.clone())]))
    key = models.ForeignKey("desk.Guest", models.CASCADE)
    before.add_model(
        ModelState("desk", "Stay", [("id", models.BigAutoField(primary_key=True)), ("guest", key), ("room", models.TextField())])
    )
    guest, stay = before.apps.get_model("desk", "Guest"), before.apps.get_model("desk", "Stay")
    with connection.schema_editor() as editor:
        editor.create_model(guest)
        editor.create_model(stay)
    guest.objects.bulk_create([guest(name=name) for name in ("Ada", "Ben", None)])
    stay.objects.bulk_create([stay(guest=one, room=f"room of {one.name}") for one in guest.objects.all()])
    written = [  # in the order of makemigrations
        migrations.AddField("stay", "owner", SubjectId("guest")),
        migrations.AddField("stay", "row", RowId()),
        migrations.AddField("guest", "row", RowId()),
        migrations.AlterField("stay", "room", Personal(models.TextField(), is_a=Category.ADDRESS)),
        migrations.AlterField("guest", "name", Personal(text, is_a=Category.NAME, find=Find.EXACT)),
    ]
    seal = migrations.Migration("seal", "desk")
    seal.operations = sealing(written)
    with connection.schema_editor(atomic=True) as editor:
        after = seal.apply(before, editor)
    guest, stay = after.apps.get_model("desk", "Guest"), after.apps.get_model("desk", "Stay")

    assert [one.name for one in guest.objects.order_by("id")] == ["Ada", "Ben", None]
    assert [one.name for one in guest.objects.filter(name="ada")] == ["Ada"]
    assert [(one.room, one.owner) for one in stay.objects.order_by("id")] == [
        (f"room of {one.name}", one.row) for one in guest.objects.order_by("id")
    ]
    assert len({one.row for one in guest.objects.all()} | {one.row for one in stay.objects.all()}) == 6
    with connection.cursor() as cursor:
        columns = {one.name: one.null_ok for one in connection.introspection.get_table_description(cursor, "desk_stay")}
    assert columns == {"id": False, "guest_id": False, "row": False, "owner": False, "room": False}
    with pytest.raises(IrreversibleError), connection.schema_editor() as editor:
        seal.unapply(before, editor)


def test_what_cannot_be_served_is_said_at_the_check() -> None:
    """Each with what to do."""

    class Loose(models.Model):
        name = Personal(models.CharField(max_length=9), is_a=Category.NAME)

        class Meta:
            app_label = "loose"
            ordering = ("name",)
            unique_together = (("name", "id"),)

        def __str__(self) -> str:
            return ""

    class Config:
        @staticmethod
        def get_models() -> list[Any]:
            return [Loose, Customer]

    assert [one.id for one in check_models([Config])] == ["confide.E001", "confide.E002", "confide.E003"]
    with pytest.raises(Undeclared, match="RowId"):
        describe(Loose)
    for inner in (models.FileField(), models.ForeignKey(Customer, models.CASCADE), models.BigAutoField(primary_key=True)):
        with pytest.raises(Undeclared):
            Personal(inner, is_a=Category.NAME)
    with pytest.raises(DeclarationRefused):
        Personal(models.CharField(max_length=9, unique=True), is_a=Category.NAME)
