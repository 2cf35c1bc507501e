"""An import in pages: a file, what its columns mean, what its rows would become, and the start."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from flowfinity import cells, clock, imports, jobs, references, spreadsheets
from flowfinity.cells import Reading
from flowfinity.definitions import AppDefinition, OperationDefinition, Unknown
from flowfinity.fields import Date, DateTime, FieldError, Number, cut
from flowfinity.imports import Plan
from flowfinity.models import Job, JobRow
from flowfinity.query import Column
from flowfinity.requests import wants_part
from flowfinity.spreadsheets import Unreadable
from flowfinity.workspace import context
from flowfinity.workspace.context import Granted
from flowfinity.workspace.pages import PersonRequest, page

CHECKED_AT_ONCE = 500
GUESSED_FROM = 1_000
# A page that takes longer than a few seconds is no preview; the rest is checked when it is imported.
MOST_CHECKED = 20_000
SHOWN_ROWS = 6
SHOWN_FAULTS = 20
SHOWN_EXAMPLES = 3
LONGEST_EXAMPLE = 40
LONGEST_CELL = 80
RECENT = 5


class UploadForm(forms.Form):
    """A file, and what is to be done with its rows."""

    operation = forms.ChoiceField(label=gettext_lazy("What each row does"), widget=forms.RadioSelect)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV or Excel (.xlsx), with headings in its first row; up to 100,000 rows and 25 MB."),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
        error_messages={"required": gettext_lazy("Choose a file."), "empty": gettext_lazy("The file is empty.")},
    )

    def __init__(self, operations: Sequence[OperationDefinition], data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, label_suffix="")
        choices = [(one.name, told(one)) for one in operations]
        field = self.fields["operation"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        field.initial = choices[0][0]

    def clean_file(self) -> Any:
        """The file, if it is not too large to be read."""
        file = self.cleaned_data["file"]
        if file.size > spreadsheets.MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 25 MB. Split it into several."))
        return file


def told(operation: OperationDefinition) -> str:
    """What an operation does with a row, in words."""
    if operation.kind == "create":
        return _("%s: each row makes a new record") % operation.label
    return _("%s: each row changes the record that its RecordID names") % operation.label


def offered(granted: Granted) -> list[OperationDefinition]:
    """The operations that the person may import through; an update only of records that the person may see."""
    return [*granted.of_kind("create"), *(granted.of_kind("update") if granted.views else [])]


@require_http_methods(["GET", "HEAD", "POST"])
@page
def upload(request: PersonRequest, app: str) -> HttpResponse:
    """Where a file is handed over; its rows are kept, and nothing is done with them before they are started."""
    granted = context.of(request).app(app)
    operations = offered(granted)
    if not operations:
        raise Http404
    form = UploadForm(operations, request.POST, request.FILES) if request.method == "POST" else UploadForm(operations)
    if form.is_bound and form.is_valid():
        operation = granted.operation(form.cleaned_data["operation"])
        try:
            job = prepared(request, granted.app, operation, form.cleaned_data["file"])
        except Unreadable as error:
            form.add_error("file", str(error))
        else:
            return redirect("job", job.pk)
    recent = Job.objects.filter(app=granted.app.id, by=request.user, kind=Job.IMPORT).exclude(state=Job.PREPARED)
    return render(
        request,
        "flowfinity/workspace/import.html",
        {
            "app": {"name": granted.app.name, "label": granted.app.label, "url": granted.url},
            "form": form,
            "recent": recent.order_by("-pk")[:RECENT],
        },
    )


def prepared(request: PersonRequest, app: AppDefinition, operation: OperationDefinition, file: Any) -> Job:
    """A job with the file's rows, and a proposal of what they mean. Raises Unreadable."""
    table = spreadsheets.read(file)
    headings = list(table.headings)
    # Read to its end before anything is written: a file that breaks in the middle leaves nothing.
    rows = list(table.rows)
    if not rows:
        raise Unreadable(_("The file has headings and no rows."))
    plan = Plan(imports.proposed(headings, operation))
    sample = (dict(zip(headings, texts, strict=True)) for _number, texts in rows[:GUESSED_FROM])
    plan = imports.guessed(plan, operation, sample)
    if table.typed:
        plan = replace(plan, reading=Reading(plan.reading.dates))
    # One that was looked at and never started is of no more use.
    Job.objects.filter(app=app.id, by=request.user, state=Job.PREPARED).delete()
    return jobs.create(
        app.id,
        Job.IMPORT,
        cut(str(file.name), 200),
        request.user,
        ((number, dict(zip(headings, texts, strict=True)), None) for number, texts in rows),
        now=clock.now(),
        operation=operation.name,
        source={"file": file.name, "columns": headings, "typed": table.typed, **plan.document()},
        state=Job.PREPARED,
    )


