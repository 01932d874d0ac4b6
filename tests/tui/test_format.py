"""Numbers, times and statuses for people."""

import os
import time
from collections.abc import Iterator

import pytest

from engine.views import ImageStatus, JobStatus, LogLevel
from tui import format as fmt


@pytest.fixture
def zone() -> Iterator[None]:
    """A machine three and a half hours east."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "<+0330>-03:30"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0, "$0.00"),
        (0.18, "$0.18"),
        (1234.5, "$1,234.50"),
        (0.0015, "$0.0015"),
        (0.02, "$0.02"),
        (0.048, "$0.048"),
    ],
)
def test_money(usd: float, text: str) -> None:
    assert fmt.money(usd) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0, "00:00"), (372, "06:12"), (3723, "1:02:03"), (59.6, "01:00")]
)
def test_duration(seconds: float | None, text: str) -> None:
    assert fmt.duration(seconds) == text


def test_eta() -> None:
    assert [fmt.eta(value) for value in (None, 41.2, 252, 3_601)] == [
        "estimating",
        "00:42",
        "04:15",
        "1:01:00",
    ]


@pytest.mark.usefixtures("zone")
def test_times_are_local() -> None:
    moment = "2026-11-22T22:34:01.000Z"
    assert fmt.local_time(moment) == "2026-11-23 02:04"
    assert fmt.local_time(moment, seconds=True) == "2026-11-23 02:04:01 +0330"
    assert fmt.clock_time(moment) == "02:04:01"
    assert fmt.local_time(None) == "-"


def test_percent_is_full_only_at_the_end() -> None:
    assert [fmt.percent(value) for value in (None, 0, 0.314, 0.9999, 1)] == [
        "-",
        "0 %",
        "31 %",
        "99 %",
        "100 %",
    ]


def test_counts() -> None:
    assert (fmt.count(4812), fmt.plural(1, "job"), fmt.plural(1200, "job")) == (
        "4,812",
        "1 job",
        "1,200 jobs",
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (2048, "2.0 KiB"), (3_435_973_837, "3.2 GiB"), (5 * 1024**4, "5.0 TiB")],
)
def test_sizes(size: int, text: str) -> None:
    assert fmt.bytes_text(size) == text


@pytest.mark.parametrize("width", [1, 7, 40])
def test_a_bar_has_its_width_and_is_full_only_at_one(width: int) -> None:
    for step in range(1001):
        bar = fmt.bar(step / 1000, width)
        assert len(bar) == width
        assert (bar == "━" * width) == (step == 1000)
    assert fmt.bar(0, width) == "─" * width


def test_a_sparkline_shows_the_last_values() -> None:
    assert fmt.sparkline([5, 0, 1, 2, 4, 8], 5) == "▁▁▂▄█"
    assert fmt.sparkline([0, 0], 5) == "▁▁"
    assert fmt.sparkline([], 5) == ""


def test_every_status_has_a_glyph_and_a_word_of_its_own() -> None:
    jobs = [fmt.job_look(status) for status in JobStatus]
    images = [fmt.image_look(status) for status in ImageStatus]
    levels = [fmt.level_look(level) for level in LogLevel]
    for looks in (jobs, images, levels):
        assert len({look.word for look in looks}) == len(looks)
        assert all(len(look.glyph) == 1 and look.word for look in looks)
    assert str(fmt.job_look(JobStatus.RUNNING)) == "● running"
