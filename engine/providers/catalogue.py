"""What each image model can do, as data, and how to find it. Knows no prices, sends nothing.

Sources, read in 2026-11: PiAPI's pages per model and its own command line client; OpenAI's image reference
as the `openai` package 3.54 carries it, and its deprecations page; Runware's image inference reference. A
limit that no page states is the narrowest one that the documented examples keep to.
"""

from dataclasses import replace
from datetime import date

from engine.providers.base import ProviderName
from engine.providers.model_spec import MEGAPIXEL, ModelSpec, Resolution, Sizing
from engine.providers.retirement import retirement_of

__all__ = [
    "MEGAPIXEL",
    "ModelSpec",
    "Resolution",
    "Sizing",
    "model_of",
    "models_of",
    "retirement_of",
]

_FLUX_DEV_LICENCE = "FLUX.1 [dev] non-commercial licence: check your rights before you sell its pictures"
_APACHE = "Apache-2.0, commercial use allowed"

_FLUX = ModelSpec(
    alias="flux-schnell",
    provider=ProviderName.PIAPI,
    wire_model="Qubico/flux1-schnell",
    task_type="txt2img",
    max_images=4,
    default_steps=4,
    max_steps=10,
    takes_negative_prompt=True,
    takes_guidance=True,
    takes_steps=True,
    takes_seed=True,
    licence=_APACHE,
)
_FLUX_DEV = replace(
    _FLUX,
    alias="flux-dev",
    wire_model="Qubico/flux1-dev",
    max_images=1,
    default_steps=25,
    max_steps=40,
    is_non_commercial=True,
    licence=_FLUX_DEV_LICENCE,
)
_QWEN_IMAGE = replace(
    _FLUX,
    alias="qwen-image",
    wire_model="Qubico/qwen-image",
    max_images=1,
    default_steps=None,
    max_steps=None,
    takes_guidance=False,
    takes_steps=False,
)

_NANO_BANANA = ModelSpec(
    alias="nano-banana",
    provider=ProviderName.PIAPI,
    wire_model="gemini",
    task_type="gemini-2.5-flash-image",
    sizing=Sizing.RATIO,
    max_images=4,
    ratios=("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"),
)
_NANO_BANANA_PRO = replace(
    _NANO_BANANA,
    alias="nano-banana-pro",
    task_type="nano-banana-pro",
    max_images=1,
    resolutions=(
        Resolution("1K", MEGAPIXEL),
        Resolution("2K", 4 * MEGAPIXEL),
        Resolution("4K", 16 * MEGAPIXEL),
    ),
    resolution_field="resolution",
    max_pixels=16 * MEGAPIXEL,
    max_side=8_192,
)

_GPT_IMAGE = ModelSpec(
    alias="gpt-image-1.5",
    provider=ProviderName.OPENAI,
    wire_model="gpt-image-1.5",
    sizing=Sizing.FIXED,
    max_images=10,
    max_pixels=1536 * 1024,
    sizes=((1024, 1024), (1536, 1024), (1024, 1536)),
    takes_transparency=True,
    retired_on=date(2026, 12, 1),
)
_GPT_IMAGE_2 = replace(
    _GPT_IMAGE,
    alias="gpt-image-2",
    wire_model="gpt-image-2",
    sizing=Sizing.PIXELS,
    sizes=(),
    max_pixels=3840 * 2160,
    min_pixels=655_360,
    max_side=3840,
    side_multiple=16,
    max_ratio=3.0,
    retired_on=None,
)

_RUNWARE = ModelSpec(
    alias="runware:100@1",
    provider=ProviderName.RUNWARE,
    wire_model="runware:100@1",
    max_images=20,
    max_pixels=2048 * 2048,
    min_side=128,
    max_side=2048,
    takes_negative_prompt=True,
    takes_guidance=True,
    takes_steps=True,
    takes_seed=True,
    takes_loras=True,
)


def _named(spec: ModelSpec, name: str, *, retired_on: date | None = None, note: str = "") -> ModelSpec:
    return replace(spec, alias=name, wire_model=name, retired_on=retired_on, note=note)


