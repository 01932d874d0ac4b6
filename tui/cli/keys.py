"""`gimf keys`: set, list, delete, test. A key is read from a prompt or stdin and never printed."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from engine.key_check import KeyView, check_key, describe_key
from engine.secrets import KeyName, KeySource
from tui.cli.output import Output
from tui.cli.parsing import UsageError
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.cli.tables import table


def set_key(options: Namespace, output: Output) -> int:
    """The key object as stored, without the key."""
    keys = open_session(options, output).keys
    name = KeyName(options.name)
    keys.set(name, _read_key(name, output))
    view = describe_key(keys, name)
    output.result(view, [f"Stored; the key for {name} now comes from: {view.source}."])
    if view.source == KeySource.ENVIRONMENT:
        output.note(f"{name.variable} is set in the environment and wins over what was stored.")
    return ExitStatus.OK


def list_keys(options: Namespace, output: Output) -> int:
    """An array of key objects."""
    keys = open_session(options, output).keys
    views = [describe_key(keys, name) for name in KeyName]
    output.result(views, _key_table(views))
    return ExitStatus.OK


def delete_key(options: Namespace, output: Output) -> int:
    """`{"deleted": n}`."""
    keys = open_session(options, output).keys
    name = KeyName(options.name)
    was_there = keys.delete(name)
    output.result(
        {"deleted": int(was_there)},
        [f"Deleted the key for {name}." if was_there else f"No key for {name} was stored."],
    )
    if keys.source(name) is KeySource.ENVIRONMENT:
        output.note(f"{name.variable} is still set in the environment.")
    return ExitStatus.OK


async def test_keys(options: Namespace, output: Output) -> int:
    """An array of key objects with what each service said.

    Status 2 for a key that is refused, or named and not there; 1 where a service did not answer.
    """
    session = open_session(options, output)
    names = [_key_name(text) for text in options.names] or list(KeyName)
    views = [await check_key(session.keys, name, session.preferences.base_urls) for name in names]
    output.result(views, _key_table(views))
    asked = [view for view in views if options.names or view.source != KeySource.NONE]
    if any(view.is_accepted is False or view.source == KeySource.NONE for view in asked):
        return ExitStatus.WRONG_INPUT
    return ExitStatus.OK if all(view.is_accepted for view in asked) else ExitStatus.FAILED


def _key_name(text: str) -> KeyName:
    try:
        return KeyName(text)
    except ValueError as error:
        raise UsageError(f"gimf keys test: {text!r} is none of {', '.join(KeyName)}") from error


def _read_key(name: KeyName, output: Output) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    import getpass

    output.note(f"The key for {name} is not shown while you type or paste it.")
    return getpass.getpass("Key: ", stream=sys.stderr)


def _key_table(views: Sequence[KeyView]) -> list[str]:
    words = {True: "accepted", False: "refused", None: ""}
    rows = [(view.name, view.source, view.variable, words[view.is_accepted], view.detail) for view in views]
    return [line.rstrip() for line in table(("key", "comes from", "variable", "", ""), rows)]
