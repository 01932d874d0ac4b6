from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.settings import Settings, changed_fields, dump_settings, merge_settings
from tests.engine.settings_strategies import settings_data


def problems(data: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        merge_settings(data)
    return {problem.field: f"{problem.message} | {problem.hint}" for problem in caught.value.problems}


def test_nothing_gives_the_defaults() -> None:
    assert merge_settings({}) == (Settings(), [])


def test_one_field_leaves_its_neighbours_at_their_defaults() -> None:
    settings, warnings = merge_settings({"processing": {"sharpening": 3}})
    assert warnings == []
    assert settings.processing.sharpening == 3
    assert settings.processing.saturation == 1.4
    assert changed_fields(Settings(), settings) == ("processing.sharpening",)


@given(settings_data(), st.data())
@bounded(max_examples=60, deadline=None)
def test_the_merge_is_deep(full: dict[str, dict[str, Any]], data: st.DataObject) -> None:
    """Whatever part of the fields is given: those have their values, all others the defaults."""
    paths = [(group, name) for group in full for name in full[group]]
    chosen = data.draw(st.sets(st.sampled_from(paths)))
    # These two are only allowed together; a part may not be.
    chosen -= {("generation", "variations")}
    part: dict[str, dict[str, Any]] = {}
    for group, name in chosen:
        part.setdefault(group, {})[name] = full[group][name]
    if not part.get("generation", {}).get("aspect_ratios", ["1:1"]):
        del part["generation"]["aspect_ratios"]
    merged, warnings = merge_settings(part)
    defaults, outcome = dump_settings(Settings()), dump_settings(merged)
    assert warnings == []
    for group, name in paths:
        expected = part.get(group, {}).get(name, defaults[group][name])
        assert outcome[group][name] == expected


@given(settings_data())
@bounded(max_examples=60, deadline=None)
def test_a_dump_merges_to_equal_settings(full: dict[str, Any]) -> None:
    settings, _ = merge_settings(full)
    assert merge_settings(dump_settings(settings)) == (settings, [])


def test_unknown_fields_are_reported_by_name_and_left_out() -> None:
    settings, warnings = merge_settings(
        {
            "generation": {"modle": "x", "loras": [{"model": "a", "wieght": 3}]},
            "convert": True,
            "outptu": {},
        }
    )
    found = {warning.field: warning.hint for warning in warnings}
    assert found == {
        "generation.modle": "Did you mean generation.model?",
        "generation.loras[0].wieght": "Did you mean generation.loras[0].weight?",
        "convert": "Did you mean processing.convert?",
        "outptu": "",
    }
    assert all(warning.is_warning for warning in warnings)
    assert settings.generation.model == "flux-schnell"
    assert settings.generation.loras[0].model == "a"


def test_the_given_data_is_not_changed() -> None:
    data = {"generation": {"modle": "x"}}
    merge_settings(data)
    assert data == {"generation": {"modle": "x"}}


def test_keys_are_left_out_and_never_repeated() -> None:
    _, (warning,) = merge_settings({"keys": {"openai": "sk-very-secret-value"}})
    assert warning.field == "keys"
    assert "gimf keys set" in warning.hint
    assert "secret" not in repr(warning)


def test_every_bad_field_is_named_at_once() -> None:
    found = problems(
        {
            "generation": {
                "provider": "piap",
                "model": "",
                "generations": True,
                "variations": 21,
                "aspect_ratios": ["1:1", "16x9"],
                "dimensions": ["1024"],
                "guidance": float("nan"),
                "loras": [{"weight": 11}],
                "mj_version": "latest",
                "attempts": None,
                "budget_usd": -1,
            },
            "processing": {"saturation": 1.45, "enhance": "yes"},
            "prompt": {"openai_model": 5},
            "ai": 3,
        }
    )
    assert found == {
        "generation.provider": '"piap" is not one of piapi, openai, runware | Did you mean piapi?',
        "generation.model": "it is empty | ",
        "generation.generations": "True is not a whole number | ",
        "generation.variations": "21 is more than 20, the largest value allowed | ",
        "generation.aspect_ratios[1]": '"16x9" is no aspect ratio | Write it like 16:9.',
        "generation.dimensions[0]": '"1024" is no size | Write it like 1024x768, in pixels.',
        "generation.guidance": "nan is not a number | ",
        "generation.loras[0].model": "it is missing | ",
        "generation.loras[0].weight": "11 is more than 10, the largest value allowed | ",
        "generation.mj_version": '"latest" is no version of Midjourney | Write it like 6.1.',
        "generation.attempts": "it needs a value | ",
        "generation.budget_usd": "-1 is less than 0, the smallest value allowed | ",
        "processing.saturation": "1.45 is not a multiple of 0.1 | ",
        "processing.enhance": '"yes" is neither true nor false | ',
        "prompt.openai_model": "5 is not text | Write it in quotes.",
        "ai": "3 is not a group of fields | ",
    }


def test_an_error_also_tells_the_warnings() -> None:
    found = problems({"generation": {"steps": 0, "stesp": 3}})
    assert set(found) == {"generation.steps", "generation.stesp"}


def test_too_many_images_are_refused_with_both_numbers() -> None:
    found = problems({"generation": {"generations": 2500, "variations": 20}})
    assert "2,500 generations x 20 variations are 50,000 images" in found["generation.generations"]
    assert "10,000" in found["generation.generations"]
    merge_settings({"generation": {"generations": 500, "variations": 20}})


def test_a_job_needs_a_shape() -> None:
    assert "aspect ratio" in problems({"generation": {"aspect_ratios": []}})["generation.aspect_ratios"]
    merge_settings({"generation": {"aspect_ratios": [], "dimensions": ["64x64"]}})


def test_messages_quote_no_raw_control_character() -> None:
    (message,) = problems({"generation": {"provider": "\x1b]0;x\x07"}}).values()
    assert "\x1b" not in message
    assert "\x07" not in message


def test_changed_fields_are_in_the_order_of_the_model() -> None:
    after, _ = merge_settings(
        {"ai": {"metadata": False}, "files": {"work_dir": "/w"}, "generation": {"steps": 4}}
    )
    assert changed_fields(Settings(), after) == ("files.work_dir", "generation.steps", "ai.metadata")
    assert changed_fields(after, after) == ()
