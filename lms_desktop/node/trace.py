"""Named points on a write's way through the node. A watcher is handed in by tests; otherwise nobody
watches.

The points, in order: `chunk-stored` (each), `all-chunks-stored`, `outbox-before-fsync`,
`outbox-after-fsync`, `keep-before-ticket`, `keep-after-ticket` (at a keeper), `before-proposal`,
`after-proposal`, `before-acknowledgement` (the outcome is known, nobody was told), `before-receipt`,
`after-receipt`.
"""

from collections.abc import Callable

Trace = Callable[[str], None]


def silent(point: str) -> None:
    """The watcher of a node in use: none."""
