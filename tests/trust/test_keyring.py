"""Wrapped keys, passphrases, and what people type from paper."""

import sys
from collections.abc import Callable

import pytest

from lms_desktop.trust import crockford, derive, keyring, wire
from lms_desktop.trust.errors import BadKey, WeakParameters
from lms_desktop.trust.invites import InvitationError, invitation_key, new_invitation, new_token, token_keys
from lms_desktop.trust.keyring import (
    KeyringError,
    PersonKeys,
    SecretKeyNeeded,
    WrongPassphrase,
    normalise,
    unwrap,
    wrap,
)
from lms_desktop.trust.primitives import KdfParams, hash_
from lms_desktop.trust.recovery import RecoveryKey, RecoveryKeyError
from lms_desktop.trust.words import UnknownWord, new_words, word_list


def cheap(passphrase: bytes, salt: bytes, params: KdfParams) -> bytes:
    """A derivation that takes no time, for tests of everything around Argon2id."""
    params.check()
    return hash_(b"test", salt, passphrase)


def test_signing_in_is_unwrapping_by_the_real_derivation_in_a_child(cluster_id: bytes) -> None:
    keys = PersonKeys.generate()
    wrapped = wrap(keys, "correct horse battery staple", cluster_id=cluster_id, person=3)
    again = unwrap(wrapped, "correct horse battery staple", cluster_id=cluster_id, person=3)
    assert (again.signing.seed, again.sealing.seed) == (keys.signing.seed, keys.sealing.seed)
    assert keys.signing.seed not in wrapped
    assert repr(keys).count("public=") == 2
    with pytest.raises(WrongPassphrase):
        unwrap(wrapped, "correct horse battery stable", cluster_id=cluster_id, person=3)


def test_wrapped_keys_belong_to_one_person_of_one_school(cluster_id: bytes) -> None:
    wrapped = wrap(PersonKeys.generate(), "a passphrase", cluster_id=cluster_id, person=3, derive=cheap)
    with pytest.raises(WrongPassphrase):
        unwrap(wrapped, "a passphrase", cluster_id=cluster_id, person=4, derive=cheap)
    with pytest.raises(WrongPassphrase):
        unwrap(wrapped, "a passphrase", cluster_id=bytes(32), person=3, derive=cheap)


def test_a_lowered_cost_is_refused_and_never_derived(cluster_id: bytes) -> None:
    wrapped = wrap(PersonKeys.generate(), "a passphrase", cluster_id=cluster_id, person=3, derive=cheap)
    fields = wire.unpack_array(wrapped)

    def never(passphrase: bytes, salt: bytes, params: KdfParams) -> bytes:
        raise AssertionError("derived with a lowered cost")

    for cost in ((64 * 1024, 3), (256 * 1024, 1), (8, 1), (1 << 31, 3)):
        lowered = wire.pack((fields[0], *cost, *fields[3:]))
        with pytest.raises(WeakParameters):
            unwrap(lowered, "a passphrase", cluster_id=cluster_id, person=3, derive=never)
    dearer = wire.pack((fields[0], 512 * 1024, *fields[2:]))
    with pytest.raises(WrongPassphrase):
        unwrap(dearer, "a passphrase", cluster_id=cluster_id, person=3, derive=cheap)


def test_staff_who_choose_a_passphrase_need_their_secret_key_too(cluster_id: bytes) -> None:
    secret = bytes(range(16))
    wrapped = wrap(
        PersonKeys.generate(), "chosen", cluster_id=cluster_id, person=3, secret_key=secret, derive=cheap
    )
    unwrap(wrapped, "chosen", cluster_id=cluster_id, person=3, secret_key=secret, derive=cheap)
    with pytest.raises(SecretKeyNeeded):
        unwrap(wrapped, "chosen", cluster_id=cluster_id, person=3, derive=cheap)
    with pytest.raises(WrongPassphrase):
        unwrap(wrapped, "chosen", cluster_id=cluster_id, person=3, secret_key=bytes(16), derive=cheap)
    with pytest.raises(BadKey):
        unwrap(wrapped, "chosen", cluster_id=cluster_id, person=3, secret_key=b"short", derive=cheap)


def test_damaged_or_newer_wrapped_keys_say_so(cluster_id: bytes) -> None:
    wrapped = wrap(PersonKeys.generate(), "a passphrase", cluster_id=cluster_id, person=3, derive=cheap)
    fields = wire.unpack_array(wrapped)
    for bad, match in (
        (wire.pack((2, *fields[1:])), "newer"),
        (wire.pack(fields[:-1]), "damaged"),
        (wire.pack(5), "damaged"),
    ):
        with pytest.raises(KeyringError, match=match):
            unwrap(bad, "a passphrase", cluster_id=cluster_id, person=3, derive=cheap)
    with pytest.raises(wire.WireError):
        unwrap(b"\xc1", "a passphrase", cluster_id=cluster_id, person=3, derive=cheap)


