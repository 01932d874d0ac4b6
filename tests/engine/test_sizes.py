"""Sizes: what is sent is legal for the model, close to what was asked for, and recorded as sent."""

from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.providers.base import ProviderName
from engine.providers.catalogue import ModelSpec, Sizing, model_of, models_of
from engine.sizes import Size, size_at, size_for, size_from_dimension, size_warnings, sizes_of, tasks_for

ALL = [spec for provider in ProviderName for spec in models_of(provider)]
GENERIC = [model_of(provider, "some-new-model") for provider in ProviderName]
FREE = [spec for spec in [*ALL, *GENERIC] if spec.sizing is Sizing.PIXELS]
FLUX = model_of(ProviderName.PIAPI, "flux-schnell")
GPT_FIXED = model_of(ProviderName.OPENAI, "gpt-image-1.5")
GPT_FREE = model_of(ProviderName.OPENAI, "gpt-image-2")
NANO = model_of(ProviderName.PIAPI, "nano-banana-pro")
MIDJOURNEY = model_of(ProviderName.PIAPI, "midjourney")


def assert_legal(spec: ModelSpec, width: int, height: int) -> None:
    assert width % spec.side_multiple == height % spec.side_multiple == 0
    assert spec.min_side <= min(width, height)
    assert max(width, height) <= spec.max_side
    assert spec.min_pixels <= width * height <= spec.max_pixels


@given(spec=st.sampled_from(FREE), wide=st.integers(1, 60), high=st.integers(1, 60))
@settings(deadline=None)
def test_computed_sizes_are_legal_and_near(spec: ModelSpec, wide: int, high: int) -> None:
    if max(wide, high) > 3 * min(wide, high):
        wide, high = 1, 1
    size = size_for(spec, f"{wide}:{high}")
    assert_legal(spec, size.width, size.height)
    assert size.aspect_ratio == f"{wide}:{high}"
    assert abs(log(size.width * high / (size.height * wide))) < 0.01
    assert 0.85 * spec.target_pixels <= size.width * size.height <= spec.target_pixels


@given(spec=st.sampled_from(FREE), wide=st.integers(1, 500), high=st.integers(1, 500))
@settings(deadline=None)
def test_any_ratio_is_legal_or_refused(spec: ModelSpec, wide: int, high: int) -> None:
    try:
        size = size_for(spec, f"{wide}:{high}")
    except SettingsError as error:
        assert "times the other" in error.problems[0].message  # noqa: PT017
    else:
        assert_legal(spec, size.width, size.height)


@given(spec=st.sampled_from([*ALL, *GENERIC]), width=st.integers(1, 20_000), height=st.integers(1, 20_000))
@settings(deadline=None)
def test_a_dimension_is_kept_or_the_hint_is_legal(spec: ModelSpec, width: int, height: int) -> None:
    try:
        size = size_from_dimension(spec, f"{width}x{height}")
    except SettingsError as error:
        problem = error.problems[0]
        assert problem.field == "generation.dimensions"
        hinted = problem.hint.removesuffix(".").rpartition(" ")[2]
        again = size_from_dimension(spec, hinted)
        assert f"{again.width}x{again.height}" == hinted
        if spec.sizing is not Sizing.FIXED:
            assert_legal(spec, again.width, again.height)
    else:
        assert (size.width, size.height) == (width, height)


@pytest.mark.parametrize(
    ("spec", "ratio", "size"),
    [
        (FLUX, "1:1", Size(1024, 1024, "1:1")),
        (FLUX, " 3:2 ", Size(1248, 832, "3:2")),
        (FLUX, "9:16", Size(760, 1352, "9:16")),
        (GPT_FREE, "16:9", Size(1360, 768, "16:9")),
        (GPT_FIXED, "16:9", Size(1536, 1024, "3:2")),
        (GPT_FIXED, "9:16", Size(1024, 1536, "2:3")),
        (GPT_FIXED, "1:1", Size(1024, 1024, "1:1")),
        (NANO, "1:1", Size(1024, 1024, "1:1")),
        (MIDJOURNEY, "7:4", Size(1344, 768, "7:4")),
    ],
)
def test_known_sizes(spec: ModelSpec, ratio: str, size: Size) -> None:
    assert size_for(spec, ratio) == size


