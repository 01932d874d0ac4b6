"""The statistics of a span of time: the sums of db.statistics put together by day, configuration, model and step."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock_time

from db import statistics as sums
from db.connection import Database
from db.records import utc_text
from db.statistics import Day, ImageSum, Span, SpendSum, StepBand
from db.status import ImageStatus
from engine.statistics_views import (
    ConfigurationSums,
    DayView,
    FailedStageView,
    ModelSums,
    ReasonView,
    StatisticsView,
    StepView,
)
from engine.viewing import dollars

REASONS = 50
STEPS = ("generate", "quality_check", "process", "metadata", "save")

type Counts = Mapping[ImageStatus, int]


class StatisticsQueries:
    """Part of engine.queries.Queries."""

    _database: Database

    async def statistics(
        self, *, created_from: str | None = None, created_to: str | None = None
    ) -> StatisticsView:
        """See EngineApi."""
        span = Span(created_from, created_to)
        async with self._database.snapshot() as connection:
            days = _days_of(await sums.dates(connection, span), span)
            images = await sums.images_by_day(connection, days)
            spend = await sums.spend_by_day(connection, days)
            stages, reasons = await sums.failures(connection, span, REASONS)
            bands = await sums.step_bands(connection, span)
            jobs = await sums.jobs_by_configuration(connection, span)
            spend_by_configuration = await sums.spend_by_configuration(connection, span)
        by_configuration = _counted(images, lambda one: one.configuration)
        by_model = _counted(images, lambda one: (one.provider, one.model))
        spend_by_model = _summed(spend, lambda one: (one.service, one.model))
        configurations = [
            ConfigurationSums(
                configuration=name,
                jobs=jobs.get(name, 0),
                spend_usd=dollars(spend_by_configuration.get(name, 0)),
                **_image_sums(by_configuration.get(name, {})),
            )
            for name in by_configuration.keys() | jobs.keys() | spend_by_configuration.keys()
        ]
        models = [
            ModelSums(
                service=service,
                model=model,
                spend_usd=dollars(spend_by_model.get((service, model), 0)),
                **_image_sums(by_model.get((service, model), {})),
            )
            for service, model in by_model.keys() | spend_by_model.keys()
        ]
        return StatisticsView(
            created_from=created_from,
            created_to=created_to,
            jobs=sum(jobs.values()),
            spend_usd=dollars(sum(one.micros for one in spend)),
            days=_day_views(_counted(images, lambda one: one.day), _summed(spend, lambda one: one.day)),
            failed_stages=tuple(
                FailedStageView(stage=stage, images=number)
                for stage, number in sorted(stages.items(), key=lambda one: (-one[1], one[0]))
            ),
            reasons=tuple(
                ReasonView(stage=one.stage, code=one.code, reason=one.reason or "", images=one.images)
                for one in reasons
            ),
            steps=_steps(bands),
            configurations=tuple(
                sorted(configurations, key=lambda one: (-one.images, -one.jobs, one.configuration or ""))
            ),
            models=tuple(
                sorted(models, key=lambda one: (-one.images, -one.spend_usd, one.service, one.model))
            ),
            **_image_sums(_counted(images, lambda _one: None).get(None, {})),
        )


def _image_sums(counts: Counts) -> dict[str, int | float | None]:
    """The fields of ImageSums."""

    def of(*statuses: ImageStatus) -> int:
        return sum(counts.get(status, 0) for status in statuses)

    approved, trashed = of(ImageStatus.APPROVED), of(ImageStatus.TRASHED)
    qc_failed, failed = of(ImageStatus.QC_FAILED), of(ImageStatus.FAILED, ImageStatus.RETRY_FAILED)
    finished = approved + qc_failed + failed + trashed
    return {
        "images": sum(counts.values()),
        "approved": approved,
        "qc_failed": qc_failed,
        "failed": failed,
        "pending": of(ImageStatus.PENDING, ImageStatus.RETRY_PENDING, ImageStatus.PROCESSING),
        "trashed": trashed,
        "success_rate": approved / finished if finished else None,
    }


def _counted[Key](
    images: Iterable[ImageSum], key: Callable[[ImageSum], Key]
) -> dict[Key, dict[ImageStatus, int]]:
    found: dict[Key, dict[ImageStatus, int]] = {}
    for one in images:
        counts = found.setdefault(key(one), {})
        for status, number in one.images.items():
            counts[status] = counts.get(status, 0) + number
    return found


def _summed[Key](spend: Iterable[SpendSum], key: Callable[[SpendSum], Key]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for one in spend:
        found[key(one)] = found.get(key(one), 0) + one.micros
    return found


def _day_views(images: Mapping[str, Counts], micros: Mapping[str, int]) -> tuple[DayView, ...]:
    return tuple(
        DayView(day=day, spend_usd=dollars(micros.get(day, 0)), **_image_sums(images.get(day, {})))
        for day in sorted(images.keys() | micros.keys())
    )


def _days_of(utc_dates: Iterable[str], span: Span) -> list[Day]:
    """The days of this machine's zone, with its summer time, that meet these UTC dates; the first and the last one as
    far as they are in the span."""
    local = {
        datetime.fromisoformat(f"{utc_date}T{edge}Z").astimezone().date()
        for utc_date in utc_dates
        for edge in ("00:00", "23:45")
    }
    return [
        Day(
            day.isoformat(),
            max(_midnight(day), span.since or ""),
            min(_midnight(day + timedelta(days=1)), span.until or "~"),
        )
        for day in sorted(local)
    ]


def _midnight(day: date) -> str:
    return utc_text(datetime.combine(day, clock_time()).astimezone())


def _steps(bands: Sequence[StepBand]) -> tuple[StepView, ...]:
    views = []
    for step in STEPS:
        of_step = [band for band in bands if band.step == step]
        if of_step:
            number = sum(band.images for band in of_step)
            views.append(
                StepView(
                    step=step, images=number, median_s=_within(of_step, 0.5), p90_s=_within(of_step, 0.9)
                )
            )
    return tuple(views)


def _within(bands: Sequence[StepBand], share: float) -> float:
    """Seconds that `share` of the images took at most: the mean of the band in which the last of them lies."""
    left = share * sum(band.images for band in bands)
    for band in bands:
        left -= band.images
        if left <= 0:
            break
    return round(band.total_ms / band.images / 1_000, 3)
