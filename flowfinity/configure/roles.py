"""Who may use what of an app: its roles against its views, its operations and the submissions feed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from flowfinity.configure.editor import opened, show
from flowfinity.models import App, Role, User, configuring

GRANT = re.compile(r"(views|operations|feeds):(\d{1,18}):(\d{1,18})")


class Grant(NamedTuple):
    """That a role (by key) may use a view, an operation or an app's feed (`kind` as Role names it, and the key)."""

    kind: str
    part: int
    role: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.part}:{self.role}"


class Cell(NamedTuple):
    """A box of a grid: what it grants, whether it does now, and both in words."""

    grant: Grant
    given: bool
    words: str


class Row(NamedTuple):
    """A role in a grid, with a cell for each of the grid's columns."""

    role: Any
    cells: list[Cell]


@dataclass(frozen=True)
class Grid:
    """Roles against parts of the app. `columns` are the parts' labels."""

    name: str
    title: str
    columns: list[str]
    rows: list[Row]


Parts = Mapping[tuple[str, int], str]


def parts_of(app: App) -> Parts:
    """What a role can be granted of the app: labels by kind and key, in the grids' order."""
    return {
        **{("views", view.pk): view.label for view in app.views.all()},
        ("feeds", app.pk): _("Submissions feed"),
        **{("operations", operation.pk): operation.label for operation in app.operations.all()},
    }


def granted(app: App) -> set[Grant]:
    """What is granted of the app now."""
    rows = {
        "views": Role.objects.filter(views__app=app).values_list("views", "pk"),
        "operations": Role.objects.filter(operations__app=app).values_list("operations", "pk"),
        "feeds": Role.objects.filter(feeds=app).values_list("feeds", "pk"),
    }
    return {Grant(kind, part, role) for kind, pairs in rows.items() for part, role in pairs}


def grids(app: App) -> list[Grid]:
    """The app's two grids: views with the feed, and operations; a kind of which there is nothing has none."""
    parts, given = parts_of(app), granted(app)
    every = list(Role.objects.annotate(size=Count("members")).order_by("name"))

    def grid(title: str, *kinds: str) -> Grid:
        shown = {key: label for key, label in parts.items() if key[0] in kinds}
        return Grid(
            kinds[0],
            title,
            list(shown.values()),
            [Row(role, [cell(Grant(*key, role.pk), role, label) for key, label in shown.items()]) for role in every],
        )

    def cell(grant: Grant, role: Role, label: str) -> Cell:
        return Cell(
            grant,
            grant in given,
            (
                (_("%(role)s may run %(part)s") if grant.kind == "operations" else _("%(role)s may see %(part)s"))
                % {"role": role.name, "part": label}
            ),
        )

    return [one for one in (grid(_("Views"), "views", "feeds"), grid(_("Operations"), "operations")) if one.columns]


def read(values: Iterable[str]) -> set[Grant]:
    """The grants that a form names."""
    found = (GRANT.fullmatch(value) for value in values)
    return {Grant(match[1], int(match[2]), int(match[3])) for match in found if match}


def change(app: App, before: set[Grant], after: set[Grant], by: User) -> Iterator[str]:
    """Gives and takes what differs between what the page showed and what it is told; says it, a sentence a role.

    What somebody else has changed meanwhile stays, and what is gone is passed over.
    """
    parts, roles = parts_of(app), Role.objects.in_bulk()
    said: dict[int, dict[bool, list[str]]] = {}
    for key, label in parts.items():
        for role in roles.values():
            grant = Grant(*key, role.pk)
            if (grant in before) is (grant in after):
                continue
            given = grant in after
            manager = getattr(role, grant.kind)
            (manager.add if given else manager.remove)(grant.part)
            said.setdefault(role.pk, {True: [], False: []})[given].append(label)
    for pk, labels in said.items():
        words = {True: _("may now use %s"), False: _("may no longer use %s")}
        sentence = _(", and ").join(
            words[given] % get_text_list(labels[given], _("and")) for given in (True, False) if labels[given]
        )
        # A role's own history tells of every app.
        LogEntry.objects.log_actions(by.pk, [roles[pk]], CHANGE, f"{app.label}: {sentence}.", single_object=True)
        yield f"{roles[pk]} {sentence}."


@require_http_methods(["GET", "HEAD", "POST"])
def roles(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of an app's grids."""
    work = opened(pk)
    app = work.app
    if request.method == "POST":
        with configuring():
            assert isinstance(request.user, User)
            before, after = read(request.POST.getlist("before")), read(request.POST.getlist("grant"))
            said = list(change(app, before, after, request.user))
        for sentence in said or [_("Nothing was changed.")]:
            messages.success(request, sentence)
        return redirect("configure-roles", pk)
    return show(request, "roles", work, "configure-roles", grids=grids(app) if Role.objects.exists() else [])
