"""The options of `gimf images`. Imports nothing heavy."""

from collections.abc import Sequence
from typing import Any

from tui.cli.export_options import add_edit
from tui.cli.parsing import Parser, add_command, add_group, count, words_of

IMAGE_STATUSES = (
    "pending",
    "approved",
    "qc_failed",
    "failed",
    "retry_pending",
    "processing",
    "retry_failed",
    "trashed",
)
TO_REVIEW = ("qc_failed", "failed", "retry_failed")
_IDS_HELP = "`gimf images list` shows them; without any: every image that the filters below name"


def add_images(commands: Any, job_id_help: str) -> None:
    """Add `images` with its actions."""
    actions = add_group(
        commands, "images", "list, show, approve, retry, regenerate, trash, restore and edit images"
    )
    listing = add_command(
        actions,
        "list",
        "images:list_images",
        "list images of every status, newest first",
        description="List images of every status, newest first. "
        "The galleries show only approved ones: --status approved.",
    )
    _add_filters(listing, job_id_help, ())
    listing.add_argument("--text", default="", help="words in prompt, keyword, title, description or tags")
    listing.add_argument(
        "--limit", type=count, metavar="N", help="at most so many (default: 50, with --json all)"
    )
    show = add_command(actions, "show", "images:show_image", "show everything that is known of an image")
    show.add_argument("image", metavar="ID", type=count, help="`gimf images list` shows them")
    for name, summary, statuses in (
        ("approve", "process, title and save rejected or failed images without the check", TO_REVIEW),
        ("trash", "move images to the trash, and their files out of the output folder", TO_REVIEW),
        ("restore", "give trashed images the status that they had, and their files back", ("trashed",)),
    ):
        decision = add_command(actions, name, f"images:{name}_images", summary)
        _add_selection(decision, job_id_help, statuses)
    _add_retry(actions, job_id_help)
    _add_regenerate(actions, job_id_help)
    _add_decide(actions, job_id_help)
    add_edit(actions)


def _add_retry(actions: Any, job_id_help: str) -> None:
    retry = add_command(
        actions,
        "retry",
        "retries:retry_images",
        "work on rejected or failed images once more, as one job",
        description="Work on rejected or failed images once more, as one job in the queue.\n"
        "Each goes on from where it failed, with the settings of its own job; --set and --on-failure change the\n"
        "processing for this batch only. A rejected image is checked again unless --no-check says otherwise.",
    )
    _add_selection(retry, job_id_help, TO_REVIEW)
    retry.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="processing.FIELD=VALUE",
        help="change one processing setting for this batch; may be given several times",
    )
    retry.add_argument(
        "--on-failure",
        dest="rules",
        action="append",
        default=[],
        metavar="STAGE=fail|continue",
        help="for remove_background, trim, enhance, convert or metadata",
    )
    check = retry.add_mutually_exclusive_group()
    check.add_argument(
        "--check", dest="checks_again", action="store_true", default=None, help="check every image again"
    )
    check.add_argument(
        "--no-check",
        dest="checks_again",
        action="store_false",
        help="take the images as they are: they are approved without passing a check",
    )
    retry.add_argument("--metadata", action="store_true", help="write title, description and tags again")
    retry.add_argument("--budget", type=float, metavar="USD", help="pause before more than this is spent")
    retry.add_argument("--label", help="name of the retry's job; default `retry of N images`")
    _add_start(retry)


def _add_regenerate(actions: Any, job_id_help: str) -> None:
    regenerate = add_command(
        actions,
        "regenerate",
        "retries:regenerate_images",
        "order new pictures from the same prompts; this is paid for",
        description="Order new pictures from the same prompts, one job for each job that the images are from.\n"
        "The new images refer to the old ones, which stay as they are. Says the price and asks first.",
    )
    _add_selection(regenerate, job_id_help, TO_REVIEW)
    _add_start(regenerate)
    regenerate.add_argument("--yes", action="store_true", help="do not ask")


def _add_decide(actions: Any, job_id_help: str) -> None:
    decide = add_command(
        actions,
        "decide",
        "retries:decide_tasks",
        "list or decide orders that ended without pictures",
        description="Orders that ended without pictures: their answer was lost, or they failed.\n"
        "Without --lost, --ask or --submit they are listed.",
    )
    decide.add_argument(
        "tasks", metavar="TASK", nargs="*", type=count, help="their numbers; without any: all of --job"
    )
    decide.add_argument("--job", metavar="ID", help=f"only of this job ({job_id_help})")
    choice = decide.add_mutually_exclusive_group()
    for name, summary in (
        ("lost", "treat them as lost; their money counts as possibly spent"),
        ("ask", "ask the provider once more what became of them; costs nothing"),
        ("submit", "order them again; where the first order had arrived, it is paid for twice"),
    ):
        choice.add_argument(f"--{name}", dest="choice", action="store_const", const=name, help=summary)
    _add_start(decide)
    decide.add_argument("--yes", action="store_true", help="do not ask before --submit")


def _add_start(parser: Parser) -> None:
    parser.add_argument(
        "--no-wait", action="store_true", help="return at once; the work is done in a process of its own"
    )


def _add_selection(parser: Parser, job_id_help: str, statuses: Sequence[str]) -> None:
    parser.add_argument("images", metavar="ID", nargs="*", type=count, help=_IDS_HELP)
    _add_filters(parser, job_id_help, statuses)


def _add_filters(parser: Parser, job_id_help: str, default: Sequence[str]) -> None:
    parser.add_argument("--job", metavar="ID", help=f"only of this job ({job_id_help})")
    words = ", ".join(IMAGE_STATUSES)
    usual = f"; default {', '.join(default)}" if default else ""
    parser.add_argument(
        "--status",
        action="extend",
        type=words_of(IMAGE_STATUSES),
        default=[],
        metavar="S",
        help=f"comma separated or several times: {words}{usual}",
    )
    parser.add_argument("--reason", default="", help="only where the reason contains this")
    parser.add_argument("--stage", metavar="STAGE", help="only those that failed at this stage")
    parser.set_defaults(usual_statuses=tuple(default))
