"""A node whose clock is wrong: `python -m tests.node.launch AHEAD_MS NODE-ARGUMENTS`.

The product takes its clock from `lms_desktop.node.clock`; only this launcher turns it.
"""

import sys

from lms_desktop.node import service
from lms_desktop.node.clock import SYSTEM, Clock


def main() -> int:
    ahead_ms = int(sys.argv[1])
    return service.main(sys.argv[2:], clock=Clock(SYSTEM.monotonic_ms, lambda: SYSTEM.utc_ms() + ahead_ms))


if __name__ == "__main__":
    sys.exit(main())
