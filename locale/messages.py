"""Collects what can be translated into locale/*/LC_MESSAGES/django.po, and compiles it: `make messages`.

Pure Python, so that nobody needs GNU gettext. Django finds its languages by the settings LANGUAGES and LOCALE_PATHS.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("flowfinity", "integration", "leads")
SOURCE = "en"
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
# A date of its own in each file would make each collection a change.
BEGUN = datetime(2026, 11, 24, tzinfo=UTC)
WIDTH = 110


def sources() -> Iterator[tuple[str, str]]:
    """Each file that may hold texts, by its path from the root, as Python."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix == ".py" and "/migrations/" not in name:
                yield name, path.read_text("utf-8")
            elif path.suffix in {".html", ".txt"} and "/templates/" in name:
                # Lines of a template start where they like, those of Python do not.
                yield name, re.sub(r"(?m)^\s+", "", templatize(path.read_text("utf-8"), origin=name))


def collected() -> Catalog:
    """Every text that is marked for translation."""
    found = Catalog()
    for name, source in sources():
        lines = io.BytesIO(source.encode())
        for _line, text, notes, context in extract("python", lines, KEYWORDS, ("Translators:",)):
            found.add(text, None, [(name, 0)], auto_comments=notes, context=context)
    return found


def languages() -> list[str]:
    """The languages of the site but the one that its sources are in."""
    return [code for code, _name in settings.LANGUAGES if code != SOURCE]


def place(language: str) -> Path:
    """Where the catalogue of a language is, as a translator edits it."""
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """The catalogue of a language as it is; an empty one for a language that is new."""
    path = place(language)
    if not path.exists():
        return Catalog(language, project="Flowfinity", creation_date=BEGUN, revision_date=BEGUN, fuzzy=False)
    with path.open("rb") as file:
        return pofile.read_po(file, locale=language)


def compiled(catalogue: Catalog) -> bytes:
    """What Django reads: what is translated. The rest it shows as it stands in the sources."""
    done = Catalog(catalogue.locale, domain=catalogue.domain, charset=catalogue.charset, fuzzy=False)
    done.mime_headers = catalogue.mime_headers
    for message in catalogue:
        if message.id and all(filled(message.string)):
            done[message.id] = message
    made = io.BytesIO()
    mofile.write_mo(made, done)
    return made.getvalue()


def write(language: str, catalogue: Catalog) -> None:
    """Writes both files of a language."""
    catalogue.creation_date = BEGUN
    catalogue.project, catalogue.version = "Flowfinity", "texts"
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = "Flowfinity"
    written = io.BytesIO()
    pofile.write_po(written, catalogue, width=WIDTH, ignore_obsolete=True, include_lineno=False)
    path = place(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())
    path.with_suffix(".mo").write_bytes(compiled(read(language)))


def update(language: str) -> int:
    """Brings the files of a language up to date with the sources; how many texts are not translated yet."""
    catalogue = read(language)
    catalogue.update(collected(), no_fuzzy_matching=True)
    write(language, catalogue)
    return sum(not all(filled(message.string)) for message in catalogue if message.id)


def filled(string: str | tuple[str, ...] | list[str] | None) -> list[str]:
    """A translation's forms: one, or one for each number that the language tells apart."""
    return [string or ""] if isinstance(string, str) or string is None else list(string)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowfinity.settings")
    missing = {language: count for language in languages() if (count := update(language))}
    if missing:
        raise SystemExit(
            "\n".join(f"{place(language)}: {count} to be translated" for language, count in missing.items())
        )
