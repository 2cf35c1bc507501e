"""Jobs: many submissions made in the background, an import or a catch-up, in order, and never one of them twice.

A job is a list of rows, and each row is one `submit` under a transaction id of its own. So a worker that is killed
anywhere loses nothing and repeats nothing: whoever takes the job up sends the row again, and is answered with the
submission that it has already made. A job is worked on by one worker at a time, claimed by a conditional UPDATE with a
lease. A paced job waits as a row in the table, not as a message to a broker.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext, gettext_noop

from flowfinity import clock, definitions
from flowfinity.definitions import OperationDefinition, Unknown
from flowfinity.imports import Plan
from flowfinity.models import Job, JobRow, Operation, Submission, User
from flowfinity.submissions import Call, Conflict, Invalid, Key, Refused, submit

log = logging.getLogger(__name__)
# It is renewed about twice a second; a submission that waits for the database takes as long as this at most.
LEASE = dt.timedelta(seconds=30)
# How long one job may keep a worker before others have their turn.
TURN_SECONDS = 5
# How soon a pause or a stop is seen.
LOOK_SECONDS = 0.5
READ_AT_ONCE = 50
WRITTEN_AT_ONCE = 1_000
# What `pace` counts in: the slowest interval at which Zapier polls.
SPAN = dt.timedelta(minutes=15)
# A poll with 100 or more ids that Zapier has not seen holds them all; 80 leaves room for a poll that comes late.
SAFE_PACE = 80
# In how many parts a pace is spread over its span.
PORTIONS = 16

NOT_ACTIVE = gettext_noop("The account of who started it is not active any more.")
NO_OPERATION = gettext_noop("Its operation is not there any more.")
NOT_ALLOWED = gettext_noop("Who started it may not run the operation any more.")
NOT_ADMIN = gettext_noop("Who started it is no admin any more.")


def create(
    app: int,
    kind: str,
    title: str,
    by: User,
    rows: Iterable[tuple[int, Mapping[str, Any], int | None]],
    *,
    now: dt.datetime,
    operation: str = "",
    pace: int = 0,
    source: Mapping[str, Any] | None = None,
    state: str = Job.RUNNING,
) -> Job:
    """A new job, which a worker takes up at once. `rows` are (number, values, key of the record or None).

    Without an operation each row sends its record again as it is then, of kind `resent`. With one, values are the
    texts of a file's cells by their headings, and `source` says what they mean (`Plan`). `pace` is the most rows in any
    15 minutes, 0 for as fast as it goes. With `state` Job.PREPARED nothing is done until it is started. Job and rows
    are there together or not at all.
    """
    with transaction.atomic():
        job = Job.objects.create(
            app_id=app,
            kind=kind,
            title=title[:250],
            operation=operation,
            by=by,
            state=state,
            pace=pace,
            source=dict(source or {}),
            created_on=now,
            next_on=now,
        )
        made = (JobRow(job=job, number=number, values=dict(values), record=record) for number, values, record in rows)
        while batch := list(islice(made, WRITTEN_AT_ONCE)):
            JobRow.objects.bulk_create(batch)
            job.total += len(batch)
        job.save(update_fields=["total"])
    return job


def start(job: Job, now: dt.datetime, **changes: Any) -> bool:
    """Starts a prepared job, with these last changes; False when it had been started before."""
    return _change(job, [Job.PREPARED], state=Job.RUNNING, created_on=now, next_on=now, **changes)


def pause(job: Job, now: dt.datetime, reason: str = "") -> bool:
    """Stops it where it is, to be resumed; False when it was not running. What is being submitted still is."""
    return _change(job, [Job.RUNNING], state=Job.PAUSED, reason=reason[:250])


def resume(job: Job, now: dt.datetime) -> bool:
    """Goes on where it stopped; False when it was not paused."""
    return _change(job, [Job.PAUSED], state=Job.RUNNING, reason="", next_on=now)


def stop(job: Job, now: dt.datetime) -> bool:
    """Ends it for good, with the rest of its rows never done; False when it had ended before."""
    return _change(job, [Job.RUNNING, Job.PAUSED], state=Job.STOPPED, reason="", finished_on=now)


def _change(job: Job, states: list[str], **changes: Any) -> bool:
    changed = Job.objects.filter(pk=job.pk, state__in=states).update(**changes) == 1
    job.refresh_from_db()
    return changed


def kept_until(job: Job) -> dt.datetime | None:
    """Until when a job that has ended is kept, with its rows; None for one that has not ended: that is kept."""
    if job.state not in (Job.DONE, Job.STOPPED) or job.finished_on is None:
        return None
    return job.finished_on + dt.timedelta(days=settings.LOG_KEEP_DAYS)


def old(now: dt.datetime) -> QuerySet[Job]:
    """The jobs that have been kept for long enough (`kept_until`)."""
    since = now - dt.timedelta(days=settings.LOG_KEEP_DAYS)
    return Job.objects.filter(state__in=[Job.DONE, Job.STOPPED], finished_on__lt=since)


def reason_of(job: Job) -> str:
    """Why it was paused by itself, in the reader's language; "" for one that a person paused."""
    return gettext(job.reason) if job.reason else ""


