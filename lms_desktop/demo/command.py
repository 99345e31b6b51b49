"""`lms-desktop demo`: a school on this computer, by hand in windows or by itself."""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lms_desktop.client.errors import ClientError
from lms_desktop.client.preflight import inspect
from lms_desktop.qtcheck import find_problem


def main(arguments: Sequence[str]) -> int:
    """Run the verb; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ClientError as error:
        print(f"The demo cannot go on. {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.pdf is not None:
        asyncio.run(inspect(options.pdf))
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
    from lms_desktop.demo.school import DemoSchool

    school = DemoSchool(folder)
    try:
        asyncio.run(school.seed(lambda text: print(f"{text} ...", flush=True)))
        return run_demo(school)
    finally:
        school.close()


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="lms-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


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
