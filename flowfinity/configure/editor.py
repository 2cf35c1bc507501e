"""The app editor: the list of apps, and what an app's pages share. Every edit goes into the app's draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from flowfinity import blueprint, clock, drafts, names
from flowfinity.configure.pages import context
from flowfinity.fields import TYPES
from flowfinity.models import App, Draft, Record, User, configuring
from flowfinity.query import Column, QueryError

# What an app is born with, beside the standard view. The words for the history are those of the pages.
FIRST_OPERATIONS = (
    {"name": "New", "label": gettext_lazy("New"), "kind": "create"},
    {"name": "Update", "label": gettext_lazy("Update"), "kind": "update"},
    {"name": "Delete", "label": gettext_lazy("Delete"), "kind": "delete"},
)
KIND_LABELS = {
    "fields": gettext_lazy("Fields"),
    "operations": gettext_lazy("Operations"),
    "views": gettext_lazy("Views"),
}


@dataclass(frozen=True)
class Work:
    """An app that is being edited: what is published, and its draft where there is one."""

    app: App
    published: drafts.Document
    draft: Draft | None

    @property
    def document(self) -> drafts.Document:
        """The app as it will be."""
        return self.published if self.draft is None else self.draft.document

    @cached_property
    def changes(self) -> list[drafts.Change]:
        """What the draft changes."""
        return drafts.changes(self.published, self.document)

    @property
    def edits(self) -> list[drafts.Change]:
        """The changes that somebody made, without what follows from them."""
        return [change for change in self.changes if not change.cause]

    def is_published(self, kind: str, name: str) -> bool:
        """True for a part that others may use already, so that its name is fixed."""
        return drafts.find(self.published[kind], name) is not None


def opened(pk: int) -> Work:
    """The app of that key with its draft. Raises Http404."""
    app = get_object_or_404(App.objects.prefetch_related("fields", "operations", "views"), pk=pk)
    draft = Draft.objects.filter(app=app).select_related("by").first()
    return Work(app, blueprint.export_app(app), draft)


def part_of(work: Work, kind: str, name: str) -> drafts.Document:
    """The app's field, operation or view of that name. Raises Http404."""
    part = drafts.find(work.document[kind], name) if kind in blueprint.KINDS_OF_PARTS else None
    if part is None:
        raise Http404(name)
    return part


def editor_of(request: HttpRequest) -> User:
    """Who edits; nobody else comes to these pages."""
    assert isinstance(request.user, User)
    return request.user


def tabs(work: Work, current: str) -> list[dict[str, Any]]:
    """The app's tabs, the one of URL name `current` marked."""
    listed: list[tuple[str, Any, int | str]] = [
        ("configure-app", KIND_LABELS["fields"], len(work.document["fields"])),
        ("configure-app-operations", KIND_LABELS["operations"], len(work.document["operations"])),
        ("configure-app-views", KIND_LABELS["views"], len(work.document["views"])),
        ("configure-roles", _("Roles"), ""),
        ("configure-app-settings", _("Settings"), ""),
        ("configure-app-publish", _("Publish"), ""),
    ]
    waiting = "configure-app-publish" if work.draft else ""
    return [
        {
            "label": label,
            "url": reverse(name, args=[work.app.pk]),
            "count": count,
            "current": name == current,
            "waiting": name == waiting,
        }
        for name, label, count in listed
    ]


def show(
    request: HttpRequest,
    template: str,
    work: Work,
    tab: str,
    title: str = "",
    above: Sequence[tuple[str, str]] = (),
    **more: Any,
) -> HttpResponse:
    """A page of the app under the tab of that URL name; `title` and `above` for a page below the tab's own."""
    label = work.document["app"]["label"]
    crumbs: list[tuple[str, str]] = [(_("Apps"), reverse("configure-apps"))]
    if title:
        crumbs += [(label, reverse("configure-app", args=[work.app.pk])), *above]
    page = context(request, title or label, *crumbs, work=work, app=work.app, label=label, tabs=tabs(work, tab), **more)
    return render(request, f"flowfinity/configure/{template}.html", page)


# Apps


