"""What the application stores."""

from django.db import models

from confide.adopt.django.fields import Category, Find, Personal, RowId, SubjectId


class Person(models.Model):
    """Somebody who uses the application."""

    row = RowId()
    name = Personal(models.CharField(max_length=120), is_a=Category.NAME, find=[Find.EXACT, Find.PREFIX])
    email = Personal(models.EmailField(unique=True), is_a=Category.CONTACT, find=Find.EXACT)
    phone = Personal(models.CharField(max_length=40, null=True, blank=True), is_a=Category.CONTACT)
    born = Personal(models.DateField(), is_a=Category.BIRTH, find=Find.RANGE)
    address = Personal(models.CharField(max_length=400, null=True, blank=True), is_a=Category.ADDRESS)
    joined = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Consent(models.Model):
    """What somebody agreed to, or no longer does."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=40)
    given = models.BooleanField(default=False)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        """One for each purpose."""

        constraints = [models.UniqueConstraint(fields=["person", "purpose"], name="one_consent_per_purpose")]

    def __str__(self) -> str:
        """Return what it is about."""
        return f"{self.purpose}: {self.given}"


class Note(models.Model):
    """What the support team wrote down about somebody."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="notes")
    author = models.CharField(max_length=40)
    row = RowId()
    owner = SubjectId("person")
    text = Personal(models.TextField(), is_a=Category.ACTIVITY)
    written = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        """Return when and by whom it was written."""
        return f"{self.author}, {self.written}"
