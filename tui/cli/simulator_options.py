"""The options of `gimf simulator`. Names are those of SimulatorOptions."""

from pathlib import Path
from typing import Any

from tui.cli.parsing import add_command


def add_simulator(commands: Any) -> None:
    """Whatever is not given is as SimulatorOptions has it; importing that costs too much here."""
    simulator = add_command(
        commands,
        "simulator",
        "simulator:simulator",
        "stand in for all services on this machine's loopback address",
        description="Stand in for PiAPI, OpenAI, remove.bg and Runware on this machine's loopback address.\n"
        "Prints one JSON line with the addresses when it is ready, and ends on Ctrl+C or SIGTERM.",
    )
    whole = {
        "--port": "0: any free one",
        "--seed": "turns everything that looks like chance",
        "--concurrency": "image tasks that one service works on at a time; default: no limit",
        "--image-side-cap": "no side of a picture gets longer than this",
        "--image-cache": "encoded pictures kept in memory",
        "--keep-requests": "older ones are forgotten",
        "--keep-payments": "older ones are forgotten",
        "--keep-tasks": "older ones are forgotten",
        "--parent-pid": "end when this process is gone",
    }
    fractions = {
        "--latency-seconds": "from a task's start to its completion",
        "--chat-latency-seconds": "how long a language model thinks",
        "--submit-latency-seconds": "from accepting a submission to answering it",
        "--link-seconds": "how long a picture's link lives; default: for ever",
        "--reject-share": "share of quality checks that say no, 0-1",
        "--text-share": "share of pictures with lettering, 0-1",
    }
    for option, text in whole.items():
        simulator.add_argument(option, type=int, metavar="N", help=text)
    for option, text in fractions.items():
        simulator.add_argument(option, type=float, metavar="X", help=text)
    simulator.add_argument(
        "--over-concurrency", choices=("queue", "reject"), help="what becomes of a task without a free place"
    )
    simulator.add_argument("--refused-word", metavar="WORD", help="prompts with it are refused for policy")
    simulator.add_argument(
        "--no-task-history", dest="has_task_history", action="store_const", const=False, help="PiAPI has none"
    )
    simulator.add_argument(
        "--no-midjourney-singles",
        dest="has_midjourney_singles",
        action="store_const",
        const=False,
        help="Midjourney tasks name the grid only",
    )
    simulator.add_argument(
        "--credit",
        dest="credit_micros",
        action="append",
        metavar="SERVICE=DOLLARS",
        help="what the account of piapi, openai, removebg or runware holds; default: without end",
    )
    simulator.add_argument(
        "--state-file", type=Path, metavar="FILE", help="append every payment as a JSON line"
    )
    simulator.add_argument(
        "--script", type=Path, metavar="FILE.json", help="which answers go wrong, when and how"
    )
