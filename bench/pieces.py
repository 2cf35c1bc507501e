"""Where a poll's time goes: `python -m bench.pieces PASSWORD`, in the environment of the site.

Real requests through the whole site in this process, with a clock that always runs for exactly one piece: the
innermost that is under way. What no piece claims is Django's.
"""

from __future__ import annotations

import io
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import django

django.setup()

import orjson  # noqa: E402
from django.db.backends.utils import CursorWrapper  # noqa: E402
from django.db.models.sql.compiler import SQLCompiler  # noqa: E402

from bench.cases import PIECED, zapier  # noqa: E402
from bench.cold import application  # noqa: E402
from flowfinity import definitions, query, requests  # noqa: E402
from integration import items, zapier_mode  # noqa: E402
from integration.rest import answers, authentication, polls, reading, state  # noqa: E402

REPEATS = 150
DJANGO = "Django: request, middleware, address, response"
ENDPOINT = "the endpoint itself (DRF, switches, headers)"
STATE = "who asks, may they, how fresh: one query"
RECOGNISE = "recognising the password"
DEFINITION = "the view's definition and the query string"
TAG = "the tag that proves an answer"
BUILD = "the rows' SQL: built and compiled"
EXECUTE = "the database's answer to it"
FETCH = "reading the rows: JSON, times"
RENDER = "rendering items"
DUMPS = "the items as JSON"
KEEP = "the poll log"
LINE = "the request's line in the log"
PIECES = (DJANGO, LINE, ENDPOINT, STATE, RECOGNISE, DEFINITION, TAG, BUILD, EXECUTE, FETCH, RENDER, DUMPS, KEEP)
# What is under way within these is theirs: their statements, too, are executed.
WHOLE = (STATE, KEEP)
ALL = "together"
WATCH = "(together, with the stopwatch on)"


class Stopwatch:
    """Seconds by piece; while one is under way within another, the other's clock stands."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    def timed(self, piece: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time booked under the piece."""

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self._turn(next((whole for whole in WHOLE if whole in self._open), piece))
            try:
                return function(*args, **kwargs)
            finally:
                self._turn(None)

        return wrapper

    def replace(self, owner: Any, name: str, piece: str) -> None:
        """Times a function where it stands. Raises AttributeError when it no longer stands there."""
        setattr(owner, name, self.timed(piece, getattr(owner, name)))

    def _turn(self, piece: str | None) -> None:
        now = time.perf_counter()
        if self._open:
            self.spent[self._open[-1]] += now - self._since
        if piece is None:
            self._open.pop()
        else:
            self._open.append(piece)
        self._since = time.perf_counter()


def instrument(watch: Stopwatch) -> None:
    """Books the parts of a poll under their pieces."""
    watch.replace(reading.Views, "dispatch", ENDPOINT)
    watch.replace(reading.Views, "keep", KEEP)
    watch.replace(state, "find", STATE)
    watch.replace(authentication, "verify", RECOGNISE)
    watch.replace(authentication, "credentials", RECOGNISE)
    watch.replace(definitions, "of", DEFINITION)
    watch.replace(reading, "read", DEFINITION)
    watch.replace(answers, "digest", TAG)
    watch.replace(zapier_mode, "overlay", BUILD)
    watch.replace(query.Query, "apply", BUILD)
    watch.replace(SQLCompiler, "as_sql", BUILD)
    watch.replace(CursorWrapper, "execute", EXECUTE)
    polls.orjson = SimpleNamespace(dumps=watch.timed(DUMPS, orjson.dumps))  # type: ignore[attr-defined,assignment]
    requests.log = SimpleNamespace(info=watch.timed(LINE, requests.log.info))
    rendered, renderer = polls.rendered, items.renderer

    def rows(given: Iterable[Any]) -> Iterator[Any]:
        each = watch.timed(FETCH, iter(given).__next__)
        while True:
            try:
                yield each()
            except StopIteration:
                return

    items.renderer = lambda *args, **kwargs: watch.timed(RENDER, renderer(*args, **kwargs))
    polls.rendered = watch.timed(DUMPS, lambda given, *rest, **more: rendered(rows(given), *rest, **more))


def measure(path: str, password: str, watch: Stopwatch) -> dict[str, float]:
    """Milliseconds by piece and of the whole, as quick as the quickest tenth: others' work is left out so."""
    taken: list[dict[str, float]] = []
    for _ in range(REPEATS):
        watch.spent.clear()
        watch.timed(DJANGO, answer)(path, password)
        taken.append({**watch.spent, ALL: sum(watch.spent.values())})
    return {
        piece: 1000 * statistics.quantiles([one.get(piece, 0.0) for one in taken], n=10)[0] for piece in (*PIECES, ALL)
    }


def main(password: str) -> dict[str, dict[str, float]]:
    """By path, the milliseconds by piece. The whole is measured before the stopwatch is put in, which costs its own."""
    alone, watch = Stopwatch(), Stopwatch()
    whole = {case.path: measure(case.path, password, alone)[ALL] for case in PIECED}
    instrument(watch)
    pieces = {case.path: measure(case.path, password, watch) for case in PIECED}
    return {path: {**found, ALL: whole[path], WATCH: found[ALL]} for path, found in pieces.items()}


def answer(path: str, password: str) -> bytes:
    """The body of a poll, read and closed as a server does it. Raises RuntimeError for anything but a 200."""
    statuses: list[str] = []
    response = application(environ(path, password), lambda status, headers, error=None: statuses.append(status))  # type: ignore[arg-type]
    try:
        body = b"".join(response)
    finally:
        response.close()
    if statuses != ["200 OK"]:
        raise RuntimeError(f"{path} answers {statuses}: {body[:200]!r}")
    return body


def environ(path: str, password: str) -> dict[str, Any]:
    """A poll, as the server hands it on."""
    sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in zapier(password).items()}
    return {
        **{"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": "", "HTTP_HOST": "127.0.0.1"},
        **{"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"},
        **{"wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr},
        **{"wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False},
        **sent,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