@dataclass(frozen=True)
class Progress:
    """How many of a job's rows are in which state, and when the last will be done, as far as can be told."""

    total: int
    waiting: int
    done: int
    unchanged: int
    failed: int
    finish: dt.datetime | None = None

    @property
    def over(self) -> int:
        """How many rows have been dealt with."""
        return self.total - self.waiting

    @property
    def percent(self) -> int:
        """How much has been dealt with; 100 only when all has."""
        return self.over * 100 // self.total if self.total else 100


def progress(job: Job, now: dt.datetime) -> Progress:
    """How far it is. `finish` is for a running job: by its pace, else by what it did in the last minute."""
    rows = JobRow.objects.filter(job=job)
    counts = dict(rows.values_list("state").annotate(Count("pk")).order_by())
    waiting = counts.get(JobRow.WAITING, 0)
    finish = None
    if job.state == Job.RUNNING and waiting:
        if job.pace:
            finish = max(now, job.next_on) + wait_of(waiting, job.pace)
        elif recent := rows.filter(done_on__gt=now - dt.timedelta(minutes=1), done_on__lte=now).count():
            since = max(job.created_on, now - dt.timedelta(minutes=1))
            finish = now + (now - since) * (waiting / recent)
    return Progress(
        job.total,
        waiting,
        counts.get(JobRow.DONE, 0),
        counts.get(JobRow.UNCHANGED, 0),
        counts.get(JobRow.FAILED, 0),
        finish,
    )


