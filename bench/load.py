"""Four clients that ask as fast as they are answered: wrk where it is installed, else a plain client of our own."""

from __future__ import annotations

import multiprocessing
import re
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CLIENTS = 4
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
WRK = shutil.which("wrk")
GENERATOR = (
    f"wrk -t1 -c{CLIENTS}"
    if WRK
    else f"{CLIENTS} Python clients (wrk is not installed: they take more of the\nmachine, which costs the bare "
    "endpoint most, so the shares come out too high)"
)


@dataclass(frozen=True)
class Load:
    """What one run under load has shown: requests in all and a second, and how long one takes, in ms."""

    requests: int
    rate: float
    p50: float
    p99: float


def under_load(url: str, headers: Mapping[str, str], seconds: int, clients: int = CLIENTS) -> Load:
    """So many seconds of requests to one URL by so many clients. Raises RuntimeError for any answer but a 200."""
    return (_wrk if WRK else _clients)(url, headers, seconds, clients)


def _wrk(url: str, headers: Mapping[str, str], seconds: int, clients: int) -> Load:
    command = [str(WRK), "-t1", f"-c{clients}", f"-d{seconds}", "--latency", url]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{url} does not answer every request:\n{said}")
    latency = {share: float(n) * UNITS[unit] for share, n, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s|m)\b", said)}
    requests, rate = re.search(r"(\d+) requests in", said), re.search(r"Requests/sec:\s+([\d.]+)", said)
    if not requests or not rate:
        raise RuntimeError(f"wrk says what the bench does not understand:\n{said}")
    return Load(int(requests[1]), float(rate[1]), latency["50"], latency["99"])


def _clients(url: str, headers: Mapping[str, str], seconds: int, clients: int) -> Load:
    with multiprocessing.get_context("spawn").Pool(clients) as pool:
        started = time.time() + 1
        times = [
            one for each in pool.starmap(_client, [(url, dict(headers), started, seconds)] * clients) for one in each
        ]
    cuts = statistics.quantiles(times, n=100)
    return Load(len(times), len(times) / seconds, cuts[49] * 1000, cuts[98] * 1000)


def _client(url: str, headers: Mapping[str, str], start: float, seconds: int) -> list[float]:
    """How long each request of one kept connection took, in seconds."""
    parts = urlsplit(url)
    lines = [f"GET {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", *(f"{n}: {v}" for n, v in headers.items())]
    request = "\r\n".join([*lines, "", ""]).encode()
    times = []
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        answers = connection.makefile("rb")
        time.sleep(max(0.0, start - time.time()))
        end = time.perf_counter() + seconds
        while (before := time.perf_counter()) < end:
            connection.sendall(request)
            status = answers.readline()
            if status.split()[1:2] not in ([b"200"], [b"304"]):
                raise RuntimeError(f"{url} does not answer every request: {status!r}")
            length = 0
            while (line := answers.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                # A 304 may say how long the body would be that it does not send.
                if name.lower() == b"content-length" and b" 304 " not in status:
                    length = int(value)
            answers.read(length)
            times.append(time.perf_counter() - before)
    return times
