"""What the dialog of a retry sends, and how plans, options and the retry at work read. Pure functions."""

from collections.abc import Callable
from typing import get_args

from engine.retry_options import RetryOptions, RuledStage
from engine.settings import merge_settings
from engine.views import CostLine, JobKind, JobStatus, JobView, ProgressView, RefusalView, RetryPlanView
from tui.retry_form import options_draft, processing_draft, request_of
from tui.retry_text import cost_words, is_usual, refusal_words, retry_text, retrying_words
from tui.status import FrameStatus
from tui.widgets.progress_panel import ProgressPanel

OWN = merge_settings({"processing": {"convert": True, "convert_format": "jpg"}})[0]


def plan(*costs: tuple[str, int, float], refused: int = 0) -> RetryPlanView:
    lines = tuple(CostLine(what=what, calls=calls, usd=usd) for what, calls, usd in costs)
    return RetryPlanView(
        images=3,
        refused=tuple(
            RefusalView(image_id=9 + n, message="It is in the trash", hint="") for n in range(refused)
        ),
        costs=lines,
        estimate_usd=sum(line.usd or 0 for line in lines),
        problems=(),
    )


def test_the_form_begins_with_the_jobs_own_settings_and_sends_only_what_was_changed() -> None:
    processing, options = processing_draft(OWN), options_draft(OWN)
    assert processing.value("processing.convert_format") == "jpg"
    assert {f"rules.{stage}" for stage in get_args(RuledStage.__value__)} <= set(options.fields)
    untouched = request_of((1, 2), processing, options)
    assert (untouched.processing, untouched.on_failure, untouched.checks_again) == (None, {}, None)
    processing.set("processing.convert_format", "webp")
    options.set("rules.metadata", "fail")
    options.set("retry.checks_again", "no")
    options.set("retry.budget_usd", 1.5)
    request = request_of((1, 2), processing, options)
    assert (request.processing, request.on_failure) == ({"convert_format": "webp"}, {"metadata": "fail"})
    assert (request.checks_again, request.budget_usd, request.writes_metadata_again) == (False, 1.5, False)


def test_a_budget_must_be_more_than_nothing() -> None:
    options = options_draft(OWN)
    options.set("retry.budget_usd", 0)
    assert [problem.field for problem in options.problems] == ["retry.budget_usd"]


def test_only_checks_and_titles_need_no_question() -> None:
    assert is_usual(plan(("checks", 3, 0.004), ("metadata", 1, 0.002)))
    cut_out = plan(("checks", 3, 0.004), ("backgrounds", 3, 0.6))
    assert not is_usual(cut_out)
    assert cost_words(cut_out) == "3 checks, 3 background removals: about $0.60."
    assert cost_words(plan()) == "It costs nothing."
    assert refusal_words(plan(refused=3).refused) == "Not image 9 and 2 more images: It is in the trash"


def test_what_a_retry_was_asked_for_reads_as_sentences() -> None:
    options = RetryOptions.model_validate(
        {"processing": {"convert_format": "webp"}, "on_failure": {"trim": "continue"}, "checks_again": True}
    )
    lines = retry_text(options.model_dump(mode="json")).plain.splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == ["Format", "trim", "checks", "titles"]
    assert lines[1].endswith("goes on without it")
    assert lines[2].endswith("yes")
    assert "as in the job of each image" in retry_text({}).plain


def test_the_retry_at_work_is_followed(make_job: Callable[..., JobView]) -> None:
    counts = {"planned": 12, "approved": 3}
    job = make_job(JobStatus.RUNNING, **counts).model_copy(update={"kind": JobKind.RETRY})
    progress = ProgressView(
        job_id=job.job_id,
        images=job.images,
        prompted=12,
        submitted=12,
        downloaded=12,
        checked=5,
        done=3,
        in_flight=0,
        images_per_minute=None,
        eta_s=None,
        spend_usd=0.0,
        is_quiescent=False,
    )
    status = FrameStatus(job=job, progress=progress, waiting=(job, make_job()))
    assert retrying_words(status) == "retry #42 ━━────── 3 of 12, 1 waiting"
    assert retrying_words(FrameStatus(waiting=(job, job))) == "2 retries waiting"
    assert retrying_words(FrameStatus(job=make_job(JobStatus.RUNNING))) == ""
    panel = ProgressPanel()
    panel._job, panel._progress = job, progress
    assert panel._steps().plain == "image 12 › checked 5 › done 3"
