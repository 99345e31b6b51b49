"""Errors that people see: each says what happened, where, and what to do next."""


class ClientError(Exception):
    """Something a person asked for did not happen.

    `what` is one plain sentence, `where` names the file, field or machine (or is empty), `next_step` says
    what to do now.
    """

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.what}{place} {self.next_step}".strip()


class NodeUnreachable(ClientError):
    """The node of this machine did not answer within the deadline."""


class NodeRefused(ClientError):
    """The node answered a call with an error; `code` is its short name (PROTOCOL.md lists them)."""

    def __init__(self, code: str, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.code = code


class IncompatibleNode(ClientError):
    """The app and the node speak no common version of the local protocol."""


class SignInFailed(ClientError):
    """Wrong login, wrong passphrase, or an invitation that cannot be used."""


class SignedOut(ClientError):
    """The session is signed out or locked, so its keys are gone from memory."""


class Refused(ClientError):
    """The class refused a command: `code` is the outcome that every replica recorded."""

    def __init__(self, code: int, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.code = code


class BadInput(ClientError):
    """A field that a person filled in cannot be used; `where` names the field."""


class BadFile(ClientError):
    """A file that cannot be used; `where` is its name."""


class CannotOpen(ClientError):
    """A sealed item does not open with this person's keys, or is not what its author committed to."""


class EarlierKeys(CannotOpen):
    """An item was sealed to the keys that the person had before being invited anew."""

    def __init__(self) -> None:
        super().__init__(
            "This was sealed to the keys that you had before you were invited anew.",
            next_step="Ask your instructor for it; what is new opens at once.",
        )


class DocumentFailed(ClientError):
    """A document (kit, slip, receipt, copy) could not be written."""


class TutorOff(ClientError):
    """An instructor has switched the tutor off: `reason` is theirs, `until_ms` None has no end."""

    def __init__(self, reason: str, until_ms: int | None, until: str) -> None:
        what = "The tutor is switched off here" + (f" until {until}" if until else "") + "."
        super().__init__(
            f"{what} Your instructor says: {reason}" if reason else what,
            next_step="You can ask your instructor.",
        )
        self.reason = reason
        self.until_ms = until_ms
