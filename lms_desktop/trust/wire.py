"""Strict msgpack: the only bytes that are signed, stored or sent.

A value is an int (64 bits, signed), a str (UTF-8), bytes, a bool, None, or an array of values, at most 16
deep. No maps, floats or extension types. Each value has exactly one encoding: msgpack's shortest.
"""

from collections.abc import Sequence
from typing import Final, Never, TypeAlias

import msgpack

from lms_desktop.trust.errors import TrustError

Value: TypeAlias = "int | str | bytes | bool | tuple[Value, ...] | None"
Packable: TypeAlias = "int | str | bytes | bool | Sequence[Packable] | None"

DEFAULT_LIMIT: Final = 64 * 1024
MAX_DEPTH: Final = 16
MAX_ITEMS: Final = 16 * 1024  # of one array

_LONG_ARRAYS: Final = 16  # headers of long arrays that may be there unchecked: 2 MB if all of them lie
_LENGTH_BYTES: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4}
_VALUE_BYTES: Final = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}

_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1
_PLAIN = frozenset((str, bytes, bool, type(None)))


class WireError(TrustError):
    """Bytes that are not one canonical value, or a value that cannot be put on the wire."""


def pack(value: Packable) -> bytes:
    """Return the value's only encoding; raises WireError for what the wire does not carry."""
    _check_packable(value, 0)
    try:
        return msgpack.packb(value, use_bin_type=True)  # type: ignore[no-any-return]
    except ValueError as error:  # a lone surrogate in a str
        raise WireError(f"This value cannot be encoded: {error}.") from error


def unpack(data: bytes, *, limit: int = DEFAULT_LIMIT) -> Value:
    """Return the one value that the bytes encode, arrays as tuples.

    Raises WireError for more bytes than the limit, anything but the types above, an encoding that is not the
    shortest, bytes left over, or arrays deeper than 16 or longer than 16,384.
    """
    if len(data) > limit:
        raise WireError(f"A message of {len(data)} bytes is over its limit of {limit}.")
    if data.count(b"\xdc") + data.count(b"\xdd") > _LONG_ARRAYS:
        _check_claims(data)
    value = _decode(data)
    _check_decoded(value)
    if msgpack.packb(value, use_bin_type=True) != data:
        raise WireError("A message is not in its shortest encoding.")
    return value


def unpack_array(data: bytes, *, limit: int = DEFAULT_LIMIT) -> tuple[Value, ...]:
    """Return `unpack(data)` where it must be an array; raises WireError."""
    value = unpack(data, limit=limit)
    if not isinstance(value, tuple):
        raise WireError("A message is not an array.")
    return value


def _decode(data: bytes) -> Value:
    try:
        return msgpack.unpackb(  # type: ignore[no-any-return]
            data,
            raw=False,
            use_list=False,
            max_array_len=MAX_ITEMS,
            max_map_len=0,
            max_ext_len=0,
            object_pairs_hook=_refuse_map,
            ext_hook=_refuse_extension,
        )
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise WireError(f"A message is not strict msgpack: {error or type(error).__name__}.") from error


def _check_claims(data: bytes) -> None:
    """Refuse arrays that claim more items than there are bytes: msgpack allocates before it reads on."""
    place, seen, claimed = 0, 0, 1
    while seen < claimed and place < len(data):
        first = data[place]
        seen, place = seen + 1, place + 1
        if 0x90 <= first <= 0x9F:
            claimed += first & 0x0F
        elif 0xA0 <= first <= 0xBF:
            place += first & 0x1F
        elif first in _LENGTH_BYTES:
            length = int.from_bytes(data[place : place + _LENGTH_BYTES[first]], "big")
            place += _LENGTH_BYTES[first]
            if first >= 0xDC:
                claimed += length
            else:
                place += length
        else:
            place += _VALUE_BYTES.get(first, 0)  # what is not allowed is `_decode`'s to refuse
        if claimed > len(data):
            raise WireError("A message claims more items than it has bytes.")


def _refuse_map(_pairs: object) -> Never:
    raise ValueError("a map")


def _refuse_extension(_code: int, _data: bytes) -> Never:
    raise ValueError("an extension type")


def _check_decoded(value: Value, depth: int = 0) -> None:
    if type(value) is tuple:
        if depth == MAX_DEPTH:
            raise WireError(f"A message has arrays deeper than {MAX_DEPTH}.")
        for item in value:
            if type(item) not in _PLAIN:
                _check_decoded(item, depth + 1)
    elif type(value) is int:
        if not _INT_MIN <= value <= _INT_MAX:
            raise WireError("A message has an integer of more than 64 bits.")
    elif type(value) not in _PLAIN:
        raise WireError(f"A message holds a {type(value).__name__}.")


def _check_packable(value: object, depth: int) -> None:
    if type(value) in _PLAIN or isinstance(value, str):
        return
    if isinstance(value, int):
        if not _INT_MIN <= value <= _INT_MAX:
            raise WireError("An integer of more than 64 bits does not go on the wire.")
    elif isinstance(value, (tuple, list)):
        if depth == MAX_DEPTH or len(value) > MAX_ITEMS:
            raise WireError(f"Arrays on the wire are at most {MAX_DEPTH} deep and {MAX_ITEMS} long.")
        for item in value:
            _check_packable(item, depth + 1)
    else:
        raise WireError(f"A {type(value).__name__} does not go on the wire.")
