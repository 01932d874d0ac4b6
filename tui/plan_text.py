"""A plan as lines for people: problems first, they are what matters. Pure functions."""

from collections.abc import Iterable, Iterator

from rich.text import Text

from engine.text import clean_text
from engine.views import PlanView, ProblemView
from tui import format as fmt

_KEYWORDS_SHOWN = 3
_LONGEST_KEYWORD = 40


def plan_lines(plan: PlanView) -> Iterator[Text]:
    """The plan for people: problems first, then the money; what may be scrolled out of a small box comes last."""
    yield from problem_lines(plan.problems)
    budget = "" if plan.budget_usd is None else f" of a budget of {fmt.money(plan.budget_usd)}"
    yield Text.assemble(_line("estimate", fmt.money(plan.estimate_usd)), (budget, "bold"))
    for cost in plan.costs:
        price = "no price known" if cost.usd is None else fmt.money(cost.usd)
        yield _line("", f"{cost.what}: {fmt.plural(cost.calls, 'call')}, {price}")
    yield _line(
        "images",
        f"{fmt.count(plan.images)} from {fmt.plural(plan.generations, 'prompt')}"
        f", {fmt.plural(plan.tasks, 'paid call')}",
    )
    yield _line("model", f"{plan.provider} {plan.model}")
    yield _line("sizes", ", ".join(plan.sizes))
    shown = ", ".join(clean_text(one, limit=_LONGEST_KEYWORD) for one in plan.keywords[:_KEYWORDS_SHOWN])
    more = ", ..." if plan.generations > _KEYWORDS_SHOWN else ""
    yield _line("keywords", f"{shown}{more} (from {plan.keyword_source})")
    yield _line("folder", plan.output_dir)


def problem_lines(problems: Iterable[ProblemView]) -> Iterator[Text]:
    """A line each: what stands in the way in red, warnings in yellow, each with its word."""
    for one in problems:
        word, style = ("! warning", "yellow") if one.is_warning else ("✗ problem", "bold red")
        field = f"{one.field}: " if one.field else ""
        yield Text.assemble((f"{word}  ", style), clean_text(f"{field}{one.message} {one.hint}".rstrip()))


def _line(name: str, value: str) -> Text:
    return Text.assemble((f"{name:<10}", "dim"), clean_text(value))
