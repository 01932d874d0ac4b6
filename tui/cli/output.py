"""Where everything that the command line prints goes through: results to stdout, everything else to stderr.

The one place that writes, so that outside text is cleaned once and `--json` stays one document.
"""

import contextlib
import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from engine.errors import FactoryError, Problem, SettingsError
from engine.text import clean_text

if TYPE_CHECKING:
    from pydantic import BaseModel

    from engine.views import ProblemView

_COLUMNS = 80


class Output:
    """`is_json`: stdout gets exactly one JSON document, and people read stderr."""

    def __init__(self, stdout: TextIO, stderr: TextIO, *, is_json: bool) -> None:
        self.is_json = is_json
        self._stdout = stdout
        self._stderr = stderr
        self._has_document = False
        self._is_stderr_gone = False
        self._line = ""
        self.mask: Callable[[str], str] = str
        """Takes keys out of what nobody foresaw; set by whoever reads keys."""

    @classmethod
    def of_this_process(cls, *, is_json: bool) -> "Output":
        """The process's own streams; a character that they cannot encode is escaped, never an error."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        return cls(sys.stdout, sys.stderr, is_json=is_json)

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches stderr."""
        return self._stderr.isatty()

    @property
    def terminal_columns(self) -> int:
        """Width of the terminal behind stderr; 80 where there is none, or it does not say."""
        try:
            return os.get_terminal_size(self._stderr.fileno()).columns or _COLUMNS
        except (OSError, ValueError):
            return _COLUMNS

    # ---- results

    def result(
        self, document: "BaseModel | dict[str, Any] | Sequence[BaseModel]", lines: Iterable[str]
    ) -> None:
        """What the command was asked for: the document with `--json`, else the lines."""
        if self.is_json:
            self.document(document)
        else:
            self.lines(lines)

    def document(self, document: "BaseModel | dict[str, Any] | Sequence[BaseModel]") -> None:
        """The one JSON document of this run, in ASCII: for every encoding, harmless in every terminal."""
        if self._has_document:
            raise RuntimeError("a second JSON document was about to be printed")
        self._has_document = True
        self._write_stdout(json.dumps(to_json(document), indent=2, allow_nan=False) + "\n")

    def lines(self, lines: Iterable[str]) -> None:
        """A result for people, on stdout."""
        for line in lines:
            self._write_stdout(clean_text(line, keep_newlines=True) + "\n")

    def raw(self, text: str) -> None:
        """A result that another program reads, on stdout as it is; only for text of our own making."""
        self._write_stdout(text)

    # ---- everything for people beside the result

    def note(self, text: str) -> None:
        """A line on stderr. A line that is being redrawn is taken away first."""
        self.redraw("")
        self._write_stderr(clean_text(text, keep_newlines=True) + "\n")

    def redraw(self, text: str) -> None:
        """Replace the last, unfinished line on stderr. No escape sequences: it is overwritten with blanks."""
        if text == self._line:
            return
        line = clean_text(text)
        self._write_stderr("\r" + " " * display_width(self._line) + "\r" + line)
        self._line = line

    def warnings(self, problems: Iterable["Problem | ProblemView"]) -> None:
        """A line for each."""
        for problem in problems:
            self.note(_problem_line(problem))

    # ---- failures

    def failure(self, error: FactoryError) -> None:
        """An error of ours: sentences on stderr, and with `--json` the error document on stdout."""
        problems = error.problems if isinstance(error, SettingsError) else ()
        if problems:
            self.warnings(problems)
        else:
            self.note(f"error: {error.message}")
        if error.hint:
            self.note(f"       {error.hint}")
        self._error_document(error.code, error.message, error.hint, problems)

    def crash(self, error: Exception) -> None:
        """An error that nobody foresaw: its traceback for a bug report, and the code `internal`."""
        self.note(self.mask("".join(traceback.format_exception(error)).rstrip()))
        message = self.mask(f"{type(error).__name__}: {error}")
        hint = "This is a fault of the program; please report it with the lines above."
        self.note(f"error: {message}")
        self.note(f"       {hint}")
        self._error_document("internal", message, hint, ())

    def interrupted(self, message: str) -> None:
        """Ended by a signal before there was a result."""
        self.note(message)
        self._error_document("interrupted", message, "", ())

    def finish(self) -> None:
        """Flush; a reader that has gone away is no error."""
        self.redraw("")
        with contextlib.suppress(ValueError):
            self._write_stdout("")

    def _error_document(self, code: str, message: str, hint: str, problems: Sequence[Problem]) -> None:
        if not self.is_json or self._has_document:
            return
        listed = [
            {"field": p.field, "message": p.message, "hint": p.hint} for p in problems if not p.is_warning
        ]
        self.document({"error": {"code": code, "message": message, "hint": hint, "problems": listed}})

    def _write_stdout(self, text: str) -> None:
        try:
            self._stdout.write(text)
            self._stdout.flush()
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
            # `gimf ... | head`, or a terminal that hung up: nobody wants the rest, and the interpreter must not fail
            # to flush at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stdout.fileno())

    def _write_stderr(self, text: str) -> None:
        if self._is_stderr_gone:
            return
        try:
            self._stderr.write(text)
            self._stderr.flush()
        except OSError:
            # The terminal hung up; the work goes on without a reader.
            self._is_stderr_gone = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stderr.fileno())


def to_json(document: Any) -> Any:
    """Views, and lists and dicts of them, as plain JSON values."""
    if hasattr(document, "model_dump"):
        return document.model_dump(mode="json")
    if isinstance(document, dict):
        return {key: to_json(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [to_json(value) for value in document]
    return document


def display_width(text: str) -> int:
    """Terminal columns that the text takes: wide characters count two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def clip_to_width(text: str, columns: int) -> str:
    """The beginning of the text that fits into so many columns, with an ellipsis where something was cut."""
    if display_width(text) <= columns:
        return text
    clipped = text[:columns]
    while clipped and display_width(clipped) > columns - 1:
        clipped = clipped[:-1]
    return clipped + "…"


def _problem_line(problem: "Problem | ProblemView") -> str:
    word = "warning" if problem.is_warning else "error"
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{word}: {problem.field}: {problem.message}{hint}"
