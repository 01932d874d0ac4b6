from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.errors import SettingsError
from engine.providers.base import ProviderName
from engine.settings import FilesSettings, GenerationSettings, Settings
from engine.settings_types import resolve_in


def test_the_defaults_are_those_of_the_product() -> None:
    settings = Settings()
    assert settings.generation.provider is ProviderName.PIAPI
    assert settings.generation.model == "flux-schnell"
    assert settings.generation.aspect_ratios == ("1:1",)
    assert settings.generation.attempts == 2
    assert settings.processing.saturation == 1.4
    assert settings.ai.quality_check
    assert settings.ai.metadata
    assert settings.ai.embed_metadata
    assert not settings.processing.remove_background
    assert not settings.advanced.debug


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().generation.generations = 3  # type: ignore[misc]


def test_checks_and_metadata_use_the_prompt_model_unless_they_have_their_own() -> None:
    settings = Settings.model_validate(
        {"prompt": {"openai_model": "small"}, "ai": {"metadata_model": "large"}}
    )
    assert (settings.quality_model, settings.metadata_model) == ("small", "large")


def test_paths_stay_as_typed_and_expand_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    files = FilesSettings(output_dir="~/out", keywords_file="/data/k.txt")
    assert files.output_dir == "~/out"
    assert files.output_folder(Path("/default")) == Path("/home/someone/out")
    assert files.path("keywords_file") == Path("/data/k.txt")
    assert files.path("work_dir") is None
    assert files.work_folder(Path("/default")) == Path("/default")


def test_the_home_of_a_user_who_does_not_exist_is_named() -> None:
    with pytest.raises(SettingsError, match=r"files\.output_dir.*~nobody-of-this-name"):
        FilesSettings(output_dir="~nobody-of-this-name/x").output_folder(Path("/"))


@pytest.mark.parametrize(
    ("text", "outcome"), [("a/b", "/f/a/b"), ("/a/.", "/a/."), ("~/a", "~/a"), ("", ""), ("../a", "/f/../a")]
)
def test_only_relative_paths_are_resolved(text: str, outcome: str) -> None:
    assert resolve_in(Path("/f"), text) == outcome


def test_blank_optional_texts_are_not_set() -> None:
    assert FilesSettings(keywords_file="  ").keywords_file is None
    assert GenerationSettings(negative_prompt="").negative_prompt is None


def test_ratios_and_dimensions_get_one_form() -> None:
    generation = GenerationSettings(
        aspect_ratios=(" 16 : 9 ", "1:1"), dimensions=("1024 X 768", "64\u00d764")
    )
    assert generation.aspect_ratios == ("16:9", "1:1")
    assert generation.dimensions == ("1024x768", "64x64")


def test_planned_images_and_budget() -> None:
    generation = GenerationSettings(generations=12, variations=4, budget_usd=1.1)
    assert generation.images_planned == 48
    assert generation.budget_micros == 1_100_000
    assert GenerationSettings().budget_micros is None


def test_text_with_control_characters_is_refused_or_cleaned() -> None:
    with pytest.raises(ValidationError, match="control characters"):
        GenerationSettings(model="a\x1b[0m")
    assert GenerationSettings(negative_prompt="no\x1b text\nno hands").negative_prompt == "no text\nno hands"
