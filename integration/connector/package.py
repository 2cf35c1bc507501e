"""The connector as files: what is uploaded to Zapier, and nothing secret in it."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path
from string import Template

from django.conf import settings

from integration.connector import definition

TEMPLATE = Path(__file__).with_name("template")
FOLDER = "flowfinity-connector"
# Zapier's command line refuses a range.
CORE_VERSION = "19.1.0"
# The oldest that a zip can say: the same content is the same file.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class NothingEnabled(Exception):
    """There is no view and no operation that a connector could be made of."""


def files(site: str) -> dict[str, str]:
    """The connector's files by name. `site` is the site's address, or "". Raises NothingEnabled."""
    # Zapier reaches a site by HTTPS only, so no other address is proposed to whoever connects.
    made = definition.definition(site if site.startswith("https://") else "")
    if not made["views"] and not made["operations"]:
        raise NothingEnabled("Nothing is enabled for REST: enable a view or an operation first.")
    package = {
        "name": FOLDER,
        "version": "1.0.0",
        "description": f"Connects Zapier with {settings.SITE_NAME}.",
        "main": "index.js",
        "private": True,
        "dependencies": {"zapier-platform-core": CORE_VERSION},
    }
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted(TEMPLATE.iterdir()) if path.is_file()}
    found["README.md"] = Template(found["README.md"]).substitute(
        site_name=settings.SITE_NAME,
        register_command=register_command(),
        core_version=CORE_VERSION,
        contents="\n".join(f"| {label} | `{key}` |" for label, key in contents(made)),
    )
    return {**found, "definition.json": written(made), "package.json": written(package)}


def register_command() -> str:
    """What makes the integration known to Zapier, under the site's name."""
    return f"zapier-platform register {shlex.quote(settings.SITE_NAME)}"


def contents(made: Mapping[str, list[dict[str, dict[str, str]]]]) -> list[tuple[str, str]]:
    """What is in a connector: label and key of each trigger, search and action."""
    displays = [view[use] for use in ("poll", "instant", "find") for view in made["views"] if use in view]
    displays += [operation["run"] for operation in made["operations"]]
    return [(display["label"].replace("|", "/"), display["key"]) for display in displays]


def written(document: object) -> str:
    """JSON on many lines."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write(directory: Path, site: str) -> list[str]:
    """Writes the files into the directory and answers with their names; others that are there stay.

    Raises NothingEnabled, or FileExistsError for a directory that holds another package.
    """
    made = files(site)
    there = directory / "package.json"
    if there.exists() and json.loads(there.read_text(encoding="utf-8")).get("name") != FOLDER:
        raise FileExistsError(f"{directory} holds another package: choose an empty directory.")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (directory / name).write_text(text, encoding="utf-8")
    return sorted(made)


def archive(site: str) -> bytes:
    """The files in one folder, as a zip. Raises NothingEnabled."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in sorted(files(site).items()):
            packed.writestr(zipfile.ZipInfo(f"{FOLDER}/{name}", ZIP_TIME), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()
