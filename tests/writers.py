"""A writer in a process of its own, for test_ordering: submits creates of one app as fast as it can.

`python -m tests.writers APP USER COUNT [--unordered] [--storm OTHER]`.
Says "ready", begins when a line comes in, and says at the end
how many submissions it has made. `--unordered` takes the lock out, as the negative control: a number is then drawn
some time before the transaction that uses it commits, and nothing keeps a higher one from being committed meanwhile.
`--storm` mixes in calls of 500 over this app and another, and transactions that are rolled back.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

import django

MOST_CALLS = 5
UNIVERSAL = 500


class Aborted(Exception):
    """What ends a transaction that is to be rolled back."""


def main(app: int, user: int, count: int, unordered: bool, other: int = 0) -> None:
    """Makes `count` submissions, in transactions of one to five calls; with `other`, in a storm over both apps."""
    django.setup()
    from flowfinity import definitions
    from flowfinity.models import User
    from flowfinity.submissions import Call, submit

    if unordered:
        take_the_lock_out()
    operation = definitions.of(app).operation("Make")
    by = User.objects.get(pk=user)
    values = {"Name": "Name", "Text": "x" * 800}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    done = 0
    if other:
        done = storm(count, [operation, definitions.of(other).operation("Make")], by, values)
    while done < count:
        calls = [Call(operation, values)] * min(random.randint(1, MOST_CALLS), count - done)
        submit(calls, by)
        done += len(calls)
    sys.stdout.write(f"{done}\n")


def storm(count: int, operations: Any, by: Any, values: Any) -> int:
    """Makes at least `count` submissions, most in transactions of 500 over both apps, some rolled back."""
    from django.db import transaction

    from flowfinity.submissions import Call, submit

    done = 0
    while done < count:
        universal = random.random() < 0.2
        calls = [
            Call(random.choice(operations), values) for _ in range(UNIVERSAL if universal else random.randint(1, 5))
        ]
        try:
            with transaction.atomic():
                submit(calls, by)
                if random.random() < 0.2:
                    raise Aborted
        except Aborted:
            continue
        done += len(calls)
    return done


def take_the_lock_out() -> None:
    """Lets `submit` draw its numbers without the lock: on PostgreSQL unguarded, on SQLite before BEGIN."""
    from django.db import connection

    from flowfinity import submissions
    from flowfinity.models import Journal

    def dawdle() -> None:
        # Not what loses submissions, but what makes that happen on a machine of any speed.
        time.sleep(random.uniform(0, 0.01))

    def unguarded(app: int, count: int, at: int) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval('flowfinity_submission_number') FROM generate_series(1, %s)", [count])
            numbers = [number for (number,) in cursor.fetchall()]
        dawdle()
        return numbers

    early: list[int] = []
    carry_out = submissions.carry_out

    def drawn_before(calls: list[submissions.Call], *rest: object) -> submissions.Outcome:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE flowfinity_submission_number SET value = value + %s RETURNING value", [len(calls)])
            last = cursor.fetchone()[0]
        early[:] = range(last - len(calls) + 1, last + 1)
        dawdle()
        return carry_out(calls, *rest)  # type: ignore[arg-type]

    if connection.vendor == "postgresql":
        submissions.lock = lambda app: Journal.objects.get(pk=app)
        submissions.draw = unguarded
    else:
        submissions.carry_out = drawn_before  # type: ignore[assignment]
        submissions.draw = lambda app, count, at: list(early)


if __name__ == "__main__":
    stormy = int(sys.argv[sys.argv.index("--storm") + 1]) if "--storm" in sys.argv else 0
    numbers = [int(argument) for argument in sys.argv[1:4]]
    main(numbers[0], numbers[1], numbers[2], "--unordered" in sys.argv, stormy)
