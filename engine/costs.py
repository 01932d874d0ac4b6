"""What calls cost: prices applied to images, tokens and credits, and the estimate of a whole job.

Money is in micros, millionths of a US dollar, whole numbers rounded up. Knows no database and spends nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Self

from engine.prices import PriceList, load_price_list
from engine.providers.base import ProviderName
from engine.providers.catalogue import model_of
from engine.providers.retirement import base_model
from engine.sizes import Size, size_at, tasks_for

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class TypicalCall:
    """Tokens of one language model call, for estimates."""

    input_tokens: int
    output_tokens: int


# Instructions and schema are 300 to 700 tokens. A picture of 1,024 x 1,024 in high detail is 765 tokens where
# tiles are counted and about 1,660 where patches are (32 x 32 patches x 1.62, the factor of the mini models).
PROMPT_CALL = TypicalCall(700, 250)
CHECK_CALL = TypicalCall(2_600, 100)
METADATA_CALL = TypicalCall(2_400, 250)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job will do, as far as it costs money. A model that is None is not asked."""

    provider: ProviderName
    model: str
    sizes: Sequence[Size]
    generations: int
    variations: int
    prompt_model: str | None = None
    quality_model: str | None = None
    metadata_model: str | None = None
    remove_background_size: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """An upper bound where every image passes its check: counts, and micros per kind of call."""

    tasks: int
    images: int
    images_micros: int
    prompts_micros: int
    checks_micros: int
    metadata_micros: int
    background_micros: int
    unknown_prices: tuple[str, ...] = ()
    """What has no price in the list and counts as nothing above, in words."""

    @property
    def total_micros(self) -> int:
        return (
            self.images_micros
            + self.prompts_micros
            + self.checks_micros
            + self.metadata_micros
            + self.background_micros
        )


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Prices, applied. Methods answer None where the list has no price."""

    prices: PriceList

    @classmethod
    def load(cls, user_file: Path | None = None) -> Self:
        """The built-in prices with the user's over them. Raises SettingsError naming file, line and field."""
        return cls(load_price_list(user_file))

    def image_cost_micros(
        self, provider: ProviderName, alias: str, images: int, width: int, height: int
    ) -> int | None:
        """The price of `images` images of width x height pixels."""
        entries = self.prices.image.get(provider, {})
        price = entries.get(alias) or entries.get(model_of(provider, alias).alias)
        return None if price is None else _micros(price.usd_at(width * height) * images)

    def language_cost_micros(self, model: str, input_tokens: int, output_tokens: int) -> int | None:
        """The price of one call. A dated snapshot costs what its model costs."""
        entries = self.prices.language
        price = entries.get(model) or entries.get(base_model(model))
        if price is None:
            return None
        # Dollars for a million tokens are micros for one.
        return ceil(price.input * input_tokens + price.output * output_tokens)

    def call_cost_micros(self, model: str, call: TypicalCall) -> int | None:
        """The price of a typical call of one kind."""
        return self.language_cost_micros(model, call.input_tokens, call.output_tokens)

    def background_cost_micros(self, size: str) -> int | None:
        """The price of removing one background at a `remove_background_size`."""
        price = self.prices.background.get("remove_bg")
        if price is None or size not in price.credits:
            return None
        return _micros(price.usd * price.credits[size])

    def credits_cost_micros(self, credits_charged: Decimal) -> int | None:
        """The price of the credits that remove.bg says it charged."""
        price = self.prices.background.get("remove_bg")
        return None if price is None else _micros(price.usd * credits_charged)

    def estimate(self, plan: Plan) -> Estimate:
        """The cost of a whole job. `plan.sizes` are taken in turn, generation by generation."""
        unknown: dict[str, None] = {}

        def known(micros: int | None, what: str) -> int:
            if micros is None:
                unknown[what] = None
            return micros or 0

        per_task = tasks_for(model_of(plan.provider, plan.model), plan.variations)
        images = sum(per_task) * plan.generations
        images_micros = 0
        for position in range(len(plan.sizes)):
            size = size_at(plan.sizes, position)
            turns = len(range(position, plan.generations, len(plan.sizes)))
            for count in per_task:
                micros = self.image_cost_micros(plan.provider, plan.model, count, size.width, size.height)
                images_micros += turns * known(micros, f"{plan.provider.value} model {plan.model}")

        def calls(model: str | None, call: TypicalCall, times: int) -> int:
            if model is None:
                return 0
            return times * known(self.call_cost_micros(model, call), f"language model {model}")

        background = 0
        if plan.remove_background_size is not None:
            size_name = plan.remove_background_size
            background = known(self.background_cost_micros(size_name), f"remove.bg size {size_name}")
        return Estimate(
            tasks=len(per_task) * plan.generations,
            images=images,
            images_micros=images_micros,
            prompts_micros=calls(plan.prompt_model, PROMPT_CALL, plan.generations),
            checks_micros=calls(plan.quality_model, CHECK_CALL, images),
            metadata_micros=calls(plan.metadata_model, METADATA_CALL, images),
            background_micros=background * images,
            unknown_prices=tuple(unknown),
        )


def usd(micros: int) -> str:
    """Micros as people read them: `$12.50`, `$0.0015`, `-$0.30`; at least cents, at most what is there."""
    sign = "-" if micros < 0 else ""
    dollars, fraction = divmod(abs(micros), MICROS)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}${dollars:,}.{digits}"


def _micros(dollars: Decimal) -> int:
    return ceil(dollars * MICROS)
