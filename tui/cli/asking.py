"""Questions to the person at the terminal."""

import sys

from tui.cli.output import Output
from tui.cli.parsing import UsageError


def confirm(question: str, output: Output, *, is_agreed: bool) -> bool:
    """Whether to go on; only a plain yes counts. Raises UsageError where nobody is there to ask."""
    if is_agreed:
        return True
    if not sys.stdin.isatty():
        raise UsageError("this asks before it deletes, and there is no terminal to ask on", hint="Add --yes.")
    output.note(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
