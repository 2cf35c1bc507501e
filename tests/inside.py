"""A process inside the site that a test server serves, with its database and its clock: `python -m tests.inside`.

It reads calls as lines of JSON, [the name of a function below, its arguments], and answers each with a line of JSON.
`Inside` is such a process as its test sees it. What a test does over HTTP, it does over HTTP; this is for what has no
address (a writer that is a form's or a robot's, a switch of an admin) and for what the ledger reads.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import django
import requests

APP = "LeadRegistration"


class Inside:
    """The process; `ask` waits for the answer, `tell` and `hear` do so in two steps."""

    def __init__(self, environ: Mapping[str, str], cwd: Any) -> None:
        environ = {**environ, "DJANGO_SETTINGS_MODULE": "flowfinity.settings"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.inside"], cwd=cwd, env=environ, text=True, **pipes
        )

    def tell(self, name: str, *arguments: Any) -> None:
        """Calls a function, and does not wait for it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([name, arguments]) + "\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """What the function that was called answers. Raises RuntimeError when it has failed."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said:
            raise RuntimeError("the process has ended; see the captured output")
        return json.loads(said)

    def ask(self, name: str, *arguments: Any) -> Any:
        """Calls a function and answers with what it answers."""
        self.tell(name, *arguments)
        return self.hear()

    def end(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.communicate()


def main() -> None:
    """Does what is asked, until nobody asks."""
    django.setup()
    for line in sys.stdin:
        name, arguments = json.loads(line)
        answer = json.dumps(globals()[name](*arguments))
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


# A line of the ledger: the submission, the record, and the lead's name after it; None where it is deleted.
Line = list[Any]
_leads: list[int] = []


def planned() -> tuple[str, int | None, dict[str, Any]]:
    """What a writer does next: an operation, the lead or None, and values. A lead is worked on by one writer."""
    word = f"{random.getrandbits(40):x}"
    if _leads and random.random() < 0.5:
        lead = _leads[random.randrange(len(_leads))]
        if random.random() < 0.08:
            _leads.remove(lead)
            return "DeleteLead", lead, {}
        return "UpdateLead", lead, {"LastName": f"Changed {word}"}
    return "CaptureLead", None, {"Company": "Weeks", "FirstName": "Lea", "LastName": f"New {word}", "Rating": "Hot"}


def name_of(operation: str, values: Mapping[str, Any]) -> str | None:
    """What the lead is called afterwards."""
    return None if operation == "DeleteLead" else f"Lea {values['LastName']}"


def write(count: int) -> list[Line]:
    """Makes so many submissions through `submit`, each its own transaction, and tells what it has made."""
    from flowfinity import definitions
    from flowfinity.models import User
    from flowfinity.submissions import Call, submit

    app, by = definitions.of(APP), User.objects.get(username="sam")
    made: list[Line] = []
    for _ in range(count):
        operation, lead, values = planned()
        (result,) = submit([Call(app.operation(operation), values, lead)], by).results
        if lead is None:
            _leads.append(result.record)
        made.append([result.submission, result.record, name_of(operation, values)])
    return made


def write_over_http(count: int, url: str, password: str) -> list[Line]:
    """The same over REST, each call repeated under its own id until it is answered with 200."""
    made: list[Line] = []
    for _ in range(count):
        operation, lead, values = planned()
        body = {**values, "RecordID": lead and f"{lead:09d}", "ExternalTransactionId": str(uuid.uuid4())}
        answer = repeated(f"{url}/api/apps/{APP}/operations/{operation}", body, password)
        if lead is None:
            _leads.append(int(answer["RecordID"]))
        made.append([answer["lastSubmissionID"], int(answer["RecordID"]), name_of(operation, values)])
    return made


def repeated(url: str, body: Mapping[str, Any], password: str) -> Any:
    """The answer to a call that is sent until it succeeds."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with suppress(requests.RequestException):
            answer = requests.post(url, json=body, auth=("restuser", password), timeout=30)
            if answer.status_code == 200:
                return answer.json()
            if answer.status_code < 500:
                raise RuntimeError(answer.text)
        time.sleep(0.05)
    raise RuntimeError("no answer for two minutes")


def lead(values: Mapping[str, Any], count: int = 1) -> list[Line]:
    """Captures so many leads with these values."""
    from flowfinity import definitions
    from flowfinity.models import User
    from flowfinity.submissions import Call, submit

    operation = definitions.of(APP).operation("CaptureLead")
    calls = [Call(operation, {"Company": "Weeks", "LastName": f"Lead {n}", **values}) for n in range(count)]
    results = submit(calls, User.objects.get(username="sam")).results
    return [[one.submission, one.record, call.values["LastName"]] for one, call in zip(results, calls, strict=True)]


def last() -> int:
    """The app's last submission: within an app, all that have a lower number are visible with it."""
    from flowfinity.models import Journal

    return Journal.objects.get(app__name=APP).last_submission_id


def ledger(after: int) -> list[Line]:
    """Every submission after a number, as the database has it: what writers have told is compared with it."""
    from flowfinity.models import Submission

    rows = Submission.objects.filter(app__name=APP, pk__gt=after).order_by("pk")
    return [
        [pk, record, None if deleted else f"{values.get('FirstName', '')} {values['LastName']}".strip()]
        for pk, record, deleted, values in rows.values_list("pk", "record", "deleted", "values")
    ]


def outages(view: str, on: bool) -> None:
    """The switch of a view's outage window."""
    from flowfinity.models import configuring
    from integration.models import RestAccess

    with configuring():
        RestAccess.objects.filter(view__app__name=APP, view__name=view).update(outages=on)


def begin_import(count: int, pace: int | None) -> list[Any]:
    """The key of a job that imports so many leads from a file, 0 where it was refused; and what was said beforehand."""
    from django.core.management import CommandError, call_command

    from flowfinity.models import Job

    said = io.StringIO()
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8") as file:
        file.write("Company,FirstName,LastName\n")
        file.writelines(f"Weeks,Lea,Imported {number}\n" for number in range(count))
        file.flush()
        asked = ["--app", APP, "--operation", "CaptureLead", "--as", "admin"]
        try:
            call_command("import_csv", file.name, *asked, *([] if pace is None else ["--pace", str(pace)]), stdout=said)
        except CommandError as error:
            return [0, said.getvalue() + str(error)]
    return [Job.objects.latest("pk").pk, said.getvalue()]


def begin_catch_up(client: str, fates: list[str]) -> int:
    """The key of a catch-up of what Sync health lists for a client."""
    from flowfinity import clock
    from flowfinity.models import User
    from integration import catch_up
    from integration.models import Poll

    now = clock.now()
    choice = catch_up.of_client(Poll.objects.select_related("view").get(client=client), tuple(fates))
    told = catch_up.preview(choice, now)
    job = catch_up.start(choice, User.objects.get(username="admin"), now, told.pace)
    assert job is not None and job.total == told.count
    return job.pk


def work(job: int) -> str:
    """Does of a job what is to be done now, beside the site's own worker; answers with its state."""
    from flowfinity import clock, jobs
    from flowfinity.models import Job

    end = time.monotonic() + 120
    while time.monotonic() < end:
        if jobs.is_due(job, clock.now()):
            jobs.work(job)
            continue
        row = Job.objects.get(pk=job)
        if row.state != Job.RUNNING or row.next_on > clock.now():
            return row.state
        time.sleep(0.05)
    raise RuntimeError(f"job {job} does not go on")


def health(client: str) -> dict[str, Any]:
    """What Sync health says of a client: its alarms, and by fate the records that it lists."""
    from flowfinity import clock
    from integration import sync_health
    from integration.models import Poll

    now = clock.now()
    # To whoever watches, a clock that jumps is a site that was away: then nobody is said to be silent.
    world = replace(sync_health.world(now), since_ms=0)
    (one,) = sync_health.healths(Poll.objects.filter(client=client), world)
    fates = {fate: sorted(rows.values_list("last_submission_id", flat=True)) for fate, rows in one.fated()}
    return {
        "alarms": {alarm.kind: alarm.sentence for alarm in one.alarms},
        "fates": fates,
        "waiting": one.waiting.number,
        "on": dt.datetime.isoformat(now),
    }


if __name__ == "__main__":
    main()
