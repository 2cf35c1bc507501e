"""Texts of JSON as both databases compare them, and as words are looked for in them: without regard to case.

SQLite folds ASCII alone, and would read a document again for each of its texts: there `fold` and `holds` do it, which
each connection is given (`apps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from django.db import models
from django.db.models.fields.json import KeyTextTransform, KeyTransform

from flowfinity import fields


class TextOf(models.Transform):
    """A JSON value as text, ordered by code point on both databases whatever the cluster's locale is."""

    lookup_name = "text"
    output_field = models.TextField()

    def text(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        """SQL for the value as text."""
        value = self.lhs
        if isinstance(value, KeyTransform):
            value = KeyTextTransform(value.key_name, *value.source_expressions)
        sql, parameters = compiler.compile(value)
        return sql, parameters

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        return self.text(compiler, connection)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Sequence[Any]]:
        sql, parameters = self.text(compiler, connection)
        return f'({sql}) COLLATE "C"', parameters


class Folded(TextOf):
    """Text without regard to case, by Unicode's lower-casing on both databases, ordered by code point."""

    lookup_name = "folded"

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        sql, parameters = self.text(compiler, connection)
        return f"flowfinity_fold({sql})", parameters

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Sequence[Any]]:
        sql, parameters = self.text(compiler, connection)
        return f'lower(({sql}) COLLATE "und-x-icu") COLLATE "C"', parameters


class Holds(models.Func):
    """True where a text or a number of a JSON document contains one of the words, as `sought`.

    The texts are looked through as one, a line each, so that no word spans two of them.
    """

    function = "flowfinity_holds"
    output_field = models.BooleanField()

    def __init__(self, document: Any, names: Sequence[str], words: Sequence[str], **extra: Any) -> None:
        self.names, self.words = names, words
        # No name holds a comma and no word a line end, and SQLite takes 127 arguments at most.
        super().__init__(document, models.Value(",".join(names)), models.Value("\n".join(words)), **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Sequence[Any]]:
        document = self.get_source_expressions()[0]
        lines = [compiler.compile(KeyTextTransform(name, document)) for name in self.names]
        sql = f"concat_ws(E'\\n', VARIADIC ARRAY[{', '.join(line for line, _parameters in lines)}])"
        sql = f"""replace(lower({sql} COLLATE "und-x-icu") COLLATE "C", 'ß', 'ss')"""
        likes = ", ".join(["%s"] * len(self.words))
        parameters = [one for _line, own in lines for one in own]
        parameters += [f"%{connection.ops.prep_for_like_query(word)}%" for word in self.words]
        return f"{sql} LIKE ANY (ARRAY[{likes}])", parameters


def fold(text: Any) -> Any:
    """What `Folded` does, for SQLite, which folds ASCII alone."""
    return text.lower() if isinstance(text, str) else text


def holds(document: str, names: str, words: str) -> bool:
    """What `Holds` does, for SQLite, which would read the document again for each name."""
    values, lines = orjson.loads(document), []
    # Plain loops: this is asked of every record, and generators would take a third more time.
    for name in names.split(","):
        value = values.get(name)
        if value is not None:
            # PostgreSQL writes a number without an exponent, too.
            lines.append(value if isinstance(value, str) else fields.plain(value))
    text = sought("\n".join(lines))
    for word in words.split("\n"):  # noqa: SIM110
        if word in text:
            return True
    return False


def sought(text: str) -> str:
    """A text as words are looked for in it: without regard to case, and with ss for ß."""
    return text.lower().replace("ß", "ss")
