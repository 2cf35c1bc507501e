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
from django.urls import reverse  # noqa: E402

from flowfinity import clock, drafts  # noqa: E402
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
PREVIEW = "a filter's preview in Configure"
# What the preview is asked for: one condition that many records answer, one that looks into every text.
FILTER = {
    "all": [
        {"field": "Rating", "operator": "is", "value": "Hot"},
        {"field": "Company", "operator": "contains", "value": "a"},
    ]
}


def measured() -> dict[str, float]:
    """Milliseconds by page, as quick as the quickest tenth: others' work is left out so."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    # Links to static files need no collecting so, and a name costs nothing to look up.
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        client = Client(HTTP_HOST="127.0.0.1")
        user = worker()
        client.force_login(user)
        pages = {**PAGES, PREVIEW: previewed(user)}
        return {title: quickest(client, address) for title, address in pages.items()}


def worker() -> User:
    """An admin who may see every view of the app, too."""
    user, made = User.objects.get_or_create(
        username=USERNAME, defaults={"display_name": "Worker", "is_staff": True, "is_superuser": True}
    )
    if made:
        role = Role.objects.create(name="Workers")
        role.views.add(*App.objects.get(name="LeadRegistration").views.all())
        role.members.add(user)
    return user


def previewed(by: User) -> str:
    """The address of a view's page in the editor, whose draft filters and sorts by two keys."""
    app = App.objects.get(name="LeadRegistration")
    with drafts.editing(app, by, clock.now()) as document:
        part = next(part for part in document["views"] if part["name"] == "Hundred")
        part["filter"] = FILTER
        part["sort"] = [{"field": name, "direction": "ascending"} for name in ("Company", "LastName")]
    return reverse("configure-app-view", args=[app.pk, "Hundred"])


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
