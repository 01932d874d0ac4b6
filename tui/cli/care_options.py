"""The options of the commands that look after what is kept: bringing old data in, making room, backups."""

from typing import Any

from tui.cli.parsing import add_command, days


def add_care(commands: Any) -> None:
    """Add them to the tree."""
    importing = add_command(
        commands,
        "import-electron",
        "import_electron:import_electron",
        "take over what the older Electron program kept",
        description="Take over configurations, jobs and images from the database of the older Electron program,\n"
        "gen-image-factory.db in its user data folder. It is read and never written. Keys are never taken over.\n"
        "A second import brings only what is new.",
    )
    importing.add_argument("file", metavar="PATH.db")
    importing.add_argument(
        "--copy",
        action="store_true",
        help="copy the pictures into this program's folders; default: they stay where they are",
    )
    importing.add_argument(
        "--folder",
        metavar="DIR",
        help="the folder of the old program, from which its relative paths count; default: the database's",
    )
    importing.add_argument("--dry-run", action="store_true", help="only say what would come; change nothing")

    clean = add_command(
        commands,
        "clean",
        "clean:clean",
        "make room: empty the old trash, remove what belongs to nobody",
        description="Remove for good: unfinished files of killed processes; files in the work, preview and trash\n"
        "folders that belong to no job or image; images that have been in the trash, and jobs that were deleted,\n"
        "for longer than --older-than. Nothing that a job or an image still points to is removed, and nothing in\n"
        "an output folder but unfinished files. It shows what it would remove and asks first.",
    )
    clean.add_argument(
        "--older-than",
        type=days,
        default=30.0,
        metavar="DAYS",
        help="default 30; 0 is everything in the trash",
    )
    clean.add_argument(
        "--caches", action="store_true", help="previews too; they are made anew when they are shown"
    )
    clean.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    clean.add_argument("--yes", action="store_true", help="do not ask")

    restore = add_command(
        commands,
        "restore",
        "restore:restore",
        "list the copies of the database, or put one back",
        description="Without a name: list the copies of the database. The engine makes one a day and keeps seven;\n"
        "others were made before a change of the database, or by an earlier restore.\n"
        "With a name: put it in the place of the database, which is kept beside it. No engine may be at work.\n"
        "Jobs that were unfinished in the copy become stopped: what was sent since then is not in it.",
    )
    restore.add_argument("backup", nargs="?", metavar="BACKUP", help="a name of the list, a path, or latest")
    restore.add_argument("--yes", action="store_true", help="do not ask")
