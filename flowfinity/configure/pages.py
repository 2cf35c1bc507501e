"""What our own pages of Configure share."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


def context(request: HttpRequest, title: str, *above: tuple[str, str], **more: Any) -> dict[str, Any]:
    """What a page of Configure shows around itself. `above` are (label, URL) of the pages that it stands under."""
    crumbs = [{"label": label, "url": url} for label, url in above]
    return {
        **admin.site.each_context(request),
        "title": title,
        "breadcrumbs": [*crumbs, {"label": title, "url": ""}],
        **more,
    }
