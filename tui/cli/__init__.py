"""The command line: what `gimf` starts. Parses, calls the one function that a command names, and turns
every error into a sentence, a JSON document and an exit status.

Nothing imported at the top here, or by what is, may be heavy: `gimf --help` must stay cheap.
"""

import importlib
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from engine.errors import FactoryError
from tui.cli.commands import parse
from tui.cli.output import Output
from tui.cli.parsing import NoCommandError
from tui.cli.statuses import INTERRUPTED, ExitStatus, exit_status_of_error
from tui.haste import begin_haste, end_haste

Handler = Callable[..., "int | Coroutine[Any, Any, int]"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit status (product-wide table: tui.cli.statuses)."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    output = Output.of_this_process(is_json="--json" in argv)
    try:
        return _run(argv, output)
    except FactoryError as error:
        if isinstance(error, NoCommandError):
            output.note(error.usage.rstrip())
        output.failure(error)
        return exit_status_of_error(error)
    except KeyboardInterrupt:
        output.interrupted("Interrupted.")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the program's edge: nobody else could still say it
        return _report(error, output)
    finally:
        output.finish()


def _report(error: Exception, output: Output) -> int:
    from engine.explain import explain

    known = explain(error)
    if known is None:
        output.crash(error)
        return ExitStatus.FAILED
    output.failure(known)
    return exit_status_of_error(known)


def load_handler(name: str) -> Handler:
    """The function behind `module:function` of this package; imported only now, for the one command."""
    module, _, function = name.partition(":")
    handler: Handler = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return handler


def _run(argv: list[str], output: Output) -> int:
    begin_haste()
    try:
        options = parse(argv)
        handler = load_handler(options.handler)
    finally:
        end_haste()
    result = handler(options, output)
    if isinstance(result, int):
        return result
    import asyncio

    return asyncio.run(result)
