"""`gimf simulator`: the services' stand-in as a process of its own."""

import json
from argparse import Namespace
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.simulator import (
    OverConcurrency,
    Rule,
    ScriptError,
    Service,
    SimulatorOptions,
    parse_script,
    run_simulator,
)
from tui.cli.output import Output
from tui.cli.parsing import UsageError


def simulator(options: Namespace, output: Output) -> int:
    """Serve until a signal, or until the process of --parent-pid is gone.

    What is not given is as SimulatorOptions has it.
    """
    given = {field.name: getattr(options, field.name, None) for field in fields(SimulatorOptions)}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    try:
        if "over_concurrency" in chosen:
            chosen["over_concurrency"] = OverConcurrency(chosen["over_concurrency"])
        if "credit_micros" in chosen:
            chosen["credit_micros"] = dict(_credit(entry) for entry in chosen["credit_micros"])
        if "script" in chosen:
            chosen["script"] = _script(chosen["script"])
        return run_simulator(SimulatorOptions(**chosen), parent_pid=options.parent_pid)
    except ValueError as error:
        raise UsageError(f"gimf simulator: {error}", hint="See `gimf simulator --help`.") from error
    except OSError as error:
        raise InputError(
            f"The simulator cannot listen on port {options.port}: {error.strerror}.",
            hint="Choose another --port.",
        ) from error


def _credit(entry: str) -> tuple[Service, int]:
    service, equals, usd = entry.partition("=")
    if not equals:
        raise ValueError(f"--credit {entry!r}: write SERVICE=DOLLARS")
    return Service(service), round(float(usd) * 1_000_000)


def _script(file: Path) -> tuple[Rule, ...]:
    try:
        return parse_script(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{file}, line {error.lineno}: {error.msg}.", hint="A script is a JSON list of rules."
        ) from error
    except ScriptError as error:
        raise InputError(
            f"{file}: {error}", hint="engine/simulator/server.py describes the format."
        ) from error
