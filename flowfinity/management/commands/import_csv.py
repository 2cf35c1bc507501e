"""`manage.py import_csv FILE`: a job that imports a CSV or Excel file through an operation."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from flowfinity import cells, clock, definitions, imports, jobs, spreadsheets
from flowfinity.cells import Reading
from flowfinity.definitions import AppDefinition, OperationDefinition, Unknown
from flowfinity.imports import RECORD_ID, Plan
from flowfinity.models import Job, User
from flowfinity.spreadsheets import Unreadable

CHECKED_AT_ONCE = 500
SHOWN_FAULTS = 5
SECONDS_BETWEEN_LINES = 5
# Exit codes: what was asked cannot be done; some rows were not imported; the job does not go on by itself.
REFUSED, FAULTY, HALTED = 2, 1, 3


class Command(BaseCommand):
    help = "Imports a CSV or Excel file through an operation, as a job in the background, each row once."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to import, through what, in whose name, and how fast."""
        parser.add_argument("file", type=Path, metavar="FILE", help="A .csv or .xlsx file with headings.")
        parser.add_argument("--app", required=True, metavar="NAME")
        parser.add_argument("--operation", required=True, metavar="NAME", help="A create or an update operation.")
        parser.add_argument("--as", required=True, dest="user", metavar="USER", help="In whose name it is submitted.")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help="Which field a column sets; “COLUMN=” leaves it out. Others go to the field of their name or label.",
        )
        parser.add_argument(
            "--dates", choices=cells.ORDERS, help="The order of day, month and year; guessed from the file by default."
        )
        parser.add_argument("--decimal", choices=cells.DECIMALS, help="The decimal sign; guessed by default.")
        parser.add_argument(
            "--clear", action="store_true", help="In an update, an empty cell makes its field blank (else: unchanged)."
        )
        parser.add_argument(
            "--pace",
            type=int,
            choices=(jobs.SAFE_PACE, 0),
            help=f"{jobs.SAFE_PACE}: that many rows in 15 minutes, which no Zap holds; 0: as fast as it goes.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Check every row, and write nothing.")
        parser.add_argument("--wait", action="store_true", help="Do it here, and come back when it is done.")
        parser.add_argument(
            "--errors", type=Path, metavar="FILE", help="Where faulty rows go; by default FILE.errors.csv."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Says beforehand what it will do. Raises CommandError with an exit code of its own; see docs."""
        user, app, operation = self.who_and_what(options)
        errors: Path = options["errors"] or options["file"].with_name(f"{options['file'].name}.errors.csv")
        try:
            with options["file"].open("rb") as file:
                table = spreadsheets.read(file)
                rows = [(number, dict(zip(table.headings, texts, strict=True))) for number, texts in table.rows]
        except OSError as error:
            raise refusal(f"{options['file']} cannot be read: {error.strerror}.") from None
        except Unreadable as error:
            raise refusal(f"{options['file']}: {error}") from None
        if not rows:
            raise refusal(f"{options['file']} has headings and no rows.")
        plan = self.planned(options, operation, table, [row for _, row in rows])
        self.say_plan(table, plan, operation)
        self.stdout.write(f"{len(rows):,} rows.")
        pace = self.chosen_pace(options, app, len(rows))
        if options["dry_run"]:
            self.dry_run(app, operation, plan, table, rows, errors)
            return
        job = jobs.create(
            app.id,
            Job.IMPORT,
            options["file"].name,
            user,
            ((number, row, None) for number, row in rows),
            now=clock.now(),
            operation=operation.name,
            pace=pace,
            source={"file": options["file"].name, "columns": list(table.headings), **plan.document()},
        )
        if not options["wait"]:
            self.stdout.write(f"Job {job.pk} is started, and goes on by itself while the site runs.")
            return
        self.finish(job, operation, errors)

    def who_and_what(self, options: dict[str, Any]) -> tuple[User, AppDefinition, OperationDefinition]:
        """The account, the app and the operation. Raises CommandError for what is not there or not allowed."""
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise refusal(f"There is no active account {options['user']}.")
        try:
            app = definitions.of(options["app"])
        except Unknown:
            there = ", ".join(one.name for one in definitions.every()) or "none yet"
            raise refusal(f"There is no app {options['app']}; there are: {there}.") from None
        usable = [one for one in app.operations if one.kind != "delete"]
        try:
            operation: OperationDefinition = definitions.one(usable, options["operation"])
        except Unknown:
            there = ", ".join(one.name for one in usable) or "none"
            raise refusal(
                f"{app.name} has no create or update operation {options['operation']}; it has: {there}."
            ) from None
        if not jobs.may_run(user, operation):
            raise refusal(f"None of the roles of {user.username} grants the operation {operation.name}.")
        return user, app, operation

    def planned(
        self,
        options: dict[str, Any],
        operation: OperationDefinition,
        table: spreadsheets.Table,
        rows: list[dict[str, str]],
    ) -> Plan:
        """What the columns mean: as `--map` says, else by their headings. Raises CommandError."""
        mapping = imports.proposed(table.headings, operation)
        fields = {column.name.lower(): column.name for column in imports.targets(operation)}
        for asked in options["map"]:
            heading, sign, name = asked.rpartition("=")
            if not sign or heading not in table.headings:
                raise refusal(
                    f"--map “{asked}”: there is no column “{heading or name}”; there are: {', '.join(table.headings)}."
                )
            if name and name.lower() not in fields:
                raise refusal(f"--map “{asked}”: {operation.name} sets {', '.join(fields.values())}; not {name}.")
            mapping = {one: field for one, field in mapping.items() if one != heading}
            if name:
                field = fields[name.lower()]
                mapping = {one: other for one, other in mapping.items() if other != field} | {heading: field}
        plan = imports.guessed(Plan(mapping, Reading(), options["clear"]), operation, rows)
        reading = Reading(
            options["dates"] or plan.reading.dates,
            options["decimal"] or ("." if table.typed else plan.reading.decimal),
        )
        plan = Plan(mapping, reading, options["clear"])
        if absent := imports.missing(plan, operation):
            names = ", ".join(column.name for column in absent)
            raise refusal(f"No column is for {names}. Name it with --map “Column={absent[0].name}”.")
        return plan

    def say_plan(self, table: spreadsheets.Table, plan: Plan, operation: OperationDefinition) -> None:
        """Which column goes where."""
        for heading in table.headings:
            self.stdout.write(f"  {heading} → {plan.mapping.get(heading, '(left out)')}")
        kinds = {column.name: column.type.name for column in imports.targets(operation)}
        mapped = {kinds.get(name, "") for name in plan.mapping.values() if name != RECORD_ID}
        if mapped & {"date", "datetime"}:
            order = {"iso": "2020-12-31", "dmy": "31/12/2020", "mdy": "12/31/2020"}[plan.reading.dates]
            self.stdout.write(f"Dates are read as {order}.")
        if mapped & {"number", "currency"}:
            self.stdout.write(f"Numbers are read as {'1,234.5' if plan.reading.decimal == '.' else '1.234,5'}.")

    def chosen_pace(self, options: dict[str, Any], app: AppDefinition, count: int) -> int:
        """The pace that was asked for. Raises CommandError where Zapier would hold the rows and nothing was chosen."""
        advice = jobs.advice(app.id, count, clock.now())
        pace: int | None = options["pace"]
        if not advice.holds:
            return pace or 0
        long = in_words(jobs.wait_of(count, jobs.SAFE_PACE))
        self.stdout.write(
            "Zapier polls this app, and holds a Zap when 100 or more new ids come in one poll: "
            f"{'; '.join(advice.listeners)}."
        )
        if pace is None and not options["dry_run"]:
            raise refusal(
                f"Choose --pace {jobs.SAFE_PACE}, which takes {long} and which no Zap holds, or --pace 0 for all at "
                "once: held runs then wait in Zapier until somebody lets them go."
            )
        if pace:
            self.stdout.write(f"At {pace} rows in 15 minutes it takes {long}.")
        return pace or 0

    def dry_run(
        self,
        app: AppDefinition,
        operation: OperationDefinition,
        plan: Plan,
        table: spreadsheets.Table,
        rows: list[tuple[int, dict[str, str]]],
        errors: Path,
    ) -> None:
        """Says what is wrong with which row. Raises CommandError when anything is."""
        faulty = []
        waiting = iter(rows)
        while batch := list(islice(waiting, CHECKED_AT_ONCE)):
            found = imports.checked(app, [plan.call(operation, row) for _, row in batch])
            for (number, row), faults in zip(batch, found, strict=True):
                if faults:
                    words = imports.sentence(operation, plan.told(operation, row, faults))
                    faulty.append((number, row, words))
        if not faulty:
            self.stdout.write("All rows can be imported. Nothing is written (--dry-run).")
            return
        for number, _, words in faulty[:SHOWN_FAULTS]:
            self.stderr.write(f"Row {number:,}: {words}")
        write_errors(errors, table.headings, ((row, words) for _, row, words in faulty))
        raise CommandError(
            f"{len(faulty):,} of {len(rows):,} rows cannot be imported; they are in {errors}. "
            "Nothing is written (--dry-run).",
            returncode=FAULTY,
        )

    def finish(self, job: Job, operation: OperationDefinition, errors: Path) -> None:
        """Does the job here, beside whoever else does it, until it is over. Raises CommandError for a bad end."""
        said = 0.0
        self.stdout.write(f"Job {job.pk}: Ctrl-C ends this command, and leaves the job to the site.")
        while job.state == Job.RUNNING:
            if not jobs.work(job.pk):
                time.sleep(0.2)
            job.refresh_from_db()
            if time.monotonic() - said > SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                now = jobs.progress(job, clock.now())
                self.stdout.write(f"  {now.over:,} of {now.total:,} rows ({now.percent}%)")
                sys.stdout.flush()
        end = jobs.progress(job, clock.now())
        self.stdout.write(
            f"{end.done:,} done, {end.unchanged:,} unchanged, {end.failed:,} failed, {end.waiting:,} left."
        )
        if end.failed:
            failed = list(jobs.failed_rows(job))
            for row in failed[:SHOWN_FAULTS]:
                self.stderr.write(f"Row {row.number:,}: {imports.sentence(operation, row.faults)}")
            lines = ((row.values, imports.sentence(operation, row.faults)) for row in failed)
            write_errors(errors, job.source["columns"], lines)
        if job.state != Job.DONE:
            raise CommandError(
                f"The job is {job.get_state_display().lower()}. {jobs.reason_of(job)}".strip(), returncode=HALTED
            )
        if end.failed:
            raise CommandError(
                f"{end.failed:,} of {end.total:,} rows were not imported; they are in {errors}.", returncode=FAULTY
            )


def refusal(sentence: str) -> CommandError:
    """What cannot be done as it was asked."""
    return CommandError(sentence, returncode=REFUSED)


def write_errors(path: Path, headings: Iterable[str], lines: Iterable[tuple[dict[str, str], str]]) -> None:
    """A CSV file of the faulty rows as they were, with what is wrong with each."""
    path.write_bytes(b"".join(spreadsheets.errors(list(headings), lines)))


def in_words(span: dt.timedelta) -> str:
    """About how long, in one unit."""
    minutes = round(span.total_seconds() / 60)
    for size, unit in ((1440, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f"about {minutes / size:.0f} {unit}"
    return f"about {minutes} minutes" if minutes else "no time"