def prepare(request: PersonRequest, job: Job) -> HttpResponse:
    """What the columns of a prepared job mean, and what would become of its rows; changes that, or starts the job."""
    granted = context.of(request).app(job.app.name)
    operation = granted.operation(job.operation)
    if operation not in offered(granted):
        raise Unknown(job.operation)
    if request.method == "POST":
        do = request.POST.get("do")
        if do == "discard":
            job.delete()
            messages.info(request, _("The file is forgotten; nothing of it was imported."))
            return redirect("app-import", granted.app.name)
        job.source = {**job.source, **sent_plan(request, job, operation).document()}
        job.save(update_fields=["source"])
        if do == "start" and not problems(Plan.load(job.source), operation):
            return start(request, job)
        if not wants_part(request):
            return redirect("job", job.pk)
    fragment = request.method == "POST"
    template = "flowfinity/workspace/import_preview.html" if fragment else "flowfinity/workspace/import_columns.html"
    return render(request, template, about(granted, operation, job))


def start(request: PersonRequest, job: Job) -> HttpResponse:
    """Starts the job at the pace that was chosen."""
    pace = jobs.SAFE_PACE if request.POST.get("pace") == str(jobs.SAFE_PACE) else 0
    if not jobs.start(job, clock.now(), pace=pace):
        messages.info(request, _("This import was started before."))
    return redirect("job", job.pk)


def sent_plan(request: HttpRequest, job: Job, operation: OperationDefinition) -> Plan:
    """The plan that a form says."""
    known = {column.name for column in imports.targets(operation)}
    mapping = {}
    for index, heading in enumerate(job.source["columns"]):
        name = request.POST.get(f"column-{index}", "")
        if name in known:
            mapping[heading] = name
    reading = Reading.load({"dates": request.POST.get("dates"), "decimal": request.POST.get("decimal")})
    return Plan(mapping, reading, request.POST.get("clear") == "1")


def problems(plan: Plan, operation: OperationDefinition) -> list[str]:
    """Why the plan cannot be carried out, in sentences."""
    labels = {column.name: column.label for column in imports.targets(operation)}
    names = list(plan.mapping.values())
    said = [
        _("“%s” is chosen for two columns: choose it for one.") % labels[name]
        for name in dict.fromkeys(names)
        if names.count(name) > 1 and name in labels
    ]
    said += [_("Choose the column that holds “%s”.") % column.label for column in imports.missing(plan, operation)]
    if not names:
        said.append(_("Choose at least one column."))
    return said


def about(granted: Granted, operation: OperationDefinition, job: Job) -> dict[str, Any]:
    """What the page of a prepared job shows."""
    plan = Plan.load(job.source)
    wrong = problems(plan, operation)
    found = Preview() if wrong else preview(granted.app, operation, job, plan)
    good = job.total - found.faulty
    advice = jobs.advice(granted.app.id, good, clock.now()) if good and not wrong else jobs.Advice()
    targets = imports.targets(operation)
    return {
        "app": {"name": granted.app.name, "label": granted.app.label, "url": granted.url},
        "job": job,
        "operation": operation,
        "columns": columns(job, plan, targets),
        "reading": plan.reading,
        "dated": any(isinstance(column.type, Date | DateTime) for column in targets),
        "numbered": not job.source.get("typed") and any(isinstance(column.type, Number) for column in targets),
        "updates": operation.kind == "update",
        "clear": plan.clear,
        "problems": wrong,
        "preview": found,
        "good": good,
        "advice": advice,
        "paced_words": paced_words(jobs.wait_of(good, jobs.SAFE_PACE)),
        "safe_pace": jobs.SAFE_PACE,
        "action": ngettext("Import %s row", "Import %s rows", good) % f"{good:,}",
    }


def paced_words(span: dt.timedelta) -> str:
    """What a pace means, in a sentence."""
    minutes = round(span.total_seconds() / 60)
    if minutes >= 2 * 24 * 60:
        days = round(minutes / (24 * 60))
        return (
            ngettext("It takes about %d day; no Zap is held.", "It takes about %d days; no Zap is held.", days) % days
        )
    if minutes >= 2 * 60:
        hours = round(minutes / 60)
        return (
            ngettext("It takes about %d hour; no Zap is held.", "It takes about %d hours; no Zap is held.", hours)
            % hours
        )
    return (
        ngettext("It takes about %d minute; no Zap is held.", "It takes about %d minutes; no Zap is held.", minutes)
        % minutes
    )


