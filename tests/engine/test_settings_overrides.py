from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounded

from engine.errors import SettingsError
from engine.settings import (
    Settings,
    describe_fields,
    dump_settings,
    format_value,
    merge_settings,
    override_settings,
)
from tests.engine.settings_strategies import settings_data


def overridden(*overrides: str) -> dict[str, Any]:
    return dump_settings(override_settings(Settings(), overrides, folder=Path("/here")))


def refusal(*overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        override_settings(Settings(), overrides)
    return "\n".join(f"{p.field}: {p.message} {p.hint}" for p in caught.value.problems)


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("generation.generations=12", 12),
        ("generation.aspect_ratios=1:1, 16:9,", ["1:1", "16:9"]),
        ("generation.dimensions=none", []),
        (
            "generation.loras=civitai:1@2:0.5,plain,two:words",
            [("civitai:1@2", 0.5), ("plain", 1.0), ("two:words", 1.0)],
        ),
        ("generation.seed=none", None),
        ("generation.seed=", None),
        ("generation.budget_usd=2.5", 2.5),
        ("generation.model = a=b", "a=b"),
        ("generation.negative_prompt=hands, text", "hands, text"),
        ("files.keywords_file=k.csv", "/here/k.csv"),
        ("files.output_dir=~/out", "~/out"),
        ("files.work_dir=/w", "/w"),
        ("ai.metadata=off", False),
        ("advanced.debug=YES", True),
        ("processing.convert=1", True),
        ("processing.enhance=False", False),
    ],
)
def test_each_kind_of_value(override: str, value: Any) -> None:
    group, _, name = override.partition("=")[0].strip().partition(".")
    found = overridden(override)[group][name]
    if name == "loras":
        found = [(lora["model"], lora["weight"]) for lora in found]
    assert found == value


def test_the_later_override_wins_and_the_rest_stays() -> None:
    data = overridden("generation.steps=3", "generation.steps=4")
    assert data["generation"]["steps"] == 4
    assert data["processing"] == dump_settings(Settings())["processing"]


def test_a_pair_is_judged_as_a_whole() -> None:
    settings, _ = merge_settings({"generation": {"generations": 2000, "variations": 5}})
    changed = override_settings(settings, ["generation.variations=20", "generation.generations=500"])
    assert changed.generation.images_planned == 10_000


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("generation.modle=x", ["--set generation.modle", "Did you mean generation.model?"]),
        ("model=x", ["--set model", "Did you mean generation.model?"]),
        ("nonsense.at_all=x", ["--set nonsense.at_all", "gimf config show"]),
        ("generation.model", ["has no =", "group.field=value"]),
        ("generation.generations=many", ["--set generation.generations", '"many" is not a whole number']),
        ("generation.generations=2501", ["--set generation.generations", "2,500"]),
        ("generation.guidance=nan", ["--set generation.guidance", "not a number"]),
        ("ai.metadata=perhaps", ["--set ai.metadata", "neither on nor off"]),
        ("processing.convert_format=jpeg", ["--set processing.convert_format", "Did you mean jpg?"]),
        ("generation.aspect_ratios=16x9", ["--set generation.aspect_ratios[0]", "Write it like 16:9."]),
        ("generation.aspect_ratios=none", ["--set generation.aspect_ratios", "aspect ratio"]),
        ("generation.loras=x:99", ["--set generation.loras[0].weight", "more than 10"]),
        ("generation.model=none", []),
    ],
)
def test_a_bad_override_is_named_with_what_to_do(override: str, words: list[str]) -> None:
    if words:
        message = refusal(override)
        assert all(word in message for word in words), message
    else:
        assert overridden(override)["generation"]["model"] == "none"  # a model has no "not set"


def test_all_bad_overrides_are_named_at_once() -> None:
    message = refusal("generation.generations=x", "ai.metadata=y", "foo=z")
    assert message.count("--set") == 3


@given(settings_data())
@bounded(max_examples=60, deadline=None)
def test_what_a_form_shows_sets_the_same_again(full: dict[str, Any]) -> None:
    settings, _ = merge_settings(full)
    data = dump_settings(settings)
    texts = [
        f"{f.path}={format_value(data[f.group][f.path.partition('.')[2]], f)}" for f in describe_fields()
    ]
    assert override_settings(Settings(), texts) == settings
