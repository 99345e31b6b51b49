"""People: added by administrators, made theirs by the keys that their own app makes."""

from dataclasses import replace

import pytest

from lms_desktop.school import proofs, rules
from lms_desktop.school.commands import (
    CourseUnenrol,
    InvitationAccept,
    PersonAdd,
    PersonInvite,
    PersonSetActive,
    Role,
    WrappedKeysSet,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries import people
from lms_desktop.school.schema import CommandError
from lms_desktop.school.tables import InvitationState, PrincipalKind
from lms_desktop.trust.errors import BadKey
from lms_desktop.trust.genesis import FirstAdministrator, Genesis
from lms_desktop.trust.primitives import seal_box
from tests.school.world import ADMIN, MACHINE_A, Class, World, generation, genesis, seed, signing


def test_the_genesis_makes_the_administrator_and_the_first_machine(world: World) -> None:
    (row,) = people.school(world.db)
    assert (row.cluster_id, row.name, row.zone) == (
        world.genesis.cluster_id,
        "Hillside School",
        "Europe/Oslo",
    )
    (keys,) = people.sign_in(world.db, "ada")
    assert (keys.person, keys.role, keys.key, keys.signing) == (
        ADMIN,
        Role.ADMINISTRATOR,
        1,
        signing("ada").public,
    )
    assert keys.wrapped is None
    (machine,) = people.machines(world.db)
    assert (machine.machine, machine.keeper, machine.active) == (MACHINE_A, True, True)


@pytest.mark.parametrize("login", ["Ada", "", "a b", "x" * 65, "ådne"])
def test_a_genesis_whose_login_no_command_could_add_is_refused(login: str) -> None:
    first = genesis()
    administrator = FirstAdministrator(
        login or "-", "Ada", first.administrator.signing_public, first.administrator.sealing_public
    )
    bad = Genesis.create(
        signing("ada"),
        rules_version=1,
        school="S",
        zone="Europe/Oslo",
        administrator=administrator,
        machine=first.machine,
        recovery_public=seed("recovery"),
    )
    with pytest.raises(CommandError, match="username must be"):
        rules.check_genesis(bad)


def test_a_genesis_with_newer_rules_asks_for_an_update() -> None:
    first = genesis()
    newer = Genesis.create(
        signing("ada"),
        rules_version=2,
        school="S",
        zone="Europe/Oslo",
        administrator=first.administrator,
        machine=first.machine,
        recovery_public=seed("recovery"),
    )
    with pytest.raises(CommandError, match="Update it on this machine"):
        rules.check_genesis(newer)


def test_the_administrator_stores_wrapped_keys_and_changes_the_passphrase(world: World) -> None:
    world.do(ADMIN, WrappedKeysSet(b"first"))
    world.do(ADMIN, WrappedKeysSet(b"second"))
    (keys,) = people.keys(world.db, ADMIN)
    assert (keys.wrapped, keys.key) == (b"second", 1)


def test_a_person_is_added_with_an_open_invitation_and_no_keys(world: World) -> None:
    person, invitation = world.invite("Ann Lee", "ann", Role.STUDENT)
    assert (person, invitation) == (3, 4)
    (row,) = people.person(world.db, person)
    assert (row.name, row.username, row.role, row.active, row.key) == ("Ann Lee", "ann", 3, True, 0)
    assert row.invitation == invitation
    (slip,) = people.invitation(world.db, signing("invitation ann").public)
    assert (slip.person, slip.state) == (person, InvitationState.OPEN)
    assert rules.principal(world.db, person) == rules.Principal(person, PrincipalKind.PERSON, None, True)


def test_a_login_is_given_once(world: World) -> None:
    world.invite("Ann Lee", "ann", Role.STUDENT)
    again = PersonAdd("Ann Two", "ann", Role.STUDENT, seed("another"))
    assert world.refusal(ADMIN, again) is Outcome.USERNAME_TAKEN


def test_an_invitation_key_is_given_once(world: World) -> None:
    world.invite("Ann Lee", "ann", Role.STUDENT)
    again = PersonAdd("Bo", "bo", Role.STUDENT, signing("invitation ann").public)
    assert world.refusal(ADMIN, again) is Outcome.KEY_TAKEN


def test_an_invitation_publishes_the_keys_once_and_is_dead(world: World) -> None:
    person, invitation = world.invite("Ann Lee", "ann", Role.STUDENT)
    assert world.say(invitation, world.acceptance(person, "ann")).verdict.effects == (person, 1)
    (keys,) = people.sign_in(world.db, "ann")
    assert (keys.signing, keys.sealing, keys.wrapped) == (
        signing("ann").public,
        seed("ann sealing"),
        b"wrapped ann",
    )
    (slip,) = people.invitation(world.db, signing("invitation ann").public)
    assert slip.state == InvitationState.USED
    assert world.refusal(invitation, world.acceptance(person, "other")) is Outcome.INVITATION_USED


def test_an_invitation_is_for_its_person_only(world: World) -> None:
    _, invitation = world.invite("Ann Lee", "ann", Role.STUDENT)
    other, _ = world.invite("Bo Chan", "bo", Role.STUDENT)
    refusal = world.refusal(invitation, world.acceptance(other, "bo"))
    assert refusal is Outcome.INVITATION_NOT_FOR_PERSON


def test_a_new_key_must_sign_for_itself(world: World) -> None:
    person, invitation = world.invite("Ann Lee", "ann", Role.STUDENT)
    mine = world.acceptance(person, "ann")
    stolen = InvitationAccept(person, signing("victim").public, mine.sealing, mine.wrapped, mine.proof)
    assert world.refusal(invitation, stolen) is Outcome.BAD_KEY_PROOF


def test_a_key_of_another_person_is_refused(world: World) -> None:
    person, invitation = world.invite("Ann Lee", "ann", Role.STUDENT)
    assert world.refusal(invitation, world.acceptance(person, "ada")) is Outcome.KEY_TAKEN


def test_a_new_invitation_ends_the_old_one_and_new_keys_replace_the_old(world: World) -> None:
    person = world.person("ann")
    old = world.say(ADMIN, PersonInvite(person, seed("lost slip"))).verdict.effects
    new = world.say(ADMIN, PersonInvite(person, seed("new slip"))).verdict.effects
    assert new[1] == (old[0],)
    assert isinstance(old[0], int)
    assert isinstance(new[0], int)
    assert world.refusal(old[0], world.acceptance(person, "ann again")) is Outcome.INVITATION_USED
    assert world.say(new[0], world.acceptance(person, "ann again")).verdict.effects == (person, 2)
    keys = {row.public for row in people.signing_keys(world.db, person)}
    assert keys == {signing("ann").public, signing("ann again").public}
    (row,) = people.keys(world.db, person)
    assert (row.key, row.signing) == (2, signing("ann again").public)


def test_a_key_that_was_given_up_never_comes_back(world: World) -> None:
    person = world.person("ann")
    (invitation, _) = world.say(ADMIN, PersonInvite(person, seed("slip"))).verdict.effects
    assert isinstance(invitation, int)
    world.do(invitation, world.acceptance(person, "ann again"))
    other, slip = world.invite("Bo", "bo", Role.STUDENT)
    assert world.refusal(slip, world.acceptance(other, "ann")) is Outcome.KEY_TAKEN


def test_an_instructor_invites_their_own_students_again_and_no_one_else(class_: Class) -> None:
    world = class_.world
    world.do(class_.teacher, PersonInvite(class_.ann, seed("slip")))
    refusals = {
        who: world.refusal(author, PersonInvite(person, seed(who)))
        for who, author, person in (
            ("not my student", class_.other_teacher, class_.ann),
            ("not my course", class_.teacher, class_.outsider),
            ("a colleague", class_.teacher, class_.other_teacher),
            ("the administrator", class_.teacher, ADMIN),
            ("a student", class_.ann, class_.bo),
        )
    }
    assert set(refusals.values()) == {Outcome.NOT_ADMINISTRATOR}
    world.do(class_.teacher, CourseUnenrol(class_.course, (class_.bo,)))
    gone = world.refusal(class_.teacher, PersonInvite(class_.bo, seed("gone")))
    assert gone is Outcome.NOT_ADMINISTRATOR


def test_a_new_invitation_has_a_new_key(world: World) -> None:
    person, _ = world.invite("Ann Lee", "ann", Role.STUDENT)
    again = PersonInvite(person, signing("invitation ann").public)
    assert world.refusal(ADMIN, again) is Outcome.KEY_TAKEN


def test_an_invitation_of_a_switched_off_person_waits(world: World) -> None:
    person, invitation = world.invite("Ann Lee", "ann", Role.STUDENT)
    world.do(ADMIN, PersonSetActive(person, False))
    assert world.refusal(invitation, world.acceptance(person, "ann")) is Outcome.PERSON_INACTIVE
    world.do(ADMIN, PersonSetActive(person, True))
    world.do(invitation, world.acceptance(person, "ann"))


def test_inviting_nobody_is_refused(world: World) -> None:
    assert world.refusal(ADMIN, PersonInvite(99, seed("slip"))) is Outcome.UNKNOWN_PERSON
    assert world.refusal(ADMIN, PersonInvite(MACHINE_A, seed("slip"))) is Outcome.UNKNOWN_PERSON


def test_a_switched_off_person_does_nothing_until_switched_on(class_: Class) -> None:
    world = class_.world
    world.do(ADMIN, PersonSetActive(class_.ann, False))
    hand_in = world.submission(class_.assignment)
    assert world.refusal(class_.ann, hand_in) is Outcome.AUTHOR_INACTIVE
    assert world.foreseen(class_.ann, hand_in) is Outcome.AUTHOR_INACTIVE
    assert world.refusal(ADMIN, PersonInvite(class_.ann, seed("slip"))) is Outcome.PERSON_INACTIVE
    world.do(ADMIN, PersonSetActive(class_.ann, True))
    world.do(class_.ann, hand_in)


def test_the_last_administrator_who_can_sign_in_stays(world: World) -> None:
    off = PersonSetActive(ADMIN, False)
    assert world.refusal(ADMIN, off) is Outcome.LAST_ADMINISTRATOR
    person, invitation = world.invite("Second", "second", Role.ADMINISTRATOR)
    assert world.refusal(ADMIN, off) is Outcome.LAST_ADMINISTRATOR
    world.do(invitation, world.acceptance(person, "second"))
    world.do(ADMIN, off)
    assert world.refusal(ADMIN, WrappedKeysSet(b"x")) is Outcome.AUTHOR_INACTIVE


def test_switching_off_nobody_is_refused(world: World) -> None:
    assert world.refusal(ADMIN, PersonSetActive(99, False)) is Outcome.UNKNOWN_PERSON


NOBODYS = (bytes(32), bytes([1]) + bytes(31), bytes([0xEC]) + bytes([0xFF]) * 30 + bytes([0x7F]))
"""X25519 keys of small order: who seals to one fails, so one student's could stop a whole release."""


@pytest.mark.parametrize("sealing", NOBODYS)
def test_a_key_to_which_nothing_can_be_sealed_is_refused(world: World, sealing: bytes) -> None:
    with pytest.raises(BadKey):
        seal_box(sealing, b"item key")
    person, invitation = world.invite("Ann Lee", "ann", Role.STUDENT)
    message = proofs.acceptance(world.genesis.cluster_id, person, signing("ann").public, sealing, b"wrapped")
    body = (person, signing("ann").public, sealing, b"wrapped", signing("ann").sign(message))
    context = rules.Context(99, world.now, invitation, bytes(16), 0, world.genesis.cluster_id)
    assert rules.apply(world.db, InvitationAccept.KIND, body, context).code == Outcome.INVALID
    with pytest.raises(CommandError, match="sealed to"):
        replace(generation(person), public=sealing).body()
    founder = replace(world.genesis, recovery_public=sealing)
    with pytest.raises(CommandError, match="recovery key"):
        rules.check_genesis(founder)
