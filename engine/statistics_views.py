"""What the statistics are: the JSON of `gimf stats`, and what the screen draws. Nothing is computed here."""

from db.status import Stage
from engine.views import View


class ImageSums(View):
    """Images by what became of them, each counted once, by its own job and the day on which it came."""

    images: int
    approved: int
    qc_failed: int
    """Rejected by the quality check."""
    failed: int
    """Failed technically, also in a retry."""
    pending: int
    """Not finished, or in a retry."""
    trashed: int
    success_rate: float | None
    """Approved of finished, 0-1; null before anything is finished."""


class DayView(ImageSums):
    """One day of this machine's zone on which an image came or money was spent."""

    day: str
    """2026-11-22"""
    spend_usd: float
    """Booked on this day: paid, on its way, or possibly paid. Negative where more was given back."""


class FailedStageView(View):
    """How many images were rejected or failed at a stage and still stand so, or lie so in the trash."""

    stage: Stage
    images: int


class ReasonView(View):
    """How many of them with the same words."""

    stage: Stage
    code: str | None
    """Null for a rejection."""
    reason: str
    images: int


class StepView(View):
    """How long one step of the first work on an image took, from the end of the step before to its own end."""

    step: str
    """generate (sent to the provider, until the picture is on the disk), quality_check, process, metadata, save"""
    images: int
    median_s: float
    p90_s: float
    """Nine of ten took no longer."""


class ConfigurationSums(ImageSums):
    """What ran with one configuration."""

    configuration: str | None
    """Null: jobs without one, retries, and jobs that were removed for good."""
    jobs: int
    spend_usd: float


class ModelSums(ImageSums):
    """What one model made and cost; a language model makes no images."""

    service: str
    model: str
    spend_usd: float


class StatisticsView(ImageSums):
    """Everything of a span of time."""

    created_from: str | None
    created_to: str | None
    """The moment that is no longer in it."""
    jobs: int
    """Of every kind, made in the span and not deleted."""
    spend_usd: float
    days: tuple[DayView, ...]
    """Oldest first; days without anything are left out."""
    failed_stages: tuple[FailedStageView, ...]
    """The most frequent first."""
    reasons: tuple[ReasonView, ...]
    """The 50 most frequent."""
    steps: tuple[StepView, ...]
    """In the order of the work."""
    configurations: tuple[ConfigurationSums, ...]
    """The one with the most images first."""
    models: tuple[ModelSums, ...]
    """The one with the most images first, then the dearest."""
