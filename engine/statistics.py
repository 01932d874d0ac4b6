"""The statistics of a span of time: the sums of db.statistics put together by day, configuration, model and step."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from db import statistics as sums
from db.connection import Database
from db.statistics import Span, StepBand
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
            images = await sums.images_by_quarter(connection, span)
            spend = await sums.spend_by_quarter(connection, span)
            stages = await sums.failures_by_stage(connection, span)
            reasons = await sums.commonest_failures(connection, span, REASONS)
            bands = await sums.step_bands(connection, span)
            by_configuration = await sums.images_by_configuration(connection, span)
            jobs = await sums.jobs_by_configuration(connection, span)
            spend_by_configuration = await sums.spend_by_configuration(connection, span)
            by_model = await sums.images_by_model(connection, span)
            spend_by_model = await sums.spend_by_model(connection, span)
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
            spend_usd=dollars(sum(spend.values())),
            days=_days(images, spend),
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
            **_image_sums(_added(images.values())),
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


def _added(many: Iterable[Counts]) -> dict[ImageStatus, int]:
    total: dict[ImageStatus, int] = {}
    for counts in many:
        for status, number in counts.items():
            total[status] = total.get(status, 0) + number
    return total


def _days(images: Mapping[str, Counts], spend: Mapping[str, int]) -> tuple[DayView, ...]:
    """A day is one of this machine's zone, with its summer time."""
    counts: dict[str, list[Counts]] = {}
    micros: dict[str, int] = {}
    for quarter, of_quarter in images.items():
        counts.setdefault(_day(quarter), []).append(of_quarter)
    for quarter, booked in spend.items():
        micros[_day(quarter)] = micros.get(_day(quarter), 0) + booked
    return tuple(
        DayView(day=day, spend_usd=dollars(micros.get(day, 0)), **_image_sums(_added(counts.get(day, ()))))
        for day in sorted(counts.keys() | micros.keys())
    )


def _day(quarter: str) -> str:
    return datetime.fromisoformat(f"{quarter}Z").astimezone().date().isoformat()


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
