"""What the app tells outside of its window: only what has changed, only what is wished for, nothing left behind."""

from collections.abc import Callable

import pytest

from engine.preferences import Notifications
from engine.views import ImageCounts, JobStatus, JobView, ProgressView
from tui.notifier import Notifier
from tui.status import FrameStatus, Link


def progress(done: int) -> ProgressView:
    counts = ImageCounts(planned=10, approved=done, qc_failed=0, failed=0, pending=0, unknown=0, trashed=0)
    return ProgressView(
        job_id="j8k2m4n6",
        images=counts,
        prompted=10,
        submitted=10,
        downloaded=done,
        checked=done,
        done=done,
        in_flight=0,
        images_per_minute=None,
        eta_s=None,
        spend_usd=0.0,
        is_quiescent=False,
    )


def status(job: JobView, done: int) -> FrameStatus:
    return FrameStatus(link=Link.ATTACHED, job=job, progress=progress(done))


@pytest.fixture
def written() -> list[str]:
    return []


def notifier(written: list[str], **wishes: bool) -> Notifier:
    return Notifier(written.append, lambda: Notifications(**wishes))


def test_title_and_progress_follow_the_job(make_job: Callable[..., JobView], written: list[str]) -> None:
    tells = notifier(written)
    tells.follow(status(make_job(JobStatus.RUNNING), 3))
    assert written == ["\x1b]2;30% landscapes - gimf\x1b\\", "\x1b]9;4;1;30\x1b\\"]
    tells.follow(status(make_job(JobStatus.RUNNING), 3))
    assert len(written) == 2, "nothing changed, nothing is written"
    tells.follow(status(make_job(JobStatus.PAUSED), 3))
    assert written[2:] == ["\x1b]2;30% paused landscapes - gimf\x1b\\", "\x1b]9;4;4;30\x1b\\"]
    tells.follow(FrameStatus(link=Link.ATTACHED))
    assert written[4:] == ["\x1b]2;gimf\x1b\\", "\x1b]9;4;0;0\x1b\\"]


def test_a_label_is_no_escape_sequence(make_job: Callable[..., JobView], written: list[str]) -> None:
    job = make_job(JobStatus.RUNNING).model_copy(update={"label": "x\x1b]2;evil\x07y\x9cz"})
    notifier(written, progress=False).follow(status(job, 0))
    assert written == ["\x1b]2;0% x]2;evilyz - gimf\x1b\\"]


def test_what_is_not_wished_for_is_not_written(make_job: Callable[..., JobView], written: list[str]) -> None:
    tells = notifier(written, title=False, progress=False, bell=False)
    tells.follow(status(make_job(JobStatus.RUNNING), 3))
    tells.ring()
    tells.close()
    assert written == []


def test_the_bell(written: list[str]) -> None:
    notifier(written).ring()
    assert written == ["\a"]


def test_at_the_end_everything_is_taken_back(make_job: Callable[..., JobView], written: list[str]) -> None:
    tells = notifier(written)
    tells.follow(status(make_job(JobStatus.RUNNING), 3))
    tells.close()
    assert written[2:] == ["\x1b]9;4;0;0\x1b\\", "\x1b]2;\x1b\\"]
    tells.follow(status(make_job(JobStatus.RUNNING), 4))
    assert len(written) == 4, "a progress that comes late must not bring it back"


def test_it_is_taken_back_while_the_terminal_is_anothers(
    make_job: Callable[..., JobView], written: list[str]
) -> None:
    tells = notifier(written)
    tells.pause()
    tells.repeat()
    assert written == [], "nothing was set"
    tells.follow(status(make_job(JobStatus.RUNNING), 3))
    told = written.copy()
    tells.pause()
    assert sorted(written[2:]) == ["\x1b]2;\x1b\\", "\x1b]9;4;0;0\x1b\\"]
    tells.repeat()
    assert written[4:] == told
