"""Blueprints in and out: an app as a file, and a file merged into a draft after a look at what that changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from flowfinity import blueprint, clock, drafts
from flowfinity.blueprint import BlueprintError
from flowfinity.configure import blueprint_schema
from flowfinity.configure.editor import editor_of
from flowfinity.configure.pages import context
from flowfinity.models import App, Draft, Record, User, configuring

EMPTY: drafts.Document = {"fields": [], "operations": [], "views": []}


class BlueprintForm(forms.Form):
    document = forms.FileField(
        label=gettext_lazy("Blueprint"),
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
        error_messages={
            "required": gettext_lazy("Choose a file first."),
            "empty": gettext_lazy("This file is empty."),
        },
    )


@dataclass(frozen=True)
class Preview:
    """What a file would make of an app (None: a new one) or of its draft."""

    app: App | None
    draft: Draft | None
    before: drafts.Document
    after: drafts.Document
    records: int

    @property
    def changes(self) -> list[drafts.Change]:
        """What differs."""
        return drafts.changes(self.before, self.after)

    @property
    def summary(self) -> str:
        """The changes counted, and what is kept."""
        kept = ngettext("keeps %(count)s record", "keeps %(count)s records", self.records) % {"count": self.records}
        return ", ".join(filter(None, [drafts.summary(self.changes), kept if self.app else ""]))


def preview(document: Any) -> Preview:
    """What the document would change, merged into the draft of the app of its name, or else into what is published.

    Raises BlueprintError with every fault of the document.
    """
    app = blueprint.app_of(document)
    draft = Draft.objects.filter(app=app).select_related("by").first() if app else None
    base = drafts.document(app) if app else None
    if faults := blueprint.merge_faults(document, base, app.former if app else {}):
        raise BlueprintError(faults)
    after = blueprint.merged(base, document)
    records = Record.objects.filter(app=app, deleted=False).count() if app else 0
    return Preview(app, draft, base or {**EMPTY, "app": after["app"]}, after, records)


def begin(document: Any, by: User) -> App:
    """The app of the document's name with the document merged into its draft. Raises BlueprintError.

    An app that is new is there at once, with nothing in it until its draft is published.
    """
    found = preview(document)
    app = found.app
    if app is None:
        with configuring():
            app = blueprint.write(None, {**EMPTY, "app": found.after["app"]})
    with drafts.editing(app, by, clock.now()) as edited:
        base = None if found.app is None else dict(edited)
        edited.update(blueprint.merged(base, document))
    return app


@require_http_methods(["GET", "HEAD", "POST"])
def import_blueprint(request: HttpRequest) -> HttpResponse:
    """Takes a file, shows every fault of it or else what it would change, and puts it into a draft when told so."""
    form, faults, found, text = BlueprintForm(), [], None, request.POST.get("text", "")
    if request.method == "POST" and not text:
        form = BlueprintForm(request.POST, request.FILES)
        if form.is_valid():
            text = read(form)
    if text and not form.errors:
        try:
            document = json.loads(text)
            if "confirmed" in request.POST:
                app = begin(document, editor_of(request))
                messages.success(request, _("The file is in the draft of %s. Look at it, then publish it.") % app.label)
                return redirect("configure-app-publish", app.pk)
            found = preview(document)
        except (ValueError, RecursionError) as error:
            form = form if form.is_bound else BlueprintForm({})
            form.add_error("document", _("This file is not JSON: %s") % error)
        except BlueprintError as error:
            faults = error.faults
    page = context(
        request,
        _("Import a blueprint"),
        (_("Apps"), reverse("configure-apps")),
        form=form,
        faults=faults,
        found=found,
        text=text,
    )
    return render(request, "flowfinity/configure/import.html", page)


def read(form: BlueprintForm) -> str:
    """The uploaded file's text; "" after noting that it is none."""
    try:
        return str(form.cleaned_data["document"].read().decode("utf-8-sig"))
    except UnicodeDecodeError:
        form.add_error("document", _("This file is no text, so it is no blueprint."))
        return ""


@require_safe
def export_blueprint(request: HttpRequest, pk: int) -> HttpResponse:
    """The app, as it is published, as a file that `import_blueprint` takes back; its draft with `?draft`."""
    app = get_object_or_404(App, pk=pk)
    found = drafts.document(app) if "draft" in request.GET else blueprint.export_app(app)
    return HttpResponse(
        json.dumps(found, ensure_ascii=False, indent=2) + "\n",
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{app.name}.json"'},
    )


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """JSON Schema of a blueprint."""
    return JsonResponse(blueprint_schema.schema(), json_dumps_params={"indent": 2})
