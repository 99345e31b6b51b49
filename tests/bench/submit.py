"""How long a student waits: from pressing submit to the signed receipt of a 10 MB PDF, on three node
processes.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from lms_desktop.client import receipts, submit
from lms_desktop.client.protocol import ItemState
from lms_desktop.client.session import Session
from lms_desktop.demo.cast import grow_pdf
from lms_desktop.demo.school import wait_for_voters
from tests.client import pdfs
from tests.e2e.lab import classroom

SIZE = 10 * 1000 * 1000
SEATS = ("A", "B", "C")


def measure(quick: bool) -> Mapping[str, float]:
    """`receipt_10mb_s` and `safe_10mb_s`: medians; `receipt_10mb_worst_s`."""
    with tempfile.TemporaryDirectory(prefix="lms-bench-") as folder:
        return asyncio.run(_measure(Path(folder), 3 if quick else 10))


async def _measure(folder: Path, times: int) -> dict[str, float]:
    accepted: list[float] = []
    safe: list[float] = []
    async with classroom(folder, SEATS) as room:
        await wait_for_voters(room.school.seats)
        for number in range(times + 1):
            extra = random.Random(number).randbytes(SIZE)
            path = grow_pdf(pdfs.sample(folder), folder / f"work {number}.pdf", extra)
            taken = await _hand_in(room.students[0], room.assignment, path)
            if number:  # the first one warms up connections and caches
                accepted.append(taken[0])
                safe.append(taken[1])
    return {
        "receipt_10mb_s": round(statistics.median(accepted), 3),
        "receipt_10mb_worst_s": round(max(accepted), 3),
        "safe_10mb_s": round(statistics.median(safe), 3),
    }


async def _hand_in(session: Session, assignment: int, path: Path) -> tuple[float, float]:
    """Seconds from pressing submit to the receipt, and to the item's being safe."""
    checked = await submit.check(session, assignment=assignment, path=path)
    began = time.perf_counter()
    item = await submit.submit(session, assignment=assignment, checked=checked)
    item = await submit.follow(session, item=item, until=ItemState.ACCEPTED)
    version = (await submit.assignment_page(session, assignment=assignment)).versions[0]
    receipt = await receipts.receipt(session, version=version)
    received = time.perf_counter() - began
    assert receipt.sha256 == checked.sha256
    await submit.follow(session, item=item)
    return received, time.perf_counter() - began
