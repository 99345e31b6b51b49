"""How a machine gets into the school with a provisioning file, and the other end of it.

    [JOIN]            by a token's CURVE key -> [the token's number]
    [JOIN, envelope]  a MachineJoin, signed by the token and in its body by the machine's new key
                      -> [machine, epoch, [[machine, CURVE key, host, port, files port], ...]]

All on the files port. The newcomer then drops the token and speaks with its own key.
"""

import asyncio
import logging
from collections.abc import Sequence

from lms_desktop.config import Provisioning, Seed
from lms_desktop.node.errors import PeerError
from lms_desktop.node.identity import Identity
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.ports import Caller, Fields
from lms_desktop.node.proposals import Proposals
from lms_desktop.node.school_file import School
from lms_desktop.node.sockets import Context
from lms_desktop.node.transport import JOIN, BadMessage, Header, Peer, PeerLinks, Sender
from lms_desktop.school import proofs
from lms_desktop.school.commands import MachineJoin
from lms_desktop.school.outcomes import sentence
from lms_desktop.trust.envelope import Envelope, make_payload
from lms_desktop.trust.invites import token_keys
from lms_desktop.trust.primitives import random_bytes, z85_encode
from lms_desktop.trust.wire import Packable

HELLO_S = 3.0
ANSWER_S = 10.0
AGAIN_S = 1.0
RETRY_S = 2.0
_log = logging.getLogger(__name__)


class Door:
    """Lets newcomers in, on any machine of the school: hands their command to the leader and waits for the
    outcome."""

    def __init__(self, ledger: Ledger, links: PeerLinks, proposals: Proposals) -> None:
        self._ledger = ledger
        self._proposals = proposals
        links.serve(JOIN, self._join)

    async def _join(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case ():
                return [sender.token]
            case (bytes(raw),):
                envelope = Envelope.parse(raw)
            case _:
                raise BadMessage("a request to join is empty or holds a command")
        if envelope.author != sender.token or envelope.kind != MachineJoin.KIND:
            raise PeerError("refused", "A join token may only let a machine in")
        command = MachineJoin.from_body(envelope.decode_body())
        code = await settle(self._ledger, self._proposals, envelope)
        for record in self._ledger.machines():
            if record.active and record.signing_public == command.signing:
                others: list[Packable] = [
                    [each.number, each.curve_public, each.host, each.port, each.files_port]
                    for each in self._ledger.machines()
                    if each.active and each.number != record.number
                ]
                return [record.number, self._ledger.epoch, others]
        raise PeerError("refused", f"The school did not let this machine in: {sentence(code)}")


async def settle(ledger: Ledger, proposals: Proposals, envelope: Envelope) -> int:
    """Hand a command in until it has an outcome here; returns its code. Raises PeerError when there is none
    in 10 s."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + ANSWER_S
    handed_in = float("-inf")
    while loop.time() < give_up:
        settled = ledger.outcome(envelope.author, envelope.lane, envelope.seq)
        if settled is not None:
            return settled.code
        if loop.time() - handed_in >= AGAIN_S and proposals.hand_in(
            [(envelope, make_payload(envelope.raw, []))]
        ):
            handed_in = loop.time()
        await asyncio.sleep(0.02)
    raise PeerError(
        "no_quorum",
        "The class did not answer",
        next_step="Switch on more of the machines that keep it, then try again.",
    )


async def join_school(
    context: Context,
    provisioning: Provisioning,
    identity: Identity,
    name: str,
    address: tuple[str, int, int],
) -> School:
    """Ask one seed after another until one lets this machine in.

    Raises PeerError of the last seed asked; the caller tries again, with the same effect as once.
    """
    failure: PeerError | None = None
    for seed in provisioning.seeds:
        try:
            return await _ask(context, provisioning, seed, identity, name, address)
        except PeerError as error:
            _log.info("joining by %s:%d: %s", seed.host, seed.files_port, error)
            failure = error
    assert failure is not None, "a provisioning file names a seed"
    raise failure


async def _ask(
    context: Context,
    provisioning: Provisioning,
    seed: Seed,
    identity: Identity,
    name: str,
    address: tuple[str, int, int],
) -> School:
    signing, curve = token_keys(provisioning.token)
    header = Header(
        provisioning.cluster_id, 0, 0, identity.incarnation, identity.boot, identity.nonce
    ).encode()
    loop = asyncio.get_running_loop()
    caller = Caller(context, loop, curve, seed.curve_public, f"tcp://{seed.host}:{seed.files_port}")
    try:
        (token,) = await caller.request(header, JOIN, [], HELLO_S)
        if not isinstance(token, int):
            raise PeerError("malformed", "The school answered something else than a token's number")
        proof = proofs.join(
            provisioning.cluster_id,
            token,
            identity.signing.public,
            identity.curve.public_raw,
            identity.hardware,
            identity.incarnation,
        )
        command = MachineJoin(
            name,
            identity.signing.public,
            identity.curve.public_raw,
            *address,
            identity.hardware,
            identity.incarnation,
            identity.signing.sign(proof),
        )
        envelope = Envelope.sign(
            provisioning.cluster_id,
            signing,
            author=token,
            lane=random_bytes(16),
            seq=0,
            kind=MachineJoin.KIND,
            body=command.body(),
        )
        answer = await caller.request(header, JOIN, [envelope.raw], ANSWER_S + 2)
    finally:
        caller.close()
    match answer:
        case (int(machine), int(epoch), tuple(others)):
            return School(provisioning.cluster_id, epoch, machine, dict(map(_peer, others)))
    raise PeerError("malformed", "The school answered something else than this machine's number")


def _peer(fields: object) -> tuple[int, Peer]:
    match fields:
        case (int(machine), bytes(curve), str(host), int(port), int(files_port)):
            return machine, Peer(z85_encode(curve), host, port, files_port)
    raise PeerError("malformed", "The school answered something else than its machines")
