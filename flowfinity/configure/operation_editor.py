"""One operation of an app: what it does, what the history says of it, and the fields that it sets, in their order."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from flowfinity import blueprint, clock, drafts
from flowfinity.configure.editor import Labelled, Work, editor_of, opened, ordered, part_of, show

KINDS = (
    ("create", gettext_lazy("Creates a record")),
    ("update", gettext_lazy("Updates a record")),
    ("delete", gettext_lazy("Deletes a record")),
)


class OperationForm(Labelled):
    """An operation as a person fills it in."""

    kind = forms.ChoiceField(label=gettext_lazy("What it does"), choices=KINDS)
    done = forms.CharField(
        label=gettext_lazy("In the history"), required=False, max_length=150,
        help_text=gettext_lazy("What the history says after the person’s name, like “updated this lead”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    # In the order of the list, which is the order of the form that people will fill in.
    sets = forms.MultipleChoiceField(label=gettext_lazy("Fields that it sets"), required=False)

    def __init__(self, *args: Any, work: Work, part: drafts.Document | None, **kwargs: Any) -> None:
        name = part["name"] if part else ""
        taken = {one["name"] for one in work.document["operations"] if one["name"] != name}
        fixed = name if part and work.is_published("operations", name) else ""
        every = [one["name"] for one in work.document["fields"]]
        kwargs.setdefault("initial", {**part, "sets": part["fields"]} if part else {"kind": "create", "sets": every})
        super().__init__(*args, taken=taken, fixed=fixed, **kwargs)
        self.known = {one["name"]: one for one in work.document["fields"]}
        self.fields["sets"].choices = [(name, name) for name in every]  # type: ignore[attr-defined]

    def made(self) -> drafts.Document:
        """The operation that the form describes."""
        part = {key: self.cleaned_data[key] for key in ("name", "label", "kind", "done")}
        return blueprint.operation_part(
            {**part, "fields": [] if part["kind"] == "delete" else self.cleaned_data["sets"]}
        )

    def rows(self) -> list[dict[str, Any]]:
        """Each field of the app with whether it is set: as the form was sent, else those that are set come first."""
        if self.is_bound:
            listed = [name for name in self.data.getlist("order") if name in self.known]  # type: ignore[attr-defined]
            chosen = set(self.data.getlist("sets"))  # type: ignore[attr-defined]
        else:
            listed = [name for name in self.initial["sets"] if name in self.known]
            chosen = set(listed)
        listed += [name for name in self.known if name not in listed]
        return [{"part": self.known[name], "chosen": name in chosen} for name in listed]


@require_http_methods(["GET", "HEAD", "POST"])
def new_operation(request: HttpRequest, pk: int) -> HttpResponse:
    """Adds an operation."""
    return operation_page(request, opened(pk), None)


@require_http_methods(["GET", "HEAD", "POST"])
def operation(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Changes an operation."""
    work = opened(pk)
    return operation_page(request, work, part_of(work, "operations", name))


def operation_page(request: HttpRequest, work: Work, part: drafts.Document | None) -> HttpResponse:
    """The form of an operation, and what it does to the draft; `move` and `tick` only change the form."""
    sent = request.POST.copy()
    moved, _space, direction = request.POST.get("move", "").partition(" ")
    ticked = request.POST.get("tick", "")
    if moved:
        listed = [{"name": name} for name in sent.getlist("order")]
        sent.setlist("order", [one["name"] for one in ordered(listed, sent.getlist("order"), moved, direction)])
    if ticked:
        sent.setlist("sets", sent.getlist("order") if ticked == "all" else [])
    form = OperationForm(sent or None, work=work, part=part)
    if moved or ticked:
        # Nobody has said yet that it is finished.
        form.errors.clear()
    elif request.method == "POST" and form.is_valid():
        with drafts.editing(work.app, editor_of(request), clock.now()) as document:
            put(document, part["name"] if part else "", form.made())
        label = form.cleaned_data["label"]
        messages.success(request, (_("%s is changed in the draft.") if part else _("%s is in the draft.")) % label)
        return redirect("configure-app-operations", work.app.pk)
    return show(
        request,
        "operation",
        work,
        "configure-app-operations",
        part["label"] if part else _("New operation"),
        [(_("Operations"), reverse("configure-app-operations", args=[work.app.pk]))],
        form=form,
        part=part,
    )


def put(document: drafts.Document, before: str, made: drafts.Document) -> None:
    """Writes the operation into the document, in the place of the one called `before`."""
    at = next((index for index, one in enumerate(document["operations"]) if one["name"] == before), -1)
    if at < 0:
        document["operations"].append(made)
    else:
        document["operations"][at] = made
