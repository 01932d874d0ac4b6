"""Prices applied: images, tokens, credits, whole jobs."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs import CHECK_CALL, METADATA_CALL, PROMPT_CALL, Plan, PriceBook, usd
from engine.providers.base import ProviderName
from engine.providers.catalogue import model_of, models_of
from engine.sizes import Size, sizes_of

PIAPI, OPENAI = ProviderName.PIAPI, ProviderName.OPENAI
SQUARE = Size(1024, 1024, "1:1")


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook.load()


@pytest.mark.parametrize(
    ("model", "images", "side", "micros"),
    [
        ((PIAPI, "flux-schnell"), 1, 1024, 1_500),
        ((PIAPI, "flux-schnell"), 4, 1024, 6_000),
        ((PIAPI, "Qubico/flux1-schnell"), 1, 1024, 1_500),
        ((PIAPI, "flux-dev"), 1, 1024, 15_000),
        ((PIAPI, "flux-dev-advanced"), 1, 1024, 20_000),
        ((PIAPI, "z-image"), 1, 512, 2_000),
        ((PIAPI, "z-image"), 1, 1024, 4_000),
        ((PIAPI, "z-image"), 1, 1032, 6_000),
        ((PIAPI, "z-image"), 2, 1400, 16_000),
        ((OPENAI, "gpt-image-1.5"), 10, 1024, 1_330_000),
    ],
)
def test_images(
    book: PriceBook, model: tuple[ProviderName, str], images: int, side: int, micros: int
) -> None:
    assert book.image_cost_micros(*model, images, side, side) == micros


def test_every_model_on_offer_has_a_price(book: PriceBook) -> None:
    unpriced = [
        spec.alias
        for provider in ProviderName
        for spec in models_of(provider)
        if book.image_cost_micros(provider, spec.alias, 1, 1024, 1024) is None
    ]
    assert unpriced == ["gpt-image-1"]


def test_tokens(book: PriceBook) -> None:
    assert book.language_cost_micros("gpt-5.4-mini", 1_000_000, 0) == 750_000
    assert book.language_cost_micros("gpt-5.4-mini", 0, 1_000_000) == 4_500_000
    assert book.language_cost_micros("gpt-5.4-mini", 1, 0) == 1
    assert book.language_cost_micros("gpt-5.4-mini", 0, 0) == 0
    assert book.language_cost_micros("gpt-5.4-mini-2026-03-17", 1_000, 100) == 1_200
    assert book.language_cost_micros("llama", 1_000, 100) is None


def test_background(book: PriceBook) -> None:
    full = book.background_cost_micros("full")
    assert full
    assert book.background_cost_micros("preview") == -(-full // 4)
    assert book.background_cost_micros("huge") is None
    assert book.credits_cost_micros(Decimal("0.25")) == book.background_cost_micros("preview")


def test_a_user_entry_replaces_one_entry_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(
        "\ufeff[image.piapi.z-image]\nusd = 0.1\n[language.llama]\ninput = 0\noutput = 0\n", encoding="utf-8"
    )
    book = PriceBook.load(file)
    assert book.image_cost_micros(PIAPI, "z-image", 1, 64, 64) == 100_000
    assert book.image_cost_micros(PIAPI, "flux-schnell", 1, 64, 64) == 1_500
    assert book.image_cost_micros(OPENAI, "gpt-image-1.5", 1, 64, 64) == 133_000
    assert book.language_cost_micros("llama", 1_000, 100) == 0
    assert book.language_cost_micros("gpt-5.4-mini", 4, 0) == 3


class TestEstimate:
    def test_whole_job(self, book: PriceBook) -> None:
        plan = Plan(
            provider=PIAPI,
            model="flux-schnell",
            sizes=(SQUARE,),
            generations=12,
            variations=6,
            prompt_model="gpt-5.4-mini",
            quality_model="gpt-5.4-mini",
            metadata_model="gpt-5.4",
            remove_background_size="preview",
        )
        estimate = book.estimate(plan)
        assert (estimate.tasks, estimate.images) == (24, 72)
        assert estimate.images_micros == 72 * 1_500
        assert estimate.prompts_micros == 12 * (book.call_cost_micros("gpt-5.4-mini", PROMPT_CALL) or 0) > 0
        assert estimate.checks_micros == 72 * (book.call_cost_micros("gpt-5.4-mini", CHECK_CALL) or 0) > 0
        assert estimate.metadata_micros == 72 * (book.call_cost_micros("gpt-5.4", METADATA_CALL) or 0) > 0
        assert estimate.background_micros == 72 * (book.background_cost_micros("preview") or 0) > 0
        assert estimate.unknown_prices == ()
        assert estimate.total_micros == (
            estimate.images_micros
            + estimate.prompts_micros
            + estimate.checks_micros
            + estimate.metadata_micros
            + estimate.background_micros
        )

    def test_what_is_off_costs_nothing(self, book: PriceBook) -> None:
        estimate = book.estimate(Plan(PIAPI, "flux-schnell", (SQUARE,), 3, 1))
        assert estimate.total_micros == estimate.images_micros == 4_500

    def test_each_size_has_its_price(self, book: PriceBook) -> None:
        spec = model_of(OPENAI, "gpt-image-1.5")
        plan = Plan(OPENAI, spec.alias, sizes_of(spec, ["1:1", "3:2"], []), generations=5, variations=1)
        assert book.estimate(plan).images_micros == 3 * 133_000 + 2 * 200_000

    def test_more_sizes_than_generations(self, book: PriceBook) -> None:
        spec = model_of(OPENAI, "gpt-image-1.5")
        plan = Plan(
            OPENAI, spec.alias, sizes_of(spec, ["3:2", "1:1", "2:3"], []), generations=1, variations=1
        )
        assert book.estimate(plan).images_micros == 200_000

    def test_images_that_come_unasked_are_paid_for(self, book: PriceBook) -> None:
        estimate = book.estimate(Plan(PIAPI, "midjourney", (SQUARE,), 1, 5))
        assert estimate.images == 8
        assert estimate.images_micros == book.image_cost_micros(PIAPI, "midjourney", 8, 1024, 1024)

    def test_unknown_prices_are_named_once(self, book: PriceBook) -> None:
        plan = Plan(
            PIAPI, "Qubico/new", (SQUARE,), 2, 3, "llama", "llama", "llava", remove_background_size="huge"
        )
        estimate = book.estimate(plan)
        assert estimate.total_micros == 0
        assert estimate.unknown_prices == (
            "piapi model Qubico/new",
            "remove.bg size huge",
            "language model llama",
            "language model llava",
        )


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (1_500, "$0.0015"),
        (300_000, "$0.30"),
        (12_500_000, "$12.50"),
        (1_234_567_890_000, "$1,234,567.89"),
        (-300_000, "-$0.30"),
    ],
)
def test_money(micros: int, text: str) -> None:
    assert usd(micros) == text


@given(st.integers(-(10**15), 10**15))
def test_money_loses_nothing(micros: int) -> None:
    text = usd(micros).replace("$", "").replace(",", "")
    assert Decimal(text) * 1_000_000 == micros
