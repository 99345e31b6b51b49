"""Where the files of `resources/` are: beside the package, or inside a frozen program."""

import sys
from pathlib import Path

_ROOT = Path(getattr(sys, "_MEIPASS", Path(__file__).resolve().parents[1])) / "resources"


def resource(*parts: str) -> Path:
    """Return the path of a file or folder under `resources/`: `resource("fonts", "DejaVuSans.ttf")`.

    Raises FileNotFoundError when the installation lacks it.
    """
    path = _ROOT.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: this installation is incomplete. Install it again.")
    return path
