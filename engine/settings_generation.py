"""What a job asks of the image provider, and how patiently: the `generation` group of the settings."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from engine.providers.base import ProviderName
from engine.settings_types import (
    AspectRatio,
    Dimension,
    KeywordOrder,
    LoraName,
    MjVersion,
    Name,
    Number,
    OptionalLines,
    ProcessMode,
    SettingsGroup,
    Whole,
    setting,
)

MAX_IMAGES = 10_000
"""Generations times variations of one job."""


class LoraSettings(SettingsGroup):
    """One LoRA and how strongly it acts."""

    model: LoraName = Field(title="Model", description="The LoRA's name at the provider.")
    weight: Number = setting(1.0, "Weight", "How strongly it acts.", ge=0, le=10)


class GenerationSettings(SettingsGroup):
    """What is asked of the image provider, and how patiently."""

    provider: ProviderName = setting(ProviderName.PIAPI, "Provider", "The service that makes the pictures.")
    model: Name = setting(
        "flux-schnell", "Model", "The image model: a name from the catalogue, or the provider's own."
    )
    aspect_ratios: tuple[AspectRatio, ...] = setting(
        ("1:1",),
        "Aspect ratios",
        "Width to height, such as 16:9; generation i takes item i, in turn.",
        max_length=100,
    )
    dimensions: tuple[Dimension, ...] = setting(
        (),
        "Dimensions",
        "Exact sizes, such as 1024x768, in turn; they win over the aspect ratios.",
        unit="px",
        max_length=100,
    )
    negative_prompt: OptionalLines = setting(
        None,
        "Negative prompt",
        "What the pictures must not show, for models that take it.",
        kind="lines",
    )
    generations: Whole = setting(1, "Generations", "How many prompts are written.", ge=1, le=2500)
    variations: Whole = setting(
        1, "Variations", "How many images each prompt makes.", unit="images", ge=1, le=20
    )
    keyword_order: KeywordOrder = setting(
        "sequential",
        "Keyword order",
        "Rows in their order, or drawn at random without repetition until all are used.",
    )
    seed: Whole | None = setting(
        None,
        "Seed",
        "Makes a run repeatable where the model takes a seed. Not set: random.",
        ge=0,
        le=4_294_967_295,
    )
    steps: Whole | None = setting(
        None, "Steps", "Denoising steps. Not set: the model's own default.", ge=1, le=150
    )
    guidance: Number | None = setting(
        None,
        "Guidance",
        "How closely the model keeps to the prompt. Not set: the model's own default.",
        ge=0,
        le=50,
        step=0.5,
    )
    process_mode: ProcessMode = setting("relax", "Process mode", "Speed and price class of Midjourney.")
    mj_version: MjVersion = setting(
        "6.1", "Midjourney version", "Sent with Midjourney prompts only, such as 6.1."
    )
    loras: tuple[LoraSettings, ...] = setting(
        (), "LoRAs", "Model and weight (0 to 10) of each, for models that take them.", max_length=20
    )
    attempts: Whole = setting(
        2,
        "Attempts",
        "How often a prompt, or titles and tags, are asked for in all when the answer is no use.",
        ge=1,
        le=5,
    )
    backoff_seconds: Number = setting(
        2.0,
        "Backoff",
        "The wait before the second attempt; it doubles from there.",
        unit="s",
        ge=0,
        le=60,
        step=0.5,
    )
    poll_interval_seconds: Number = setting(
        2.0,
        "Poll interval",
        "The wait between two questions how a task stands.",
        unit="s",
        ge=0.5,
        le=60,
        step=0.5,
    )
    timeout_minutes: Whole = setting(
        15,
        "Timeout",
        "How long a task may take; time without a connection does not count.",
        unit="min",
        ge=1,
        le=60,
    )
    concurrency: Whole = setting(
        4, "Concurrency", "Provider tasks in flight at once.", unit="tasks", ge=1, le=64
    )
    budget_usd: Number | None = setting(
        None,
        "Budget",
        "The job pauses before the call that would pass it. Not set: no limit.",
        unit="USD",
        ge=0,
        le=1_000_000,
        step=1.0,
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        images = self.generations * self.variations
        if images > MAX_IMAGES:
            raise PydanticCustomError(
                "too_many_images",
                "{generations} generations x {variations} variations are {images} images; "
                "a job makes at most {most}",
                {
                    "generations": f"{self.generations:,}",
                    "variations": str(self.variations),
                    "images": f"{images:,}",
                    "most": f"{MAX_IMAGES:,}",
                    "field": "generations",
                    "hint": "Lower one of the two, or split the work into several jobs.",
                },
            )
        if not self.aspect_ratios and not self.dimensions:
            raise PydanticCustomError(
                "no_shape",
                "neither an aspect ratio nor a dimension is given",
                {"field": "aspect_ratios", "hint": "Name at least one, such as 1:1."},
            )
        return self

    @property
    def images_planned(self) -> int:
        """How many images the job asks for."""
        return self.generations * self.variations

    @property
    def budget_micros(self) -> int | None:
        """The budget in millionths of a US dollar."""
        return None if self.budget_usd is None else round(self.budget_usd * 1_000_000)
