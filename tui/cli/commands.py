"""The tree of commands and options, with the help texts. Each command names its handler as
`module:function` of this package, which is imported only when that command runs. Imports nothing heavy.
"""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from tui.cli.care_options import add_care
from tui.cli.engine_options import add_engine
from tui.cli.export_options import add_export
from tui.cli.images_options import add_images
from tui.cli.parsing import (
    NoCommandError,
    Parser,
    VersionAction,
    add_command,
    add_group,
    common_options,
    count,
    has_terminal,
    words_of,
)
from tui.cli.simulator_options import add_simulator
from tui.cli.stats_options import add_stats
from tui.cli.statuses import describe_statuses

_JOB_STATUSES = ("queued", "running", "paused", "completed", "failed", "stopped", "interrupted")
_LEVELS = ("debug", "info", "warning", "error")
_KEYS = ("openai", "piapi", "remove_bg", "runware")
_JOB_ID_HELP = "id, the beginning of one, number or label"


def parse(arguments: Sequence[str]) -> Namespace:
    """The options of one command: `handler`, `home`, `json` and its own.

    Raises UsageError; SystemExit(0) after `--help` and `--version`.
    """
    if has_terminal() and (options := _window_options(arguments)) is not None:
        return options
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.handler is None:
        raise NoCommandError(parser.format_help())
    return options


def _window_options(arguments: Sequence[str]) -> Namespace | None:
    """The options of `gimf` without a command, for which the tree of commands need not be built: that takes as long as
    a tenth of the first paint. None where there is more."""
    parser = Parser(prog="gimf", add_help=False, parents=[common_options()])
    _add_in_process(parser)
    parser.set_defaults(home=None, json=False, handler="open_app:open_app")
    options, others = parser.parse_known_args(arguments)
    return None if others else options


def build_parser() -> Parser:
    """The whole tree."""
    parser = Parser(
        prog="gimf",
        description="An image factory for the terminal: "
        "keywords in, checked, processed and titled pictures out.",
        epilog=f"exit status:\n{describe_statuses()}\n\nEach command explains itself: gimf COMMAND --help",
        parents=[common_options()],
    )
    parser.add_argument("--version", action=VersionAction, nargs=0, help="print the version and leave")
    _add_in_process(parser)
    parser.set_defaults(home=None, json=False, handler=None)
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)
    _add_work(commands)
    _add_jobs(commands)
    add_images(commands, _JOB_ID_HELP)
    _add_logs(commands)
    add_export(commands)
    add_stats(commands)
    _add_configurations(commands)
    _add_keys(commands)
    _add_tools(commands)
    return parser


def _add_work(commands: Any) -> None:
    run = add_command(
        commands,
        "run",
        "run:run",
        "run a job and wait for its end",
        epilog="Ctrl+C or SIGTERM once: nothing new is sent, answers to paid requests are awaited.\n"
        "Twice: ends at once. Either way `gimf run --resume` goes on.\n",
    )
    run.shows_settings = True
    run.add_argument(
        "-c",
        "--configuration",
        metavar="NAME|FILE.toml",
        help="a stored configuration or a TOML file; default: the default configuration",
    )
    _add_set(run)
    run.add_argument("--label", help="name of the job; default job_YYYYMMDD_HHMMSS")
    mode = run.add_mutually_exclusive_group()
    mode.add_argument(
        "--resume", action="store_true", help="go on with everything an earlier start left unfinished"
    )
    mode.add_argument(
        "--dry-run", action="store_true", help="show the plan, its cost and every problem; send nothing"
    )
    mode.add_argument(
        "--no-wait", action="store_true", help="return at once; the job runs in a process of its own"
    )
    run.add_argument(
        "--budget",
        type=float,
        metavar="USD",
        help="with --resume: the new budget, in all, of jobs that a budget had paused",
    )

    demo = add_command(
        commands,
        "demo",
        "demo:demo",
        "run a job against the built-in simulator; no keys, no network, no cost",
        description="Run a job against the built-in simulator; no keys, no network, no cost.\n"
        "The exit status is 0 when the job completed, also where the check rejected some pictures.\n"
        "Without --home the demo keeps its files in a folder `demo` of its own beside the real data.",
    )
    demo.add_argument(
        "--count", type=count, default=12, metavar="N", help="images to make (1-2500; default 12)"
    )
    demo.add_argument(
        "--keep",
        action="store_true",
        help="leave the simulator running until Ctrl+C and print what to set to use it",
    )


def _add_set(parser: Parser) -> None:
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="GROUP.FIELD=VALUE",
        help="change one setting for this job; lists are comma separated; may be given several times",
    )


