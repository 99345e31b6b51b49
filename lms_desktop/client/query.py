"""Queries: local reads, answered by the node of this machine from its own tables."""

from typing import TypeVar

from lms_desktop.client.errors import NodeRefused
from lms_desktop.client.link import Link
from lms_desktop.school.queries.rows import Arguments, Row

R = TypeVar("R", bound=Row)


async def query(link: Link, row: type[R], name: str, *arguments: Arguments) -> list[R]:
    """The rows that a query of `school.queries` gives, all of one state of the ledger.

    Raises NodeRefused, NodeUnreachable.
    """
    rows: list[R] = []
    state: int | None = None
    start: int | None = 0
    while start is not None:
        value = await link.call("query", name, arguments, start)
        try:
            applied, found, following = value
            if start and applied != state:  # the ledger went on between two pages
                rows, start = [], 0
                continue
            rows += [row(*fields) for fields in found]
            state, start = applied, following
        except (TypeError, ValueError) as error:
            raise NodeRefused(
                "bad_reply",
                f"The node answered the question {name!r} in another form.",
                next_step="Update LMS Desktop on this computer.",
            ) from error
    return rows
