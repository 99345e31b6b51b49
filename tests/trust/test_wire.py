"""The strict wire: one encoding for each value, and nothing else gets in."""

import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_desktop.trust.wire import (
    MAX_DEPTH,
    MAX_ITEMS,
    Packable,
    Value,
    WireError,
    pack,
    unpack,
    unpack_array,
)

ATOMS = (
    st.integers(-(1 << 63), (1 << 63) - 1)
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.binary(max_size=40)
    | st.booleans()
    | st.none()
)
VALUES: st.SearchStrategy[Value] = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=5).map(tuple), max_leaves=20
)


@given(VALUES)
def test_what_is_packed_comes_back_the_same(value: Value) -> None:
    packed = pack(value)
    assert unpack(packed) == value
    assert pack(unpack(packed)) == packed


@given(st.binary(max_size=200))
def test_any_bytes_are_one_canonical_value_or_refused(data: bytes) -> None:
    try:
        value = unpack(data)
    except WireError:
        return
    assert pack(value) == data


@given(VALUES, st.data())
def test_a_damaged_message_is_refused_or_another_canonical_one(value: Value, data: st.DataObject) -> None:
    packed = bytearray(pack(value))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    try:
        other = unpack(bytes(packed))
    except WireError:
        return
    assert pack(other) == bytes(packed)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "nothing"),
        (b"\x80", "an empty map"),
        (b"\x81\x01\x02", "a map"),
        (b"\x92\x01\x80", "a map within"),
        (b"\xcb" + bytes(8), "a float"),
        (b"\xca" + bytes(4), "a short float"),
        (b"\x91\xcb\x7f\xf8" + bytes(6), "NaN"),
        (b"\xd4\x05\x00", "an extension"),
        (b"\xd6\xff" + bytes(4), "a timestamp"),
        (b"\xc7\x00\x05", "an empty extension"),
        (b"\xcc\x01", "an integer longer than needed"),
        (b"\xd3" + bytes(8), "a long zero"),
        (b"\xd9\x01a", "a string longer than needed"),
        (b"\xc5\x00\x01a", "bytes longer than needed"),
        (b"\xdc\x00\x01\x01", "an array longer than needed"),
        (b"\xcf" + b"\xff" * 8, "an integer beyond 63 bits"),
        (b"\x01\x01", "bytes left over"),
        (b"\x92\x01", "an array cut off"),
        (b"\xa1\xff", "text that is not UTF-8"),
        (b"\xa3\xed\xa0\x80", "a lone surrogate"),
        (b"\xc1", "an undefined byte"),
        (b"\x91" * (MAX_DEPTH + 1) + b"\x01", "too deep"),
        (b"\x91" * 5000 + b"\x01", "far too deep"),
        (b"\xdd\xff\xff\xff\xff" + bytes(100), "an array that claims four thousand million items"),
    ],
)
def test_anything_else_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(WireError):
        unpack(data)


def test_limits_of_size_depth_and_length() -> None:
    deepest: Packable = 1
    for _ in range(MAX_DEPTH):
        deepest = (deepest,)
    assert unpack(pack(deepest)) == deepest
    assert len(unpack_array(pack([0] * MAX_ITEMS), limit=1 << 20)) == MAX_ITEMS
    with pytest.raises(WireError, match="limit of 10"):
        unpack(pack(b"x" * 20), limit=10)
    with pytest.raises(WireError):
        pack((deepest,))
    with pytest.raises(WireError):
        pack([0] * (MAX_ITEMS + 1))
    with pytest.raises(WireError):
        unpack(msgpack.packb([0] * (MAX_ITEMS + 1)), limit=1 << 20)


@pytest.mark.parametrize(
    "value", [1.0, {"a": 1}, 1 << 63, -(1 << 63) - 1, object(), {1}, [1, [2.0]], "\ud800", bytearray(b"x")]
)
def test_nothing_else_is_packed(value: object) -> None:
    with pytest.raises(WireError):
        pack(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("header", [b"\xdc\x40\x00", b"\x92\x01\xdc\x40\x00", b"\xdd\x00\x00\x40\x00"])
def test_arrays_that_claim_more_than_there_is_take_no_memory(header: bytes) -> None:
    bomb = header * (60_000 // len(header))
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            unpack(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@given(st.lists(VALUES, max_size=5))
def test_many_long_arrays_pass_when_they_are_what_they_claim(values: list[Value]) -> None:
    long = [[number, b"\xdc" * 20, *values] + [None] * 20 for number in range(40)]
    assert unpack(pack(long), limit=1 << 20) == tuple(tuple(part) for part in long)


def test_an_array_is_asked_for() -> None:
    assert unpack_array(pack((1, "a"))) == (1, "a")
    with pytest.raises(WireError, match="not an array"):
        unpack_array(pack(5))
