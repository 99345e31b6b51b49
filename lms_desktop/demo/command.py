"""`lms-desktop demo`: a school on this computer, by hand in windows or by itself."""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from lms_desktop.client.errors import ClientError
from lms_desktop.client.preflight import inspect
from lms_desktop.demo.school import SEATS, DemoSchool
from lms_desktop.demo.seats import DemoError
from lms_desktop.qtcheck import find_problem


def main(arguments: Sequence[str]) -> int:
    """Run the verb; returns the exit status."""
    options = _parser().parse_args(arguments)
    _end_on_signals()
    try:
        return _run(options)
    except ClientError as error:
        print(f"The demo cannot go on. {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    """Everything that can be refused is refused before the first machine starts. Raises ClientError."""
    if options.pdf is not None:
        asyncio.run(inspect(options.pdf))
    if options.json is not None:
        _check_writable(options.json)
    headless = options.headless
    if not headless and (problem := find_problem()) is not None:
        print(f"{problem.reason} The demo plays by itself instead.")
        if problem.remedy:
            print(f"This makes windows possible:\n  {problem.remedy}")
        headless = True
    with _folder(options.keep) as folder:
        if headless:
            from lms_desktop.demo.headless import play

            return play(folder, pdf=options.pdf, report=options.json)
        return _windows(folder)


def _windows(folder: Path) -> int:
    from lms_desktop.app import run_demo

    school = DemoSchool(folder)
    try:
        try:
            asyncio.run(school.seed(lambda text: print(f"{text} ...", flush=True)))
        except TimeoutError as error:
            raise DemoError(
                "The machines took too long to get ready.",
                next_step="Close other programs that keep this computer busy, and start the demo again.",
            ) from error
        return run_demo(school)
    finally:
        school.close()


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """A folder for the machines: the one to keep, which must hold no school, or one that goes at the end."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="lms-demo-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        holds_a_school = any((keep / name).exists() for name in SEATS)
        if not holds_a_school:
            tempfile.TemporaryFile(dir=keep).close()
    except OSError as error:
        raise _cannot_write(keep, error) from error
    if holds_a_school:
        raise DemoError(
            "The folder holds a school already.",
            where=str(keep),
            next_step="Choose an empty folder, or remove it.",
        )
    yield keep.resolve()


def _check_writable(path: Path) -> None:
    try:
        path.open("ab").close()
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> DemoError:
    return DemoError(
        f"Nothing can be written there: {error.strerror or error}.",
        where=str(path),
        next_step="Choose another place.",
    )


def _end_on_signals() -> None:
    """Let a signal that ends the program end it in good order, with the machines and their folder."""

    def end(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lms-desktop demo",
        description="A school on this computer: three machines, two courses, people of each role.",
    )
    parser.add_argument("--headless", action="store_true", help="play the story without windows")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the machines' data in this folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found (headless)")
    parser.add_argument("--pdf", type=Path, metavar="FILE", help="hand in this PDF in step 4 (headless)")
    return parser
