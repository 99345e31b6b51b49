"""A node that kills itself at a named point of a submission's way, once it is told to.

`python -m tests.e2e.node_that_dies NODE-ARGUMENTS`. The folder above the data folder may hold a file `die-at`
with a point's name and how often it is to be passed first; the file is removed as the node dies.
"""

import os
import signal
import sys
from pathlib import Path

from lms_desktop.node import service


def main(arguments: list[str]) -> int:
    """Run the node."""
    order = Path(arguments[arguments.index("--data") + 1]).parent / "die-at"
    passed: dict[str, int] = {}

    def trace(point: str) -> None:
        try:
            wanted, times = order.read_text().split()
        except FileNotFoundError:
            return
        if point != wanted:
            return
        passed[point] = passed.get(point, 0) + 1
        if passed[point] > int(times):
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    return service.main(arguments, trace=trace)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
