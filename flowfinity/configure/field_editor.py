"""One field of an app: what it is called, its type with the settings of that type, and where it is used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from flowfinity import blueprint, clock, drafts, names
from flowfinity.configure.editor import Labelled, Work, editor_of, opened, part_of, show
from flowfinity.fields import TYPES, Currency
from flowfinity.models import App, Field

# Types as they are offered, under headings; one that stands under none of these comes last.
GROUPS = (
    (gettext_lazy("Text"), ("text", "multiline", "phone", "email", "url")),
    (gettext_lazy("Numbers"), ("number", "currency", "yesno")),
    (gettext_lazy("Time"), ("date", "datetime")),
    (gettext_lazy("Choices"), ("single", "multiple")),
    (gettext_lazy("People and records"), ("user", "link")),
    (gettext_lazy("Places and files"), ("location", "picture", "signature", "attachment")),
)
TONES = (
    ("", gettext_lazy("none")),
    ("bad", gettext_lazy("red")),
    ("warn", gettext_lazy("amber")),
    ("ok", gettext_lazy("green")),
)


def type_choices() -> list[tuple[str, list[tuple[str, Any]]]]:
    """All types of field, in groups."""
    grouped = [(str(heading), [name for name in group if name in TYPES]) for heading, group in GROUPS]
    placed = {name for _heading, group in grouped for name in group}
    rest = [name for name in TYPES if name not in placed]
    grouped += [(_("Other"), rest)] if rest else []
    return [(heading, [(name, TYPES[name].label) for name in group]) for heading, group in grouped]


class FieldForm(Labelled):
    """A field as a person fills it in; the settings of types that are not chosen are passed over."""

    reserved = names.NO_FIELD

    type = forms.ChoiceField(label=gettext_lazy("Type"))
    choices = forms.CharField(
        label=gettext_lazy("Choices, one a line"), required=False, strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "data-choices": True}),
    )  # fmt: skip
    currency = forms.CharField(
        label=gettext_lazy("Currency"), required=False,
        help_text=gettext_lazy("Three letters, like USD. Shown beside each amount."),
        widget=forms.TextInput(attrs={"list": "currencies", "autocomplete": "off", "size": 6}),
    )  # fmt: skip
    app = forms.ChoiceField(label=gettext_lazy("Records of which app"), required=False)
    required = forms.BooleanField(label=gettext_lazy("Must be filled in"), required=False)
    help = forms.CharField(
        label=gettext_lazy("Help text"), required=False, max_length=300,
        help_text=gettext_lazy("Shown under the input."),
    )  # fmt: skip
    section = forms.CharField(
        label=gettext_lazy("Heading"), required=False, max_length=150,
        help_text=gettext_lazy("What the field stands under in forms; fields of one heading stand together."),
        widget=forms.TextInput(attrs={"list": "sections", "autocomplete": "off"}),
    )  # fmt: skip
    operations = forms.MultipleChoiceField(
        label=gettext_lazy("Set by"), required=False, widget=forms.CheckboxSelectMultiple
    )
    views = forms.MultipleChoiceField(
        label=gettext_lazy("Shown in"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, work: Work, part: drafts.Document | None, **kwargs: Any) -> None:
        document = work.document
        name = part["name"] if part else ""
        taken = {one["name"] for one in document["fields"] if one["name"] != name}
        published = bool(part) and work.is_published("fields", name)
        kwargs.setdefault("initial", initial(document, part))
        super().__init__(*args, taken=taken, fixed=name if published else "", **kwargs)
        self.former = work.app.former
        self.part = part
        self.fields["type"].choices = type_choices()  # type: ignore[attr-defined]
        self.fields["app"].choices = [("", "—"), *App.objects.values_list("name", "label")]  # type: ignore[attr-defined]
        if published:
            self.fields["type"].disabled = True
            self.fields["type"].help_text = _("Fixed once published, because records hold values of it.")
        setting = [(one["name"], one["label"]) for one in document["operations"] if one["kind"] != "delete"]
        showing = [(one["name"], one["label"]) for one in document["views"]]
        self.fields["operations"].choices = setting  # type: ignore[attr-defined]
        self.fields["views"].choices = showing  # type: ignore[attr-defined]

    def clean_choices(self) -> list[str]:
        """The choices, without blank lines."""
        lines = self.cleaned_data["choices"].splitlines()
        return [line.strip() for line in lines if line.strip()]

    def clean_currency(self) -> str:
        """The code in capitals."""
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        """The form's values, if they make a field."""
        cleaned = super().clean()
        type = TYPES.get(cleaned.get("type", ""))
        if type is None or self.errors:
            return cleaned
        for sentence in filter(None, [*type.faults(self.settings()), type.lacks(self.settings())]):
            self.add_error(type.options[0] if type.options else "type", sentence)
        before = self.former.get(cleaned.get("name", ""))
        if before and before.get("type") != type.name:
            words = _("A field of this name was of type %s once, and there may be values of it. Take that type again.")
            self.add_error("name", words % TYPES[before["type"]].label)
        return cleaned

    def tones(self) -> dict[str, str]:
        """The colour of each choice that has one."""
        chosen = ((choice, self.data.get(f"tone:{choice}", "")) for choice in self.cleaned_data.get("choices", []))
        return {choice: tone for choice, tone in chosen if tone in dict(TONES) and tone}

    def tone_rows(self) -> list[tuple[str, str]]:
        """Each choice with its colour, as the form shows them now."""
        lines = [line.strip() for line in str(self["choices"].value() or "").splitlines() if line.strip()]
        kept = (self.part or {}).get("tones") or {}
        shown = {
            choice: self.data.get(f"tone:{choice}", "") if self.is_bound else kept.get(choice, "") for choice in lines
        }
        return list(shown.items())

    def settings(self) -> drafts.Document:
        """The settings of the chosen type; one that no control of ours sets stays as it is."""
        given = {key: self.cleaned_data.get(key) for key in ("choices", "currency", "app")} | {"tones": self.tones()}
        kept = self.part or {}
        found = {
            key: given[key] if key in given else kept[key]
            for key in TYPES[self.cleaned_data["type"]].options
            if key in given or key in kept
        }
        return {key: value for key, value in found.items() if value or key == "choices"}

    def made(self) -> drafts.Document:
        """The field that the form describes."""
        own = {key: self.cleaned_data[key] for key in blueprint.FIELD_KEYS}
        if TYPES[own["type"]].never_blank:
            own["required"] = False
        return blueprint.field_part({**self.settings(), **own})


