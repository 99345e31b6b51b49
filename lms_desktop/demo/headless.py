"""The story played by itself: one line a step with its time, and what was found as JSON.

Step 7, the loss of all machines at once, comes last: so that questions and answers must survive it as well.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from lms_desktop.client.errors import ClientError
from lms_desktop.demo.asking import generate, quote_pages
from lms_desktop.demo.blackout import kill_all
from lms_desktop.demo.cast import Cast, StoryFailed
from lms_desktop.demo.declining import decline
from lms_desktop.demo.handing_in import hand_in, kill_leader, kill_student
from lms_desktop.demo.marking import grade
from lms_desktop.demo.modelling import can_generate
from lms_desktop.demo.opening import add_people, create_school, fill_course
from lms_desktop.demo.replying import reply, switch_off

STEP_S = 300.0

Step = Callable[[Cast], Awaitable[str | None]]
"""Plays a part; what it returns, if anything, is said on its line."""

STEPS: tuple[tuple[str, Step], ...] = (
    ("1  school on A, B and C join, a stranger is refused", create_school),
    ("2  people, slips, first sign-in", add_people),
    ("3  course, material, assignment", fill_course),
    ("4  hand-in, receipt, verification", hand_in),
    ("5  leader killed in mid-upload", kill_leader),
    ("5  student's app and node killed in mid-upload", kill_student),
    ("6  grading, release, correction", grade),
    ("8  a GPU host tagged, the tutor quotes pages and understands a follow-up", quote_pages),
    ("8  a language model made, added, streamed and cancelled; the tag taken away", generate),
    ("9  declined, asked back, handed over to the instructor", decline),
    ("10 replies to one and to the class, unread badges", reply),
    ("10 the tutor switched off, for an assignment, a time, a course", switch_off),
    ("7  all machines killed, started in another order", kill_all),
)


def play(folder: Path, *, pdf: Path | None = None, report: Path | None = None) -> int:
    """Play the story in a folder; returns the exit status: 1 at the first step that fails."""
    cast = Cast(folder, pdf=pdf)
    try:
        return asyncio.run(_play(cast))
    finally:
        cast.close()
        if report is not None:
            report.write_text(json.dumps(asdict(cast.report), indent=2) + "\n", "utf-8")


async def _play(cast: Cast) -> int:
    started = time.monotonic()
    if can_generate():
        cast.model.start()  # it takes most of a minute: the first steps leave processors idle
    for title, step in STEPS:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(STEP_S):
                note = await step(cast)
        except (StoryFailed, ClientError, TimeoutError) as error:
            logging.getLogger(__name__).debug("the story failed", exc_info=True)
            reason = str(error) or f"It took longer than {STEP_S:.0f} s."
            print(f"FAILED  {title}: {reason}", flush=True)
            return 1
        said = f" ({note})" if note else ""
        print(f"ok  {time.monotonic() - begun:5.1f} s  {title}{said}", flush=True)
    print(f"The whole story holds: {time.monotonic() - started:.1f} s.", flush=True)
    return 0