def wait_of(rows: int, pace: int) -> dt.timedelta:
    """How long so many rows take at that pace, the first of them at once."""
    if not pace:
        return dt.timedelta()
    at_once, span = portion(pace)
    return span * (max(rows - 1, 0) // at_once)


@dataclass(frozen=True)
class Advice:
    """Who listens to an app, each in words, and whether so many new submissions at once would be held by Zapier."""

    listeners: tuple[str, ...] = ()
    holds: bool = False


def advice(app: int, rows: int, now: dt.datetime) -> Advice:
    """What is known of who listens to an app that so many submissions go to: what `settings.PACE` names says it."""
    found: Advice = import_string(settings.PACE)(app, rows, now) if settings.PACE else Advice()
    return found


def due(now: dt.datetime) -> list[int]:
    """The keys of the jobs that have something to do and that nobody works on, longest waiting first."""
    rows = Job.objects.filter(free(now), state=Job.RUNNING, next_on__lte=now)
    return list(rows.order_by("next_on", "pk").values_list("pk", flat=True))


def is_due(key: int, now: dt.datetime) -> bool:
    """Whether one job has something to do and nobody works on it."""
    return Job.objects.filter(free(now), pk=key, state=Job.RUNNING, next_on__lte=now).exists()


def free(now: dt.datetime) -> Q:
    """Jobs that no living worker holds."""
    return Q(lease_until__isnull=True) | Q(lease_until__lte=now)


@dataclass
class Turn:
    """A worker's hold on a job: its row, and the lease that proves the hold."""

    job: Job
    until: dt.datetime

    def renew(self, now: dt.datetime) -> bool:
        """Holds on for another lease; False when somebody else has taken over, or it was paused or stopped."""
        held = Job.objects.filter(pk=self.job.pk, lease_until=self.until, state=Job.RUNNING)
        if held.update(lease_until=now + LEASE) != 1:
            return False
        self.until = now + LEASE
        return True

    def release(self, **changes: Any) -> None:
        """Lets go, with these changes of the job, unless somebody has paused or stopped it meanwhile."""
        held = Job.objects.filter(pk=self.job.pk, lease_until=self.until)
        if changes:
            held.filter(state=Job.RUNNING).update(lease_until=None, **changes)
        held.update(lease_until=None)


def claim(key: int, now: dt.datetime) -> Turn | None:
    """The turn on a job, or None when somebody else has it or there is nothing to do now.

    Of an app's paced jobs one is worked on at a time: all of them land in the same polls, so they share one pace.
    """
    until = now + LEASE
    with transaction.atomic():
        job = Job.objects.filter(free(now), pk=key, state=Job.RUNNING, next_on__lte=now).first()
        if job is None:
            return None
        if job.pace:
            paced = Job.objects.select_for_update().filter(app=job.app_id, state=Job.RUNNING, pace__gt=0)
            others = [one for one in paced.order_by("pk") if one.pk != key]
            if any(one.lease_until is not None and one.lease_until > now for one in others):
                return None
        if Job.objects.filter(free(now), pk=key, state=Job.RUNNING, next_on__lte=now).update(lease_until=until) != 1:
            return None
    return Turn(Job.objects.select_related("by").get(pk=key), until)


def work(key: int, stopping: Callable[[], bool] = lambda: False) -> int:
    """Works on one job until it is done, its pace is reached or the turn is over; answers how many rows it did.

    `stopping` is asked between rows: a worker that is told to end lets go of the job, for the next one. Raises
    OperationalError or InterfaceError when the database is away: the turn is over then, and nothing lost.
    """
    turn = claim(key, clock.now())
    if turn is None:
        return 0
    job = turn.job
    # By the machine's own count: a clock that is set must not make a turn endless.
    end = time.monotonic() + TURN_SECONDS
    count = 0
    changes: dict[str, Any] = {}
    try:
        while not stopping() and time.monotonic() < end and turn.renew(clock.now()):
            try:
                operation = allowed(job)
            except NotAllowed as error:
                changes = {"state": Job.PAUSED, "reason": str(error)}
                break
            room, later = allowance(job, clock.now())
            if not room:
                changes = {"next_on": later}
                break
            waiting = JobRow.objects.filter(job=job, state=JobRow.WAITING).order_by("number")
            rows = list(waiting[: min(room, READ_AT_ONCE)])
            if not rows:
                changes = {"state": Job.DONE, "finished_on": clock.now()}
                break
            count += do(job, operation, rows, stopping)
    finally:
        turn.release(**changes)
    return count


class NotAllowed(Exception):
    """Why a job may not go on, in a sentence that is translated where it is shown."""


def allowed(job: Job) -> OperationDefinition | None:
    """The operation as it is now; None for a catch-up's. Raises NotAllowed. Asked again all along."""
    by = User.objects.get(pk=job.by_id)
    if not by.is_active:
        raise NotAllowed(NOT_ACTIVE)
    if not job.operation:
        if not by.is_staff:
            raise NotAllowed(NOT_ADMIN)
        return None
    try:
        operation = definitions.of(job.app_id).operation(job.operation)
    except Unknown:
        raise NotAllowed(NO_OPERATION) from None
    if not may_run(by, operation):
        raise NotAllowed(NOT_ALLOWED)
    return operation


def may_run(by: User, operation: OperationDefinition) -> bool:
    """Whether a role of the account grants the operation; a superuser may run all."""
    return by.is_superuser or Operation.objects.filter(pk=operation.id, roles__members=by).exists()


def portion(pace: int) -> tuple[int, dt.timedelta]:
    """A pace in small: so many rows, in any such span. Of 80 in 15 minutes it is 5 in 56 seconds.

    A poll may come late. All 80 at once, and all 80 again, would meet in one that comes after 15 minutes and a half.
    """
    rows = max(pace // PORTIONS, 1)
    return rows, SPAN * rows / pace


def allowance(job: Job, now: dt.datetime) -> tuple[int, dt.datetime]:
    """How many rows the job may do now; and, when none, from when on it may do one again.

    What all jobs of the app have submitted lately counts, by what is written in their rows: so a pace holds over
    restarts, and for several workers.
    """
    if not job.pace:
        return READ_AT_ONCE, now
    lately = Job.objects.filter(Q(finished_on__isnull=True) | Q(finished_on__gt=now - SPAN), app=job.app_id)
    done = JobRow.objects.filter(job__in=lately, state=JobRow.DONE, done_on__gt=now - SPAN)
    times = [on for on in done.order_by("-done_on").values_list("done_on", flat=True)[: job.pace] if on]
    room, later = job.pace, now
    for most, span in (portion(job.pace), (job.pace, SPAN)):
        within = [on for on in times if on > now - span]
        room = min(room, most - len(within))
        if len(within) >= most:
            # When this one is out of the span, there is room for one behind it.
            later = max(later, within[most - 1] + span)
    return max(room, 0), later


def do(job: Job, operation: OperationDefinition | None, rows: list[JobRow], stopping: Callable[[], bool]) -> int:
    """Submits the rows, in order, and writes what became of each; answers how many. Stops early when it is told to.

    What is written in one statement for several rows may be lost with the worker: they are then submitted again, and
    answered as they were the first time.
    """
    end = time.monotonic() + LOOK_SECONDS
    over: list[JobRow] = []
    try:
        # What is wrong with a row is told to who started the job.
        with translation.override(job.by.language or settings.LANGUAGE_CODE):
            for row in rows:
                if over and (stopping() or time.monotonic() > end):
                    break
                do_row(job, operation, row)
                over.append(row)
    finally:
        if over:
            JobRow.objects.bulk_create(over, update_conflicts=True, unique_fields=["id"], update_fields=NOTED)
    return len(over)


# What becomes of a row. An insert that meets the row that is there takes a third of Django's bulk_update.
NOTED = ["state", "record", "submission", "faults", "done_on"]


def do_row(job: Job, operation: OperationDefinition | None, row: JobRow) -> None:
    """Submits one row, and notes in it what became of it."""
    faults: list[list[str]] = []
    try:
        outcome = submit([call_of(job, operation, row)], by=job.by, transaction=key_of(job, row))
    except Invalid as invalid:
        faults = told(job, operation, row, invalid)
    except Refused as refused:
        faults = [["", str(refused)]]
    except Conflict:
        faults = [["", gettext("Another call has already succeeded under this row's transaction id.")]]
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        # One row that cannot be submitted must not hold up the others.
        log.exception("a row of a job failed", extra={"job": job.pk, "row": row.number})
        faults = [["", gettext("This row cannot be submitted: %s.") % type(error).__name__]]
    else:
        result = outcome.results[0]
        row.record, row.submission = result.record, result.submission
        unchanged = operation is not None and operation.kind == "update" and not result.changed
        row.state = JobRow.UNCHANGED if unchanged else JobRow.DONE
    if faults:
        row.state, row.faults = JobRow.FAILED, faults
    row.done_on = clock.now()


def call_of(job: Job, operation: OperationDefinition | None, row: JobRow) -> Call:
    """What a row submits."""
    if operation is None:
        return Call(None, {}, row.record, kind=Submission.RESENT, app=job.app_id)
    return Plan.load(job.source).call(operation, row.values)


def told(job: Job, operation: OperationDefinition | None, row: JobRow, invalid: Invalid) -> list[list[str]]:
    """What is wrong with a row, each with its field's name; of a file's row, in words for who wrote the file."""
    if operation is None:
        return [[fault.field, fault.message] for fault in invalid.faults]
    return [[name, words] for name, words in Plan.load(job.source).told(operation, row.values, invalid.faults)]


def key_of(job: Job, row: JobRow) -> Key:
    """The transaction id that is the row's own, and a fingerprint of what it asks."""
    asked = json.dumps([job.operation, row.record, row.values], sort_keys=True)
    return Key(f"job:{job.pk}:{row.number}", hashlib.sha256(asked.encode()).hexdigest())


def failed_rows(job: Job) -> QuerySet[JobRow]:
    """The rows that failed, in order."""
    return JobRow.objects.filter(job=job, state=JobRow.FAILED).order_by("number")
