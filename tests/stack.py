"""The services of docker-compose.yml as processes, with its commands, environment and health checks, but no Docker.

What differs is what must: host names and ports are this machine's, PostgreSQL is the tests' own, and the clock moves.
The code that runs is a copy of what the Dockerfile copies into the image, and of nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
import yaml
from django.conf import settings

from tests.conftest import Server, _free_port

ROOT: Path = settings.BASE_DIR
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# What the image sets for every process.
IMAGE_ENV = dict(part.split("=", 1) for line in re.findall(r"^ENV (.+)$", DOCKERFILE, re.M) for part in line.split())
PLACEHOLDER = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<word>[^}]*))?\})")
# The services that are the site's own, in the order of their `depends_on`.
SITE = ("web", "worker", "beat")


def interpolated(value: str, env: Mapping[str, str]) -> str:
    """A value of the compose file with its variables filled in, as Docker does. Raises KeyError for a missing one."""

    def fill(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        given = env.get(found["name"], "")
        if not given and found["kind"] == "-":
            return found["word"]
        return given or env[f"{found['name']}: {found['word']}"]

    return PLACEHOLDER.sub(fill, value)


def made_env(directory: Path) -> dict[str, str]:
    """What `make up` writes into .env, made in the directory."""
    make = ["make", "-s", "-C", str(directory), "-f", str(ROOT / "Makefile"), ".env", f"PYTHON={sys.executable}"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    return dict(line.split("=", 1) for line in (directory / ".env").read_text(encoding="ascii").splitlines())


def image(directory: Path) -> Path:
    """The site's directory as the Dockerfile's COPY lines make it."""
    site = directory / "site"
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.M):
        *sources, target = line.split()
        for source in sources:
            to = site / target / source if target.endswith("/") else site / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, to)
    return site


class Service:
    """One container's process, with all that it starts; one that ends by itself is started again, as by Docker."""

    def __init__(self, command: Sequence[str], health: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> None:
        self.command, self.health, self.cwd, self.environ = command, health, cwd, environ
        self.restarts = 0
        self._log = cwd.parent / f"{file_name(command)}.log"
        self._process: subprocess.Popen[bytes] | None = None
        # Held while a process is started or taken away, so that none is started behind a kill.
        self._lock = threading.RLock()

    def start(self) -> None:
        """Starts it, and waits for nothing."""
        with self._lock, self._log.open("ab") as log:
            process = self._process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        threading.Thread(target=self._watch, args=(process,), daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        time.sleep(0.2)
        with self._lock:
            if self._process is process:
                self.restarts += 1
                self.start()

    def wait(self, seconds: float = 180) -> None:
        """Waits until its health check passes. Raises RuntimeError, with its log, when that takes too long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.restarts < 10:
            done = subprocess.run(self.health, cwd=self.cwd, env=self.environ, capture_output=True, timeout=seconds)
            if done.returncode == 0:
                return
            time.sleep(0.2)
        raise RuntimeError(f"{' '.join(self.command)} is not healthy:\n{self.log()}")

    def kill(self) -> None:
        """SIGKILL to all of it at once, as when a container is killed or its machine fails."""
        if (process := self._taken()) is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """SIGTERM, as Docker stops a container; killed when it has not gone in time."""
        if (process := self._taken()) is not None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _taken(self) -> subprocess.Popen[bytes] | None:
        """The process, which from now on is not started again."""
        with self._lock:
            process, self._process = self._process, None
            return process

    def log(self) -> str:
        """All that it has printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def file_name(command: Sequence[str]) -> str:
    """A file name for a command."""
    return re.sub(r"\W+", "-", " ".join(command))[-60:]


class Stack:
    """web, worker, beat and redis as docker-compose.yml runs them, beside a database of the tests' cluster.

    `url`, `password` and `clock` are those of `Server`.
    """

    def __init__(self, directory: Path) -> None:
        self.server = Server(directory)
        self.url, self.clock = self.server.url, self.server.clock
        self.env = made_env(directory)
        self.password = self.env["DEMO_PASSWORD"]
        self.redis_port = _free_port()
        self.cwd = image(directory)
        venv = str(Path(sys.executable).parent)
        self.machine = {
            **{name: value for name, value in os.environ.items() if name in {"LANG", "HOME", "TMPDIR"}},
            "PATH": f"{venv}:{os.environ['PATH']}",
            "HOSTNAME": socket.gethostname(),
        }
        self.services = {name: self.service(name) for name in ("redis", *SITE)}

    def service(self, name: str) -> Service:
        """The process of a service."""
        about = COMPOSE["services"][name]
        kind, *test = (interpolated(part, self.env) for part in about["healthcheck"]["test"])
        health = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        command = [interpolated(part, self.env) for part in about["command"]]
        environ = {key: interpolated(value, self.env) for key, value in about["environment"].items()}
        if name == "redis":
            command += ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(self.cwd)]
            health = ["sh", "-c", test[0].replace("redis-cli", f"redis-cli -p {self.redis_port}")]
        else:
            environ = {**IMAGE_ENV, **self.env, **environ, **self.here(environ)}
        return Service(command, health, self.cwd, {**self.machine, **environ})

    def here(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What is otherwise on this machine than in a container."""
        given = self.server.environ
        return {
            "DATABASE_URL": given["DATABASE_URL"],
            "REDIS_URL": environ["REDIS_URL"].replace("@redis:6379/", f"@127.0.0.1:{self.redis_port}/"),
            "DATA_DIR": given["DATA_DIR"],
            "HOST": "127.0.0.1",
            "PORT": given["PORT"],
            "TEST_CLOCK": given["TEST_CLOCK"],
            # The receiver is on this machine, and speaks plain HTTP.
            "HOOKS_ALLOW_PRIVATE": "1",
        }

    @property
    def environ(self) -> Mapping[str, str]:
        """What a program of the site's own is told, a writer say."""
        return self.services["web"].environ

    def up(self) -> None:
        """Starts all, each when what it depends on is healthy."""
        for name in ("redis", *SITE):
            self.services[name].start()
            if name not in ("worker", "beat"):
                self.services[name].wait()
        for name in ("worker", "beat"):
            self.services[name].wait()

    def down(self) -> None:
        """Kills all, and drops the database."""
        for service in reversed(self.services.values()):
            service.kill()
        self.server.remove()

    def flush(self) -> None:
        """Makes Redis forget everything."""
        with redis.Redis(port=self.redis_port, password=self.env["REDIS_PASSWORD"]) as client:
            client.flushall()

    def log(self) -> str:
        """All that all have printed."""
        return "\n".join(f"== {name}\n{service.log()}" for name, service in self.services.items())


class Clock:
    """Moves the clock of running services, so that what waits for hours does so in seconds."""

    def __init__(self, file: Path) -> None:
        self.file, self.seconds = file, 0.0

    def forward(self, seconds: float) -> None:
        """Moves it on; a reader finds the old number or the new one."""
        self.seconds += seconds
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(self.seconds), encoding="ascii")
        fresh.replace(self.file)