def initial(document: drafts.Document, part: drafts.Document | None) -> drafts.Document:
    """What the form shows at first; a new field is set by every operation, and shown where all fields are."""
    if part is None:
        everything = {one["name"] for one in document["fields"]}
        whole = [one["name"] for one in document["views"] if everything <= set(one["columns"])]
        return {
            "type": "text",
            "currency": usual_currency(document),
            "operations": [
                one["name"]
                for one in document["operations"]
                if one["kind"] != "delete" and everything <= set(one["fields"])
            ],
            "views": whole,
        }
    return {
        **part,
        "choices": "\n".join(part.get("choices") or []),
        "operations": [one["name"] for one in document["operations"] if part["name"] in one["fields"]],
        "views": [one["name"] for one in document["views"] if part["name"] in one["columns"]],
    }


def usual_currency(document: drafts.Document) -> str:
    """The currency of the app's last field that has one, else of the site's; "" where nothing has."""
    own = [str(part["currency"]) for part in document["fields"] if part.get("currency")]
    if own:
        return own[-1]
    kept = Field.objects.filter(type=Currency.name).exclude(config={}).order_by("pk").last()
    return str(kept.config.get("currency", "")) if kept else ""


@require_http_methods(["GET", "HEAD", "POST"])
def new_field(request: HttpRequest, pk: int) -> HttpResponse:
    """Adds a field."""
    return field_page(request, opened(pk), None)


@require_http_methods(["GET", "HEAD", "POST"])
def field(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Changes a field."""
    work = opened(pk)
    return field_page(request, work, part_of(work, "fields", name))


def field_page(request: HttpRequest, work: Work, part: drafts.Document | None) -> HttpResponse:
    """The form of a field, and what it does to the draft."""
    form = FieldForm(request.POST or None, work=work, part=part)
    if request.method == "POST" and form.is_valid():
        with drafts.editing(work.app, editor_of(request), clock.now()) as document:
            put(document, part["name"] if part else "", form)
        label = form.cleaned_data["label"]
        messages.success(request, (_("%s is changed in the draft.") if part else _("%s is in the draft.")) % label)
        return redirect("configure-field-new" if "another" in request.POST else "configure-app", work.app.pk)
    return show(
        request,
        "field",
        work,
        "configure-app",
        part["label"] if part else _("New field"),
        [(_("Fields"), reverse("configure-app", args=[work.app.pk]))],
        form=form,
        part=part,
        tones=TONES,
        sections=sorted({one["section"] for one in work.document["fields"] if one["section"]}),
        currencies=list(Currency.symbols),
        used=drafts.find(work.published["fields"], part["name"]) is not None if part else False,
    )


def put(document: drafts.Document, before: str, form: FieldForm) -> None:
    """Writes the field of a form into the document, in the place of the one called `before`, and where it is used."""
    made = form.made()
    if before and before != made["name"]:
        drafts.rename_field(document, before, made["name"])
    at = next((index for index, one in enumerate(document["fields"]) if one["name"] == made["name"]), -1)
    if at < 0:
        document["fields"].append(made)
    else:
        document["fields"][at] = made
    use(document["operations"], "fields", made["name"], form.cleaned_data["operations"])
    use(document["views"], "columns", made["name"], form.cleaned_data["views"])


def use(parts: Iterable[drafts.Document], key: str, name: str, wanted: Iterable[str]) -> None:
    """Adds the field to the lists of the parts that are wanted, and takes it out of the others'."""
    chosen = set(wanted)
    for part in parts:
        if part["name"] in chosen and name not in part[key]:
            part[key].append(name)
        elif part["name"] not in chosen and name in part[key]:
            part[key].remove(name)
