"""How fast and how much: the bounds and intervals of the core."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in milliseconds, sizes in bytes of payload.

    A pure Python node beside a busy app may be 300 ms late: shorter election timeouts would depose healthy
    leaders. A bounded, shallow window of batches is as fast on a LAN as a deep pipeline, and recovers sooner.
    """

    heartbeat_ms: int = 100
    election_ms: int = 500  # a node campaigns after this much silence, and up to as much again, at random
    notice_ms: int = 10  # an idle cluster learns of a commit at the latest after this
    batch_entries: int = 64
    batch_bytes: int = 256 * 1024
    inflight: int = 8  # batches sent to one peer and not answered
    window_entries: int = 4096  # recent entries held in memory
    window_bytes: int = 8 * 1024 * 1024
    uncommitted_bytes: int = 8 * 1024 * 1024  # more is refused until some of it commits
