"""`gimf restore`: the copies of the database, and putting one back."""

from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime

from engine.care.restore import BackupView, find_backup, list_backups
from engine.care.restore import restore as put_back
from tui.cli.asking import confirm
from tui.cli.output import Output
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.cli.tables import table
from tui.format import bytes_text, local_time, plural


def restore(options: Namespace, output: Output) -> int:
    """An array of backups; with a name what was put back, or `{"restored": null}`."""
    paths = open_session(options, output).paths
    if options.backup is None:
        backups = list_backups(paths)
        output.result(backups, _table(backups))
        return ExitStatus.OK
    backup = find_backup(paths, options.backup)
    question = (
        f"Put the database of {local_time(backup.made_at)} ({backup.name}) in the place of the present one?"
    )
    if not confirm(question, output, is_agreed=options.yes):
        output.result({"restored": None}, ["Nothing was changed."])
        return ExitStatus.OK
    view = put_back(paths, backup, datetime.now(UTC))
    lines = [f"The database is that of {local_time(view.made_at)}."]
    if view.kept is not None:
        lines.append(f"The one before is {view.kept}.")
    if view.stopped_jobs:
        lines.append(
            f"{plural(view.stopped_jobs, 'job')} that were unfinished then are stopped. What was sent since then is "
            "not known: resuming them may pay for it again."
        )
    output.result(view, lines)
    return ExitStatus.OK


def _table(backups: Sequence[BackupView]) -> list[str]:
    if not backups:
        return ["No copies yet. The engine makes one a day while it is at work."]
    rows = [(one.name, local_time(one.made_at), bytes_text(one.bytes)) for one in backups]
    return table(("backup", "made", "size"), rows, right=("size",))