@require_safe
def apps(request: HttpRequest) -> HttpResponse:
    """All apps, with what each consists of and whether it has a draft."""
    records = Record.objects.filter(app=OuterRef("pk"), deleted=False).order_by().values("app")
    rows = App.objects.annotate(
        n_fields=Count("fields", distinct=True),
        n_operations=Count("operations", distinct=True),
        n_views=Count("views", distinct=True),
        n_records=Coalesce(records.annotate(n=Count("pk")).values("n")[:1], 0),
        has_draft=Exists(Draft.objects.filter(app=OuterRef("pk"))),
    )
    return render(request, "flowfinity/configure/apps.html", context(request, _("Apps"), apps=rows))


class Labelled(forms.Form):
    """A label, and the name that is proposed from it when none is given."""

    label = forms.CharField(
        label=gettext_lazy("Label"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-focus": True}),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=names.LENGTH,
        required=False,
        help_text=gettext_lazy("In addresses and JSON. Left empty, it is made from the label; fixed once published."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-name-of": "id_label"}),
    )

    reserved: frozenset[str] = frozenset()

    def __init__(self, *args: Any, taken: set[str], fixed: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        if self.initial.get("label"):
            del self.fields["label"].widget.attrs["data-focus"]
        self.taken = {name.lower() for name in taken}
        self.fixed = fixed
        if fixed:
            del self.fields["name"]

    def clean(self) -> dict[str, Any]:
        """The form's values with the name settled."""
        cleaned = super().clean() or self.cleaned_data
        label = cleaned.get("label", "")
        if label and not label.isprintable():
            self.add_error("label", _("Write this in one line of printable characters."))
        if self.fixed:
            return {**cleaned, "name": self.fixed}
        given = cleaned.get("name", "")
        cleaned["name"] = given or names.propose(label)
        if label and not cleaned["name"]:
            self.add_error("name", _("No name can be made from this label. Choose one: A-Z, then letters and digits."))
        elif cleaned["name"] and (sentence := names.fault(cleaned["name"], self.reserved)):
            self.add_error("name", sentence)
        elif cleaned["name"].lower() in self.taken:
            self.add_error(
                "name",
                _("%s is taken already (capitals make no difference). Choose another name.") % cleaned["name"],
            )
        return cleaned


class AppForm(Labelled):
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2}), max_length=10_000
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new_app(request: HttpRequest) -> HttpResponse:
    """Makes an app with the standard view and three operations, and goes on to its fields."""
    form = AppForm(request.POST or None, taken=set(App.objects.values_list("name", flat=True)))
    if request.method == "POST" and form.is_valid():
        part = {key: form.cleaned_data[key] for key in ("name", "label", "description")}
        first = [{**one, "label": str(one["label"])} for one in FIRST_OPERATIONS]
        app = blueprint.import_app({"blueprint": blueprint.FORMAT, "app": part, "operations": first})
        messages.success(request, _("%s is made. Now give it fields; the view and the operations take them up.") % app)
        return redirect("configure-field-new", app.pk)
    page = context(request, _("New app"), (_("Apps"), reverse("configure-apps")), form=form)
    return render(request, "flowfinity/configure/app_new.html", page)


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """What the app is called, and the way to delete it."""
    work = opened(pk)
    form = AppForm(request.POST or None, initial=work.document["app"], taken=set(), fixed=work.app.name)
    if request.method == "POST" and form.is_valid():
        with drafts.editing(work.app, editor_of(request), clock.now()) as document:
            document["app"] |= {key: form.cleaned_data[key] for key in ("label", "description")}
        messages.success(request, _("The settings are in the draft."))
        return redirect("configure-app-settings", pk)
    return show(request, "app_settings", work, "configure-app-settings", form=form, has_records=has_records(work.app))


def has_records(app: App) -> bool:
    """True for an app that can never be deleted, since something was submitted to it."""
    return Record.objects.filter(app=app).exists()


@require_http_methods(["GET", "HEAD", "POST"])
def delete_app(request: HttpRequest, pk: int) -> HttpResponse:
    """Deletes an app to which nothing was ever submitted; says first what goes with it."""
    work = opened(pk)
    if has_records(work.app):
        messages.error(request, _("%s holds records or their history, so it cannot be deleted.") % work.app)
        return redirect("configure-app-settings", pk)
    if request.method == "POST":
        with configuring():
            work.app.delete()
        messages.success(request, _("%s is deleted.") % work.app)
        return redirect("configure-apps")
    title = _("Delete %s") % work.app
    return show(request, "app_delete", work, "configure-app-settings", title)


# Lists of parts


@require_safe
def fields(request: HttpRequest, pk: int) -> HttpResponse:
    """The app's fields in their order."""
    work = opened(pk)
    rows = [
        {
            "part": part,
            "url": reverse("configure-field", args=[pk, part["name"]]),
            "what": TYPES[part["type"]].label if part["type"] in TYPES else part["type"],
            "more": said_settings(part),
            "fresh": not work.is_published("fields", part["name"]),
        }
        for part in work.document["fields"]
    ]
    return show(request, "app_fields", work, "configure-app", kind="fields", rows=rows)


def said_settings(part: drafts.Document) -> str:
    """The settings of a field's type, shortly."""
    if isinstance(part.get("choices"), list):
        return ", ".join(str(choice) for choice in part["choices"])
    return str(part.get("currency") or part.get("app") or "")


@require_safe
def operations(request: HttpRequest, pk: int) -> HttpResponse:
    """The app's operations in their order."""
    work = opened(pk)
    columns = blueprint.columns_of(work.document)
    rows = [
        {
            "part": part,
            "url": reverse("configure-operation", args=[pk, part["name"]]),
            "what": _(drafts.KIND_WORDS[part["kind"]]) if part["kind"] in drafts.KIND_WORDS else part["kind"],
            "more": drafts.labels(part["fields"], columns),
            "fresh": not work.is_published("operations", part["name"]),
        }
        for part in work.document["operations"]
    ]
    return show(request, "app_operations", work, "configure-app-operations", kind="operations", rows=rows)


@require_safe
def views(request: HttpRequest, pk: int) -> HttpResponse:
    """The app's views in their order, each with its sentence."""
    work = opened(pk)
    columns = blueprint.columns_of(work.document)
    rows = [
        {
            "part": part,
            "url": reverse("configure-app-view", args=[pk, part["name"]]),
            "more": drafts.labels(part["columns"], columns),
            "fresh": not work.is_published("views", part["name"]),
            **said_of(part, columns),
        }
        for part in work.document["views"]
    ]
    return show(request, "app_views", work, "configure-app-views", kind="views", rows=rows)


def said_of(view: drafts.Document, columns: Mapping[str, Column]) -> dict[str, Any]:
    """A view's sentence, and whether it is not finished."""
    try:
        return {"what": blueprint.query_of(view, columns).describe(), "broken": False}
    except QueryError:
        return {"what": _("This view is not finished."), "broken": True}


@require_POST
def order(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Puts the parts into the order that was sent; `move` takes one of them a place up or down."""
    work = opened(pk)
    if kind not in KIND_LABELS:
        raise Http404(kind)
    name, _space, direction = request.POST.get("move", "").partition(" ")
    with drafts.editing(work.app, editor_of(request), clock.now()) as document:
        document[kind] = ordered(document[kind], request.POST.getlist("order"), name, direction)
    tab = "configure-app" if kind == "fields" else f"configure-app-{kind}"
    return redirect(reverse(tab, args=[pk]) + (f"#{name}" if name else ""))


def ordered(parts: list[drafts.Document], wanted: Sequence[str], name: str, direction: str) -> list[drafts.Document]:
    """The parts in the order of names that is wanted, `name` a place up or down; others stand after the wanted."""
    place = {one: index for index, one in enumerate(wanted)}
    found = sorted(parts, key=lambda part: place.get(part["name"], len(place)))
    at = next((index for index, part in enumerate(found) if part["name"] == name), -1)
    to = at + {"up": -1, "down": 1}.get(direction, 0)
    if at >= 0 and 0 <= to < len(found):
        found.insert(to, found.pop(at))
    return found


# Adding a view, and removing parts


class ViewForm(Labelled):
    pass


@require_http_methods(["GET", "HEAD", "POST"])
def new_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Adds a view of all records with all fields, and goes on to the page where it is made what it shall be."""
    work = opened(pk)
    form = ViewForm(request.POST or None, taken={part["name"] for part in work.document["views"]})
    if request.method == "POST" and form.is_valid():
        with drafts.editing(work.app, editor_of(request), clock.now()) as document:
            shown = [part["name"] for part in document["fields"]]
            part = {"name": form.cleaned_data["name"], "label": form.cleaned_data["label"], "columns": shown}
            document["views"].append(blueprint.view_part(part))
        return redirect("configure-app-view", pk, form.cleaned_data["name"])
    above = [(_("Views"), reverse("configure-app-views", args=[pk]))]
    return show(request, "new_view", work, "configure-app-views", _("New view"), above, form=form)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int, kind: str, name: str) -> HttpResponse:
    """Takes a part out of the draft; says first what that means."""
    work = opened(pk)
    part = part_of(work, kind, name)
    tab = "configure-app" if kind == "fields" else f"configure-app-{kind}"
    if request.method == "POST":
        with drafts.editing(work.app, editor_of(request), clock.now()) as document:
            if kind == "fields":
                drafts.remove_field(document, part["name"])
            else:
                document[kind] = [one for one in document[kind] if one["name"] != part["name"]]
        messages.success(request, _("%s is removed from the draft.") % part["label"])
        return redirect(tab, pk)
    title = _("Remove %s") % part["label"]
    above = [(str(KIND_LABELS[kind]), reverse(tab, args=[pk]))]
    said = consequences(work, kind, part)
    return show(request, "part_remove", work, tab, title, above, part=part, said=said, back=reverse(tab, args=[pk]))


def consequences(work: Work, kind: str, part: drafts.Document) -> list[str]:
    """What publishing without the part would mean, in sentences."""
    name = part["name"]
    found = list(uses(work.document, name)) if kind == "fields" else []
    if not work.is_published(kind, name):
        return [*found, _("It was never published, so nobody uses it yet.")]
    return [*found, *lost(work.app, kind, name)]


def uses(document: drafts.Document, field: str) -> list[str]:
    """Which operations and views of the document use the field, and what becomes of them."""
    found = []
    setting = [one["label"] for one in document["operations"] if field in one["fields"]]
    if setting:
        found.append(_("These operations no longer set it: %s.") % ", ".join(setting))
    showing = [one["label"] for one in document["views"] if field in one["columns"]]
    if showing:
        found.append(_("These views no longer show it: %s.") % ", ".join(showing))
    sorting = [one["label"] for one in document["views"] if any(key.get("field") == field for key in one["sort"])]
    if sorting:
        found.append(_("These views are no longer sorted by it: %s.") % ", ".join(sorting))
    asking = [
        one["label"]
        for one in document["views"]
        if any(leaf.get("field") == field for leaf in drafts.leaves(one["filter"]))
    ]
    if asking:
        found.append(
            _("The filters of these views ask for it, and have to be changed before you can publish: %s.")
            % ", ".join(asking)
        )
    return found


def lost(app: App, kind: str, name: str) -> list[str]:
    """What removing a published part takes from records and roles."""
    if kind == "fields":
        count = Record.objects.filter(app=app, deleted=False, values__has_key=name).count()
        if not count:
            return [_("No record holds a value of it.")]
        holding = ngettext("%(count)s record holds a value of it.", "%(count)s records hold a value of it.", count)
        kept = _(
            "The values stay with the records and in their history, and are shown again "
            "when a field of this name is added again."
        )
        return [f"{holding % {'count': count}} {kept}"]
    part = getattr(app, kind).filter(name=name).first()
    roles = [role.name for role in part.roles.all()] if part else []
    found = []
    if roles:
        found.append(_("These roles lose it: %s.") % ", ".join(roles))
    found.append(
        _("Whoever runs it gets 404. What it has done stays in the history.")
        if kind == "operations"
        else _("Whoever polls it gets 404. The records that it shows stay.")
    )
    return found
