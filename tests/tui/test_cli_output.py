"""tui.cli.output: one document on stdout, clean lines on stderr."""

import io
import json
import os

import pytest

from engine.errors import EngineHeldError, Problem, SettingsError
from engine.masking import Masker
from tui.cli.output import Output


def make(*, is_json: bool) -> tuple[Output, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return Output(stdout, stderr, is_json=is_json), stdout, stderr


def test_a_result_is_lines_for_people_and_a_document_for_programs() -> None:
    people, stdout, _ = make(is_json=False)
    people.result({"a": 1}, ["one", "two"])
    assert stdout.getvalue() == "one\ntwo\n"
    programs, stdout, stderr = make(is_json=True)
    programs.result({"a": 1}, ["one", "two"])
    assert json.loads(stdout.getvalue()) == {"a": 1}
    assert stderr.getvalue() == ""


def test_there_is_only_one_document() -> None:
    output, _, _ = make(is_json=True)
    output.document({})
    with pytest.raises(RuntimeError, match="second JSON document"):
        output.document({})


def test_an_error_after_the_document_stays_on_stderr() -> None:
    output, stdout, stderr = make(is_json=True)
    output.document({"a": 1})
    output.failure(EngineHeldError("in use"))
    assert json.loads(stdout.getvalue()) == {"a": 1}
    assert "in use" in stderr.getvalue()


def test_every_problem_is_told_with_its_field() -> None:
    output, stdout, stderr = make(is_json=True)
    problems = [
        Problem("generation.variations", "21 is too many", "At most 20."),
        Problem("generation.modle", "there is no such field", is_warning=True),
    ]
    output.failure(SettingsError(problems, hint="Nothing was sent."))
    error = json.loads(stdout.getvalue())["error"]
    assert error["code"] == "settings"
    assert error["hint"] == "Nothing was sent."
    assert error["problems"] == [
        {"field": "generation.variations", "message": "21 is too many", "hint": "At most 20."}
    ]
    assert "error: generation.variations: 21 is too many (At most 20.)" in stderr.getvalue()
    assert "warning: generation.modle" in stderr.getvalue()


def test_an_unforeseen_error_is_told_with_its_traceback() -> None:
    output, stdout, stderr = make(is_json=True)
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    output.crash(caught.value)
    assert json.loads(stdout.getvalue())["error"]["code"] == "internal"
    assert "Traceback" in stderr.getvalue()


@pytest.mark.parametrize("text", ["\x1b]52;c;aGk=\x07", "\x9b31m", "a\u202eb", "\x00"])
def test_no_control_reaches_a_terminal(text: str) -> None:
    output, stdout, stderr = make(is_json=False)
    output.lines([f"x{text}y"])
    output.note(f"x{text}y")
    output.redraw(f"x{text}y")
    written = stdout.getvalue() + stderr.getvalue()
    assert not set(written) & set("\x1b\x9b\x07\x00\u202e")


def test_a_document_is_ascii() -> None:
    output, stdout, _ = make(is_json=True)
    output.document({"title": "café \x9b \u202e"})
    assert stdout.getvalue().isascii()
    assert json.loads(stdout.getvalue()) == {"title": "café \x9b \u202e"}


def test_a_note_takes_the_redrawn_line_away() -> None:
    output, _, stderr = make(is_json=False)
    output.redraw("37 of 120")
    output.redraw("38 of 120")
    output.note("done")
    assert stderr.getvalue().split("\r")[-1] == "done\n"
    assert "\r" + " " * len("38 of 120") + "\r" in stderr.getvalue()


class Gone(io.StringIO):
    """A terminal that has hung up."""

    def __init__(self, fileno: int) -> None:
        super().__init__()
        self._fileno = fileno
        self.attempts = 0

    def fileno(self) -> int:
        return self._fileno

    def write(self, text: str) -> int:
        self.attempts += 1
        raise OSError(5, "Input/output error")


def test_a_terminal_that_is_gone_does_not_end_the_work() -> None:
    spare = os.open(os.devnull, os.O_WRONLY)
    try:
        stderr = Gone(spare)
        output = Output(io.StringIO(), stderr, is_json=False)
        output.note("one")
        output.note("two")
        assert stderr.attempts == 1
    finally:
        os.close(spare)


def test_a_crash_is_told_without_keys() -> None:
    output, stdout, stderr = make(is_json=True)
    output.mask = Masker(["the-key-itself"]).mask
    output.crash(RuntimeError("sent with the-key-itself"))
    output.finish()
    assert "the-key-itself" not in stdout.getvalue() + stderr.getvalue()
    assert json.loads(stdout.getvalue())["error"]["message"] == "RuntimeError: sent with •••"
