"""`make bench`: the poll against a bare Django endpoint on the same server, in one run, as ratios.

SCALE (10k, 100k, 1m records in the app), ENGINE (both, postgresql, sqlite), ROUNDS and SECONDS (of each load) come from
the environment or from options; `--strict` makes a missed goal an error. docs/performance.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from bench import database, processes
from bench.cases import CASES, PIECED, Case, zapier
from bench.database import Database
from bench.load import CLIENTS, GENERATOR, Load, under_load
from bench.processes import Server
from tests.cluster import Missing

SCALES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
ENGINES = {"both": ("postgresql", "sqlite"), "postgresql": ("postgresql",), "sqlite": ("sqlite",)}
WRITERS = 4
WRITING_SECONDS = "4"
WARM_UP_SECONDS = 1
# What other programs may take of the machine before a run says so.
QUIET = 0.1


@dataclass(frozen=True)
class Measured:
    """One load of one case: CPU milliseconds a request of its server and of the database, and what of the machine
    (1 is all of it) other programs took meanwhile; None for what cannot be read here."""

    load: Load
    web: float | None
    database: float | None
    others: float | None


@dataclass(frozen=True)
class Asked:
    """What this run is to do."""

    records: int
    rounds: int
    seconds: int


def main() -> int:
    """Runs, prints, and says whether a goal was missed (with --strict) or nothing could be measured: 1, else 0."""
    options = read_options()
    asked = Asked(SCALES[options.scale], options.rounds, options.seconds)
    met = True
    for engine in ENGINES[options.engine]:
        with tempfile.TemporaryDirectory(prefix="flowfinity-bench-") as directory:
            source = database.postgresql() if engine == "postgresql" else database.sqlite(Path(directory))
            try:
                with source as found:
                    met = bench(found, asked, Path(directory)) and met
            except Missing as reason:
                print(reason)
                met = False
    return 1 if options.strict and not met else 0


def read_options() -> argparse.Namespace:
    """The options, the environment's words by default."""
    say = argparse.ArgumentParser(prog="python -m bench", description="Measures the poll against a bare endpoint.")
    say.add_argument("--scale", choices=SCALES, default=os.environ.get("SCALE", "100k").lower())
    say.add_argument("--engine", choices=ENGINES, default=os.environ.get("ENGINE", "both").lower())
    say.add_argument("--rounds", type=int, default=os.environ.get("ROUNDS", "7"))
    say.add_argument("--seconds", type=int, default=os.environ.get("SECONDS", "1"))
    say.add_argument("--strict", action="store_true", help="end with 1 when a goal is missed")
    options = say.parse_args()
    # argparse does not look at a default.
    if options.scale not in SCALES or options.engine not in ENGINES:
        say.error(f"SCALE is one of {', '.join(SCALES)}; ENGINE one of {', '.join(ENGINES)}")
    if options.rounds < 1 or options.seconds < 1:
        say.error("ROUNDS and SECONDS are at least 1")
    return options


def bench(found: Database, asked: Asked, directory: Path) -> bool:
    """Measures one database and prints its tables; returns whether its goals were met."""
    print(f"\n{found.title}: {asked.records:,} records in the app, {asked.records // 5:,} in another.")
    print(
        f"granian, WSGI, 2 workers of 2 threads; {GENERATOR}, {asked.seconds} s; the median of {asked.rounds} rounds.\n"
    )
    password = secrets.token_urlsafe(12)
    site = processes.environ(
        DJANGO_SETTINGS_MODULE="flowfinity.settings", DATABASE_URL=found.url, DATA_DIR=str(directory / "data")
    )
    # WhiteNoise warns of a missing directory.
    (directory / "data" / "static").mkdir(parents=True, exist_ok=True)
    processes.run("bench.data", str(asked.records), password, env=site)
    measured = served(found, asked, site, password, directory / "log")
    print_polls(measured)
    print_others(measured)
    print_pieces(processes.run("bench.pieces", password, env=site))
    print_pages(processes.run("bench.pages", env=site))
    print_writers(processes.together("bench.writers", WRITERS, WRITING_SECONDS, env=site))
    return print_goals(measured) if found.kind == "postgresql" else True


def served(found: Database, asked: Asked, site: dict[str, str], password: str, log: Path) -> dict[Case, list[Measured]]:
    """Each case under load, the rounds interleaved so that a busy minute hits all alike."""
    measured: dict[Case, list[Measured]] = {case: [] for case in CASES}
    with ExitStack() as stack:
        servers = {
            application: stack.enter_context(Server(application, site, probe, log))
            for application, probe in {case.application: "/healthz" if case.view else "/" for case in CASES}.items()
        }
        sent = {}
        for case in CASES:
            url = f"{servers[case.application].url}{case.path}"
            sent[case] = headers(case, url, password)
            # With more connections than there are workers and threads: each must have seen the password once.
            under_load(url, sent[case], WARM_UP_SECONDS, 4 * CLIENTS)
        for _ in range(asked.rounds):
            for case in CASES:
                measured[case].append(measure(case, servers[case.application], found, asked.seconds, sent[case]))
    return measured


def headers(case: Case, url: str, password: str) -> dict[str, str]:
    """What the case sends. Raises RuntimeError unless the answer holds as many records as the case says."""
    sent = zapier(password) if case.view else {}
    with urlopen(Request(url, headers=sent), timeout=60) as response:
        count = len(json.load(response))
        tag = response.headers["ETag"]
    if count != case.records:
        raise RuntimeError(f"{case.title}: the answer holds {count} records.")
    if case.compressed:
        sent["Accept-Encoding"] = "gzip"
    if case.unchanged:
        sent["If-None-Match"] = tag
    return sent


