"""Commands as arrays: what is written is what is read, and nothing else is."""

import re
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms_desktop.school import limits, rules
from lms_desktop.school.commands import (
    COMMANDS,
    AssignmentPublish,
    Command,
    CommandError,
    CourseEnrol,
    GradeDraft,
    MachineAddress,
    PersonAdd,
    Role,
    RulesRaise,
    Submission,
    Void,
)
from lms_desktop.school.outcomes import Outcome, sentence
from lms_desktop.school.schema import Value
from lms_desktop.trust import wire
from tests.school.world import ADMIN, START, ZONE, World, sealed, seed


def _add(name: str = "Ann Lee", username: str = "ann") -> PersonAdd:
    return PersonAdd(name, username, Role.STUDENT, seed("slip"))


def _assignment(text: str = "Write.", title: str = "Essay") -> AssignmentPublish:
    return AssignmentPublish(1, title, text, None, START, ZONE, 1_000)


def test_kinds_are_frozen() -> None:
    names = {kind: command.__name__ for kind, command in sorted(COMMANDS.items())}
    assert names == {
        1: "WrappedKeysSet",
        2: "PersonAdd",
        3: "PersonInvite",
        4: "InvitationAccept",
        5: "PersonSetActive",
        20: "TokenAdd",
        21: "TokenRevoke",
        22: "MachineJoin",
        23: "MachineSet",
        24: "MachineAddress",
        40: "CourseCreate",
        41: "CourseEdit",
        42: "CourseArchive",
        43: "CourseStaff",
        44: "CourseEnrol",
        45: "CourseUnenrol",
        60: "MaterialPublish",
        61: "MaterialEdit",
        62: "MaterialArchive",
        80: "AssignmentPublish",
        81: "AssignmentEdit",
        82: "AssignmentArchive",
        83: "Extension",
        100: "Submission",
        120: "GradeDraft",
        121: "GradeRelease",
        122: "GradeCorrect",
        140: "MaterialRead",
        141: "GradeSeen",
        160: "Void",
        161: "RulesRaise",
        180: "TutorSet",
        181: "TutorExchange",
        200: "QuestionAsk",
        201: "QuestionPost",
        202: "QuestionSettle",
        203: "ClassAnswer",
        204: "QuestionSeen",
    }


def test_every_outcome_has_a_sentence_and_unknown_ones_ask_for_an_update() -> None:
    assert all(outcome.sentence.endswith(".") for outcome in Outcome)
    assert "Update LMS Desktop" in sentence(9_999)


def test_a_command_reads_back_from_its_array() -> None:
    command = Submission(7, None, 2, START, seed("m"), 9, seed("c"), sealed(student=1))
    body = command.body()
    assert body == (
        7,
        None,
        2,
        START,
        seed("m"),
        9,
        seed("c"),
        (b"box", seed("commitment"), (1, b"staff"), (1, b"student")),
    )
    assert Submission.from_body(wire.unpack(wire.pack(body))) == command
    assert Void().body() == ()


@pytest.mark.parametrize(
    "name",
    [
        "",
        " Ann",
        "Ann ",
        "x" * 201,
        "Ann\nLee",
        "Ann\0",
        "A\x1bnn",
        "A\x85nn",
        "\u202eAnn",
        "\ufeffAnn",
        "A\u2028n",
        "A\ud83d",
    ],
    ids=ascii,
)
def test_names_are_one_plain_line(name: str) -> None:
    with pytest.raises(CommandError, match=r"^name "):
        _add(name).body()


@pytest.mark.parametrize(
    "name",
    ["x" * 200, "李小龍", "محمد علي", "Zoë Müller-O’Brien", "<b>Bobby</b>", "नम\u200dस्ते", "𝒳 Æ"],
    ids=ascii,
)
def test_names_of_any_script_are_kept_as_they_are(name: str) -> None:
    assert PersonAdd.from_body(_add(name).body()).name == name


@pytest.mark.parametrize("username", ["", "Ann", "a b", ".a", "x" * 65, "å", "a\n"], ids=ascii)
def test_logins_are_plain(username: str) -> None:
    with pytest.raises(CommandError, match=r"^username must be"):
        _add(username=username).body()


