"""Who is in the cluster, at which index: changes of one voter at a time, in force from their append on."""

from __future__ import annotations

from collections.abc import Sequence

from lms_desktop.node.raft.types import Configuration, ConfigurationError, Server


def check_change(old: Configuration, new: Configuration) -> None:
    """Raises ConfigurationError unless every majority of `old` meets every majority of `new`."""
    if not new.voters:
        raise ConfigurationError("a configuration needs a voter")
    if new == old:
        raise ConfigurationError("the configuration is in force already")
    changed = [s for s in new.voters if s not in old.voters] + [s for s in old.voters if s not in new.voters]
    if len(changed) > 1:
        raise ConfigurationError(f"{len(changed)} voters change at once; at most one may")
    known = {s.machine: s.incarnation for s in old.voters + old.learners}
    for server in new.voters + new.learners:
        if known.get(server.machine, server.incarnation) != server.incarnation:
            raise ConfigurationError(f"machine {server.machine} must leave before its new life joins")


class Configurations:
    """The configurations of the log: those above the commit index and the one in force at it.

    Of the last, which is in force, `voters` are the machines and `lives` each member's incarnation.
    """

    def __init__(self, history: Sequence[tuple[int, Configuration]], commit: int) -> None:
        self._history = list(history) or [(0, Configuration())]
        self.committed(commit)
        self._in_force()

    @property
    def index(self) -> int:
        """The index of the entry that the configuration in force came with."""
        return self._history[-1][0]

    @property
    def current(self) -> Configuration:
        """The configuration in force: the last appended."""
        return self._history[-1][1]

    def votes(self, server: Server) -> bool:
        """Whether a majority may need this server: who leaves votes on until its leaving is committed."""
        return any(server in configuration.voters for _, configuration in self._history)

    def append(self, index: int, configuration: Configuration) -> None:
        """The entry at `index` brings a configuration."""
        self._history.append((index, configuration))
        self._in_force()

    def truncate(self, cut: int) -> bool:
        """The log is cut from `cut` on; whether that brought an earlier configuration back."""
        before = len(self._history)
        while len(self._history) > 1 and self._history[-1][0] >= cut:
            self._history.pop()
        self._in_force()
        return len(self._history) < before

    def committed(self, commit: int) -> None:
        """Forget the configurations that can no longer come back."""
        while len(self._history) > 1 and self._history[1][0] <= commit:
            del self._history[0]

    def _in_force(self) -> None:
        configuration = self.current
        self.voters = tuple(server.machine for server in configuration.voters)
        self.lives = {s.machine: s.incarnation for s in configuration.voters + configuration.learners}
