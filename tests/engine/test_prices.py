"""The price file: the built-in one is sound, and errors in a user's name file, line and field."""

from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import Problem, SettingsError
from engine.prices import load_price_list
from engine.providers.base import ProviderName
from engine.providers.catalogue import model_of


def problems(file: Path, text: str) -> tuple[Problem, ...]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_price_list(file)
    return caught.value.problems


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.toml"


def test_built_in_entries_name_known_models_and_their_source() -> None:
    prices = load_price_list()
    images = [
        (provider, alias, price)
        for provider, entries in prices.image.items()
        for alias, price in entries.items()
    ]
    assert images
    assert all(model_of(provider, alias).is_known for provider, alias, _ in images)
    every = [price for *_, price in images] + [*prices.language.values(), *prices.background.values()]
    assert all(price.estimated or price.seen for price in every)
    assert prices.image[ProviderName.PIAPI]["flux-schnell"].usd == Decimal("0.0015")


def test_a_file_that_is_not_there_changes_nothing(file: Path) -> None:
    assert load_price_list(file) == load_price_list()


def test_broken_toml_names_file_and_line(file: Path) -> None:
    (problem,) = problems(file, "[language]\n\nx = = 2\n")
    assert str(file) in problem.field
    assert "line 3" in problem.message


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("[image.piapi.flux-schnell]\nseen = '2026-11'\nusd = -1\n", 3, "image.piapi.flux-schnell.usd"),
        ("\n[image.piapi.flux-schnell]\nseen = '2026-11'\n", 2, "image.piapi.flux-schnell.usd"),
        ("[image.piapi.x]\nusd = nan\n", 2, "image.piapi.x.usd"),
        ("[image.piapi.x]\nusd = 1\nsene = '2026-11'\n", 3, "image.piapi.x.sene"),
        ("[image.piapi.x]\nusd = 1\nseen = 'today'\n", 3, "image.piapi.x.seen"),
        ("[image.midway.x]\nusd = 1\n", 1, "image.midway"),
        ("[language.'gpt-5.4']\ninput = 'much'\noutput = 1\n", 2, "language.gpt-5.4.input"),
        ("[languages.x]\ninput = 1\n", 1, "languages"),
        (
            "[image.piapi.x]\nusd = 1\ntiers = [\n  {up_to_pixels = 0, usd = 1},\n]\n",
            3,
            "tiers.0.up_to_pixels",
        ),
    ],
)
def test_bad_fields_are_named(file: Path, text: str, line: int, field: str) -> None:
    (problem,) = problems(file, text)
    assert problem.field.startswith(f"{file}, line {line}: ")
    assert problem.field.endswith(field)


def test_tiers_ascend(file: Path) -> None:
    tiers = "[{up_to_pixels = 5, usd = 1}, {up_to_pixels = 5, usd = 2}]"
    (problem,) = problems(file, f"[image.piapi.x]\nusd = 1\ntiers = {tiers}\n")
    assert "ascending" in problem.message


def test_every_problem_is_named(file: Path) -> None:
    assert len(problems(file, "[image.piapi.x]\nusd = -1\n[language.y]\ninput = -1\noutput = -1\n")) == 3


def test_a_file_in_another_encoding(file: Path) -> None:
    file.write_bytes("[language.'modèle']\ninput = 1\noutput = 1\n".encode("cp1252"))
    with pytest.raises(SettingsError, match="cannot be read"):
        load_price_list(file)
