"""Keeps the model add-on's libraries from the network: they ask their hub for news unless told not to."""

import os
from typing import Final

_SETTINGS: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def stay_offline() -> None:
    """To be called before the first import of any of them: they read this when they are imported."""
    os.environ.update(_SETTINGS)
