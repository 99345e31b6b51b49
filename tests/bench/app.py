"""The app's own figures, on a real node and school.

`first_window_s`: from the start of the process to the painted sign-in. `today_s`: from the start of the
process, the passphrase entered at once, to the painted Today, the key derivation included. `app_rss_mb`: the
app's memory once it is quiet there; `app_peak_mb`: the most that it ever took. Medians of several starts.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from lms_desktop.children import child_environment
from lms_desktop.client import setup
from lms_desktop.demo.seats import Seat, make_seats

STARTS, STARTS_QUICK = 9, 5
DEADLINE_S = 30.0


def measure(quick: bool) -> Mapping[str, float]:
    """Start the app several times; the first one only warms the disk's cache."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        (seat,) = make_seats(Path(folder), ("A",))
        seat.start()
        try:
            passphrase = asyncio.run(_found(seat, Path(folder)))
            _start(seat, passphrase)
            runs = [_start(seat, passphrase) for _ in range(STARTS_QUICK if quick else STARTS)]
        finally:
            seat.close()
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


async def _found(seat: Seat, folder: Path) -> str:
    await seat.ready()
    founded = await setup.create_school(
        seat.link,
        school="Bench School",
        zone="Europe/Oslo",
        administrator_name="Ines Dahl",
        administrator_login="ines",
        kit=folder / "kit.pdf",
        user_data=seat.user_data,
    )
    founded.session.sign_out()
    return founded.passphrase


def _start(seat: Seat, passphrase: str) -> dict[str, float]:
    environment = {
        **child_environment(),
        "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen"),
        "LMS_DESKTOP_USER_DATA": str(seat.user_data),
    }
    command = [sys.executable, "-m", "tests.bench.app_started", "--data", str(seat.data), "--attach"]
    started = time.time()
    done = subprocess.run(
        command,
        input=f"ines\n{passphrase}\n",
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    return {
        "first_window_s": seen["first_window"] - started,
        "today_s": seen["today"] - started,
        "app_rss_mb": seen["rss"] / 2**20,
        "app_peak_mb": seen["peak"] / 2**20,
    }
