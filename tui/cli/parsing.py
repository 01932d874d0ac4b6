"""What the tree of commands is built from: a parser that raises instead of leaving, and the kinds of values.

Imports nothing heavy.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from engine.errors import InputError


class UsageError(InputError):
    """The arguments do not fit."""

    code = "usage"


class NoCommandError(UsageError):
    """`gimf` alone; `usage` is what to show before the sentence."""

    def __init__(self, usage: str) -> None:
        super().__init__(
            "the full-screen program needs a terminal that it can draw on; without one use one of these commands",
            hint="`gimf demo` needs no keys, `gimf run --help` explains a real job.",
        )
        self.usage = usage


def has_terminal() -> bool:
    """Whether there is a terminal to draw on: keys come from stdin, the screen goes to stderr."""
    is_screen = os.environ.get("TERM") not in _PAPER
    return is_screen and sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


_PAPER = ("dumb", "unknown")
"""Values of TERM that say: text can only be appended, as on paper."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of leaving the process, so that `--json` holds for wrong use too."""

    shows_settings = False
    """Whether the help ends with the table of all settings."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        """Called by argparse for everything that is wrong with the arguments."""
        raise UsageError(f"{self.prog}: {message}", hint=f"See `{self.prog} --help`.")

    def format_help(self) -> str:
        """As argparse has it; the settings are read from their model only when they are shown."""
        text = super().format_help()
        if self.shows_settings:
            from tui.cli.settings_table import settings_table

            text += f"\n{settings_table()}\n"
        return text


class VersionAction(argparse.Action):
    """Looks the version up only when it is asked for: reading a package's metadata takes 30 ms."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from tui.cli.version import version

        sys.stdout.write(f"gimf {version()}\n")
        parser.exit()


def common_options() -> argparse.ArgumentParser:
    """`--home` and `--json`, accepted before and after the command: the last one given counts."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--home",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="keep every file under this folder (also: GIMF_HOME)",
    )
    common.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print one JSON document on stdout; everything for people goes to stderr",
    )
    return common


def count(value: str) -> int:
    """A whole number of at least 1."""
    if not (value.isascii() and value.isdecimal()) or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of at least 1")
    return int(value)


def days(value: str) -> float:
    """A number of days from 0 to a hundred years."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 36_525:
        raise argparse.ArgumentTypeError(f"{value!r} is no number of days")
    return number


def words_of(choices: Sequence[str]) -> Callable[[str], list[str]]:
    """A type for `a,b`: each word one of the choices."""

    def parse_words(value: str) -> list[str]:
        words = [word.strip() for word in value.split(",") if word.strip()]
        for word in words:
            if word not in choices:
                raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(choices)}")
        return words

    return parse_words


def add_command(commands: Any, name: str, handler: str | None, summary: str, **options: Any) -> Parser:
    """A command below `commands`; `handler` is `module:function` of this package."""
    options.setdefault("description", summary[0].upper() + summary[1:] + ".")
    parser: Parser = commands.add_parser(name, help=summary, parents=[common_options()], **options)
    if handler is not None:
        parser.set_defaults(handler=handler)
    return parser


def add_group(commands: Any, name: str, summary: str) -> Any:
    """A command that has commands of its own; answers what they are added to."""
    parser = add_command(commands, name, None, summary)
    return parser.add_subparsers(metavar="ACTION", dest="action", required=True, parser_class=Parser)
