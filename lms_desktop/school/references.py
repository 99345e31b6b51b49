"""How things are named: a reference follows from the envelope that makes the thing.

A client knows it before the command is committed, so that a queue of commands written with no
class to hear them can build on one another (a course, its material, its assignment), and so that
a sealed item can be bound to it. Principals are numbered by apply instead, from 1.
"""

from lms_desktop.trust.primitives import hash_

_TAG = b"LMS/v1/reference\0"


def reference(author: int, lane: bytes, seq: int) -> int:
    """The reference, from 1 to 2**63 - 1, of what the command (author, lane, seq) makes.

    Two things of one reference are not met by chance, and one made on purpose is refused at apply.
    """
    digest = hash_(_TAG, author.to_bytes(8, "big"), lane, seq.to_bytes(8, "big"))
    return (int.from_bytes(digest[:8], "big") >> 1) or 1
