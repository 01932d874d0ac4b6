"""Sums up what planned calls will cost, line by line, for plans that are no whole job."""

from engine.costs import CHECK_CALL, METADATA_CALL, PriceBook
from engine.errors import Problem
from engine.settings import Settings
from engine.views import CostLine


class CallCosts:
    """Counts calls and micros by kind; what has no price is named."""

    def __init__(self, prices: PriceBook) -> None:
        self._prices = prices
        self._calls: dict[str, int] = {}
        self._micros: dict[str, int] = {}
        self._unknown: dict[str, None] = {}

    def add_image(self, settings: Settings, images: int, width: int, height: int) -> int:
        """One task for so many images of this size; its price in micros."""
        generation = settings.generation
        micros = self._prices.image_cost_micros(generation.provider, generation.model, images, width, height)
        self._add("images", micros, f"{generation.provider.value} model {generation.model}")
        return micros or 0

    def add_check(self, settings: Settings) -> None:
        """One quality check."""
        model = settings.ai.quality_model or settings.prompt.openai_model
        self._add("checks", self._prices.call_cost_micros(model, CHECK_CALL), f"language model {model}")

    def add_metadata(self, settings: Settings) -> None:
        """One title with description and tags."""
        model = settings.ai.metadata_model or settings.prompt.openai_model
        self._add("metadata", self._prices.call_cost_micros(model, METADATA_CALL), f"language model {model}")

    def add_background(self, settings: Settings) -> None:
        """One background to be removed."""
        size = settings.processing.remove_background_size
        self._add("backgrounds", self._prices.background_cost_micros(size), f"remove.bg size {size}")

    @property
    def total_micros(self) -> int:
        return sum(self._micros.values())

    @property
    def lines(self) -> tuple[CostLine, ...]:
        return tuple(
            CostLine(what=what, calls=calls, usd=self._micros[what] / 1e6)
            for what, calls in self._calls.items()
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """A warning for each price that is not known."""
        return tuple(
            Problem(
                "prices", f"No price is known for the {what}; the estimate leaves it out.", is_warning=True
            )
            for what in self._unknown
        )

    def uses(self, what: str) -> bool:
        """Whether there is any call of this kind."""
        return self._calls.get(what, 0) > 0

    def _add(self, what: str, micros: int | None, priced: str) -> None:
        self._calls[what] = self._calls.get(what, 0) + 1
        self._micros[what] = self._micros.get(what, 0) + (micros or 0)
        if micros is None:
            self._unknown[priced] = None
