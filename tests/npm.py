"""Packages from npm that tests run: what a folder's package-lock.json names, installed once, into the user's cache.

Needs node 20 or newer and npm. Without them: a failure with CI=true, elsewhere a skip.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

INSTALLED = ("package.json", "package-lock.json")
OLDEST_NODE = 20


def missing() -> str:
    """What this machine lacks, in a sentence; "" when nothing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return "node and npm are not installed here (on Debian: apt-get install nodejs npm)."
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        return f"node {OLDEST_NODE} or newer is needed; this is {version}."
    return ""


def modules(folder: Path) -> Path:
    """The node_modules of what the folder's lock file names."""
    if lacking := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"flowfinity-{folder.name}"
    lock = hashlib.sha256(b"".join((folder / name).read_bytes() for name in INSTALLED)).hexdigest()[:16]
    kept = cache / lock
    if not kept.exists():
        # Made beside it and moved there whole: another run, or one that was interrupted, leaves nothing half done.
        making = cache / f"{lock}.{os.getpid()}"
        making.mkdir(parents=True)
        for name in INSTALLED:
            shutil.copy(folder / name, making)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=making, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            making.rename(kept)
        except OSError:  # somebody was faster
            shutil.rmtree(making)
    return kept / "node_modules"
