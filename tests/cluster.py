"""A PostgreSQL of the tests' own: made from the binaries on this machine, thrown away at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path


class Missing(Exception):
    """PostgreSQL's binaries are not on this machine, or cannot be started by this user; the text says which."""


class Cluster:
    """A running PostgreSQL, reached by a socket in its own directory, so that no port has to be found or guarded.

    Its locale is not C, so that text compared or ordered without saying how shows itself. `url` goes into DATABASE_URL.
    """

    def __init__(self) -> None:
        """Starts it. Raises Missing where there is no PostgreSQL to start."""
        self._pg_ctl = _binary("pg_ctl")
        # PostgreSQL refuses to run as root.
        self._user = _user() if os.geteuid() == 0 else None
        self._directory = Path(tempfile.mkdtemp(prefix="flowfinity-pg-"))
        if self._user:
            os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
        self.url = f"postgresql://flowfinity@/flowfinity?host={self._directory}"
        try:
            self._run(
                _binary("initdb"),
                *("--pgdata", "data", "--username", "flowfinity", "--auth", "trust", "--no-sync", "--encoding", "UTF8"),
                *("--locale", "C", "--locale-provider", "icu", "--icu-locale", "en-US"),
            )
            (self._directory / "data" / "postgresql.auto.conf").write_text(
                f"listen_addresses = ''\nunix_socket_directories = '{self._directory}'\n"
                # Its data need not outlive the run.
                "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\nautovacuum = off\n"
            )
            self._run(self._pg_ctl, "--pgdata", "data", "--log", "log", "--wait", "start")
        except subprocess.CalledProcessError as error:
            log = self._directory / "log"
            said = (error.stderr or "") + (log.read_text() if log.exists() else "")
            shutil.rmtree(self._directory, ignore_errors=True)
            raise RuntimeError(f"PostgreSQL does not start:\n{said}") from None

    def stop(self) -> None:
        """Stops it, whoever is still connected, and removes its directory."""
        self._run(self._pg_ctl, "--pgdata", "data", "--mode", "immediate", "--wait", "stop")
        shutil.rmtree(self._directory, ignore_errors=True)

    def _run(self, *command: str) -> None:
        # Output goes to files or pipes that close: a server that inherited pytest's own would keep them open.
        subprocess.run(
            command,
            cwd=self._directory,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if "start" not in command else subprocess.DEVNULL,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            **({"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}),
        )


def _binary(name: str) -> str:
    """The newest of the name under Debian's directory, else the one in PATH. Raises Missing."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(installed[-1]) if installed else shutil.which(name)
    if not found:
        raise Missing("PostgreSQL is not installed here (no initdb and pg_ctl; on Debian: apt-get install postgresql).")
    return found


def _user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as.")
