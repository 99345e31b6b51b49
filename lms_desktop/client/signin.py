"""Signing in: by login and passphrase, or the first time by the six words of an invitation."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from lms_desktop.client.errors import NodeRefused, SignInFailed
from lms_desktop.client.link import Link
from lms_desktop.client.passphrase import unwrap_keys
from lms_desktop.client.protocol import ItemState, OutboxItem
from lms_desktop.client.query import query
from lms_desktop.client.session import HAND_OVER_S, Person, School, Session, refusal
from lms_desktop.school import proofs
from lms_desktop.school.commands import InvitationAccept, Role
from lms_desktop.school.queries.people import InvitationRow, KeysRow, SchoolRow
from lms_desktop.trust.envelope import LANE_BYTES, Envelope
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.invites import invitation_key
from lms_desktop.trust.keyring import (
    STAFF_WORDS,
    STUDENT_WORDS,
    PersonKeys,
    new_passphrase,
    wrap,
)
from lms_desktop.trust.primitives import random_bytes

PUBLISH_S = 30.0
_OPEN, _USED = 0, 1  # an invitation's state


async def sign_in(link: Link, *, login: str, passphrase: str, user_data: Path) -> Session:
    """Unwrap a person's keys with their passphrase. Raises SignInFailed, NodeUnreachable."""
    school = await school_of(link)
    found = await query(link, KeysRow, "sign_in", login.strip().lower())
    if not found:
        raise SignInFailed(
            "There is no such login in this school.",
            where=login.strip(),
            next_step="Check the login on your slip; a new account can take a moment to reach this computer.",
        )
    row = found[0]
    keys = await unwrap_keys(school.cluster_id, row, passphrase)
    person = Person(row.person, row.username, row.name, Role(row.role), row.key)
    return Session(link, school, person, keys, user_data)


@dataclass(frozen=True, slots=True)
class FirstSignIn:
    """A good invitation: whose it is, and the passphrase made for them, to be shown before `publish`."""

    name: str
    login: str
    role: Role
    passphrase: str = field(repr=False)
    _session: Session = field(repr=False)
    _envelope: bytes = field(repr=False)

    async def publish(self) -> Session:
        """Publish the keys that were made here; the invitation is dead from then on. Safe to call again.

        Raises SignInFailed when it was used meanwhile, or when the class cannot decide at present.
        """
        session, label = self._session, f"First sign-in of {self.login}"
        item = OutboxItem.from_wire(
            await session.link.call("submit", self._envelope, None, label, timeout_s=HAND_OVER_S)
        )
        item = await session.follow(item, until=ItemState.ACCEPTED, timeout_s=PUBLISH_S)
        if item.state is ItemState.REFUSED:
            raise SignInFailed(refusal(item, label).what, next_step="Ask for a new slip.")
        if not item.state.settled:
            raise SignInFailed(
                "Too few machines of the class are on to finish the first sign-in.",
                next_step="It is saved and finishes by itself: sign in with your passphrase then.",
            )
        return session


async def open_invitation(link: Link, *, words: str, user_data: Path) -> FirstSignIn:
    """Check the six words of a slip; make the person's keys and passphrase here. Raises SignInFailed."""
    school = await school_of(link)
    try:
        key = invitation_key(school.cluster_id, words)
    except TrustError as error:
        raise SignInFailed(str(error), next_step="Compare each word with the slip.") from error
    found = await query(link, InvitationRow, "invitation", key.public)
    if not found:
        raise SignInFailed(
            "This invitation is not known in this school.",
            next_step="Compare each word with the slip; a new one can take a moment to reach this computer.",
        )
    invitation = found[0]
    if invitation.state != _OPEN:
        used = invitation.state == _USED
        raise SignInFailed(
            "This invitation has been used." if used else "This invitation was replaced by a newer one.",
            next_step="Sign in with your passphrase, or ask for a new slip.",
        )
    row = (await query(link, KeysRow, "keys", invitation.person))[0]
    person = Person(row.person, row.username, row.name, Role(row.role), row.key + 1)
    passphrase = new_passphrase(STUDENT_WORDS if person.role is Role.STUDENT else STAFF_WORDS)
    keys = PersonKeys.generate()
    wrapped = await asyncio.to_thread(
        wrap, keys, passphrase, cluster_id=school.cluster_id, person=person.number
    )
    signing, sealing = keys.signing, keys.sealing.public
    claim = proofs.acceptance(school.cluster_id, person.number, signing.public, sealing, wrapped)
    command = InvitationAccept(person.number, signing.public, sealing, wrapped, signing.sign(claim))
    envelope = Envelope.sign(
        school.cluster_id,
        key,
        author=invitation.invitation,
        lane=random_bytes(LANE_BYTES),
        seq=0,
        kind=command.KIND,
        body=command.body(),
    )
    session = Session(link, school, person, keys, user_data)
    return FirstSignIn(person.name, person.login, person.role, passphrase, session, envelope.raw)


async def school_of(link: Link) -> School:
    """The school of this machine. Raises NodeRefused("not_ready") while it belongs to none."""
    found = await query(link, SchoolRow, "school")
    if not found:
        raise NodeRefused(
            "not_ready",
            "This computer does not belong to a school yet.",
            next_step="Join with a provisioning file, or create a school.",
        )
    return School(found[0].cluster_id, found[0].name, found[0].zone)
