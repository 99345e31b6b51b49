"""A node that kills a process at a named point of a submission's way, once it is told to.

`python -m tests.e2e.node_that_kills NODE-ARGUMENTS`. The folder above the data folder may hold a file
`kill-at` with a point's name, how often it is to be passed first, and the process id: of this node, another
one, or an app. The file goes as the process dies.
"""

import os
import signal
import sys
from pathlib import Path

from lms_desktop.node import service

ORDER = "kill-at"


def main(arguments: list[str]) -> int:
    """Run the node."""
    order = Path(arguments[arguments.index("--data") + 1]).parent / ORDER
    passed: dict[str, int] = {}

    def trace(point: str) -> None:
        try:
            wanted, times, victim = order.read_text().split()
        except FileNotFoundError:
            return
        if point != wanted:
            return
        passed[point] = passed.get(point, 0) + 1
        if passed[point] > int(times):
            passed.clear()
            order.unlink()
            os.kill(int(victim), signal.SIGKILL)

    return service.main(arguments, trace=trace)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
