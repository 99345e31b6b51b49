"""A node for tests that ends like in a power cut at a named point: `python -m tests.node.watched --data
DIR ...`

Whoever tests writes the point's name (`lms_desktop.node.trace` lists them), a blank and how many visits
it shall survive into `DIR/kill-at`, before or while the node runs. The node takes the file away as it
ends, so that the next start goes on.
"""

import os
import signal
import sys
from pathlib import Path

from lms_desktop.node.service import main, parse_options

FILE = "kill-at"


class Watcher:
    """Counts the visits of each point and kills this process at the one that `kill-at` names."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._visits = 0

    def __call__(self, point: str) -> None:
        try:
            name, survived = self._file.read_text().split()
        except (FileNotFoundError, ValueError):
            return
        if point == name:
            if self._visits == int(survived):
                self._file.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            self._visits += 1


def arm(folder: Path, point: str, survived: int = 0) -> None:
    """Make the node of this data folder die at a point, after so many visits that it survives."""
    draft = folder / f"{FILE}.new"
    draft.write_text(f"{point} {survived}")
    draft.replace(folder / FILE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], trace=Watcher(parse_options(sys.argv[1:]).data)))
