"""Alarms as a site raises them: the worker beside the server mails that a Zap has stopped, and that it is back."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import requests
from django.conf import settings

from tests.mailbox import receiving_mail
from tests.stack import Clock

if TYPE_CHECKING:
    from tests.conftest import Server

VIEW = "/api/apps/LeadRegistration/views/ViewAllRecords?client=crm"
ADDRESS = "from flowfinity.models import User; User.objects.filter(username='admin').update(email='ada@example.com')"
NO_LONGER = "[Flowfinity] No longer polls: restuser (crm), View all records"
OVER = "[Flowfinity] Over: No longer polls: restuser (crm), View all records"


def test_one_mail_when_a_zap_stops_and_one_when_it_is_back(server: Server) -> None:
    clock = Clock(server.clock)

    def poll() -> None:
        headers = {"User-Agent": "Zapier"}
        got = requests.get(server.url + VIEW, auth=("restuser", server.password), headers=headers, timeout=20)
        assert got.status_code == 200
        clock.forward(120)

    with receiving_mail() as mailbox:
        server.restart(EMAIL_URL=f"{mailbox.url}?starttls=no", EMAIL_FROM="flowfinity@example.com")
        subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", ADDRESS],
            cwd=settings.BASE_DIR,
            env={**os.environ, **server.environ},
            check=True,
            capture_output=True,
        )
        for _ in range(6):
            poll()

        def told_after_minutes(mails: int) -> bool:
            # No faster than the worker looks: a site whose clock leaps was away itself.
            clock.forward(120)
            return mailbox.wait_for(lambda: len(mailbox.subjects) >= mails, 1.5)

        assert any(told_after_minutes(1) for _ in range(30)), server.log()
        assert not any(told_after_minutes(2) for _ in range(3)), "told once"
        poll()
        assert mailbox.wait_for(lambda: len(mailbox.subjects) > 1, 60), server.log()
        assert mailbox.subjects == [NO_LONGER, OVER]
        assert {str(message["To"]) for message in mailbox.messages} == {"ada@example.com"}
