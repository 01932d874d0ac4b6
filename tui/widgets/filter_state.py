"""What a list can be filtered and sorted by, and what it is filtered and sorted by now. Plain data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Facet:
    """One side by which rows are chosen: their status, their day. Nothing chosen: all of them."""

    id: str
    title: str
    options: tuple[Option, ...]
    is_many: bool = True
    """Several options may be chosen at once."""
    typed: str = ""
    """The label of a further option whose value is typed in; empty: there is none."""
    placeholder: str = ""
    """What is shown where it is to be typed."""
    check: Callable[[str], object] | None = None
    """Raises ValueError with a sentence for a text that means nothing."""

    def label_of(self, value: str) -> str:
        """How people call a chosen value; a typed one is its own label."""
        return next((option.label for option in self.options if option.value == value), value)


@dataclass(frozen=True, slots=True)
class FilterState:
    """Text, chosen options and order."""

    text: str = ""
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    order: str = ""
    is_reversed: bool = False

    @property
    def is_filtered(self) -> bool:
        """Whether rows may be hidden."""
        return bool(self.text or any(self.chosen.values()))

    def values(self, facet_id: str) -> frozenset[str]:
        """The chosen options of a facet; empty: all."""
        return self.chosen.get(facet_id, frozenset())

    def value(self, facet_id: str) -> str | None:
        """The chosen option of a facet of which one at most is chosen."""
        return next(iter(self.values(facet_id)), None)

    def toggled(self, facet: Facet, value: str) -> "FilterState":
        """With the option chosen, or not any more."""
        before = self.values(facet.id)
        more = before | {value} if facet.is_many else frozenset({value})
        after = before - {value} if value in before else more
        return replace(self, chosen={**self.chosen, facet.id: after})

    def cleared(self) -> "FilterState":
        """Without any filter, in the same order."""
        return replace(self, text="", chosen={})
