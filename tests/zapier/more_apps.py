"""What a connector must cope with beside the demo, for the server whose settings are in the environment.

Every field type; labels without a Latin letter, long ones, and two that are alike. Run by tests/test_zapier.py.
"""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "flowfinity.settings"
django.setup()

from flowfinity import definitions  # noqa: E402
from flowfinity.blueprint import import_app  # noqa: E402
from flowfinity.models import Operation, Role, User, View, configuring  # noqa: E402
from flowfinity.submissions import Call, submit  # noqa: E402
from integration.models import RestAccess  # noqa: E402
from tests import every_type  # noqa: E402

LONG = "all the requests that came in by mail, by phone or over the counter of any branch"
VIEWS = {"Z": "все", "First": LONG, "Second": LONG, "E": "e-mail: a/b or {{x}}"}
REQUESTS = {
    "blueprint": 1,
    "app": {"name": "Requests", "label": "заявки"},
    "fields": [{"name": "A", "label": "тема", "type": "text", "help": "кратко"}],
    "operations": [{"name": "Do", "label": "создать", "kind": "create", "fields": ["A"]}],
    "views": [{"name": name, "label": label, "columns": ["A"]} for name, label in VIEWS.items()],
}

with configuring():
    role = Role.objects.get(name="Integration")
    for document in (every_type.blueprint(), REQUESTS):
        app = import_app(document)
        for view in View.objects.filter(app=app):
            RestAccess.objects.create(view=view)
            role.views.add(view)
        for operation in Operation.objects.filter(app=app):
            RestAccess.objects.create(operation=operation)
            role.operations.add(operation)
sam = User.objects.get(username="sam")
submit([Call(definitions.of("EveryType").operation("Make"), {"Needed": "yes"})], sam)
submit([Call(definitions.of("Requests").operation("Do"), {"A": "x"})], sam)
