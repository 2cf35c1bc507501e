"""Gives every page of the demo something to show, and prints as JSON what its addresses are made of.

For the server whose settings are in the environment. Run by tests/test_craft.py.
"""

from __future__ import annotations

import json
import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "flowfinity.settings"
django.setup()

from django.contrib.auth.tokens import default_token_generator  # noqa: E402
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils.encoding import force_bytes  # noqa: E402
from django.utils.http import urlsafe_base64_encode  # noqa: E402

from flowfinity import clock, drafts  # noqa: E402
from flowfinity.models import App, Role, User  # noqa: E402
from flowfinity.submissions import submit  # noqa: E402
from integration.hooks import delivery, http  # noqa: E402
from integration.models import Delivery, Poll, Subscription  # noqa: E402
from tests import builders  # noqa: E402

now = clock.now()
app = App.objects.get(name="LeadRegistration")
view = app.views.get(name="ViewAllRecords")
names = ("sam", "admin", "restuser", "priya")
sam, admin, restuser, priya = (User.objects.get(username=name) for name in names)
browser = Client(HTTP_HOST="127.0.0.1")


def upload(text: str) -> int:
    """The key of an import's job that was prepared from a file, as sam uploads it."""
    browser.force_login(sam)
    file = SimpleUploadedFile("leads.csv", text.encode())
    answer = browser.post("/apps/LeadRegistration/import/", {"operation": "CaptureLead", "file": file})
    return int(answer["Location"].strip("/").split("/")[-1])


# A record with a history, and one that is deleted.
first = submit([builders.call(app, "CaptureLead", None, Company="Initech", LastName="Lumbergh")], sam).results[0]
submit([builders.call(app, "UpdateLead", first.record, Rating="Hot", Company="Initrode")], sam)
gone = submit([builders.call(app, "CaptureLead", None, Company="Gone", LastName="West")], sam).results[0]
submit([builders.call(app, "DeleteLead", gone.record)], sam)

# A paused subscription, so that nothing is sent, with one delivery in each state.
hooked = Subscription.objects.create(
    account=restuser, view=view, target_url="https://hooks.zapier.com/hooks/standard/1/2/", state="paused",
    reason="The account is deactivated.", place=gone.submission, created_on=now, next_on=now,
)  # fmt: skip
for number, status in ((first.submission, 200), (first.submission + 1, 503), (gone.submission, 0)):
    made = Delivery.objects.create(subscription=hooked, submission_id=number, created_on=now)
    answer = http.Answer(status, 120, "" if status else "The connection failed.", {"Server": "x"}, '{"ok": true}')
    fate = "delivered" if status == 200 else "failed" if status == 503 else "retry"
    delivery.record(made, now, {"User-Agent": delivery.agent()}, b'{"Company": "Initech"}', answer, fate)
subscribed = Subscription.objects.create(
    account=restuser, view=view, target_url="https://hooks.example.com/", state="removed",
    reason="Removed by ada.", place=1, created_on=now, next_on=now,
)  # fmt: skip

# An import that is done, with a row that failed, and one that waits to be started.
done = upload("Company,Last name,Rating\nAcme,Smith,Hot\nGlobex,,Lukewarm\n")
mapping = {f"column-{index}": name for index, name in enumerate(("Company", "LastName", "Rating"))}
browser.post(f"/jobs/{done}/", {**mapping, "do": "start"})
prepared = upload("Company,Last name,Rating\nAcme,Smith,Hot\nGlobex,,Lukewarm\n")

# A client that has polled, and is shown to poll.
client = Poll.objects.filter(account=restuser).first() or Poll.objects.create(
    account=restuser, view=view, mode="zapier", first_on=now, last_ms=int(now.timestamp() * 1000)
)

# A draft that is not published yet.
with drafts.editing(app, admin, now) as document:
    document["fields"][0]["label"] = "Company name"

print(
    json.dumps(
        {
            "app": app.pk,
            "view": view.pk,
            "operation": app.operations.get(name="UpdateLead").pk,
            "field": document["fields"][0]["name"],
            "record": f"{first.record:09d}",
            "gone": f"{gone.record:09d}",
            "submission": first.submission,
            "before_gone": gone.submission,
            "subscription": hooked.pk,
            "prepared": prepared,
            "done": done,
            "client": client.pk,
            "user": sam.pk,
            "restuser": restuser.pk,
            "role": Role.objects.earliest("pk").pk,
            # Somebody who never signs in here: that ends a link.
            "uid": urlsafe_base64_encode(force_bytes(priya.pk)),
            "token": default_token_generator.make_token(priya),
        }
    )
)
