"""What comes in."""

from django import forms

from people.models import Note, Person


class PersonForm(forms.ModelForm):
    """A person, new or changed."""

    class Meta:
        """What may be said."""

        model = Person
        fields = ["name", "email", "phone", "born", "address"]


class NoteForm(forms.ModelForm):
    """A note of the support team."""

    class Meta:
        """What may be said."""

        model = Note
        fields = ["text"]


class SearchForm(forms.Form):
    """Whom the support team looks for."""

    name = forms.CharField(required=False)
    email = forms.CharField(required=False)
    born_from = forms.DateField(required=False)
    born_to = forms.DateField(required=False)
