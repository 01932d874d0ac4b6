"""The shape of one entry of the catalogue: what an image model accepts and makes. No data, no prices."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from engine.providers.base import ProviderName
from engine.providers.retirement import retirement_text

MEGAPIXEL = 1_048_576
"""1,024 x 1,024: what the vendors bill, and train, as one megapixel."""


class Sizing(StrEnum):
    PIXELS = "pixels"
    """Any width and height within the limits."""
    RATIO = "ratio"
    """The request names an aspect ratio, and a resolution step where it has steps; pixels are nominal."""
    FIXED = "fixed"
    """One of `sizes`, nothing else."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """One resolution step of a RATIO model: its name on the wire and its nominal pixels."""

    name: str
    pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Sides and multiples are in pixels. `None` for a number: no such limit, or no such parameter."""

    alias: str
    provider: ProviderName
    wire_model: str
    task_type: str = ""
    lora_task_type: str | None = None
    """PiAPI's task type when LoRAs are given, where it is another one."""
    is_known: bool = True
    """False for a name that is not in the catalogue; its limits are then the provider's general ones."""

    sizing: Sizing = Sizing.PIXELS
    max_images: int = 1
    """Images that one task can make."""
    fixed_images: int | None = None
    """Images that every task makes, whether asked for or not."""
    max_pixels: int = MEGAPIXEL
    min_pixels: int = 0
    target_pixels: int = MEGAPIXEL
    """What a size computed from a ratio aims at; more, up to `max_pixels`, is asked for as a dimension."""
    min_side: int = 64
    max_side: int = 4_096
    side_multiple: int = 8
    max_ratio: float | None = None
    """Longer side divided by shorter side, at most."""
    sizes: tuple[tuple[int, int], ...] = ()
    """The whole choice of a FIXED model, as (width, height)."""
    ratios: tuple[str, ...] = ()
    """The whole choice of a RATIO model; empty means any."""
    resolutions: tuple[Resolution, ...] = ()
    """Ascending; the first is the vendor's default."""
    resolution_field: str | None = None
    """What the provider calls the resolution step."""

    default_steps: int | None = None
    max_steps: int | None = None
    takes_negative_prompt: bool = False
    takes_guidance: bool = False
    takes_steps: bool = False
    takes_seed: bool = False
    takes_loras: bool = False
    takes_process_mode: bool = False
    takes_transparency: bool = False
    """Can make a transparent background by itself."""

    is_non_commercial: bool = False
    licence: str = ""
    note: str = ""
    retired_on: date | None = None
    """The announced last day."""

    def resolution_for(self, width: int, height: int) -> str | None:
        """The name of the smallest step that holds width x height pixels; None for a model without steps."""
        fitting = [step.name for step in self.resolutions if step.pixels >= width * height]
        if fitting:
            return fitting[0]
        return self.resolutions[-1].name if self.resolutions else None

    def retirement(self, today: date) -> str | None:
        """A sentence when the vendor has switched the model off or is about to; None otherwise."""
        return retirement_text(self.alias, self.retired_on, today)
