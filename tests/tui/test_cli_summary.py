"""tui.cli.tables, tui.cli.summary: how results read."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from engine.views import CostLine, ErrorView, JobStatus, JobView, PlanView
from tui.cli.output import clip_to_width, display_width
from tui.cli.summary import job_lines, plan_lines
from tui.cli.tables import table


def test_width_counts_what_a_terminal_shows() -> None:
    assert display_width("abc") == 3
    assert display_width("猫") == 2
    assert display_width("e\u0301") == 1
    assert clip_to_width("abcdef", 4) == "abc…"
    assert clip_to_width("猫猫猫", 4) == "猫…"
    assert clip_to_width("abcd", 4) == "abcd"


def test_table_aligns_and_keeps_a_row_on_its_line() -> None:
    lines = table(("n", "what"), [("1", "a\nb"), ("100", "x" * 99)], right=("n",))
    assert lines[0] == "  n  what"
    assert lines[1] == "  1  a b"
    assert len(lines) == 3
    assert display_width(lines[2]) == len("100  ") + 60


def test_summary_says_what_came_and_what_did_not(make_job: Callable[..., JobView]) -> None:
    job = make_job(approved=6, qc_failed=3, failed=1)
    reasons = Counter({"quality_check: garbled hands": 3, "convert: too large": 1})
    text = "\n".join(job_lines(job, reasons, Path("/data/gimf.log")))
    assert "6 approved, 3 rejected, 1 failed of 10 planned" in text
    assert "3 x quality_check: garbled hands" in text
    assert "$0.18" in text
    assert "/pictures" in text
    assert "gimf logs 42" in text
    assert "/data/gimf.log" in text


def test_summary_shows_the_five_commonest_reasons(make_job: Callable[..., JobView]) -> None:
    reasons = Counter({f"reason {number}": number for number in range(1, 9)})
    text = "\n".join(job_lines(make_job(failed=36), reasons, Path("/log")))
    assert "reason 4" in text
    assert "reason 3" not in text
    assert "and 3 other reasons" in text


def test_summary_says_why_a_job_waits(make_job: Callable[..., JobView]) -> None:
    pause = ErrorView(stage=None, code="credit", message="PiAPI has no credit left", hint="Add credit")
    text = "\n".join(job_lines(make_job(JobStatus.PAUSED, pause=pause), Counter(), Path("/log")))
    assert "PiAPI has no credit left" in text
    assert "Add credit" in text


def test_plan_names_rows_sizes_calls_and_cost() -> None:
    plan = PlanView(
        provider="piapi",
        model="flux-schnell",
        generations=3,
        images=6,
        tasks=3,
        keyword_source="keywords.txt",
        keywords=("fox", "owl"),
        sizes=("1024x1024 (1:1)",),
        output_dir="/pictures",
        costs=(CostLine(what="images", calls=3, usd=0.009), CostLine(what="prompts", calls=3, usd=None)),
        estimate_usd=0.009,
        budget_usd=2.0,
        problems=(),
    )
    text = "\n".join(plan_lines(plan))
    for fact in (
        "6 images",
        "fox, owl and 1 more",
        "1024x1024",
        "$0.009",
        "no price known",
        "budget $2.00",
        "/pictures",
    ):
        assert fact in text
    assert "Nothing was sent." in text
