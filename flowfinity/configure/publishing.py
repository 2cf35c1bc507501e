"""The page where a draft is published: what changes, whom that touches, what is still wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from flowfinity import blueprint, clock, drafts
from flowfinity.blueprint import BlueprintError
from flowfinity.configure.editor import KIND_LABELS, Work, editor_of, lost, opened, show, uses
from flowfinity.configure.panels import panels
from flowfinity.models import App

MOST_PUBLISHED = 10
PAGES = {
    "fields": "configure-field",
    "operations": "configure-operation",
    "views": "configure-app-view",
}


@dataclass(frozen=True)
class Fault:
    """What keeps a draft from being published, and the page where it is mended."""

    path: str
    sentence: str
    where: str
    url: str


def faults(work: Work) -> list[Fault]:
    """Every fault of the draft."""
    return [located(work, path, sentence) for path, sentence in blueprint.replacement_faults(work.app, work.document)]


def located(work: Work, path: str, sentence: str) -> Fault:
    """The fault with the part that it is about."""
    match = re.match(r"(fields|operations|views)\[(\d+)\](.*)", path)
    if match is None or int(match[2]) >= len(work.document[match[1]]):
        return Fault(
            path,
            capfirst(sentence),
            work.document["app"]["label"],
            reverse("configure-app-settings", args=[work.app.pk]),
        )
    part = work.document[match[1]][int(match[2])]
    url = reverse(PAGES[match[1]], args=[work.app.pk, part["name"]])
    return Fault(path, capfirst(sentence), part["label"], url)


@dataclass(frozen=True)
class Group:
    """The changes of one kind of part."""

    label: str
    changes: list[Line]


@dataclass(frozen=True)
class Line:
    """A change with what follows from it, and the page of the part that is changed."""

    change: drafts.Change
    consequences: list[str]
    url: str


def grouped(work: Work) -> Iterator[Group]:
    """The draft's changes by kind, each with its consequences."""
    labels = {"app": _("The app itself"), **{kind: str(label) for kind, label in KIND_LABELS.items()}}
    for kind, label in labels.items():
        lines = [line(work, change) for change in work.edits if change.kind == kind]
        if lines:
            yield Group(label, lines)


def line(work: Work, change: drafts.Change) -> Line:
    """The change with its consequences."""
    followed = list(follows(work, change))
    if change.verb == "removes":
        return Line(change, [*followed, *lost(work.app, change.kind, change.name)], "")
    known = change.kind in PAGES and change.name
    return Line(change, followed, reverse(PAGES[change.kind], args=[work.app.pk, change.name]) if known else "")


def follows(work: Work, change: drafts.Change) -> Iterator[str]:
    """What a field that comes or goes does to the operations and views that are there before and after."""
    touched = {(one.kind, one.name) for one in work.changes if one.cause and one.cause == change.name}
    document = work.published if change.verb == "removes" else work.document
    operations = [one for one in document["operations"] if ("operations", one["name"]) in touched]
    # What a filter asks for is told where it is a fault.
    views = [{**one, "filter": None} for one in document["views"] if ("views", one["name"]) in touched]
    if change.kind == "fields" and change.verb == "removes":
        yield from uses({"operations": operations, "views": views}, change.name)
    elif change.kind == "fields" and change.verb == "adds":
        if operations:
            yield _("Set by %s.") % ", ".join(one["label"] for one in operations)
        if views:
            yield _("Shown in %s.") % ", ".join(one["label"] for one in views)


@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows what publishing would change, and does it; or throws the draft away."""
    work = opened(pk)
    if request.method == "POST":
        return act(request, work)
    draft = work.draft
    return show(
        request,
        "publish",
        work,
        "configure-app-publish",
        groups=list(grouped(work)),
        faults=faults(work) if draft else [],
        undone=drafts.changes(draft.origin, work.published) if draft else [],
        seen=drafts.digest(work.published, work.document),
        panels=panels(
            "publish", request, app=work.app, published=work.published, document=work.document, changes=work.changes
        )
        if draft
        else [],
        publications=publications(work.app),
        empty=drafts.is_empty(work.app),
    )


def act(request: HttpRequest, work: Work) -> HttpResponse:
    """Publishes or discards the draft, as the form says."""
    if request.POST.get("do") == "discard":
        if drafts.discard(work.app):
            told = _("The draft is discarded. %s is gone as well: nothing of it was ever published.")
            messages.success(request, told % work.app)
            return redirect("configure-apps")
        messages.success(request, _("The draft is discarded. What is published has not changed."))
        return redirect("configure-app", work.app.pk)
    try:
        drafts.publish(work.app, editor_of(request), clock.now(), request.POST.get("seen", ""))
    except drafts.Unseen:
        messages.warning(request, _("Nothing is published yet: this has changed while you were looking. Look again."))
    except BlueprintError:
        messages.error(request, _("Nothing is published yet: something is still to be put right."))
    else:
        messages.success(
            request, _("%s is published. It counts from the next request on.") % work.document["app"]["label"]
        )
    return redirect("configure-app-publish", work.app.pk)


def publications(app: App) -> list[dict[str, Any]]:
    """What was published here lately, newest first."""
    rows = drafts.published_before(app).select_related("user")
    return [
        {"by": row.user, "on": row.action_time, "sentences": row.change_message.splitlines()}
        for row in rows[:MOST_PUBLISHED]
    ]
