"""tui.cli.commands, tui.cli.parsing: the tree of commands."""

import argparse
import inspect
import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine.secrets import KeyName
from engine.views import ImageStatus, JobStatus, LogLevel
from tui.cli import commands, images_options, load_handler
from tui.cli.commands import build_parser, parse
from tui.cli.parsing import NoCommandError, UsageError


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield parser
    for group in groups:
        for child in group.choices.values():
            yield from leaves(child)


LEAVES = {parser.prog: parser for parser in leaves(build_parser())}


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_has_a_function(name: str) -> None:
    handler = load_handler(LEAVES[name].get_default("handler"))
    assert list(inspect.signature(handler).parameters) == ["options", "output"]


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_is_explained(name: str) -> None:
    text = LEAVES[name].format_help()
    assert "--home DIR" in text
    for action in LEAVES[name]._actions:
        assert action.help or action.choices or action.dest in ("name", "file"), f"{name} {action.dest}"


def test_words_are_those_of_the_engine() -> None:
    assert tuple(JobStatus) == commands._JOB_STATUSES
    assert tuple(ImageStatus) == images_options.IMAGE_STATUSES
    assert tuple(LogLevel) == commands._LEVELS
    assert set(KeyName) == set(commands._KEYS)


@pytest.mark.parametrize(
    "arguments",
    [["--home", "a", "jobs", "list"], ["jobs", "--home", "a", "list"], ["jobs", "list", "--home", "a"]],
)
def test_home_is_taken_anywhere(arguments: list[str]) -> None:
    assert parse(arguments).home == "a"


def test_the_last_home_counts_and_none_is_none() -> None:
    assert parse(["--home", "a", "jobs", "list", "--home", "b"]).home == "b"
    options = parse(["jobs", "list"])
    assert (options.home, options.json) == (None, False)


def test_statuses_come_in_one_or_many_options() -> None:
    options = parse(["jobs", "list", "--status", "queued,running", "--status", "paused"])
    assert options.status == ["queued", "running", "paused"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["jobs"],
        ["nonsense"],
        ["jobs", "list", "--status", "wrong"],
        ["jobs", "list", "--limit", "0"],
        ["jobs", "list", "--sort", "wrong"],
        ["run", "--resume", "--dry-run"],
        ["run", "--dry-run", "--no-wait"],
        ["run", "--res"],
        ["keys", "set", "piapi", "the-key-itself"],
    ],
)
def test_wrong_use_is_an_error_of_ours(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(arguments)


def test_no_command_shows_the_usage() -> None:
    with pytest.raises(NoCommandError) as caught:
        parse([])
    assert "usage: gimf" in caught.value.usage


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from tui.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'pydantic', 'asyncio', 'openai', 'PIL', 'textual', 'httpx', 'aiosqlite', 'aiohttp'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith("usage: gimf")


def test_the_help_of_run_shows_every_setting() -> None:
    from engine.settings import describe_fields

    text = LEAVES["gimf run"].format_help()
    for field in describe_fields():
        assert field.path in text


@pytest.mark.parametrize(
    "arguments", [[], ["--in-process"], ["--home", "a"], ["--home=a", "--in-process", "--json"]]
)
def test_the_window_is_opened_without_the_tree_of_commands(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(commands, "has_terminal", lambda: True)
    wanted = vars(build_parser().parse_args(arguments)) | {"handler": "open_app:open_app"}
    wanted.pop("version")
    monkeypatch.delattr(commands, "build_parser")
    assert vars(parse(arguments)) == wanted


@pytest.mark.parametrize(
    "arguments", [["--bogus"], ["jobs"], ["--home"], ["--hom", "a"], ["-x", "--in-process"]]
)
def test_what_is_wrong_is_said_with_a_terminal_too(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(commands, "has_terminal", lambda: True)
    with pytest.raises(UsageError):
        parse(arguments)
