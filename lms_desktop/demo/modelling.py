"""The story's language model: made of the demo courses' pages while the first steps play, then added.

Run as `lms-desktop sample FOLDER` it makes the model and ends when its standard input does, so that it never
outlives the demo.
"""

import asyncio
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil

from lms_desktop.children import NO_WINDOW, child_command, child_environment
from lms_desktop.demo.seats import DemoError, Seat

MADE_S = 240.0
NICE = 5  # where priorities are niceness
ADDED_S = 60.0


def can_generate() -> bool:
    """Whether the add-on that language models need is installed here."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))


class SampleModel:
    """`lms-desktop tutor make-sample-model` in a child process that lets the machines go first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sample-model"
        self._said = folder / "sample-model.out"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, unless it has begun; `made` waits for the end."""
        if self._process is not None:
            return
        with self._said.open("wb") as output:
            self._process = subprocess.Popen(
                child_command("sample", str(self.folder)),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=child_environment(),
                creationflags=NO_WINDOW,
            )
        psutil.Process(self._process.pid).nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", NICE))

    async def made(self) -> Path:
        """The model's folder. Raises DemoError with what was said last where there is none."""
        self.start()
        assert self._process is not None
        if await asyncio.to_thread(_wait, self._process) != 0:
            raise DemoError(f"The sample model could not be made: {_last_line(self._said.read_bytes())}")
        return self.folder

    def stop(self) -> None:
        """End it, if it still goes on."""
        if self._process is not None and self._process.stdin is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()


async def add_model(seat: Seat, model: Path) -> None:
    """`lms-desktop tutor add-model` on a machine. Raises DemoError with what it said."""
    done = await asyncio.to_thread(
        subprocess.run,
        child_command("tutor", "add-model", str(model), "--data", str(seat.data)),
        env=child_environment(),
        capture_output=True,
        timeout=ADDED_S,
    )
    if done.returncode != 0:
        said = _last_line(done.stderr or done.stdout)
        raise DemoError(f"The model could not be added on machine {seat.name}: {said}")


def main(arguments: Sequence[str]) -> int:
    """Make the model, for as long as whoever started this is there."""
    from lms_desktop.config import machine_data
    from lms_desktop.tutor.command import main as tutor

    threading.Thread(target=_end_with_input, daemon=True).start()
    return tutor(["make-sample-model", *arguments], data=machine_data())


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 1):  # not sys.stdin.read: its lock would be held at this process's end
        pass
    os._exit(1)


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(MADE_S)
    except subprocess.TimeoutExpired:
        return None


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