def test_texts_have_lines_and_a_length() -> None:
    _assignment("One.\n\tTwo.").body()
    _assignment("x" * limits.TEXT).body()
    _assignment("字" * (limits.TEXT_BYTES // 3)).body()
    for text in (
        "x" * (limits.TEXT + 1),
        "𝒳" * (limits.TEXT_BYTES // 4 + 1),
        "a\rb",
        "a\0b",
        "\u202eabc",
        "a\ud83d",
    ):
        with pytest.raises(CommandError, match=r"^text "):
            _assignment(text).body()


def test_the_longest_text_fits_an_envelope() -> None:
    body = _assignment("字" * (limits.TEXT_BYTES // 3), "字" * limits.TITLE).body()
    assert len(wire.pack(body)) < 64 * 1024 - 300
    box = sealed()
    draft = GradeDraft(1, 1, None, None, type(box)(b"x" * limits.BOX_BYTES, box.commitment, box.staff, None))
    assert len(wire.pack(draft.body())) < 64 * 1024 - 300
    enrol = CourseEnrol(limits.NUMBER, tuple(range(2**40, 2**40 + limits.STUDENTS_AT_ONCE)))
    assert len(wire.pack(enrol.body())) < 64 * 1024 - 300


@pytest.mark.parametrize(
    "change",
    [
        {0: True},
        {0: 0},
        {0: "1"},
        {0: 1 << 63},
        {4: -1},
        {4: limits.STAMP + 1},
        {6: limits.POINTS + 1},
        {6: None},
        {5: "Nowhere!"},
        {3: ()},
        {3: ("a.pdf", b"short", 1, bytes(32), 1)},
        {3: ("a.pdf", bytes(32), 0, bytes(32), 1)},
    ],
    ids=str,
)
def test_a_field_of_another_type_or_range_is_refused(change: dict[int, Value]) -> None:
    body = list(_assignment().body())
    for place, value in change.items():
        body[place] = value
    names = {field.name.replace("_", " ") for field in fields(AssignmentPublish)} | {"manifest", "size"}
    with pytest.raises(CommandError) as caught:
        AssignmentPublish.from_body(tuple(body))
    assert caught.value.field in names


def test_a_body_of_another_length_is_refused() -> None:
    for body in ((), (1,), (*_assignment().body(), 1), list(_assignment().body()), None):
        with pytest.raises(CommandError, match=re.escape("must be a list of 7 fields")):
            AssignmentPublish.from_body(body)


@pytest.mark.parametrize("host", ["", "a b", "x" * 254, "lab/pc", "höst"], ids=ascii)
def test_an_address_is_an_address(host: str) -> None:
    with pytest.raises(CommandError, match=r"^host must be"):
        MachineAddress(host, 5501, 5502, bytes(16)).body()
    MachineAddress("fe80::1%eth0", 5501, 5502, bytes(16)).body()


_values: st.SearchStrategy[Value] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=5)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=9).map(tuple),
    max_leaves=12,
)


@given(kind=st.sampled_from(sorted(COMMANDS)) | st.integers(0, 300), body=_values)
@settings(max_examples=300, deadline=None)
def test_no_body_makes_apply_raise(kind: int, body: Value) -> None:
    world = World()
    context = rules.Context(2, START, ADMIN, bytes(16), 0, world.genesis.cluster_id)
    verdict = rules.apply(world.db, kind, body, context)  # type: ignore[arg-type]
    assert verdict.code in set(Outcome)


def test_an_invalid_body_of_a_true_author_is_a_recorded_refusal(world: World) -> None:
    context = rules.Context(2, START, ADMIN, bytes(16), 0, world.genesis.cluster_id)
    verdict = rules.apply(world.db, PersonAdd.KIND, ("x", "y"), context)
    assert verdict.code == Outcome.INVALID
    assert rules.apply(world.db, 7, (), rules.Context(3, START, ADMIN, bytes(16), 1, b"")).code == (
        Outcome.UNKNOWN_KIND
    )


def test_rules_are_raised_by_administrators_and_newer_ones_stop_the_node(world: World) -> None:
    student = world.person("ann")
    raise_ = RulesRaise(2)
    assert rules.needs_newer(world.db, ADMIN, raise_.KIND, raise_.body())
    assert not rules.needs_newer(world.db, student, raise_.KIND, raise_.body())
    assert not rules.needs_newer(world.db, 99, raise_.KIND, raise_.body())
    assert not rules.needs_newer(world.db, ADMIN, raise_.KIND, ("x",))
    assert not rules.needs_newer(world.db, ADMIN, Void.KIND, ())
    far = RulesRaise(1_000_000)
    assert not rules.needs_newer(world.db, ADMIN, far.KIND, far.body()), "a slip stops nobody for good"
    assert world.refusal(ADMIN, far) is Outcome.RULES_NOT_RAISED
    world.do(ADMIN, raise_)
    assert world.refusal(ADMIN, raise_) is Outcome.RULES_NOT_RAISED


def test_the_base_of_commands_is_not_one() -> None:
    assert all(issubclass(command, Command) and kind == command.KIND for kind, command in COMMANDS.items())