def _add_jobs(commands: Any) -> None:
    actions = add_group(commands, "jobs", "list, show, rerun, stop, delete and restore jobs")
    listing = add_command(actions, "list", "jobs:list_jobs", "list jobs")
    _add_choices(listing, "--status", _JOB_STATUSES)
    listing.add_argument("--text", default="", help="only jobs whose label or id contains this")
    listing.add_argument(
        "--sort", default="newest", choices=("newest", "oldest", "name", "duration", "images")
    )
    listing.add_argument("--deleted", action="store_true", help="those that were deleted and can be restored")
    _add_limit(listing)

    show = add_command(
        actions, "show", "jobs:show_job", "show a job with its settings as run and its generations"
    )
    show.add_argument("job", metavar="ID", help=_JOB_ID_HELP)

    rerun = add_command(actions, "rerun", "jobs:rerun_jobs", "run jobs again, one after another, as new jobs")
    _add_job_ids(rerun)
    rerun.add_argument(
        "--as-run",
        action="store_true",
        help="with the settings as they ran, not with the configuration as it is now",
    )
    rerun.add_argument(
        "--no-wait", action="store_true", help="return at once; the jobs run in a process of their own"
    )

    stop = add_command(
        actions,
        "stop",
        "jobs:stop_jobs",
        "end jobs; what is paid for is still fetched",
    )
    _add_job_ids(stop)
    stop.add_argument(
        "--force", action="store_true", help="at once; what is on its way can be fetched by a resume"
    )

    delete = add_command(
        actions, "delete", "jobs:delete_jobs", "hide jobs and move their images to the trash"
    )
    _add_job_ids(delete)
    _add_yes(delete)

    restore = add_command(actions, "restore", "jobs:restore_jobs", "take the deletion of jobs back")
    _add_job_ids(restore)


def _add_logs(commands: Any) -> None:
    logs = add_command(commands, "logs", "logs:show_logs", "print the log of a job, complete, oldest first")
    logs.add_argument("job", metavar="JOB", help=_JOB_ID_HELP)
    logs.add_argument("--level", choices=_LEVELS, default="info", help="lowest level shown (default: info)")
    logs.add_argument("--stage", metavar="STAGE", help="only entries of this stage")
    logs.add_argument("--text", default="", help="only entries that contain this")


def _add_configurations(commands: Any) -> None:
    actions = add_group(commands, "config", "named sets of settings")
    add_command(actions, "list", "config:list_configurations", "list the stored configurations")

    show = add_command(actions, "show", "config:show_configuration", "print a configuration as TOML")
    show.add_argument("name", nargs="?", help="default: the default one")

    save = add_command(
        actions,
        "save",
        "config:save_configuration",
        "make or change a configuration",
        description="Make or change a configuration. It starts from -c, "
        "else from the stored one of this name, else from the defaults.",
    )
    save.shows_settings = True
    save.add_argument("name")
    save.add_argument("-c", "--configuration", metavar="NAME|FILE.toml", help="start from this one")
    _add_set(save)
    _add_default(save)

    importing = add_command(
        actions, "import", "config:import_configuration", "store a TOML file as a configuration"
    )
    importing.add_argument("file", metavar="FILE.toml")
    importing.add_argument("--name", help="default: the file's name without .toml")
    _add_default(importing)

    export = add_command(
        actions, "export", "config:export_configuration", "write a configuration as a TOML file, without keys"
    )
    export.add_argument("name", nargs="?", help="default: the default one")
    export.add_argument("--to", metavar="FILE.toml", help="default: stdout")
    export.add_argument("--overwrite", action="store_true", help="replace a file that is there")

    delete = add_command(
        actions,
        "delete",
        "config:delete_configuration",
        "delete a configuration; jobs keep what they ran with",
    )
    delete.add_argument("name")
    _add_yes(delete)


def _add_keys(commands: Any) -> None:
    actions = add_group(commands, "keys", "the services' keys; never shown")
    setting = add_command(
        actions,
        "set",
        "keys:set_key",
        "store a key, read from a hidden prompt or from stdin",
        description="Store a key, read from a hidden prompt or from stdin; never from the command line, "
        "where every user of the machine could see it.",
    )
    setting.add_argument("name", choices=_KEYS)
    add_command(actions, "list", "keys:list_keys", "say where each key comes from")
    delete = add_command(actions, "delete", "keys:delete_key", "take a stored key away")
    delete.add_argument("name", choices=_KEYS)
    test = add_command(actions, "test", "keys:test_keys", "make one cheap call with each key that there is")
    test.add_argument("names", nargs="*", metavar="NAME", help=f"default: all ({', '.join(_KEYS)})")


def _add_tools(commands: Any) -> None:
    doctor = add_command(
        commands,
        "doctor",
        "doctor:doctor",
        "check that everything a job needs is there; nothing is paid",
    )
    doctor.add_argument("--online", action="store_true", help="also make one cheap call with each key")

    add_care(commands)
    add_engine(commands)
    add_simulator(commands)


def _add_in_process(parser: Parser) -> None:
    parser.add_argument(
        "--in-process",
        action="store_true",
        help="run the engine inside the full-screen program: it ends with it",
    )


def _add_job_ids(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="ID", nargs="+", help=_JOB_ID_HELP)


def _add_default(parser: Parser) -> None:
    parser.add_argument(
        "--default", action="store_true", help="make it the one that `gimf run` takes without -c"
    )


def _add_yes(parser: Parser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _add_limit(parser: Parser) -> None:
    parser.add_argument(
        "--limit", type=count, metavar="N", help="at most so many (default: 50, with --json all)"
    )


def _add_choices(parser: Parser, option: str, choices: Sequence[str]) -> None:
    text = f"comma separated or several times: {', '.join(choices)}"
    parser.add_argument(option, action="extend", type=words_of(choices), default=[], metavar="S", help=text)
