"""A small shop: customers, their accounts, and notes in every type that there is."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

from django.db import models

from confide.adopt.django.fields import Category, Erase, Find, Personal, PurposeClass, RowId, SubjectId


class Customer(models.Model):
    row = RowId()
    name = Personal(models.CharField(max_length=80), is_a=Category.NAME, find={Find.EXACT, Find.PREFIX, Find.PHONETIC})
    email = Personal(models.EmailField(unique=True, null=True, blank=True), is_a=Category.CONTACT, find=Find.EXACT)
    born = Personal(models.DateField(null=True, blank=True), is_a=Category.BIRTH, find=Find.RANGE)
    seen = Personal(models.DateTimeField(null=True, blank=True), is_a=Category.ACTIVITY, find=Find.RANGE)
    branch = models.CharField(max_length=20, default="main")

    class Meta:
        permissions: ClassVar = [("open_customer", "Open what is personal of a customer")]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class Account(models.Model):
    row = RowId()
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="accounts")
    owner = SubjectId("customer")
    iban = Personal(models.CharField(max_length=34), is_a=Category.FINANCIAL, find=Find.EXACT)
    memo = Personal(
        models.TextField(null=True, blank=True), is_a=Category.FINANCIAL, purpose=PurposeClass.STATUTORY, erase=Erase.KEEP, find=Find.PREFIX
    )  # fmt: skip

    def __str__(self) -> str:
        return str(self.iban)


class Call(models.Model):
    """A model without anything personal of its own, which prints somebody."""

    customer = models.ForeignKey(Customer, models.CASCADE)

    def __str__(self) -> str:
        return f"call of {self.customer.name}"


class Booking(models.Model):
    """A row that is deleted with its person, found over two foreign keys."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    account = models.ForeignKey(Account, models.CASCADE)
    owner = SubjectId("account")
    text = Personal(models.CharField(max_length=80), is_a=Category.FINANCIAL, erase=Erase.DELETE)

    def __str__(self) -> str:
        return str(self.id)


class Note(models.Model):
    row = RowId()
    text = Personal(models.TextField(default="empty"), is_a=Category.ACTIVITY)
    number = Personal(models.BigIntegerField(null=True), is_a=Category.ACTIVITY)
    amount = Personal(models.DecimalField(max_digits=12, decimal_places=2, null=True), is_a=Category.FINANCIAL)
    ratio = Personal(models.FloatField(null=True), is_a=Category.ACTIVITY)
    truth = Personal(models.BooleanField(null=True), is_a=Category.ACTIVITY)
    moment = Personal(models.DateTimeField(null=True), is_a=Category.ACTIVITY)
    hour = Personal(models.TimeField(null=True), is_a=Category.ACTIVITY)
    span = Personal(models.DurationField(null=True), is_a=Category.ACTIVITY)
    raw = Personal(models.BinaryField(null=True), is_a=Category.PICTURE)
    uuid = Personal(models.UUIDField(null=True), is_a=Category.IDENTIFIER)
    colour = Personal(models.CharField(max_length=1, null=True, choices=[("r", "red"), ("g", "green")]), is_a=Category.DEMOGRAPHIC)
    json: Any = Personal(models.JSONField(null=True), is_a=Category.ACTIVITY)

    def __str__(self) -> str:
        return "note"


class Regular(Customer):
    """A customer who comes often; a table of its own beside the customer's."""

    card = models.CharField(max_length=10)

    def __str__(self) -> str:
        return f"{self.name} {self.card}"


class Visitor(Customer):
    """The same customers under another name."""

    class Meta:
        proxy = True

    def __str__(self) -> str:
        return str(self.name)
