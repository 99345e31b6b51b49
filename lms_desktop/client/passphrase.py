"""A person's published keys, unwrapped with their passphrase."""

import asyncio

from lms_desktop.client.errors import SignInFailed
from lms_desktop.school.queries.people import KeysRow
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.keyring import PersonKeys, WrongPassphrase, unwrap


async def unwrap_keys(cluster_id: bytes, row: KeysRow, passphrase: str) -> PersonKeys:
    """The keys behind a row, derived in a child process and checked against what is published.

    Raises SignInFailed.
    """
    if not row.active:
        raise SignInFailed(
            "This account has been switched off.", where=row.username, next_step="Ask an administrator."
        )
    if row.wrapped is None:
        raise SignInFailed(
            "This account has not been used yet.",
            where=row.username,
            next_step="Use the invitation on your slip for the first sign-in.",
        )
    try:
        keys = await asyncio.to_thread(
            unwrap, row.wrapped, passphrase, cluster_id=cluster_id, person=row.person
        )
    except WrongPassphrase as error:
        raise SignInFailed(
            "The passphrase is not right.",
            where=row.username,
            next_step="Check each word and try again. If it is lost, your instructor can invite you anew.",
        ) from error
    except TrustError as error:
        raise SignInFailed(
            str(error), where=row.username, next_step="Ask an administrator if it happens again."
        ) from error
    if (keys.signing.public, keys.sealing.public) != (row.signing, row.sealing):
        raise SignInFailed(
            "The keys on this computer are not the ones the school lists.",
            where=row.username,
            next_step="Tell an administrator: this machine's copy may have been altered.",
        )
    return keys
