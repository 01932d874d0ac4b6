"""The price file: its shape, reading it, and naming what is wrong in it. Calculates nothing."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.errors import Problem, SettingsError
from engine.providers.base import ProviderName

Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    seen: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")] | None = None
    estimated: bool = False


class Tier(BaseModel):
    """The price of one image of at most `up_to_pixels` pixels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    up_to_pixels: Annotated[int, Field(gt=0)]
    usd: Usd


class ImagePrice(_Entry):
    """`usd` is the price of one image, or of one larger than every tier."""

    usd: Usd
    tiers: tuple[Tier, ...] = ()

    @model_validator(mode="after")
    def _tiers_ascend(self) -> Self:
        limits = [tier.up_to_pixels for tier in self.tiers]
        if limits != sorted(set(limits)):
            raise ValueError("tiers must be in ascending order of up_to_pixels")
        return self

    def usd_at(self, pixels: int) -> Decimal:
        """The price of one image of that many pixels."""
        return next((tier.usd for tier in self.tiers if pixels <= tier.up_to_pixels), self.usd)


class LanguagePrice(_Entry):
    """Prices of a million tokens."""

    input: Usd
    output: Usd


class BackgroundPrice(_Entry):
    """`usd` is the price of one credit; `credits` how many an image of each size takes."""

    usd: Usd
    credits: dict[str, Annotated[Decimal, Field(ge=0)]]


class PriceList(BaseModel):
    """A whole price file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: dict[ProviderName, dict[str, ImagePrice]] = {}
    language: dict[str, LanguagePrice] = {}
    background: dict[str, BackgroundPrice] = {}


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    text: str


def load_price_list(user_file: Path | None = None) -> PriceList:
    """The built-in prices with the entries of the user's file, if there is one, put over them.

    Raises SettingsError naming file, line and field.
    """
    built_in = resources.files("engine.providers").joinpath("prices.toml").read_text(encoding="utf-8")
    prices = _parse(_Source("prices.toml", built_in))
    if user_file is None or not user_file.exists():
        return prices
    try:
        text = user_file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([Problem(str(user_file), f"cannot be read: {error}")]) from error
    own = _parse(_Source(str(user_file), text))
    images = {
        provider: {**prices.image.get(provider, {}), **own.image.get(provider, {})}
        for provider in ProviderName
    }
    return PriceList(
        image=images,
        language={**prices.language, **own.language},
        background={**prices.background, **own.background},
    )


def _parse(source: _Source) -> PriceList:
    try:
        data = tomllib.loads(source.text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([Problem(source.name, f"is no valid TOML: {error}")]) from error
    try:
        return PriceList.model_validate(data)
    except ValidationError as error:
        problems = [_problem(source, details["loc"], details["msg"]) for details in error.errors()]
        raise SettingsError(problems) from error


def _problem(source: _Source, location: tuple[int | str, ...], message: str) -> Problem:
    path = tuple(str(part) for part in location if part != "[key]")
    line = _line_of(source.text, path)
    where = f"{source.name}, line {line}" if line else source.name
    return Problem(f"{where}: {'.'.join(path)}", message)


def _line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line (from 1) of a field, or of the nearest table around it; None if there is none."""
    best: tuple[int, int] | None = None
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("["):
            table = _keys(line)
            here = table
        else:
            key = re.match(r"\s*([^=#\s]+)\s*=", line)
            here = (*table, *_keys(f"[{key.group(1)}]")) if key else ()
        shared = min(len(here), len(path))
        if shared and here[:shared] == path[:shared] and (best is None or shared > best[0]):
            best = shared, number
    return best[1] if best else None


def _keys(header: str) -> tuple[str, ...]:
    """The names in a TOML table header; empty where the line is something else, such as part of an array."""
    try:
        node: Mapping[str, Any] = tomllib.loads(header)
    except tomllib.TOMLDecodeError:
        return ()
    names: list[str] = []
    while len(node) == 1:
        name, child = next(iter(node.items()))
        names.append(name)
        node = child if isinstance(child, dict) else {}
    return tuple(names)
