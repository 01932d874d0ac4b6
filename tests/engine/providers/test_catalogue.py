"""The catalogue: every model of the wire formats is there, and its limits agree with each other."""

from datetime import date

import pytest

from engine.providers.base import ProviderName
from engine.providers.catalogue import MEGAPIXEL, ModelSpec, Sizing, model_of, models_of

ALL = [spec for provider in ProviderName for spec in models_of(provider)]
PIAPI, OPENAI, RUNWARE = ProviderName.PIAPI, ProviderName.OPENAI, ProviderName.RUNWARE


@pytest.mark.parametrize(
    ("alias", "wire_model", "task_type", "sizing", "max_images"),
    [
        ("flux-schnell", "Qubico/flux1-schnell", "txt2img", Sizing.PIXELS, 4),
        ("flux-dev", "Qubico/flux1-dev", "txt2img", Sizing.PIXELS, 1),
        ("flux-dev-advanced", "Qubico/flux1-dev-advanced", "txt2img", Sizing.PIXELS, 1),
        ("qwen-image", "Qubico/qwen-image", "txt2img", Sizing.PIXELS, 1),
        ("z-image", "Qubico/z-image", "txt2img", Sizing.PIXELS, 1),
        ("nano-banana", "gemini", "gemini-2.5-flash-image", Sizing.RATIO, 4),
        ("nano-banana-pro", "gemini", "nano-banana-pro", Sizing.RATIO, 1),
        ("nano-banana-2", "gemini", "nano-banana-2", Sizing.RATIO, 1),
        ("seedream-5-lite", "seedream", "seedream-5-lite", Sizing.RATIO, 1),
        ("midjourney", "midjourney", "imagine", Sizing.RATIO, 4),
    ],
)
def test_piapi_models(alias: str, wire_model: str, task_type: str, sizing: Sizing, max_images: int) -> None:
    spec = model_of(PIAPI, alias)
    assert spec.is_known
    assert (spec.wire_model, spec.task_type) == (wire_model, task_type)
    assert (spec.sizing, spec.max_images) == (sizing, max_images)


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.alias)
def test_limits_agree(spec: ModelSpec) -> None:
    assert model_of(spec.provider, spec.alias) is spec
    assert spec.min_pixels <= spec.target_pixels <= spec.max_pixels
    assert spec.min_side % spec.side_multiple == spec.max_side % spec.side_multiple == 0
    assert spec.fixed_images in (None, spec.max_images)
    assert (spec.sizing is Sizing.FIXED) == bool(spec.sizes)
    assert spec.sizing is Sizing.RATIO or not spec.ratios
    assert bool(spec.resolutions) == bool(spec.resolution_field)
    assert list(spec.resolutions) == sorted(spec.resolutions, key=lambda step: step.pixels)
    assert spec.takes_steps or spec.default_steps is None


def test_aliases_are_unique() -> None:
    keys = [(spec.provider, spec.alias) for spec in ALL]
    assert len(keys) == len(set(keys))


def test_loras_have_a_task_type_of_their_own_on_piapi() -> None:
    takers = [spec for spec in models_of(PIAPI) if spec.takes_loras]
    assert [(spec.alias, spec.lora_task_type) for spec in takers] == [("flux-dev-advanced", "txt2img-lora")]


def test_schnell_may_be_sold_and_dev_may_not() -> None:
    assert not model_of(PIAPI, "flux-schnell").is_non_commercial
    assert model_of(PIAPI, "flux-dev").is_non_commercial
    assert model_of(PIAPI, "flux-dev-advanced").is_non_commercial


def test_a_providers_own_name_finds_the_entry() -> None:
    assert model_of(PIAPI, " Qubico/flux1-dev ").alias == "flux-dev"
    assert not model_of(PIAPI, "gemini").is_known  # names three models


@pytest.mark.parametrize("provider", list(ProviderName))
def test_unknown_models_pass_through(provider: ProviderName) -> None:
    spec = model_of(provider, "brand/new-1")
    assert not spec.is_known
    assert (spec.alias, spec.wire_model, spec.provider) == ("brand/new-1", "brand/new-1", provider)
    assert spec.sizing is Sizing.PIXELS
    assert spec.retirement(date(2099, 1, 1)) is None


def test_one_provider_does_not_lend_another_its_models() -> None:
    assert not model_of(OPENAI, "flux-schnell").is_known
    assert not model_of(RUNWARE, "gpt-image-2").is_known


@pytest.mark.parametrize(
    ("width", "height", "step"),
    [(1024, 1024, "1K"), (1032, 1024, "2K"), (2048, 2048, "2K"), (4096, 4096, "4K")],
)
def test_resolution_steps(width: int, height: int, step: str) -> None:
    assert model_of(PIAPI, "nano-banana-pro").resolution_for(width, height) == step


def test_resolution_beyond_the_last_step_and_of_models_without_steps() -> None:
    assert model_of(PIAPI, "nano-banana-pro").resolution_for(9_000, 9_000) == "4K"
    assert model_of(PIAPI, "flux-schnell").resolution_for(1024, 1024) is None
    assert MEGAPIXEL == 1024 * 1024


def test_retirement_of_image_models() -> None:
    today = date(2026, 11, 23)
    assert "was shut down" in (model_of(OPENAI, "gpt-image-1").retirement(today) or "")
    assert "2026-12-01" in (model_of(OPENAI, "gpt-image-1.5").retirement(today) or "")
    assert model_of(OPENAI, "gpt-image-1.5").retirement(date(2026, 9, 1)) is None
    assert model_of(OPENAI, "gpt-image-2.6-flare").retirement(today) is None
