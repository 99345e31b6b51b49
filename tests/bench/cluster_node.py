"""One node process of the `cluster` benchmark: the product's links, host, storage and local link, three
voters fixed.

    python -m tests.bench.cluster_node PLAN.json NUMBER

Beside the product it has two verbs on its local link: `propose(payload)`, answered after commit and apply,
and `leader()`. What is applied to is the opaque state machine or the ledger, as the plan says.
"""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path
from random import Random
from types import MappingProxyType

import zmq

from lms_desktop.node import identity as identities
from lms_desktop.node.admission import Admission, AllowList
from lms_desktop.node.clock import SYSTEM
from lms_desktop.node.folder import DataFolder
from lms_desktop.node.host import Host
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.ledger import Outcome as LedgerOutcome
from lms_desktop.node.local import Arguments, LocalServer, Request
from lms_desktop.node.pending import Applied, Result
from lms_desktop.node.raft.types import Server
from lms_desktop.node.storage import Storage
from lms_desktop.node.transport import Header, Peer, PeerLinks
from lms_desktop.trust.chain import entry_head
from tests.bench.opaque import Opaque, chain
from tests.bench.plan import Machine, Plan


async def serve(plan: Plan, me: Machine, storage: Storage, folder: Path) -> None:
    """Run until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    identity = identities.start(folder)
    keys = {each.number: each.curve_public.encode("ascii") for each in plan.machines}
    servers = [Server(each.number, bytes.fromhex(each.incarnation)) for each in plan.machines]
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    admission = Admission(context, loop, SYSTEM.utc_ms)
    admission.allow(AllowList(MappingProxyType({key: number for number, key in keys.items()})))
    links = PeerLinks(context, loop, admission, identity, SYSTEM.utc_ms)
    links.listen(f"tcp://127.0.0.1:{me.port}", f"tcp://127.0.0.1:{me.files_port}")
    links.introduce(Header(bytes(32), 1, me.number, identity.incarnation, identity.boot, identity.nonce))
    links.set_peers(
        {
            each.number: Peer(keys[each.number], "127.0.0.1", each.port, each.files_port)
            for each in plan.machines
            if each is not me
        }
    )
    opaque = plan.mode == "raw"
    machine = Opaque(storage.db, servers) if opaque else Ledger(storage.db)
    host = Host(
        loop,
        storage,
        machine,
        chain if opaque else entry_head,
        Server(me.number, identity.incarnation),
        links,
        SYSTEM,
        Random(),
    )
    local = LocalServer(context, loop, identity.curve, folder)

    def propose(request: Request, arguments: Arguments) -> None:
        (payload,) = arguments
        assert isinstance(payload, bytes)

        def done(result: Result) -> None:
            if isinstance(result, Applied):
                outcome = result.outcome
                request.reply(outcome.code if isinstance(outcome, LedgerOutcome) else 0)
            else:
                request.fail("not_accepted", result.reason)

        host.propose(payload, done)

    local.on("propose", propose)
    local.on("leader", lambda request, arguments: request.reply(host.leader))
    host.start()
    local.announce()
    gc.freeze()
    await stop.wait()
    await local.close()
    await host.hand_over()
    host.close()
    await links.close()
    admission.close()
    context.destroy(linger=0)


def main() -> None:
    plan = Plan.from_json(json.loads(Path(sys.argv[1]).read_text(encoding="ascii")))
    me = next(each for each in plan.machines if each.number == int(sys.argv[2]))
    folder = DataFolder.open(Path(me.folder))
    storage = Storage.open(folder.path)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(serve(plan, me, storage, folder.path))
    storage.close()
    folder.close()


if __name__ == "__main__":
    main()
