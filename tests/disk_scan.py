"""A look at every byte of every file under a folder, for what must not be readable there."""

import base64
from collections.abc import Mapping
from pathlib import Path


def found(folder: Path, secrets: Mapping[str, bytes]) -> set[str]:
    """The names of the secrets that some file under the folder shows, raw, in hex or in base64.

    Keep secrets short (some 30 bytes): a database breaks long values over its pages.
    """
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        name
        for name, secret in secrets.items()
        if any(form in data for data in files for form in _forms(secret))
    }


def samples(name: str, content: bytes, count: int = 12, size: int = 32) -> dict[str, bytes]:
    """Short pieces from all over a file, as secrets."""
    step = max(1, (len(content) - size) // count)
    return {
        f"{name} from {place}": content[place : place + size] for place in range(0, len(content) - size, step)
    }


def _forms(secret: bytes) -> tuple[bytes, ...]:
    return secret, secret.hex().encode(), base64.b64encode(secret[: len(secret) // 3 * 3])
