"""A writer: `python -m bench.writers NUMBER SECONDS`, in the environment of the site; started several at once.

Submits one create and two edits in turn, as fast as they are taken, and says how many in how many seconds.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

import django

django.setup()

from bench.data import OTHER_APP, stored  # noqa: E402
from flowfinity import definitions  # noqa: E402
from flowfinity.models import User  # noqa: E402
from flowfinity.submissions import Call, submit  # noqa: E402


def write(number: int, seconds: float) -> dict[str, float]:
    """Submits for so many seconds after a line on stdin; returns how many, and how long one took in ms."""
    app = definitions.of(OTHER_APP)
    by = User.objects.exclude(account_type=User.INTEGRATION)[0]
    leads = itertools.cycle(stored(app)[number::4])
    capture, update = app.operation("CaptureLead"), app.operation("UpdateLead")
    print("ready", flush=True)
    sys.stdin.readline()
    times: list[float] = []
    record = None
    end = time.perf_counter() + seconds
    while (before := time.perf_counter()) < end:
        turn = len(times) % 3
        call = Call(update, {"EmployeeCount": len(times) + 1}, record) if turn else Call(capture, next(leads))
        record = submit([call], by).results[0].record
        times.append(time.perf_counter() - before)
    times.sort()
    return {"count": len(times), "p50": 1000 * times[len(times) // 2], "p99": 1000 * times[len(times) * 99 // 100]}


if __name__ == "__main__":
    print(json.dumps(write(int(sys.argv[1]), float(sys.argv[2]))))
