"""`python -m lms_desktop` is `lms-desktop`."""

import sys

from lms_desktop.cli import main

if __name__ == "__main__":
    sys.exit(main())
