"""One node process of the raw benchmark: the product's links, host, storage and local link around opaque commands.

    python -m tests.bench.opaque_node PLAN.json NUMBER

`PLAN.json` (see `cluster.plan`) lists the machines with their keys and ports; all of them vote from the start.
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

from lms_desktop.node.admission import LOCAL_DOMAIN, Admission, AllowList
from lms_desktop.node.clock import SYSTEM
from lms_desktop.node.host import Host
from lms_desktop.node.identity import Identity
from lms_desktop.node.pending import Applied, Result
from lms_desktop.node.raft.types import ZERO_HEAD, Entry, EntryType, HardState, Server
from lms_desktop.node.sockets import Reader, listener
from lms_desktop.node.storage import Storage
from lms_desktop.node.transport import Header, Peer, PeerLinks
from lms_desktop.trust.primitives import CurveKeys, SigningKey, random_bytes
from lms_desktop.trust.wire import pack, unpack_array
from tests.bench.opaque import Opaque, chain

SCHOOL = bytes(32)


async def serve(plan: list[dict[str, str | int]], number: int) -> None:
    """Run until SIGTERM."""
    loop = asyncio.get_running_loop()
    me = plan[number - 1]
    identities = [
        Identity(
            SigningKey(bytes.fromhex(str(each["seed"]))),
            CurveKeys(bytes.fromhex(str(each["seed"]))),
            bytes.fromhex(str(each["incarnation"])),
            1,
            random_bytes(16),
            (),
        )
        for each in plan
    ]
    identity = identities[number - 1]
    servers = [Server(place + 1, each.incarnation) for place, each in enumerate(identities)]
    folder = Path(str(me["folder"]))
    folder.mkdir(parents=True, exist_ok=True)
    storage = Storage.open(folder)
    if storage.last_index == 0:
        storage.adopt(identity.incarnation)
        genesis = Entry(1, 1, EntryType.GENESIS, 0, b"", chain(ZERO_HEAD, 1, 1, EntryType.GENESIS, 0, b""))
        storage.write(HardState(term=1, commit=1), None, [genesis])
        storage.commit()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    admission = Admission(context, loop, SYSTEM.utc_ms)
    admission.allow(
        AllowList(MappingProxyType({each.curve.public: place + 1 for place, each in enumerate(identities)}))
    )
    links = PeerLinks(context, loop, admission, identity, SYSTEM.utc_ms)
    links.listen(f"tcp://127.0.0.1:{me['port']}", f"tcp://127.0.0.1:{me['files_port']}")
    links.introduce(Header(SCHOOL, 0, number, identity.incarnation, identity.boot, identity.nonce))
    links.set_peers(
        {
            place + 1: Peer(identities[place].curve.public, "127.0.0.1", int(each["port"]), int(each["files_port"]))
            for place, each in enumerate(plan)
            if place + 1 != number
        }
    )
    host = Host(loop, storage, Opaque(storage.db, servers), chain, servers[number - 1], links, SYSTEM, Random())
    local = listener(
        context, identity.curve, LOCAL_DOMAIN, f"tcp://127.0.0.1:{me['local_port']}", high_water=4096
    )

    def receive() -> None:
        route, frame = local.recv_multipart(zmq.NOBLOCK)
        request, verb, payload = unpack_array(frame[1:])
        if verb == "propose":
            assert isinstance(payload, bytes)

            def done(result: Result) -> None:
                ok = isinstance(result, Applied)
                local.send_multipart((route, b"\x01" + pack([request, 0 if ok else 1, None])), zmq.NOBLOCK)
                reader.recheck()

            host.propose(payload, done)
        else:
            local.send_multipart((route, b"\x01" + pack([request, 0, host.leader])), zmq.NOBLOCK)
        reader.recheck()

    reader = Reader(loop, local, receive)
    host.start()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    gc.freeze()
    await stop.wait()
    await host.close()
    reader.close()
    await links.close()
    admission.close()
    context.destroy(linger=0)
    storage.close()


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    profile = sys.argv[3:] and sys.argv[3]
    if profile:
        import cProfile

        cProfile.runctx("asyncio.run(serve(plan, int(sys.argv[2])))", globals(), locals(), profile)
        return
    asyncio.run(serve(plan, int(sys.argv[2])))


if __name__ == "__main__":
    main()
