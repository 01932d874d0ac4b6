"""The options of `gimf stats`. Imports nothing heavy."""

from typing import Any

from tui.cli.parsing import add_command


def add_stats(commands: Any) -> None:
    """Add them to the tree."""
    stats = add_command(
        commands,
        "stats",
        "stats:stats",
        "what was made and spent, by day, reason, step, configuration and model",
        description="What was made and spent: by day, reason of rejection, step of the work, configuration and\n"
        "model. A date is 2026-11-22 or a month, 2026-11; both ends are included. Days are this machine's.",
    )
    stats.add_argument("--from", dest="first", metavar="DATE", help="the first day or month; default: all")
    stats.add_argument("--to", dest="last", metavar="DATE", help="the last day or month; default: all")
