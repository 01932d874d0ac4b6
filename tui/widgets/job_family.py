"""What a job was made from and what was made from it: asked of the engine, told as facts of its overview."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.api import EngineApi, JobQuery
from engine.text import clean_text
from engine.views import JobKind, JobView

MOST = 12
"""The newest of the jobs made from one are named."""
_LABEL_CELLS = 60


@dataclass(frozen=True, slots=True)
class JobFamily:
    """The jobs around one job. `has_older`: there are more children than those."""

    parent: JobView | None = None
    children: tuple[JobView, ...] = ()
    has_older: bool = False

    def includes(self, job_id: str) -> bool:
        """Whether it is the parent or one of the children."""
        return any(job.job_id == job_id for job in (self.parent, *self.children) if job is not None)

    def facts(self, job: JobView) -> Iterator[tuple[str, str | None]]:
        """Names with values, in the order of an overview; None where there is nothing to say."""
        yield (
            "images of" if job.kind is JobKind.RETRY else "rerun of",
            None if self.parent is None else _name(self.parent),
        )
        for title, kind in (("run again as", JobKind.GENERATE), ("retried in", JobKind.RETRY)):
            names = [_name(child) for child in self.children if child.kind is kind]
            if names and self.has_older:
                names.insert(0, "…")
            yield title, ", ".join(names)


async def family_of(engine: EngineApi, job: JobView) -> JobFamily:
    """A parent that was deleted is still named; children that were deleted are not."""
    parent = None if job.parent_job_id is None else await engine.job(job.parent_job_id)
    page = await engine.jobs(JobQuery(parent_job_id=job.job_id, limit=MOST))
    return JobFamily(parent, tuple(reversed(page.rows)), has_older=page.next_cursor is not None)


def _name(job: JobView) -> str:
    deleted = "" if job.deleted_at is None else " (deleted)"
    return f"#{job.number} {clean_text(job.label, limit=_LABEL_CELLS)}{deleted}"
