"""Can Qt open a window here? Asked before PySide6 is imported: where it cannot, Qt aborts the whole process.

`python -m lms_desktop.qtcheck [--offscreen]` prints what is wrong, and what to do, and exits with status 1.
"""

import ctypes
import os
import subprocess
import sys
from dataclasses import dataclass

# What PySide6's wheels expect of a Linux system, by Debian's and Ubuntu's package names. Read with ldd off
# PySide6 6.11: QtWidgets, QtPrintSupport, QtSvg, QtPdf and the xcb and offscreen platforms.
_DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
_TRIAL = "from PySide6.QtWidgets import QApplication; QApplication([])"
_TRIAL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """Why no window can open, and the command or step that mends it ("" where none is known)."""

    reason: str
    remedy: str


def missing_packages() -> list[str]:
    """Return the Debian packages whose libraries Qt needs and this Linux lacks; empty on other systems."""
    if not sys.platform.startswith("linux"):
        return []
    return sorted(package for library, package in _DEBIAN_PACKAGES.items() if not _loads(library))


def find_problem(*, offscreen: bool = False) -> Problem | None:
    """Return what keeps Qt from opening a window here, or None. With `offscreen`, no display is needed."""
    if packages := missing_packages():
        reason = "Libraries that Qt needs are missing from this computer."
        as_root = "" if os.geteuid() == 0 else "sudo "
        return Problem(reason, f"{as_root}apt-get install -y --no-install-recommends {' '.join(packages)}")
    on_x11_or_wayland = sys.platform.startswith("linux") and not offscreen
    platform = "offscreen" if offscreen else os.environ.get("QT_QPA_PLATFORM", "")
    if on_x11_or_wayland and not (platform or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Problem("There is no display here (DISPLAY and WAYLAND_DISPLAY are not set).", "")
    if getattr(sys, "frozen", False):  # a bundle carries the Qt that it was tried with, and no interpreter
        return None
    return _try_qt(platform)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _try_qt(platform: str) -> Problem | None:
    environment = {**os.environ, **({"QT_QPA_PLATFORM": platform} if platform else {})}
    command = [sys.executable, "-c", _TRIAL]
    try:
        trial = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_TRIAL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Problem(f"Qt did not start within {_TRIAL_SECONDS} seconds.", "")
    if trial.returncode == 0:
        return None
    said = [line for line in trial.stderr.splitlines() if line.strip()]
    return Problem(f"Qt does not start here: {said[0] if said else f'exit status {trial.returncode}'}", "")


def main(arguments: list[str]) -> int:
    problem = find_problem(offscreen="--offscreen" in arguments)
    if problem is None:
        return 0
    print(problem.reason, file=sys.stderr)
    if problem.remedy:
        print(f"This installs what is missing:\n  {problem.remedy}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