def columns(job: Job, plan: Plan, targets: Sequence[Column]) -> list[dict[str, Any]]:
    """The file's columns, each with examples from it and what it can be taken for."""
    rows = [row.values for row in JobRow.objects.filter(job=job).order_by("number")[:50]]
    return [
        {
            "index": index,
            "heading": heading,
            "examples": [
                cut(text, LONGEST_EXAMPLE)
                for text in islice(dict.fromkeys(row[heading] for row in rows if row.get(heading)), SHOWN_EXAMPLES)
            ],
            "choices": [
                {
                    "name": one.name,
                    "label": one.label,
                    "required": one.required or one.system,
                    "chosen": plan.mapping.get(heading) == one.name,
                }
                for one in targets
            ],
            "taken": heading in plan.mapping,
        }
        for index, heading in enumerate(job.source["columns"])
    ]


@dataclass(frozen=True)
class Preview:
    """What would become of a job's rows: the first of them, and all that cannot be imported."""

    headings: Sequence[str] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    faulty: int = 0
    # The first of them: number and sentence.
    faults: Sequence[tuple[int, str]] = ()
    # How many rows were looked at.
    checked: int = 0

    @property
    def more(self) -> int:
        """How many faulty rows are not shown."""
        return self.faulty - len(self.faults)


def preview(app: AppDefinition, operation: OperationDefinition, job: Job, plan: Plan) -> Preview:
    """Checks every row as far as MOST_CHECKED, and writes nothing."""
    faulty = checked = 0
    faults: list[tuple[int, str]] = []
    first = list(JobRow.objects.filter(job=job).order_by("number")[:SHOWN_ROWS])
    # Of the rows that are shown: what is wrong, by field.
    marked: dict[int, dict[str, str]] = {row.number: {} for row in first}
    for batch in batches(job):
        if checked >= MOST_CHECKED:
            break
        checked += len(batch)
        found = imports.checked(app, [plan.call(operation, row) for _number, row in batch])
        for (number, row), wrong in zip(batch, found, strict=True):
            faulty += bool(wrong)
            if number in marked:
                marked[number] = dict(plan.told(operation, row, wrong))
            if wrong and len(faults) < SHOWN_FAULTS:
                faults.append((number, imports.sentence(operation, plan.told(operation, row, wrong))))
    targets = {column.name: column for column in imports.targets(operation)}
    mapped = [(heading, targets[name]) for heading, name in plan.mapping.items() if name in targets]
    mapped.sort(key=lambda pair: job.source["columns"].index(pair[0]))
    rows = taken(first, mapped, plan, marked)
    return Preview([column.label for _heading, column in mapped], rows, faulty, faults, checked)


def batches(job: Job) -> Iterator[list[tuple[int, dict[str, str]]]]:
    """All rows of a job, some at a time."""
    last = 0
    while True:
        rows = JobRow.objects.filter(job=job, number__gt=last).order_by("number").values_list("number", "values")
        batch = list(rows[:CHECKED_AT_ONCE])
        if not batch:
            return
        yield batch
        last = batch[-1][0]


def taken(
    rows: Iterable[JobRow],
    mapped: Sequence[tuple[str, Column]],
    plan: Plan,
    marked: Mapping[int, Mapping[str, str]],
) -> list[dict[str, Any]]:
    """Rows as they would be read; what cannot be read as it stands in the file."""
    read = []
    for row in rows:
        values: dict[str, Any] = {}
        for heading, column in mapped:
            text = row.values.get(heading, "")
            with suppress(FieldError):
                values[column.name] = column.type.validate(cells.read(column, text, plan.reading), column.config)
        read.append((row, values, marked[row.number]))
    world = references.world([column for _, column in mapped], [values for _, values, _ in read], "")
    return [
        {
            "number": row.number,
            "cells": [
                {
                    "text": cut(
                        row.values.get(heading, "")
                        if column.name in wrong
                        else column.type.display(values[column.name], column.config, world),
                        LONGEST_CELL,
                    ),
                    "wrong": wrong.get(column.name, ""),
                    "numeric": column.type.numeric and not column.system,
                }
                for heading, column in mapped
            ],
        }
        for row, values, wrong in read
    ]