def test_words_of_the_list_are_forgiven_their_spacing_and_case() -> None:
    assert normalise("Tidal-WAFER  abacus\nzoom ") == b"tidal wafer abacus zoom"
    assert normalise(" My own Secret! ") == b"My own Secret!"
    assert normalise("ｆｕｌｌ") == b"full", "NFKC"
    for bad in ("", "   ", "x" * 2000, "\ud800"):
        with pytest.raises(KeyringError):
            normalise(bad)


def test_generated_passphrases_come_from_the_list() -> None:
    assert len(word_list()) == 7772
    words = keyring.new_passphrase(keyring.STAFF_WORDS).split(" ")
    assert len(words) == 6
    assert set(words) <= set(word_list())
    assert new_words(6) != new_words(6)


def test_the_child_refuses_a_weak_request_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeakParameters):
        derive.derive_in_child(b"p", bytes(16), KdfParams(8, 1))
    monkeypatch.setattr(KdfParams, "check", lambda self: None)
    with pytest.raises(derive.DeriveFailed):
        derive.derive_in_child(b"p", bytes(16), KdfParams(8, 1))


def test_a_frozen_program_is_its_own_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert derive.child_command() == [sys.executable, "derive"]


# --- invitations and tokens ------------------------------------------------------------------------------


def test_an_invitation_is_the_same_key_however_it_is_typed(cluster_id: bytes) -> None:
    words = "tidal wafer abacus zoom yield urban"
    key = invitation_key(cluster_id, words)
    for typed in (
        "Tidal Wafer ABACUS zoom yield urban",
        "tidal-wafer-abacus-zoom-yield-urban",
        " tidal, wafer, abacus\nzoom yield urban.",
    ):
        assert invitation_key(cluster_id, typed).seed == key.seed
    assert invitation_key(bytes(32), words).seed != key.seed
    assert invitation_key(cluster_id, "wafer tidal abacus zoom yield urban").seed != key.seed
    assert len(new_invitation().split(" ")) == 6


def test_a_mistyped_invitation_is_told_apart(cluster_id: bytes) -> None:
    with pytest.raises(UnknownWord, match=r"Word 3, “abacuss”.*abacus"):
        invitation_key(cluster_id, "tidal wafer abacuss zoom yield urban")
    with pytest.raises(InvitationError, match="5 were typed"):
        invitation_key(cluster_id, "tidal wafer abacus zoom yield")
    with pytest.raises(InvitationError):
        invitation_key(cluster_id, "")


def test_a_token_makes_two_keys_for_joining() -> None:
    token = new_token()
    signing, curve = token_keys(token)
    again, curve_again = token_keys(token)
    assert (signing.public, curve.public) == (again.public, curve_again.public)
    assert signing.seed != curve.seed
    assert token_keys(new_token())[0].public != signing.public
    with pytest.raises(InvitationError):
        token_keys(b"short")


# --- the recovery key ------------------------------------------------------------------------------------


def lower_with_blanks(text: str) -> str:
    return text.lower().replace("-", "  ")


def look_alikes(text: str) -> str:
    return text.replace("0", "o").replace("1", "l")


@pytest.mark.parametrize("typing", [str, lower_with_blanks, look_alikes])
def test_a_recovery_key_comes_back_from_paper(typing: Callable[[str], str]) -> None:
    key = RecoveryKey(bytes(range(16)))
    assert [len(group) for group in key.text.split("-")] == [5] * 7
    assert RecoveryKey.parse(typing(key.text)).sealing.seed == key.sealing.seed
    assert RecoveryKey.generate().text != key.text


def test_a_mistyped_group_of_the_recovery_key_is_named() -> None:
    groups = RecoveryKey(bytes(range(16))).text.split("-")
    third = "-".join([*groups[:2], groups[2][::-1], *groups[3:]])
    with pytest.raises(RecoveryKeyError, match="Group 3"):
        RecoveryKey.parse(third)
    swapped = "-".join([groups[1], groups[0], *groups[2:]])
    with pytest.raises(RecoveryKeyError, match=r"Group [12]"):
        RecoveryKey.parse(swapped)
    with pytest.raises(RecoveryKeyError, match="30 were typed"):
        RecoveryKey.parse("-".join(groups[:6]))
    with pytest.raises(RecoveryKeyError, match="Group 1"):
        RecoveryKey.parse("-".join(["!!!!!", *groups[1:]]))


def test_a_wrong_key_with_right_groups_fails_its_checksum() -> None:
    from lms_desktop.trust import recovery

    other = crockford.encode((int.from_bytes(bytes(range(16)), "big") << 12) ^ 1, 28)
    groups = [other[start : start + 4] for start in range(0, 28, 4)]
    typed = "-".join(group + recovery._check_character(place, group) for place, group in enumerate(groups, 1))
    with pytest.raises(RecoveryKeyError, match="Compare each group"):
        RecoveryKey.parse(typed)
