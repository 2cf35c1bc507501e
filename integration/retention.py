"""What is deleted when it is old: what was delivered, who polled and was refused, and jobs that have ended.

Submissions, records and transactions are kept for ever: a client may send a call again after any time, and is promised
the first answer.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from flowfinity import jobs
from flowfinity.models import JobRow
from integration.models import Delivery, PollHour, Refusal, Subscription

# In one transaction: on SQLite nobody writes meanwhile.
AT_ONCE = 500


def prune(now: dt.datetime) -> int:
    """Deletes what is older than the settings keep; answers with how many rows, what hangs on them counted."""
    hooks = now - dt.timedelta(days=settings.HOOKS_KEEP_DAYS)
    log = now - dt.timedelta(days=settings.LOG_KEEP_DAYS)
    # What has failed waits for somebody, unless its subscription has ended.
    over = Q(state=Delivery.DELIVERED, delivered_on__lt=hooks)
    ended = Q(subscription__state=Subscription.REMOVED, created_on__lt=hooks)
    ended_jobs = list(jobs.old(now).values_list("pk", flat=True))
    old: list[QuerySet[Any]] = [
        Delivery.objects.filter(over | ended),
        PollHour.objects.filter(hour_ms__lt=int(log.timestamp() * 1000)),
        Refusal.objects.filter(last_on__lt=log),
        # Before their jobs, which would take all of theirs along at once.
        JobRow.objects.filter(job__in=ended_jobs),
        jobs.old(now),
    ]
    return sum(map(delete, old))


def delete(rows: QuerySet[Any]) -> int:
    """Deletes the rows, a few at a time; answers with how many."""
    count = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        count += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return count