@pytest.mark.parametrize(
    "ratio", ["", "1", "16/9", "0:1", "-1:2", "a:b", "1:2:3", "1.5:1", "²:1", "1:9999999"]
)
def test_no_ratio(ratio: str) -> None:
    with pytest.raises(SettingsError) as caught:
        size_for(FLUX, ratio)
    assert caught.value.problems[0].field == "generation.aspect_ratios"
    assert "16:9" in caught.value.problems[0].message


def test_a_ratio_that_the_model_does_not_know() -> None:
    with pytest.raises(SettingsError, match="makes no 7:4") as caught:
        size_for(NANO, "7:4")
    assert "16:9" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("spec", "dimension", "limit", "nearest"),
    [
        (FLUX, "2000x1504", "1,048,576", "1160x872"),
        (FLUX, "1001x777", "multiples of 8", "1000x776"),
        (FLUX, "32x1024", "from 64 to 4096", "64x1024"),
        (GPT_FREE, "512x512", "655,360", "896x896"),
        (GPT_FREE, "1600x400", "655,360", "1536x512"),
        (GPT_FREE, "3200x800", "3 times", "2736x912"),
        (GPT_FIXED, "1920x1080", "1536x1024", "1536x1024"),
        (NANO, "2000x1000", "none of 1:1", "1864x1048"),
    ],
)
def test_illegal_dimensions_name_the_limit(spec: ModelSpec, dimension: str, limit: str, nearest: str) -> None:
    with pytest.raises(SettingsError) as caught:
        size_from_dimension(spec, dimension)
    problem = caught.value.problems[0]
    assert dimension in problem.message
    assert limit in problem.message
    assert nearest in problem.hint


def test_legal_dimensions_are_sent_as_they_are() -> None:
    assert size_from_dimension(FLUX, "1024 X 768") == Size(1024, 768, "4:3")
    assert size_from_dimension(NANO, "1344x768") == Size(1344, 768, "16:9")
    assert size_from_dimension(GPT_FREE, "3840x2160") == Size(3840, 2160, "16:9")


def test_dimensions_win_and_neither_means_square() -> None:
    assert sizes_of(FLUX, ["16:9"], ["512x512"]) == (Size(512, 512, "1:1"),)
    assert [size.aspect_ratio for size in sizes_of(FLUX, ["16:9", "1:1"], [])] == ["16:9", "1:1"]
    assert sizes_of(FLUX, [], []) == (Size(1024, 1024, "1:1"),)


def test_every_bad_value_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        sizes_of(FLUX, [], ["512x512", "9x9", "wide"])
    assert [problem.message.split()[0] for problem in caught.value.problems] == ["9x9", "'wide'"]


def test_generations_take_sizes_in_turn() -> None:
    sizes = sizes_of(FLUX, ["16:9", "1:1", "9:16"], [])
    assert [size_at(sizes, index).aspect_ratio for index in range(5)] == [
        "16:9",
        "1:1",
        "9:16",
        "16:9",
        "1:1",
    ]


def test_replaced_ratios_are_told() -> None:
    warnings = size_warnings(GPT_FIXED, ["16:9", "1:1", "6:4"])
    assert [warning.is_warning for warning in warnings] == [True]
    assert "16:9" in warnings[0].message
    assert "1536x1024" in warnings[0].message
    assert size_warnings(FLUX, ["16:9"]) == ()


@pytest.mark.parametrize(
    ("spec", "variations", "tasks"),
    [
        (FLUX, 1, (1,)),
        (FLUX, 4, (4,)),
        (FLUX, 6, (4, 2)),
        (FLUX, 20, (4, 4, 4, 4, 4)),
        (model_of(ProviderName.PIAPI, "flux-dev"), 3, (1, 1, 1)),
        (MIDJOURNEY, 1, (4,)),
        (MIDJOURNEY, 5, (4, 4)),
        (GPT_FREE, 12, (10, 2)),
        (model_of(ProviderName.RUNWARE, "runware:101@1"), 20, (20,)),
    ],
)
def test_images_per_task(spec: ModelSpec, variations: int, tasks: tuple[int, ...]) -> None:
    assert tasks_for(spec, variations) == tasks


@given(spec=st.sampled_from([*ALL, *GENERIC]), variations=st.integers(1, 20))
def test_no_image_is_lost_between_tasks(spec: ModelSpec, variations: int) -> None:
    tasks = tasks_for(spec, variations)
    assert all(0 < count <= spec.max_images for count in tasks)
    assert sum(tasks) >= variations
    assert spec.fixed_images or sum(tasks) == variations
