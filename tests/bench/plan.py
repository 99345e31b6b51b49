"""Which three machines a cluster under measurement has: made by the benchmark, read by its node processes."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Machine:
    """One node: its number in the school, CURVE key (Z85), incarnation (hex), ports on 127.0.0.1, data
    folder."""

    number: int
    curve_public: str
    incarnation: str
    port: int
    files_port: int
    folder: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`mode`: `raw` for the opaque state machine, `signed` for the ledger."""

    mode: str
    machines: tuple[Machine, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Plan":
        return cls(document["mode"], tuple(Machine(**each) for each in document["machines"]))
