"""`manage.py confide`: make the keys, tell what is stored of a person, erase them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from confide.adopt.begin import begin
from confide.adopt.django.export import export
from confide.adopt.django.project import vault
from confide.values.errors import ConfideError
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from argparse import ArgumentParser

WHO = "manage.py confide"


class Command(BaseCommand):
    """Keys, export and erasure."""

    help = "Make the keys (init), write down what is stored of a person (export), or erase them (erase)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name what can be asked for."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("init", help="Make the key file and the key database. Where they are there, nothing is touched.")
        exported = verbs.add_parser("export", help="Write everything personal of a person to a file, as JSON.")
        exported.add_argument("subject", type=UUID, help="The person's row identifier.")
        exported.add_argument("file", type=Path, help="A new file; only its owner may read it.")
        erased = verbs.add_parser("erase", help="Erase a person. There is no way back.")
        erased.add_argument("subject", type=UUID, help="The person's row identifier.")
        erased.add_argument("--dry-run", action="store_true", help="Say what would be destroyed, and do nothing.")

    def handle(self, *_given: Any, **options: Any) -> None:
        """Do it, and answer refusals in a sentence."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except ConfideError as error:
            raise CommandError(str(error)) from None

    def _init(self, _options: dict[str, Any]) -> None:
        made = begin(vault().settings)
        vault().start().close()  # an SQLite file takes its form for several connections now, not within the first transaction
        for one in made:
            self.stdout.write(f"The {one} is made.")
        if "key file" in made:
            self.stdout.write("Copy the key file to a safe place now, apart from any backup of the data: without it nothing opens again.")
        if not made:
            self.stdout.write("The key file and the key database are there.")

    def _export(self, options: dict[str, Any]) -> None:
        path: Path = options["file"]
        try:
            path.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            message = f"{path} cannot be made: {error.strerror}."
            raise CommandError(message) from None
        try:
            with vault().acting(WHO, Purpose.RIGHTS_FULFILMENT, role=Role.OPERATOR):
                found = export(options["subject"])
        except BaseException:
            path.unlink()
            raise
        path.write_text(json.dumps(found, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False), encoding="utf-8")
        self.stdout.write(f"{sum(len(rows) for rows in found.values())} rows of {len(found)} tables are in {path}.")

    def _erase(self, options: dict[str, Any]) -> None:
        with vault().acting(WHO, Purpose.RIGHTS_FULFILMENT, role=Role.OPERATOR):
            done = vault().erase(options["subject"], dry_run=options["dry_run"])
        for kind, count in done.items:
            self.stdout.write(f"{kind}: {count}")
        if done.number is not None:
            days = done.horizon_seconds // 86_400
            self.stdout.write(f"Erased: entry {done.number} of the shred ledger. After {days} days no backup opens anything of the person.")
