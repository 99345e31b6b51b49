"""What the host applies entries to."""

from collections.abc import Sequence
from typing import Protocol

from lms_desktop.node.raft.types import Configuration, Entry


class StateMachine(Protocol):
    """What entries are applied to (`ledger.Ledger`). It works on the host's connection and never commits."""

    @property
    def applied(self) -> int:
        """The index of the last entry applied."""

    @property
    def halted(self) -> str | None:
        """Why it applies nothing more (an entry that needs a newer version), in words; None if it goes on."""

    def prepare(self, entries: Sequence[Entry]) -> None:
        """Begin to check these entries' signatures in a helper thread; returns at once."""

    def apply(self, entries: Sequence[Entry]) -> Sequence[object]:
        """Apply in order; an outcome for each, fewer where it halted. Never raises for what an entry
        holds."""

    def reload(self) -> None:
        """The open transaction was rolled back: read what is in memory from the tables again."""

    def configuration_of(self, entry: Entry) -> Configuration:
        """The first configuration, out of the GENESIS entry. Raises TrustError unless it is this school's, at
        1."""

    def is_keeper(self, machine: int) -> bool:
        """Whether this is an enrolled keeper at the index applied now."""

    def is_enrolled(self, machine: int) -> bool:
        """Whether this machine is enrolled at the index applied now."""
