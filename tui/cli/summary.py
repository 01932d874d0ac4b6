"""What a job or a plan amounts to, in lines for people. Asks for nothing, prints nothing."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from engine.views import JobView, PlanView
from tui.format import duration, money, plural

_REASONS_SHOWN = 5


def job_lines(job: JobView, reasons: Counter[str], log_file: Path) -> Iterator[str]:
    """The end of a job: counts, why images were rejected or failed, spend, where everything is."""
    counts = job.images
    yield f"Job #{job.number} {job.label}: {job.status} after {duration(job.duration_s)}"
    named = (
        ("rejected", counts.qc_failed),
        ("failed", counts.failed),
        ("pending", counts.pending),
        ("with a lost answer", counts.unknown),
        ("trashed", counts.trashed),
    )
    parts = [f"{counts.approved:,} approved", *(f"{number:,} {name}" for name, number in named if number)]
    yield f"  images   {', '.join(parts)} of {counts.planned:,} planned"
    for reason, number in reasons.most_common(_REASONS_SHOWN):
        yield f"             {number:,} x {reason}"
    if len(reasons) > _REASONS_SHOWN:
        others = plural(len(reasons) - _REASONS_SHOWN, "other reason")
        yield f"             and {others}: gimf images list --job {job.number}"
    for word, problem in (("error", job.error), ("paused", job.pause)):
        if problem is not None:
            yield f"  {word:<8} {problem.message}"
            if problem.hint:
                yield f"           {problem.hint}"
    lost = f", of which {money(job.spend.unknown)} for lost answers" if job.spend.unknown else ""
    yield f"  spent    {money(job.spend_usd)} (planned {money(job.spend.estimate)}){lost}"
    yield f"  pictures {job.output_dir}"
    yield f"  log      gimf logs {job.number}   ({log_file})"


def plan_lines(plan: PlanView) -> Iterator[str]:
    """What a job would do: rows, sizes, calls, cost."""
    made = f"{plural(plan.images, 'image')} from {plural(plan.generations, 'generation')}"
    yield f"Plan: {made} with {plan.provider} {plan.model}"
    more = (
        f" and {plan.generations - len(plan.keywords):,} more"
        if plan.generations > len(plan.keywords)
        else ""
    )
    yield f"  keywords {plan.keyword_source}: {', '.join(plan.keywords)}{more}"
    yield f"  sizes    {', '.join(plan.sizes)}"
    yield f"  calls    {plural(plan.tasks, 'image task')}"
    for cost in plan.costs:
        price = "no price known" if cost.usd is None else money(cost.usd)
        yield f"           {cost.what}: {plural(cost.calls, 'call')}, {price}"
    budget = f" (budget {money(plan.budget_usd)})" if plan.budget_usd is not None else ""
    yield f"  cost     {money(plan.estimate_usd)}{budget}"
    yield f"  pictures {plan.output_dir}"
    yield "  Nothing was sent."
