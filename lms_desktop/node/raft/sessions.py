"""Which boot of another machine is speaking: what an earlier boot sent may arrive late, and is void."""

from __future__ import annotations

from typing import Final

from lms_desktop.node.raft.types import Session

SILENCE_MS: Final = 5_000


class Sessions:
    """The current session of each machine.

    A higher boot counter replaces it at once. Anything else is late, unless the current session has long been
    silent: then the disk was rolled back, its counter with it, and whoever speaks is what there is.
    """

    def __init__(self) -> None:
        self._current: dict[int, Session] = {}
        self._heard: dict[int, int] = {}

    def hears(self, machine: int, session: Session, now: int) -> bool:
        """Whether what comes in this session counts; if so it is the current one from now on."""
        current = self._current.get(machine)
        if current is not None and session != current:
            late = session.boot <= current.boot and now - self._heard[machine] < SILENCE_MS
            if late:
                return False
        self._current[machine] = session
        self._heard[machine] = now
        return True

    def of(self, machine: int) -> Session | None:
        """The current session of this machine."""
        return self._current.get(machine)
