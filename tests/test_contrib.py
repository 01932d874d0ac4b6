"""What is shipped beside the program fits it."""

import configparser
import shlex
from pathlib import Path

from tui.cli.commands import build_parser
from tui.cli.statuses import ExitStatus

ROOT = Path(__file__).parents[1]


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "contrib" / "systemd" / "gimf.service", encoding="utf-8")
    return parser


def test_the_service_starts_an_engine_that_stays() -> None:
    program, *arguments = shlex.split(unit()["Service"]["ExecStart"])
    options = build_parser().parse_args(arguments)
    assert Path(program).name == "gimf"
    assert (options.handler, options.idle) == ("engine:host", 0)


def test_the_service_does_not_try_again_what_cannot_work() -> None:
    statuses = {int(word) for word in unit()["Service"]["RestartPreventExitStatus"].split()}
    assert statuses == {ExitStatus.WRONG_INPUT, ExitStatus.HELD}


def test_the_service_ends_gently_and_leaves_no_keys_behind() -> None:
    service = unit()["Service"]
    assert service["KillMode"] == "mixed", "only the engine itself is told to end"
    assert "KillSignal" not in service
    assert service["LimitCORE"] == "0"
    assert service["UMask"] == "0077"
