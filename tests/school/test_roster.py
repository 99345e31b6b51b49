"""Rosters: what spreadsheets write is read, and what cannot be used is named by its line."""

import pytest

from lms_desktop.school import limits
from lms_desktop.school.commands import Role
from lms_desktop.school.roster import MAX_BYTES, MAX_ROWS, RosterError, read_roster


def _people(text: str, *, encoding: str = "utf-8") -> list[tuple[int, str, str]]:
    preview = read_roster(text.encode(encoding))
    assert preview.bad == ()
    return [(person.line, person.name, person.username) for person in preview.people]


def _problems(text: str, *taken: str) -> list[tuple[int, str]]:
    return [(row.line, row.problem) for row in read_roster(text.encode(), taken).bad]


PLAIN = [(2, "Ann Lee", "ann"), (3, "Bo Chan", "bo")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_line_ends_and_byte_order_marks(separator: str, newline: str, encoding: str) -> None:
    rows = [["name", "login"], ["Ann Lee", "ann"], ["Bo Chan", "bo"]]
    text = newline.join(separator.join(row) for row in rows) + newline
    assert _people(text, encoding=encoding) == PLAIN


@pytest.mark.parametrize(
    "text",
    [
        "Login;Email;Full Name\nann;a@x.org;Ann Lee\nbo;b@x.org;Bo Chan",
        "Surname,First name,Username\nLee,Ann,ann\nChan,Bo,bo",
        "USER_NAME,given-name,family name\nANN,Ann,Lee\n bo ,Bo,  Chan ",
    ],
)
def test_columns_in_any_order_and_by_their_usual_names(text: str) -> None:
    assert _people(text) == PLAIN


def test_columns_that_mean_nothing_are_told() -> None:
    assert read_roster(b"name,login,Email,,House\nAnn,ann,,,\n").ignored == ("Email", "House")


def test_roles_are_read_and_blank_means_student() -> None:
    preview = read_roster(b"name,login,role\nA,a,Teacher\nB,b,\nC,c,ADMINISTRATOR\nD,d,pupil\n")
    assert [person.role for person in preview.people] == [Role.INSTRUCTOR, Role.STUDENT, Role.ADMINISTRATOR]
    (bad,) = preview.bad
    assert bad.line == 5
    assert "role “pupil” is not" in bad.problem


def test_quotes_hold_separators_and_lines_are_counted_through_them() -> None:
    text = 'name,login\n"Lee, Ann ""Annie""",ann\n"Chan\nBo",bo\nZoe,zoe\n'
    assert _people(text) == [(2, 'Lee, Ann "Annie"', "ann"), (3, "Chan Bo", "bo"), (5, "Zoe", "zoe")]


def test_blank_rows_are_passed_over() -> None:
    assert _people("\n\nname,login\n\nAnn Lee,ann\n,\n  ,  \nBo Chan,bo\n\n") == [
        (5, "Ann Lee", "ann"),
        (8, "Bo Chan", "bo"),
    ]


def test_names_in_any_script() -> None:
    names = ["李小龍", "محمد علي", "Đỗ Thị Hà", "Œuvré-O’Neil", "नमस्ते"]
    text = "name,login\n" + "".join(f"{name},u{place}\n" for place, name in enumerate(names))
    assert [name for _, name, _ in _people(text)] == names
    assert _people("name,login\nZoe\u0308,zoe") == [(2, "Zoë", "zoe")]


def test_duplicates_are_named_with_the_line_of_the_first() -> None:
    text = "name,login\nAnn Lee,ann\nAnn Two,ANN\nBo,bo\nAnn Three,ann\n"
    assert _problems(text, "bo") == [
        (3, "the login ann is already in line 2"),
        (4, "the login bo is already in the school"),
        (5, "the login ann is already in line 2"),
    ]


def test_each_bad_row_says_what_is_wrong_and_the_others_stay() -> None:
    long = "x" * 300
    text = f"name,login\n,nobody\nAnn,\nBo,b o\n{long},long\nA\0nn,nul\nZoe,zoe,,extra\nOk,ok\n"
    preview = read_roster(text.encode())
    assert [person.username for person in preview.people] == ["ok"]
    problems = {row.line: row.problem for row in preview.bad}
    assert problems[2] == "the name is missing"
    assert problems[3] == "the login is missing"
    assert problems[4].startswith("the login must be 1 to 64 of a-z")
    assert problems[5] == f"the name is longer than {limits.NAME} characters"
    assert problems[6] == "the name has a control character"
    assert problems[7] == "the row has 4 columns, the first row has 2"
    assert preview.bad[5].text == "Zoe, zoe, , extra"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"empty"),
        (b"\xef\xbb\xbf\n \n", r"empty"),
        (b"name,mail\nAnn,a@x.org", r"Line 1: the column login is missing.*name,login"),
        (b"\nlogin\nann", r"Line 2: the column name is missing"),
        (b"first name,login\nAnn,ann", r"the column name is missing"),
        (b"Ann Lee,ann\n", r"the column name and the column login are missing"),
        (b"name,login,Username\nAnn,ann,ann", r"“login” and “Username” mean the same"),
        (b"name,login\nAnn,ann\nZo\xeb,zoe\n", r"Line 3 is not UTF-8 text.*CSV UTF-8"),
        (b'name,login\nAnn,ann\n"Zoe,zoe\n', r"Line 3 cannot be read.*quotation marks"),
        (b"x" * (MAX_BYTES + 1), r"larger than 4 MB"),
        (b"name,login\n" + b"A,a\n" * (MAX_ROWS + 1), rf"more than {MAX_ROWS} rows"),
        (b"name,login\n" + b"x" * 200_000 + b",x\n", r"Line 2 cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_what_to_do(data: bytes, message: str) -> None:
    with pytest.raises(RosterError, match=message):
        read_roster(data)


def test_a_big_roster_is_read_whole() -> None:
    text = "name,login\n" + "".join(f"Student {n},s{n}\n" for n in range(5_000))
    assert len(read_roster(text.encode()).people) == 5_000
