"""`make bench`: the poll against a bare Django endpoint on the same server, in one run, as ratios.

SCALE (10k, 100k, 1m records in the app), ENGINE (both, postgresql, sqlite), ROUNDS and SECONDS (of each load) come from
the environment or from options; `--strict` makes a missed goal an error. docs/performance.md says how to read it.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from bench import database, headers, load, pieces_names as pieces, processes
from bench.database import Database
from bench.load import Load
from bench.processes import Server
from tests.cluster import Missing

SCALES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
ENGINES = {"both": ("postgresql", "sqlite"), "postgresql": ("postgresql",), "sqlite": ("sqlite",)}
POLL = "/api/apps/LeadRegistration/views/{}"
WRITERS = 4
WRITING_SECONDS = 4
