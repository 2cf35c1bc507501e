"""A job's page: how far it is, what failed, and the buttons that pause, resume and stop it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from flowfinity import clock, definitions, imports, jobs, spreadsheets
from flowfinity.definitions import Unknown
from flowfinity.models import Job, JobRow
from flowfinity.requests import wants_part
from flowfinity.workspace import context
from flowfinity.workspace.imports import prepare
from flowfinity.workspace.pages import PersonRequest, page

MOST_LISTED = 100
SHOWN_FAULTS = 20
DONE = {"pause": jobs.pause, "resume": jobs.resume, "stop": jobs.stop}


def reachable(request: PersonRequest, key: int) -> Job:
    """The job, for who started it and for admins; else a 404."""
    job = get_object_or_404(Job.objects.select_related("app", "by"), pk=key)
    if job.by_id != request.user.pk and not request.user.is_staff:
        raise Http404
    return job


@require_safe
@page
def listed(request: PersonRequest) -> HttpResponse:
    """One's own jobs, newest first; for an admin everybody's."""
    rows = Job.objects.select_related("app", "by").exclude(state=Job.PREPARED)
    if not request.user.is_staff:
        rows = rows.filter(by=request.user)
    granted = [one for one in context.of(request).granted if one.of_kind("create") or one.of_kind("update")]
    now = clock.now()
    return render(
        request,
        "flowfinity/workspace/job_list.html",
        {
            "jobs": [{"job": one, "progress": jobs.progress(one, now)} for one in rows.order_by("-pk")[:MOST_LISTED]],
            "apps": [{"name": one.app.name, "label": one.app.label} for one in granted],
            "everybody": request.user.is_staff,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def job(request: PersonRequest, job: int) -> HttpResponse:
    """One job; of one that is not started yet, what it would do. For htmx, how far it is."""
    found = reachable(request, job)
    if found.state == Job.PREPARED:
        if found.by_id != request.user.pk:
            raise Http404
        return prepare(request, found)
    if request.method == "POST":
        do = DONE.get(request.POST.get("do", ""))
        if do is not None:
            do(found, clock.now())
        return redirect("job", found.pk)
    fragment = wants_part(request)
    template = "flowfinity/workspace/job_progress.html" if fragment else "flowfinity/workspace/job.html"
    response = render(request, template, about(request, found))
    if fragment and found.state != Job.RUNNING:
        # Its buttons and its end are more than the part that is asked for.
        response["HX-Refresh"] = "true"
    response["Cache-Control"] = "no-store"
    return response


def about(request: HttpRequest, job: Job) -> dict[str, Any]:
    """What a job's page shows."""
    now = clock.now()
    failed = jobs.failed_rows(job)[: SHOWN_FAULTS + 1]
    app = definitions.of(job.app_id)
    operation = None
    with suppress(Unknown):
        operation = app.operation(job.operation) if job.operation else None
    usable = {one.app.id: one for one in context.of(request).granted}
    granted = usable.get(job.app_id)
    return {
        "job": job,
        "app": {"label": app.label, "name": app.name, "url": granted.url if granted else ""},
        "operation": operation.label if operation else job.operation,
        "progress": jobs.progress(job, now),
        "reason": jobs.reason_of(job),
        "kept_until": jobs.kept_until(job),
        "faults": [(row.number, sentence(row, operation)) for row in failed[:SHOWN_FAULTS]],
        "more": len(failed) > SHOWN_FAULTS,
        "imports": job.kind == Job.IMPORT,
    }


def sentence(row: JobRow, operation: definitions.OperationDefinition | None) -> str:
    """What is wrong with a row."""
    if operation is None:
        return " ".join(words for _field, words in row.faults)
    return imports.sentence(operation, row.faults)


@require_safe
@page
def errors(request: PersonRequest, job: int) -> HttpResponseBase:
    """The rows that failed, as they came, each with why: to correct, and to import again."""
    found = reachable(request, job)
    try:
        operation = definitions.of(found.app_id).operation(found.operation)
    except Unknown:
        operation = None
    lines = ((row.values, sentence(row, operation)) for row in jobs.failed_rows(found).iterator(500))
    response = StreamingHttpResponse(
        spreadsheets.errors(found.source.get("columns", []), lines), content_type="text/csv; charset=utf-8"
    )
    name = _("%s, rows that failed") % found.title.rpartition(".")[0] if "." in found.title else found.heading
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.csv") or "attachment"
    response["Cache-Control"] = "private, no-store"
    return response
