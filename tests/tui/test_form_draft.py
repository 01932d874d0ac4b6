"""A form's draft: edits, undo, judgement; and steps that stay within their range."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.settings import Settings, describe_field, describe_fields, dump_settings, merge_settings
from tui.form_draft import field_of, settings_draft, stepped, toggled

GENERATIONS = "generation.generations"
VARIATIONS = "generation.variations"


def test_an_edit_is_a_change_until_it_is_undone() -> None:
    draft = settings_draft({"generation": {"generations": 3}})
    assert draft.value(GENERATIONS) == 3
    assert draft.changed == ()
    assert draft.set(GENERATIONS, 5)
    assert not draft.set(GENERATIONS, 5)
    assert draft.changed == (GENERATIONS,)
    assert draft.document()["generation"]["generations"] == 5
    assert draft.undo() == (GENERATIONS,)
    assert draft.changed == ()
    assert draft.undo() == ()


def test_what_goes_together_is_judged_together_and_values_alone_are_not_refused() -> None:
    draft = settings_draft({})
    value, refusal = draft.parse(GENERATIONS, "2500")
    assert (value, refusal) == (2500, None)
    draft.set(GENERATIONS, 2500)
    value, refusal = draft.parse(VARIATIONS, "20")
    assert (value, refusal) == (20, None)
    draft.set(VARIATIONS, 20)
    problem = draft.problem(GENERATIONS)
    assert problem is not None
    assert "50,000" in problem.message
    draft.set(GENERATIONS, 1)
    assert draft.problems == ()


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (GENERATIONS, "many", "not a whole number"),
        (GENERATIONS, "3000", "2,500"),
        ("generation.aspect_ratios", "16x9", "no aspect ratio"),
        ("generation.loras", "style:11", "10"),
        ("prompt.openai_model", "", "empty"),
    ],
)
def test_what_is_wrong_in_itself_is_refused(path: str, text: str, said: str) -> None:
    _, refusal = settings_draft({}).parse(path, text)
    assert refusal is not None
    assert field_of(refusal) == path
    assert said in refusal.message


def test_ratios_may_go_when_a_dimension_is_there() -> None:
    draft = settings_draft({"generation": {"dimensions": ["64x64"]}})
    assert draft.parse("generation.aspect_ratios", "") == ([], None)


def test_a_stored_document_that_is_broken_is_shown_and_can_be_mended() -> None:
    draft = settings_draft({"generation": {"generations": "three"}, "processing": 5, "unknown": {"x": 1}})
    assert [field_of(problem) for problem in draft.problems] == [GENERATIONS]
    assert draft.value("processing.jpg_quality") == 85
    draft.set(GENERATIONS, 3)
    assert draft.problems == ()


def test_edits_outlive_what_someone_else_saves() -> None:
    draft = settings_draft({})
    draft.set(GENERATIONS, 9)
    draft.rebase({"generation": {"generations": 4, "variations": 2}})
    assert (draft.value(GENERATIONS), draft.value(VARIATIONS)) == (9, 2)
    assert draft.changed == (GENERATIONS,)
    draft.discard()
    assert draft.value(GENERATIONS) == 4


def test_a_whole_document_is_one_edit() -> None:
    draft = settings_draft({"generation": {"generations": 4, "variations": 2}})
    assert draft.replace({})
    assert dump_settings(merge_settings(draft.document())[0]) == dump_settings(Settings())
    assert not draft.replace({})
    assert set(draft.undo()) == {GENERATIONS, VARIATIONS}
    assert draft.changed == ()


@pytest.mark.parametrize(
    ("path", "value", "direction", "expected"),
    [
        (GENERATIONS, 1, 1, 2),
        (GENERATIONS, 1, -1, 1),
        (GENERATIONS, 2500, 1, 2500),
        ("processing.saturation", 1.4, 1, 1.5),
        ("processing.saturation", 0.3, -1, 0.2),
        ("generation.seed", None, 1, 1),
        ("generation.steps", None, 1, 1),
        ("generation.steps", 1, -1, None),
        ("generation.steps", None, -1, None),
        ("generation.provider", "piapi", 1, "openai"),
        ("generation.provider", "piapi", -1, "runware"),
        ("generation.provider", "gone", 1, "piapi"),
        ("processing.enhance", False, 1, True),
        ("processing.enhance", True, 1, True),
        ("generation.model", "flux", 1, "flux"),
    ],
)
def test_one_step(path: str, value: Any, direction: int, expected: Any) -> None:
    found = stepped(describe_field(path), value, direction)
    assert (found, type(found)) == (expected, type(expected))


@given(st.sampled_from(describe_fields()), st.lists(st.sampled_from((-1, 1)), max_size=30))
def test_steps_never_leave_the_range(field: Any, directions: list[int]) -> None:
    draft = settings_draft({})
    for direction in directions:
        draft.set(field.path, stepped(field, draft.value(field.path), direction))
        assert draft.problem(field.path) is None


def test_toggling() -> None:
    assert toggled(describe_field("ai.metadata"), True) is False
    assert toggled(describe_field("processing.convert_format"), "webp") == "png"
    assert toggled(describe_field(GENERATIONS), 3) == 3
