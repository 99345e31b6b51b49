"""What can be wrong with something that came from another machine or from a person."""


class TrustError(Exception):
    """Base of every refusal of this package; the message says what is wrong and what to do."""


class BadKey(TrustError):
    """Bytes that are not a key of the expected kind."""


class CannotOpen(TrustError):
    """A sealed item that this key does not open, or that was altered or moved to another place."""


class WeakParameters(TrustError):
    """A key derivation cheaper than the floor (or dearer than the ceiling): never computed."""
