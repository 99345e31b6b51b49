"""What every test shares: Qt needs no display."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
