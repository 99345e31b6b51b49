"""Looking at a PDF before it is handed in: it opens, its pages, its size, and if it is the last one again."""

import asyncio
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from lms_desktop.children import NO_WINDOW, child_command, child_environment
from lms_desktop.client.errors import BadFile
from lms_desktop.school import limits

DEADLINE_S = 20.0
MEMORY_LIMIT = 768 * 1024 * 1024
WATCH_S = 0.1

_MESSAGES = {
    "missing": (
        "The file cannot be read.",
        "Check that it is still there, or copy it to this computer first.",
    ),
    "empty": ("The file is empty.", "Save your work as a PDF again, then choose that file."),
    "not_pdf": ("The file is not a PDF.", "Export or print your work as PDF, then choose that file."),
    "truncated": (
        "The PDF is cut off: its end is missing.",
        "Save or copy it again; the copying may have stopped.",
    ),
    "encrypted": (
        "The PDF is protected with a password.",
        "Save a copy without a password, then choose that file.",
    ),
    "damaged": (
        "The PDF is damaged and does not open.",
        "Save your work as a PDF again, then choose that file.",
    ),
    "no_pages": ("The PDF has no pages.", "Save your work as a PDF again, then choose that file."),
}


@dataclass(frozen=True, slots=True)
class Preflight:
    """A PDF that can be handed in; `size` in bytes, `identical` means the same bytes as the last version."""

    path: Path
    pages: int
    size: int
    sha256: bytes
    identical: bool


async def inspect(
    path: Path, *, limit: int = limits.FILE_BYTES, last_sha256: bytes | None = None
) -> Preflight:
    """Open the file in a child process, with a limit of time and memory.

    Raises BadFile: missing, empty, over the limit, not a PDF, truncated, encrypted, damaged, without pages.
    """
    try:
        size = await asyncio.to_thread(lambda: path.stat().st_size)
    except OSError as error:
        raise _refusal("missing", path) from error
    if size > limit:
        raise BadFile(
            f"The file has {size / 1e6:.1f} MB, more than the limit of {limit / 1e6:.0f} MB.",
            where=path.name,
            next_step="Make it smaller, for example by lowering the resolution of pictures.",
        )
    answer = await asyncio.to_thread(_run_child, path)
    problem = answer.get("problem")
    if problem is not None:
        raise _refusal(str(problem), path)
    sha256 = bytes.fromhex(answer["sha256"])
    return Preflight(path, answer["pages"], answer["size"], sha256, sha256 == last_sha256)


def _refusal(problem: str, path: Path) -> BadFile:
    what, next_step = _MESSAGES.get(problem, _MESSAGES["damaged"])
    return BadFile(what, where=path.name, next_step=next_step)


def _run_child(path: Path) -> dict[str, Any]:
    """Blocking: start the child, watch its time and memory, and read its answer."""
    child = subprocess.Popen(
        child_command("pdfcheck"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        creationflags=NO_WINDOW,
    )
    with child:
        request: bytes | None = os.fsencode(path.absolute())
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                output, _ = child.communicate(request, timeout=WATCH_S)
                break
            except subprocess.TimeoutExpired:
                request = None
                if time.monotonic() > deadline or _memory(child.pid) > MEMORY_LIMIT:
                    child.kill()
                    child.communicate()
                    raise BadFile(
                        "The PDF takes too much time or memory to open.",
                        where=path.name,
                        next_step="Print it to a new PDF, then choose that file.",
                    ) from None
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"problem": "damaged"}


def _memory(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
