"""What keeps a node from starting or serving, in words for the person who runs it."""


class NodeError(Exception):
    """`what` is one plain sentence, `where` names the file or address, `next_step` says what to do; `code` is
    the error in a word, for programs."""

    code = "unavailable"

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.what}{place}. {self.next_step}".strip()


class NetworkFolder(NodeError):
    """The data folder lies on a network file system."""


class RoamingFolder(NodeError):
    """The data folder lies in a profile that Windows copies from machine to machine."""


class FolderInUse(NodeError):
    """Another node runs on this data folder."""


class IdentityUnreadable(NodeError):
    """`machine.key` exists but cannot be used."""


class SchoolFileUnreadable(NodeError):
    """`school.json` exists but cannot be used."""


class LedgerUnreadable(NodeError):
    """The ledger's first entry, which names the school, was altered on this disk."""


class OtherSchool(NodeError):
    """The database belongs to another school than the one this machine is told to serve."""


class NewerDatabase(NodeError):
    """The database was written by a newer version."""


class DiskFull(NodeError):
    """The disk that holds the data folder is full."""

    code = "disk_full"


class PortInUse(NodeError):
    """An address of this node cannot be bound."""


class PeerError(NodeError):
    """A request to another machine failed: unreachable, refused, or no answer in time."""

    def __init__(self, code: str, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.code = code