_MODELS = (
    _FLUX,
    _FLUX_DEV,
    replace(
        _FLUX_DEV,
        alias="flux-dev-advanced",
        wire_model="Qubico/flux1-dev-advanced",
        lora_task_type="txt2img-lora",
        takes_loras=True,
        note="PiAPI serves it on paid plans only.",
    ),
    _QWEN_IMAGE,
    replace(
        _QWEN_IMAGE,
        alias="z-image",
        wire_model="Qubico/z-image",
        max_pixels=2 * MEGAPIXEL,
        max_side=2_048,
    ),
    _NANO_BANANA,
    _NANO_BANANA_PRO,
    replace(_NANO_BANANA_PRO, alias="nano-banana-2", task_type="nano-banana-2"),
    replace(
        _NANO_BANANA,
        alias="seedream-5-lite",
        wire_model="seedream",
        task_type="seedream-5-lite",
        max_images=1,
        ratios=("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4"),
        resolutions=(Resolution("2K", 4 * MEGAPIXEL), Resolution("3K", 9 * MEGAPIXEL)),
        resolution_field="size",
        target_pixels=4 * MEGAPIXEL,
        max_pixels=9 * MEGAPIXEL,
        max_side=8_192,
    ),
    replace(
        _NANO_BANANA,
        alias="midjourney",
        wire_model="midjourney",
        task_type="imagine",
        max_images=4,
        fixed_images=4,
        ratios=(),
        takes_process_mode=True,
        note="PiAPI has discontinued Midjourney; it is kept for compatible gateways and for old jobs.",
    ),
    _named(_GPT_IMAGE_2, "gpt-image-2.6-flare"),
    _named(_GPT_IMAGE_2, "gpt-image-2.6-sunburst"),
    _named(_GPT_IMAGE_2, "gpt-image-2.5-flare"),
    _named(_GPT_IMAGE_2, "gpt-image-2.5-sunburst"),
    _GPT_IMAGE_2,
    replace(
        _named(
            _GPT_IMAGE, "gpt-image-2-preview", note="PiAPI's name for GPT Image 2 behind OpenAI's interface."
        ),
        takes_transparency=False,
    ),
    _GPT_IMAGE,
    replace(_GPT_IMAGE, alias="gpt-image-1.5-2025-12-16", wire_model="gpt-image-1.5-2025-12-16"),
    _named(_GPT_IMAGE, "gpt-image-1-mini", retired_on=date(2026, 12, 1)),
    _named(_GPT_IMAGE, "chatgpt-image-latest", retired_on=date(2026, 12, 1)),
    _named(_GPT_IMAGE, "gpt-image-1", retired_on=date(2026, 10, 23)),
    replace(_RUNWARE, default_steps=4, licence=_APACHE, note="FLUX.1 [schnell]"),
    replace(
        _named(_RUNWARE, "runware:101@1", note="FLUX.1 [dev]"),
        default_steps=28,
        is_non_commercial=True,
        licence=_FLUX_DEV_LICENCE,
    ),
)

_GENERIC = {
    ProviderName.PIAPI: replace(
        _FLUX, max_images=1, default_steps=None, max_steps=None, licence="", is_known=False
    ),
    ProviderName.OPENAI: ModelSpec(
        alias="",
        provider=ProviderName.OPENAI,
        wire_model="",
        is_known=False,
        max_pixels=2048 * 2048,
        max_side=2048,
        takes_transparency=False,
    ),
    ProviderName.RUNWARE: replace(_RUNWARE, is_known=False),
}
_BY_ALIAS = {(spec.provider, spec.alias): spec for spec in _MODELS}
_BY_WIRE_MODEL = {
    (spec.provider, spec.wire_model): spec
    for spec in _MODELS
    if sum(other.wire_model == spec.wire_model for other in _MODELS) == 1
}


def models_of(provider: ProviderName) -> tuple[ModelSpec, ...]:
    """The models that the catalogue knows of this provider, those that are going away last."""
    return tuple(spec for spec in _MODELS if spec.provider is provider)


def model_of(provider: ProviderName, alias: str) -> ModelSpec:
    """The entry for an alias, or for a provider's own model name where that names one entry only.

    Any other name gets the provider's general limits, with the name passed through as it is and `is_known`
    False: new models and compatible servers work, preflight warns.
    """
    name = alias.strip()
    spec = _BY_ALIAS.get((provider, name)) or _BY_WIRE_MODEL.get((provider, name))
    return spec or _named(_GENERIC[provider], name)
