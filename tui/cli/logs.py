"""`gimf logs`: the log of a job."""

from argparse import Namespace
from dataclasses import replace

from engine.api import LogQuery
from engine.views import LogLevel, LogView
from tui.cli.images import parse_stage
from tui.cli.output import Output
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.log_text import log_line

_PAGE = 2_000


async def show_logs(options: Namespace, output: Output) -> int:
    """An array of log entries with `--json`; lines in local time for people."""
    stage = parse_stage(options.stage, "gimf logs") if options.stage else None
    entries: list[LogView] = []
    async with open_session(options, output).queries() as queries:
        query = LogQuery(
            job_id=await queries.resolve_job(options.job),
            min_level=LogLevel(options.level),
            stage=stage,
            text=options.text,
            after_entry_id=0,
            limit=_PAGE,
        )
        while True:
            page = await queries.logs(query)
            entries.extend(page)
            if len(page) < _PAGE:
                break
            query = replace(query, after_entry_id=page[-1].entry_id)
    output.result(entries, (log_line(entry) for entry in entries))
    return ExitStatus.OK
