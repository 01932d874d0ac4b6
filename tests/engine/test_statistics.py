"""The statistics against a recount of the rows in plain Python, in zones whose days begin at odd moments."""

import random
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db import images, jobs, ledger
from db.connection import Database
from db.records import NewLedgerEntry, utc_text
from db.status import JobKind, LedgerAccount, Stage
from engine.queries import Queries
from engine.statistics_views import ImageSums, StatisticsView
from tests.db.rows import Rows

FIRST = datetime(2026, 3, 27, tzinfo=UTC)
REASONS = ("Six fingers.", "A misspelt word.", "Blurred.")
SUMS = ("images", "approved", "qc_failed", "failed", "pending", "trashed")
SHOWN_AS = {"retry_failed": "failed", "retry_pending": "pending", "processing": "pending"}
SPENT = ("actual", "committed", "unknown")


def moment(dice: random.Random) -> str:
    """Of five days around the change to summer time in Europe."""
    return utc_text(FIRST + timedelta(seconds=dice.randrange(5 * 86_400)))


@pytest.fixture(params=["Asia/Kolkata", "Europe/Madrid"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Database]:
    """Jobs with and without a configuration, retried, trashed, deleted and removed for good, and their money."""
    database = await Database.open(tmp_path / "gimf.db")
    rows, dice = Rows(database), random.Random(11)
    made = [
        (await rows.job(at=moment(dice), configuration_name=name)).job_id
        for name in ("stock", "shirts", None, "stock", "shirts", "stock")
    ]
    for number in range(60):
        model = dice.choice(["flux", "qubico"])
        image = await rows.image(made[number % len(made)], at=moment(dice), model=model)
        match number % 5:
            case 0 | 1:
                await rows.do(images.reject, image.image_id, dice.choice(REASONS), image.created_at)
            case 2:
                options = {"code": "disk_full", "reason": "The disk is full.", "at": image.created_at}
                await rows.do(images.fail, image.image_id, Stage.SAVE, **options)
            case 3:
                await rows.approved(made[number % len(made)], at=moment(dice))
            case _:
                pass
        if number % 7 == 0:
            await rows.do(images.trash, image.image_id, image.created_at)
    rejected = [one for (one,) in read(database, "SELECT image_id FROM images WHERE status = 'qc_failed'")]
    retry = await rows.retry(*rejected[:4])
    await rows.begin_retry(rejected[0])
    await rows.do(images.reject, rejected[0], "Again.", rows.now)
    calls = []
    for number in range(80):
        job_id = dice.choice([*made, retry, None])
        account, service = dice.choice(list(LedgerAccount)), dice.choice(["piapi", "openai"])
        micros = dice.randrange(-500, 40_000)
        calls.append(
            NewLedgerEntry(moment(dice), f"task:{number}", service, "flux", account, micros, job_id=job_id)
        )
    await rows.do(ledger.add_many, calls)
    for job_id in made[4:]:
        await rows.do(images.trash_job, job_id, rows.now)
        await rows.do(jobs.mark_deleted, job_id, rows.now)
    await rows.do(jobs.purge, made[5])
    yield database
    await database.close()


def read(database: Database, statement: str) -> list[Any]:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(statement).fetchall()


def local_day(at: str) -> str:
    return str(datetime.fromisoformat(at).astimezone().date())


class Recount:
    """From the rows, one by one."""

    def __init__(self, database: Database, since: str = "", until: str = "9") -> None:
        def in_span(at: str) -> bool:
            return since <= at < until

        self.jobs = {row["job_id"]: row for row in read(database, "SELECT * FROM jobs")}
        self.images = [row for row in read(database, "SELECT * FROM images") if in_span(row["created_at"])]
        self.bookings = [
            row
            for row in read(database, "SELECT * FROM ledger")
            if in_span(row["at"]) and row["account"] in SPENT
        ]
        self.new_jobs = [
            row for row in self.jobs.values() if in_span(row["created_at"]) and not row["deleted_at"]
        ]

    def configuration(self, job_id: str | None) -> str | None:
        return self.jobs[job_id]["configuration_name"] if job_id in self.jobs else None

    def sums(self, key: Any) -> dict[Any, dict[str, int]]:
        """Images by `key(row)`, as the fields of ImageSums."""
        found: dict[Any, Counter[str]] = defaultdict(Counter)
        for row in self.images:
            found[key(row)]["images"] += 1
            found[key(row)][SHOWN_AS.get(row["status"], row["status"])] += 1
        return {name: {field: counts[field] for field in SUMS} for name, counts in found.items()}

    def spend(self, key: Any) -> dict[Any, int]:
        found: Counter[Any] = Counter()
        for row in self.bookings:
            found[key(row)] += row["amount_micros"]
        return {name: micros for name, micros in found.items() if micros}

    def failures(self) -> Counter[tuple[str, str | None, str]]:
        return Counter(
            (row["stage"], row["error_code"], row["reason"])
            for row in self.images
            if row["stage"]
            and row["status"] in ("qc_failed", "failed", "retry_failed", "trashed")
            and not self.jobs[row["job_id"]]["deleted_at"]
        )


def fields(view: ImageSums) -> dict[str, int]:
    return {field: getattr(view, field) for field in SUMS}


def with_images[View: ImageSums](views: tuple[View, ...]) -> list[View]:
    return [view for view in views if view.images]


def check(view: StatisticsView, recount: Recount) -> None:
    by_day = recount.sums(lambda row: local_day(row["created_at"]))
    assert {one.day: fields(one) for one in with_images(view.days)} == by_day
    spend = recount.spend(lambda row: local_day(row["at"]))
    assert {one.day: round(one.spend_usd * 1e6) for one in view.days if one.spend_usd} == spend
    assert round(view.spend_usd * 1e6) == sum(spend.values())
    assert fields(view) == {name: sum(day[name] for day in by_day.values()) for name in SUMS}

    by_configuration = recount.sums(lambda row: recount.configuration(row["job_id"]))
    assert {one.configuration: fields(one) for one in with_images(view.configurations)} == by_configuration
    spend = recount.spend(lambda row: recount.configuration(row["job_id"]))
    assert {
        one.configuration: round(one.spend_usd * 1e6) for one in view.configurations if one.spend_usd
    } == spend
    made = Counter(row["configuration_name"] for row in recount.new_jobs)
    assert {one.configuration: one.jobs for one in view.configurations if one.jobs} == made
    assert view.jobs == len(recount.new_jobs)

    by_model = recount.sums(lambda row: (row["provider"], row["model"]))
    assert {(one.service, one.model): fields(one) for one in with_images(view.models)} == by_model
    spend = recount.spend(lambda row: (row["service"], row["model"]))
    assert {
        (one.service, one.model): round(one.spend_usd * 1e6) for one in view.models if one.spend_usd
    } == spend

    failures = recount.failures()
    assert {(one.stage, one.code, one.reason): one.images for one in view.reasons} == failures
    assert sum(one.images for one in view.failed_stages) == failures.total()


async def test_everything_is_as_counted_by_hand(filled: Database, zone: str) -> None:
    view = await Queries(filled).statistics()
    recount = Recount(filled)
    assert len(recount.images) >= 60
    assert len(view.days) >= 5
    check(view, recount)


async def test_a_span_takes_whole_days_of_the_zone(filled: Database, zone: str) -> None:
    since = utc_text(datetime(2026, 3, 28).astimezone())
    until = utc_text(datetime(2026, 3, 30).astimezone())
    view = await Queries(filled).statistics(created_from=since, created_to=until)
    assert {one.day for one in view.days} == {"2026-03-28", "2026-03-29"}
    check(view, Recount(filled, since, until))


async def test_all_time_is_what_the_totals_say(filled: Database) -> None:
    queries = Queries(filled)
    view, totals = await queries.statistics(), await queries.totals()
    assert (view.images, view.approved, view.jobs) == (totals.images, totals.approved, totals.jobs)
    assert view.qc_failed + view.failed == totals.failed
    assert view.success_rate == totals.success_rate
    assert view.spend_usd == pytest.approx(totals.spend_usd)


async def test_a_retry_counts_no_image_again(filled: Database) -> None:
    view = await Queries(filled).statistics()
    retries = [row for row in read(filled, "SELECT * FROM jobs") if row["kind"] == JobKind.RETRY]
    assert sum(row["images"] for row in retries) >= 3
    assert view.images == len(read(filled, "SELECT image_id FROM images"))


async def test_nothing_yet(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "gimf.db")
    view = await Queries(database).statistics()
    await database.close()
    assert fields(view) == dict.fromkeys(SUMS, 0)
    assert (view.days, view.reasons, view.steps, view.models, view.configurations) == ((), (), (), (), ())
    assert view.success_rate is None
