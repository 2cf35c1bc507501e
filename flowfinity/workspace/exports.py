"""A view as a file: what its page shows, with what the person asked of it, all of it and in its order."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from flowfinity import cells, clock, spreadsheets
from flowfinity.definitions import ViewDefinition
from flowfinity.imports import RECORD_ID
from flowfinity.models import Record
from flowfinity.query import SYSTEM_COLUMNS, Column, Query
from flowfinity.workspace import context, tables
from flowfinity.workspace.pages import PersonRequest, page

READ_AT_ONCE = 500
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
@page
def export(request: PersonRequest, app: str, view: str, format: str) -> HttpResponseBase:
    """The view's records as CSV, streamed, or as an Excel file. `?bom=0` leaves out the mark that Excel looks for."""
    granted = context.of(request).app(app)
    chosen = granted.view(view)
    query = tables.asked(request, chosen).query
    here = f"{granted.view_url(chosen)}?{request.GET.urlencode()}"
    if query is None:
        # The view's page says what is wrong with what was asked.
        return redirect(here)
    columns = columns_of(chosen)
    headings = spreadsheets.told_apart([column.label for column in columns])
    name = f"{chosen.label} {timezone.localtime(clock.now()):%Y-%m-%d}.{format}"
    response: HttpResponse | StreamingHttpResponse | FileResponse
    keys = found(query)
    if format == "csv":
        rows = ([cells.write(column, row.get(column.name)) for column in columns] for row in read(keys, columns))
        lines = spreadsheets.write_csv(headings, rows, mark=request.GET.get("bom") != "0")
        response = StreamingHttpResponse(gathered(lines), content_type="text/csv; charset=utf-8")
    elif format == "xlsx":
        if len(keys) >= spreadsheets.EXCEL_ROWS:
            messages.warning(request, _("An Excel file holds no more than 1,048,576 rows. Export this view as CSV."))
            return redirect(here)
        values = (
            [spreadsheets.excel_value(column, row.get(column.name)) for column in columns]
            for row in read(keys, columns)
        )
        file = tempfile.TemporaryFile()  # noqa: SIM115 (the response closes it)
        spreadsheets.write_excel(file, columns, headings, values, chosen.label)
        file.seek(0)
        response = FileResponse(file, content_type=EXCEL)
    else:
        raise Http404
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Cache-Control"] = "private, no-store"
    return response


def columns_of(view: ViewDefinition) -> list[Column]:
    """The view's columns, behind the RecordID by which an import finds a record again."""
    own = [column for column in view.columns if column.name != RECORD_ID]
    return [SYSTEM_COLUMNS[RECORD_ID], *own]


def found(query: Query) -> array[int]:
    """The keys of all records that answer, in order: eight bytes each, so that a million is no matter."""
    return array("q", query.apply(Record.objects.all()).values_list("pk", flat=True).iterator(READ_AT_ONCE))


def read(keys: Sequence[int], columns: Sequence[Column]) -> Iterator[Mapping[str, Any]]:
    """The values of these records by column name, a few at a time; without those that are deleted meanwhile."""
    system = [column.name for column in columns if column.system]
    paths = [Record.PATHS[name] for name in system]
    for start in range(0, len(keys), READ_AT_ONCE):
        batch = list(keys[start : start + READ_AT_ONCE])
        rows = Record.objects.filter(pk__in=batch, deleted=False).values_list("pk", "values", *paths)
        by_key = {pk: {**values, **dict(zip(system, rest, strict=True))} for pk, values, *rest in rows}
        yield from (by_key[key] for key in batch if key in by_key)


def gathered(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines in chunks worth sending."""
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) > 64 * 1024:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)
