"""What pages of the workspace take: `python -m bench.pages`, in the environment of the site.

Whole requests of a person who has logged in, one at a time in this process; each page as a multiple of the site's
emptiest page that such a person sees. The records are those of the app, and so are the views.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402

from flowfinity.models import App, Role, User  # noqa: E402

USERNAME = "worker"
VIEW = "/apps/LeadRegistration/views/Hundred/"
REPEATS = 15
# The first is what the others are compared with.
PAGES: Mapping[str, str] = {
    "the empty page (change your password)": "/password/",
    "home": "/",
    "the table": VIEW,
    "sorted by text": f"{VIEW}?sort=-LastName",
    "sorted by money": f"{VIEW}?sort=TotalValue",
    "sorted by who created it": f"{VIEW}?sort=CreatedBy",
    "searched: 1% answer": f"{VIEW}?q=safari",
    "searched: nothing answers": f"{VIEW}?q=zzzz",
    "searched: two words": f"{VIEW}?q=safari+hot",
}


def measured() -> dict[str, float]:
    """Milliseconds by page, as quick as the quickest tenth: others' work is left out so."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    # Links to static files need no collecting so, and a name costs nothing to look up.
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        client = Client(HTTP_HOST="127.0.0.1")
        client.force_login(worker())
        return {title: quickest(client, address) for title, address in PAGES.items()}


def worker() -> User:
    """A person who may see every view of the app."""
    user, made = User.objects.get_or_create(username=USERNAME, defaults={"display_name": "Worker"})
    if made:
        role = Role.objects.create(name="Workers")
        role.views.add(*App.objects.get(name="LeadRegistration").views.all())
        role.members.add(user)
    return user


def quickest(client: Client, address: str) -> float:
    """Milliseconds. Raises RuntimeError for anything but a 200."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        status = client.get(address).status_code
        taken.append(1000 * (time.perf_counter() - start))
        if status != 200:
            raise RuntimeError(f"{address} answers {status}")
    return statistics.quantiles(taken, n=10)[0]


if __name__ == "__main__":
    print(json.dumps(measured()))
