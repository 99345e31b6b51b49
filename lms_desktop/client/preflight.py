"""Looking at a PDF before it is handed in."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_LIMIT = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Preflight:
    """A PDF that can be handed in; sizes in bytes."""

    path: Path
    pages: int
    size: int
    sha256: bytes
    identical: bool  # the same bytes as the last version


async def inspect(path: Path, *, limit: int = DEFAULT_LIMIT, last_sha256: bytes | None = None) -> Preflight:
    """Open the file in a child process with a limit of time and memory.

    Raises BadFile: missing, empty, over the limit, not a PDF, truncated, encrypted, no pages.
    """
