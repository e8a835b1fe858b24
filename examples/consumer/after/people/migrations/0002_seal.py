from django.db import migrations, models

import confide.adopt.django.fields
import confide.datamap.terms
import confide.sealed.finding
from confide.adopt.django.migrating import sealing


class Migration(migrations.Migration):

    dependencies = [
        ("confide", "0001_initial"),
        ("people", "0001_initial"),
    ]

    operations = sealing([
        migrations.AddField(
            model_name="note",
            name="owner",
            field=confide.adopt.django.fields.SubjectId("person", db_index=True, editable=False),
        ),
        migrations.AddField(
            model_name="note",
            name="row",
            field=confide.adopt.django.fields.RowId(default=confide.adopt.django.fields.new_uuid, editable=False, unique=True),
        ),
        migrations.AddField(
            model_name="person",
            name="row",
            field=confide.adopt.django.fields.RowId(default=confide.adopt.django.fields.new_uuid, editable=False, unique=True),
        ),
        migrations.AlterField(
            model_name="note",
            name="text",
            field=confide.adopt.django.fields.Personal(models.TextField(), is_a=confide.datamap.terms.Category["ACTIVITY"]),
        ),
        migrations.AlterField(
            model_name="person",
            name="address",
            field=confide.adopt.django.fields.Personal(models.CharField(blank=True, max_length=400, null=True), is_a=confide.datamap.terms.Category["ADDRESS"]),
        ),
        migrations.AlterField(
            model_name="person",
            name="born",
            field=confide.adopt.django.fields.Personal(models.DateField(), find=[confide.sealed.finding.Find["RANGE"]], is_a=confide.datamap.terms.Category["BIRTH"]),
        ),
        migrations.AlterField(
            model_name="person",
            name="email",
            field=confide.adopt.django.fields.Personal(models.EmailField(max_length=254, unique=True), find=[confide.sealed.finding.Find["EXACT"]], is_a=confide.datamap.terms.Category["CONTACT"]),
        ),
        migrations.AlterField(
            model_name="person",
            name="name",
            field=confide.adopt.django.fields.Personal(models.CharField(max_length=120), find=[confide.sealed.finding.Find["EXACT"], confide.sealed.finding.Find["PREFIX"]], is_a=confide.datamap.terms.Category["NAME"]),
        ),
        migrations.AlterField(
            model_name="person",
            name="phone",
            field=confide.adopt.django.fields.Personal(models.CharField(blank=True, max_length=40, null=True), is_a=confide.datamap.terms.Category["CONTACT"]),
        ),
    ])
