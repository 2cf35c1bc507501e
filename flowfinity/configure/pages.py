"""Our own pages of Configure: what they share, and blueprints in and out."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from flowfinity import blueprint
from flowfinity.models import App


def context(request: HttpRequest, title: str, *above: tuple[str, str], **more: Any) -> dict[str, Any]:
    """What a page of Configure shows around itself. `above` are (label, URL) of the pages that it stands under."""
    crumbs = [{"label": label, "url": url} for label, url in above]
    return {
        **admin.site.each_context(request),
        "title": title,
        "breadcrumbs": [*crumbs, {"label": title, "url": ""}],
        **more,
    }


class BlueprintForm(forms.Form):
    document = forms.FileField(
        label="Blueprint",
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
        error_messages={"required": "Choose a file first.", "empty": "This file is empty."},
    )


def import_blueprint(request: HttpRequest) -> HttpResponse:
    """The page that takes a blueprint and, when it cannot be imported, shows every fault of it with its place."""
    form = BlueprintForm(request.POST or None, request.FILES or None)
    faults: list[tuple[str, str]] = []
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["document"]
        try:
            app = blueprint.import_app(json.loads(upload.read()))
        except ValueError as error:
            form.add_error("document", f"{upload.name} is not JSON: {error}")
        except blueprint.BlueprintError as error:
            faults = error.faults
        else:
            messages.success(request, f"{app.label} is imported: {contents(app)}.")
            return redirect("admin:flowfinity_app_change", app.pk)
    above = ("Apps", reverse("admin:flowfinity_app_changelist"))
    page = context(request, "Import a blueprint", above, form=form, faults=faults)
    return render(request, "flowfinity/configure/import.html", page)


def contents(app: App) -> str:
    """What the app consists of: "14 fields, 3 operations, 4 views"."""
    counts = {"field": app.fields.count(), "operation": app.operations.count(), "view": app.views.count()}
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items())


@require_safe
def export_blueprint(request: HttpRequest, pk: int) -> HttpResponse:
    """The app as a file that `import_blueprint` takes back."""
    app = get_object_or_404(App, pk=pk)
    document = json.dumps(blueprint.export_app(app), ensure_ascii=False, indent=2) + "\n"
    return HttpResponse(
        document,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{app.name}.json"'},
    )
