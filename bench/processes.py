"""The programs that a run starts, and the CPU time that they spend (from /proc; nothing where there is none)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
# One configuration for everything that is compared: what make run uses with two workers.
GRANIAN = [
    *("--interface", "wsgi", "--no-ws", "--workers", "2", "--blocking-threads", "2"),
    *("--no-access-log", "--log-level", "warning", "--host", "127.0.0.1"),
]
MOST_SAID = 4_000
TICKS = os.sysconf("SC_CLK_TCK")


def environ(**site: str) -> dict[str, str]:
    """The environment of a measured program: what a developer has set for a site of his own changes nothing here."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {
        **{name: value for name, value in os.environ.items() if name in kept or name.startswith(("LC_", "PG"))},
        "PYTHONPATH": str(ROOT),
        **site,
    }


def run(module: str, *arguments: str, env: Mapping[str, str]) -> Any:
    """What a module of the bench, run in a process of its own, says in JSON. Raises RuntimeError when it fails."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} fails:\n{done.stderr[-MOST_SAID:]}")
    return json.loads(done.stdout)


def together(module: str, count: int, *arguments: str, env: Mapping[str, str]) -> list[Any]:
    """What so many processes of a module say, which start their work at the same time: at a line on stdin."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", module, str(number), *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(count)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            if process.stdout.readline().strip() != b"ready":
                raise RuntimeError(f"{module} does not start.")
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.flush()
        answers = [json.loads(process.communicate()[0]) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    return answers


class Server:
    """A WSGI application, served; `url` is where, without a slash at the end. A context manager that stops it."""

    def __init__(self, application: str, env: Mapping[str, str], probe: str, log: Path) -> None:
        """Starts it, its log in a file as under a service manager, and waits until `probe`, a path, answers.

        Raises RuntimeError when it does not within a minute.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "granian", *GRANIAN, "--port", str(port), application],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                urlopen(f"{self.url}{probe}", timeout=5).close()
                return
            except HTTPError as error:
                error.close()
                return
            except (URLError, OSError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"The server of {application} does not start:\n{log.read_text()[-MOST_SAID:]}")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends it and its workers."""
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def cpu(self) -> dict[int, float] | None:
        """CPU seconds by process: of the server and its workers. None where there is no /proc."""
        family = {self._process.pid, *children(self._process.pid)}
        return {pid: seconds for pid in family if (seconds := cpu(pid)) is not None} or None


def children(parent: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        if (fields := _stat(int(path.parent.name))) and int(fields[1]) == parent:
            found += [int(path.parent.name), *children(int(path.parent.name))]
    return found


def cpu(pid: int) -> float | None:
    """The CPU seconds that a process has spent; None when it is not there."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else None


def machine() -> float:
    """The CPU seconds that all programs of the machine have spent since it started; 0 where there is no /proc."""
    with suppress(OSError):
        user, nice, system, _, _, irq, softirq = Path("/proc/stat").read_text().split()[1:8]
        return sum(map(int, (user, nice, system, irq, softirq))) / TICKS
    return 0.0


def own() -> float:
    """The CPU seconds of this process and of those that it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def name(pid: int) -> str:
    """The program's name, or "" when it is not there."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold spaces: state, parent, …"""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
