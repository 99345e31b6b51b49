"""How this program starts a small child of itself, from source or frozen."""

import os
import subprocess
import sys
from pathlib import Path

NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def child_command(verb: str, *arguments: str) -> list[str]:
    """The command line that runs one verb of `lms-desktop` in a child process."""
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "lms_desktop"]
    return [*program, verb, *arguments]


def child_environment() -> dict[str, str]:
    """This process's environment, in which the child finds the same package whatever its folder."""
    root = str(Path(__file__).resolve().parents[1])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
