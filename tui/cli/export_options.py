"""The options of `gimf export` and `gimf images edit`. Imports nothing heavy."""

from typing import Any

from tui.cli.parsing import Parser, add_command, add_group, count

_JOBS_HELP = "id, the beginning of one, number or label"


def add_export(commands: Any) -> None:
    """`gimf export`: workbooks, pictures and upload sheets."""
    actions = add_group(
        commands, "export", "workbooks of jobs, archives of pictures, sheets for stock agencies"
    )
    job = add_command(
        actions,
        "job",
        "exports:export_jobs",
        "write a workbook of a job, or a .zip with one of each",
        description="Write a workbook of a job (.xlsx): the job with its settings as run, its images, its log and what "
        "was spent. Of several jobs: a .zip with a workbook of each and a summary.",
    )
    job.add_argument("jobs", metavar="ID", nargs="+", help=_JOBS_HELP)
    _add_place(job, "X.xlsx|X.zip")

    images = add_command(
        actions,
        "images",
        "exports:export_images",
        "pack approved pictures into a .zip with a workbook of their titles and tags",
    )
    _add_what(images)
    _add_place(images, "X.zip")
    images.add_argument("--originals", action="store_true", help="also what the provider sent, untouched")

    sheet = add_command(
        actions,
        "csv",
        "exports:export_sheet",
        "write the upload sheet of a stock agency",
        description="Write the upload sheet of a stock agency. Every row that breaks a limit of the agency is listed, "
        "and nothing is written then, unless --fix, --leave-out or --force says what to do. With X.zip the pictures "
        "are packed beside the sheet, under names that are not too long for the agency.",
    )
    sheet.add_argument("--agency", required=True, metavar="NAME", help="`gimf export agencies` lists them")
    _add_what(sheet)
    _add_place(sheet, "X.csv|X.zip")
    sheet.add_argument(
        "--fix",
        action="store_true",
        help="shorten titles at a word, keep the most important keywords, split long sheets; all of it is listed",
    )
    sheet.add_argument(
        "--leave-out", action="store_true", help="leave out images that do not fit; they are listed"
    )
    sheet.add_argument(
        "--force",
        action="store_true",
        help="write it all the same, also where the agency refuses generated images",
    )

    agencies = add_command(
        actions,
        "agencies",
        "exports:list_agencies",
        "list the agencies, and with --job what each of them takes",
    )
    agencies.add_argument(
        "--job", metavar="ID", help=f"hold its approved images against the limits ({_JOBS_HELP})"
    )


def add_edit(actions: Any) -> None:
    """`gimf images edit`."""
    edit = add_command(
        actions,
        "edit",
        "exports:edit_images",
        "give approved images another title, description, tags or category",
        description="Give approved images another title, description, tags or category, also inside their files.",
    )
    edit.add_argument("images", metavar="ID", nargs="+", type=count, help="`gimf images list` shows them")
    edit.add_argument("--title", metavar="TEXT", help="an empty text takes it away; so with all of them")
    edit.add_argument("--description", metavar="TEXT", help="one paragraph")
    edit.add_argument("--tags", metavar="A,B,...", help="all of them, the most important first")
    edit.add_argument(
        "--category", metavar="NAME", help="such as Landscapes; a wrong one lists those there are"
    )


def _add_what(parser: Parser) -> None:
    parser.add_argument(
        "--job",
        dest="jobs",
        metavar="ID",
        action="append",
        default=[],
        help=f"{_JOBS_HELP}; may be given several times",
    )
    parser.add_argument(
        "--image",
        dest="images",
        metavar="ID",
        action="append",
        type=count,
        default=[],
        help="a single image; as --job",
    )


def _add_place(parser: Parser, form: str) -> None:
    parser.add_argument("--to", metavar=form, help="default: a name with the time in the export folder")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a file that is there; else the next free number is appended",
    )