def measure(case: Case, server: Server, found: Database, seconds: int, sent: dict[str, str]) -> Measured:
    """One load, and the CPU time that went with it."""
    start = time.perf_counter()
    before = server.cpu(), found.cpu()
    machine, own = processes.machine(), processes.own()
    load = under_load(f"{server.url}{case.path}", sent, seconds)
    taken, own = processes.machine() - machine, processes.own() - own
    web, data = (grown(early, late) for early, late in zip(before, (server.cpu(), found.cpu()), strict=True))
    all_of_it = (time.perf_counter() - start) * (os.cpu_count() or 1)
    return Measured(
        load,
        None if web is None else 1000 * web / load.requests,
        None if data is None or not case.view else 1000 * data / load.requests,
        max(0.0, taken - own - (web or 0) - (data or 0)) / all_of_it if taken else None,
    )


def grown(early: dict[int, float] | None, late: dict[int, float] | None) -> float | None:
    """The CPU seconds that processes spent in between; one that is new began at none."""
    return None if late is None else sum(spent - (early or {}).get(pid, 0.0) for pid, spent in late.items())


def share(case: Case, measured: dict[Case, list[Measured]]) -> float:
    """The case's requests a second as a share of the bare endpoint's: the median of the rounds' own shares."""
    pairs = zip(measured[case], measured[CASES[0]], strict=True)
    return statistics.median(one.load.rate / bare.load.rate for one, bare in pairs)


def by_cpu(case: Case, measured: dict[Case, list[Measured]]) -> str:
    """The bare endpoint's CPU time as a share of the case's: what a busy machine blurs less than requests a second."""
    spent = [[(run.web or 0) + (run.database or 0) for run in measured[one]] for one in (CASES[0], case)]
    bare, own = (statistics.median(runs) for runs in spent)
    return f"{bare / own:.1%}" if bare and own else "-"


def median(values: list[float | None], digits: int = 2) -> str:
    """The median in print; a dash for what could not be measured."""
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):,.{digits}f}" if known else "-"


def print_polls(measured: dict[Case, list[Measured]]) -> None:
    """The polls under load."""
    rows = [("", "of the bare", "by CPU", "requests/s", "p50 ms", "p99 ms", "web CPU ms", "database CPU ms")]
    for case, runs in measured.items():
        rows.append(
            (
                case.title,
                f"{share(case, measured):.1%}",
                by_cpu(case, measured),
                median([run.load.rate for run in runs], 0),
                median([run.load.p50 for run in runs]),
                median([run.load.p99 for run in runs], 1),
                median([run.web for run in runs]),
                median([run.database for run in runs]),
            )
        )
    print_table(rows)


def print_others(measured: dict[Case, list[Measured]]) -> None:
    """A warning, where the machine was not left to the bench."""
    taken = [run.others for runs in measured.values() for run in runs if run.others is not None]
    if taken and statistics.median(taken) > QUIET:
        print(
            f"Other programs took {statistics.median(taken):.0%} of the machine meanwhile. A poll waits for them at\n"
            "each step between web and database, the bare endpoint at none: the shares are too low.\n"
            "Repeat it when the machine is quiet.\n"
        )


def print_pieces(pieces: dict[str, dict[str, float]]) -> None:
    """Where the time goes."""
    print("Where the time goes: one request at a time, in one process, milliseconds (the quickest tenth)\n")
    rows = [("", *(case.title for case in PIECED))]
    for piece in pieces[PIECED[0].path]:
        rows.append((piece, *(f"{pieces[case.path][piece]:.2f}" for case in PIECED)))
    print_table(rows)


def print_pages(pages: dict[str, float]) -> None:
    """What pages for people take, the first of them being the empty one."""
    print("Pages for people: one request at a time, in one process, milliseconds (the quickest tenth)\n")
    empty = next(iter(pages.values()))
    rows = [("", "ms", "of the empty page")]
    rows += [(title, f"{ms:,.1f}", f"{ms / empty:,.1f} ×") for title, ms in pages.items()]
    print_table(rows)


def print_writers(writers: list[dict[str, float]]) -> None:
    """What submitting carries."""
    total = sum(writer["count"] for writer in writers) / float(WRITING_SECONDS)
    p50, p99 = median([writer["p50"] for writer in writers], 1), median([writer["p99"] for writer in writers], 1)
    print(
        f"{len(writers)} writers at one app through submit(), one create to two edits: {total:,.0f} submissions/s "
        f"(each {p50} ms, 99% within {p99} ms).\n"
    )


def print_goals(measured: dict[Case, list[Measured]]) -> bool:
    """The goals, met or missed; returns whether all were met."""
    met = True
    for case in measured:
        if case.goal is not None:
            reached = share(case, measured)
            met = met and reached >= case.goal
            word = "met" if reached >= case.goal else "MISSED"
            print(f"{word:<8}{case.title}: {reached:.1%} of the bare endpoint, at least {case.goal:.0%}")
    print()
    return met


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """The rows as a table, the first one its head."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print(f"| {' | '.join(cells)} |")
        if not number:
            print(f"| {'-' * widths[0]} | {' | '.join('-' * (width - 1) + ':' for width in widths[1:])} |")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
