from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from engine.errors import TemplateError
from engine.templates import Template, default_template, read_template

ROW = {"Colour": "red", "Size": "9 cm", "Subject": "fox"}


def template(text: str) -> Template:
    return Template.parse(text, "t.txt")


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("${{Colour}} ${{ Size }}", "red 9 cm"),
        ("${{colour}}", "red"),
        ("{keyword} ${keyword} ${{keyword}}", "KEY KEY KEY"),
        ("{Keyword} ${Keyword} {KEYWORD}", "KEY KEY KEY"),
        ("${{Subject}}", "fox"),
        ("${promptContext} ${promptcontext}", "KEY KEY"),
        ("$${{Size}} costs $5", "$9 cm costs $5"),
        ('{"prompt": "a ${{Colour}} {keyword}"}', '{"prompt": "a red KEY"}'),
        ("", ""),
    ],
)
def test_placeholders_are_filled_in(text: str, rendered: str) -> None:
    assert template(text).render(ROW, "KEY") == rendered
    assert template(text).check(list(ROW)) == []


def test_subject_is_the_keyword_where_no_column_has_that_name() -> None:
    assert template("${{Subject}} ${{SUBJECT}}").render({"a": "b"}, "KEY") == "KEY KEY"


@pytest.mark.parametrize(
    "text",
    [
        'Answer {"a": 1, "b": {"c": [1, 2]}}.',
        "{a} {} {{}} { x: y } {0} {1,2}",
        "body { color: red; }\n.x { margin: 0 }",
        "{{Name}} is Jinja, {% if x %} too",
        "$HOME, $1, $ {keyword2} $$, \\1 \\g<0>",
        "{keywords} {my keyword}",
        "a } b { c\nd }",
    ],
)
def test_other_braces_and_dollars_are_plain_text(text: str) -> None:
    assert template(text).render({"Other": "x"}, "KEY") == text
    assert template(text).check(["Other"]) == []
    assert template(text).placeholders == ()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{keyword}}", "${{keyword}}"),
        ("{{Colour}}", "${{Colour}}"),
        ("{colour}", "${{colour}}"),
        ("{ keyword }", "${{keyword}}"),
        ("{subject}", "${{subject}}"),
    ],
)
def test_what_only_looks_like_a_placeholder_is_a_warning(text: str, hint: str) -> None:
    (problem,) = template("first\n" + text).check(["Colour"])
    assert problem.is_warning
    assert problem.field == "t.txt, line 2"
    assert text in problem.message
    assert hint in problem.hint
    assert template(text).render({"Colour": "red"}, "KEY") == text


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        (
            "${{Color}}",
            ["Colour", "Size"],
            ["${{Color}}", "no such column", "Colour, Size", "Did you mean Colour?"],
        ),
        ("${{Missing}}", [], ["${{Missing}}", "there are no columns"]),
        ("${unknown}", ["Colour"], ["${unknown}", "Colour", "${{Column}}"]),
        ("${colour}", ["Colour"], ["${colour}", "${{Colour}}"]),
        ("${}", ["Colour"], ["${}"]),
        ("${{}}", ["Colour"], ["${{}}"]),
        ("${{Colour} x", ["Colour"], ["not closed"]),
        ("${{Col\nour}}", ["Colour"], ["not closed"]),
        ("${keyword", ["Colour"], ["not closed"]),
        ("${{COLOUR}}", ["Colour", "colour"], ["${{COLOUR}}", "Colour, colour"]),
    ],
)
def test_what_nothing_fills_is_an_error_with_file_line_and_columns(
    text: str, columns: list[str], words: list[str]
) -> None:
    broken = template("one\n\ntwo " + text)
    (problem,) = broken.check(columns)
    assert not problem.is_warning
    assert problem.field == "t.txt, line 3"
    message = f"{problem.message} {problem.hint}"
    assert all(word in message for word in words), message
    with pytest.raises(TemplateError, match=r"t\.txt, line 3"):
        broken.require(columns)
    with pytest.raises(TemplateError, match=r"t\.txt, line 3"):
        broken.render(dict.fromkeys(columns, "x"), "KEY")


def test_every_problem_is_told_and_exact_names_are_not_ambiguous() -> None:
    text = "${{A}} ${{b}} ${x}\n${{Q}}"
    assert [p.field for p in template(text).check(["a", "A", "B"])] == ["t.txt, line 1", "t.txt, line 2"]
    assert template("${{A}}${{a}}").render({"a": "1", "A": "2"}, "") == "21"


def test_require_returns_the_warnings() -> None:
    (warning,) = template("${{Colour}} {{keyword}}").require(["Colour"])
    assert warning.is_warning


HARD = st.lists(st.sampled_from([*"ab${}\\ \n\"'", "{keyword}", "${{a}}", "\\1", "\\g<0>"]), max_size=12).map(
    "".join
)


@given(HARD, HARD, HARD)
@bounded(max_examples=300, deadline=None)
def test_whatever_a_value_contains_is_just_text(a: str, b: str, keyword: str) -> None:
    filled = template("<${{a}}|${{b}}|{keyword}|${keyword}>").render({"a": a, "b": b}, keyword)
    assert filled == f"<{a}|{b}|{keyword}|{keyword}>"


@given(st.text(st.sampled_from(list("xy {}\n\"':,0")), max_size=40))
@bounded(max_examples=300, deadline=None)
def test_text_without_a_dollar_or_keyword_is_never_changed(text: str) -> None:
    assert template(text).render({"a": "b"}, "KEY") == text


@given(st.text(max_size=60))
@bounded(max_examples=200, deadline=None)
def test_parsing_loses_nothing(text: str) -> None:
    parsed = template(text)
    if not parsed.placeholders and not parsed.check([]):
        assert parsed.render({}, "KEY") == text
    assert parsed.text == text


def test_a_template_file_is_read_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xff\xfe" + "café ${{Colour}}\r\n".encode("utf-16-le"))
    read = read_template(path)
    assert read.render({"Colour": "red"}, "") == "café red\n"
    assert read.source == str(path)
    assert read == Template.parse(read.text, read.source)


def test_an_empty_or_missing_template_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text(" \n")
    with pytest.raises(TemplateError, match=r"t\.txt is empty"):
        read_template(path)
    with pytest.raises(TemplateError, match="no such file"):
        read_template(tmp_path / "none.txt")


def test_the_default_template_uses_all_columns() -> None:
    text = default_template(["Colour", "Size x", "${odd"])
    assert text.check(["Colour", "Size x"])
    rendered = default_template(list(ROW)).render(ROW, "KEY")
    assert [line for line in rendered.splitlines() if ":" in line] == [
        "Colour: red",
        "Size: 9 cm",
        "Subject: fox",
    ]
    assert default_template(["keyword"]).render({"keyword": "a fox"}, "a fox").endswith("keyword: a fox")


@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from([b"${{", b"}}", b"${keyword}", b"{", b"a", b"\n", b"\xff", b"\0"]), max_size=20
    ).map(b"".join)
)
@bounded(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_of_any_bytes_is_a_template_or_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.txt"
    path.write_bytes(content)
    try:
        read_template(path).render({"a": "b"}, "KEY")
    except TemplateError as error:
        refusal = error.message
    else:
        return
    assert str(path) in refusal
