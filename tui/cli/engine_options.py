"""The options of `gimf engine`. Imports nothing heavy."""

from typing import Any

from tui.cli.parsing import add_command, add_group, count


def add_engine(commands: Any) -> None:
    """Add `engine` with its actions."""
    actions = add_group(commands, "engine", "the process that works through the queue without a window")
    add_command(
        actions,
        "start",
        "engine:start",
        "start it; it stays until it is stopped",
        description="Start the engine; it stays until it is stopped.\n"
        "The full-screen program starts one by itself, which ends a minute after there is nothing left to do.",
    )
    stop = add_command(actions, "stop", "engine:stop", "end it; jobs stay resumable")
    stop.add_argument("--force", action="store_true", help="do not wait for answers to paid requests")
    add_command(actions, "status", "engine:status", "say whether it runs, and what it works on")
    logs = add_command(actions, "logs", "engine:logs", "print the end of the program's own log")
    logs.add_argument("-n", "--lines", type=count, default=100, metavar="N", help="how many (default: 100)")
    host = add_command(actions, "host", "engine:host", "be the engine, in this process")
    host.add_argument(
        "--idle",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="end when nobody is attached and nothing was to do for so long (default: 60; 0: never)",
    )
    host.add_argument(
        "--demo", action="store_true", help="with a simulator of its own instead of real services"
    )
