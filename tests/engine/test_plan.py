from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.costs import PriceBook
from engine.keywords import BUILT_IN_KEYWORDS
from engine.plan import SHOWN_KEYWORDS, JobPlan, make_plan
from engine.settings import merge_settings
from engine.settings_files import read_settings_file
from tests.test_project import ROOT

TODAY = date(2026, 11, 22)
EXAMPLES = ROOT / "docs" / "examples"

MakePlan = Callable[..., JobPlan]


@pytest.fixture
def plan(tmp_path: Path) -> MakePlan:
    """A plan of the settings given by groups; `texts` are written into files of these names."""

    def make(texts: dict[str, str] | None = None, **groups: dict[str, Any]) -> JobPlan:
        document: dict[str, Any] = {name: dict(fields) for name, fields in groups.items()}
        for name, text in (texts or {}).items():
            suffix = ".csv" if "," in text.partition("\n")[0] else ".txt"
            path = tmp_path / f"{name}{suffix}"
            path.write_text(text, encoding="utf-8")
            document.setdefault("files", {})[name] = str(path)
        settings, warnings = merge_settings(document)
        assert warnings == []
        return make_plan(settings, PriceBook.load(), output_dir=tmp_path / "out", today=TODAY)

    return make


def errors(one: JobPlan) -> dict[str, str]:
    return {problem.field: problem.message for problem in one.problems if not problem.is_warning}


def warnings(one: JobPlan) -> dict[str, str]:
    return {problem.field: problem.message for problem in one.problems if problem.is_warning}


def test_the_default_job(plan: MakePlan) -> None:
    one = plan()
    assert one.can_start
    assert one.planned_images == 1
    assert one.generation(0).keyword == BUILT_IN_KEYWORDS[0]
    assert (one.generation(0).size.width, one.generation(0).size.height) == (1024, 1024)
    assert one.generation(0).seed is None
    assert one.inputs.keyword_source == "built-in list"
    assert "built-in list" in warnings(one)["files.keywords_file"]


def test_everything_that_is_wrong_is_said_at_once_and_names_its_field(plan: MakePlan, tmp_path: Path) -> None:
    one = plan(
        texts={"quality_prompt_file": " \n", "metadata_prompt_file": "Titles for ${colour}."},
        generation={"dimensions": ["1000x1001", "99999x8"], "model": "flux-schnell", "steps": 150},
    )
    missing = plan(
        generation={"aspect_ratios": ["1:500"]},
        files={
            "keywords_file": str(tmp_path / "none.csv"),
            "system_prompt_file": "~nobody-of-that-name/template.txt",
        },
    )
    assert set(errors(one)) == {
        "generation.dimensions",
        "generation.steps",
        "files.quality_prompt_file",
        "files.metadata_prompt_file",
    }
    assert sum(problem.field == "generation.dimensions" for problem in one.problems) == 2
    assert not one.can_start
    assert not one.view().can_start
    assert set(errors(missing)) == {
        "generation.aspect_ratios",
        "files.keywords_file",
        "files.system_prompt_file",
    }
    assert "none.csv" in errors(missing)["files.keywords_file"]
    assert "nobody-of-that-name" in errors(missing)["files.system_prompt_file"]


def test_a_plan_with_problems_can_still_be_looked_at(plan: MakePlan, tmp_path: Path) -> None:
    view = plan(files={"keywords_file": str(tmp_path / "none.txt")}).view()
    assert [(problem.field, problem.is_warning) for problem in view.problems] == [
        ("files.keywords_file", False)
    ]
    assert view.generations == 1


def test_an_error_in_a_file_names_file_and_line(plan: MakePlan) -> None:
    one = plan(texts={"keywords_file": 'Keyword,Mood\ncat,calm\ndog,"wild\n'})
    assert "keywords_file.csv" in errors(one)["files.keywords_file"]
    assert "line 3" in errors(one)["files.keywords_file"]


def test_a_placeholder_that_no_column_fills_names_line_and_columns(plan: MakePlan) -> None:
    one = plan(
        texts={
            "keywords_file": "Keyword,Mood\ncat,calm\n",
            "system_prompt_file": "A picture of {keyword}.\nMood: ${{Mod}}\n",
        }
    )
    message = errors(one)["files.system_prompt_file"]
    assert "line 2" in message
    assert "${{Mod}}" in message
    assert "Keyword, Mood" in message


def test_a_bad_keywords_file_is_not_blamed_on_the_template(plan: MakePlan) -> None:
    one = plan(texts={"keywords_file": "Keyword,Mood\n", "system_prompt_file": "${{Mood}} {keyword}"})
    assert set(errors(one)) == {"files.keywords_file"}


def test_columns_of_the_csv_reach_the_generations(plan: MakePlan) -> None:
    one = plan(
        texts={"keywords_file": 'Keyword,Mood\n"cat, grey",calm\ndog,wild\n'},
        generation={"generations": 3},
    )
    assert [one.generation(index).keyword for index in range(3)] == ["cat, grey", "dog", "cat, grey"]
    assert one.generation(1).keyword_row == {"Keyword": "dog", "Mood": "wild"}
    assert one.inputs.columns == ("Keyword", "Mood")
    assert "${{Mood}}" in one.inputs.template


@pytest.mark.parametrize("is_used", [True, False])
def test_prompt_files_are_read_where_they_are_used(plan: MakePlan, is_used: bool) -> None:
    one = plan(
        texts={"quality_prompt_file": "Judge it.", "metadata_prompt_file": "Name ${promptContext}."},
        ai={"quality_check": is_used, "metadata": is_used},
    )
    assert one.inputs.quality_prompt == ("Judge it." if is_used else None)
    assert one.inputs.metadata_prompt == ("Name ${promptContext}." if is_used else None)


def test_ratios_and_dimensions_go_round(plan: MakePlan) -> None:
    ratios = plan(generation={"generations": 5, "aspect_ratios": ["1:1", "16:9", "2:3"]})
    assert [ratios.generation(index).size.aspect_ratio for index in range(5)] == [
        "1:1",
        "16:9",
        "2:3",
        "1:1",
        "16:9",
    ]
    sizes = plan(
        generation={"generations": 3, "aspect_ratios": ["16:9"], "dimensions": ["512x768", "1024x1024"]}
    )
    assert [(sizes.generation(i).size.width, sizes.generation(i).size.height) for i in range(3)] == [
        (512, 768),
        (1024, 1024),
        (512, 768),
    ]


def test_every_generation_has_seeds_of_its_own_for_all_its_images(plan: MakePlan) -> None:
    one = plan(generation={"generations": 3, "variations": 4, "seed": 100})
    assert [one.generation(index).seed for index in range(3)] == [100, 104, 108]


def test_a_model_without_seeds_gets_none_and_says_so(plan: MakePlan) -> None:
    one = plan(generation={"model": "midjourney", "seed": 7, "generations": 2})
    if not one.spec.takes_seed:
        assert one.generation(1).seed is None
        assert "generation.seed" in warnings(one)
    else:
        assert one.generation(1).seed == 7 + sum(one.images_per_task)


def test_the_same_seed_draws_the_same_rows_and_no_seed_is_kept_for_a_resume(plan: MakePlan) -> None:
    fields = {"generations": 12, "keyword_order": "random", "seed": 5}
    assert list(plan(generation=fields).rows) == list(plan(generation=fields).rows)
    assert sorted(plan(generation=fields).rows) == list(range(12))
    assert plan(generation=fields).inputs.draw_seed == 5
    del fields["seed"]
    drawn = plan(generation=fields)
    assert drawn.inputs.draw_seed >= 0
    assert plan(generation={**fields, "seed": drawn.inputs.draw_seed}).rows == drawn.rows


@pytest.mark.parametrize(("variations", "tasks"), [(1, (4,)), (4, (4,)), (5, (4, 4)), (8, (4, 4))])
def test_midjourney_makes_four_at_a_time(plan: MakePlan, variations: int, tasks: tuple[int, ...]) -> None:
    one = plan(generation={"model": "midjourney", "variations": variations, "generations": 3})
    assert one.images_per_task == tasks
    assert one.planned_images == 3 * sum(tasks)
    is_told = "generation.variations" in warnings(one)
    assert is_told == (sum(tasks) != variations)
    if is_told:
        assert (
            f"{3 * sum(tasks)} images instead of {3 * variations}" in warnings(one)["generation.variations"]
        )
    assert one.can_start
    assert one.view().tasks == 3 * len(tasks)


def test_variations_beyond_the_models_limit_become_several_tasks(plan: MakePlan) -> None:
    one = plan(generation={"variations": 6, "generations": 2})
    assert sum(one.images_per_task) == 6
    assert max(one.images_per_task) <= one.spec.max_images
    assert one.view().images == 12


@pytest.mark.parametrize(
    ("field", "value", "model"),
    [
        ("negative_prompt", "text", "gpt-image-2"),
        ("guidance", 3.5, "gpt-image-2"),
        ("steps", 20, "gpt-image-2"),
        ("loras", [{"model": "film", "weight": 0.5}], "gpt-image-2"),
    ],
)
def test_a_setting_that_the_model_does_not_take_is_a_warning(
    plan: MakePlan, field: str, value: object, model: str
) -> None:
    one = plan(generation={"provider": "openai", "model": model, field: value})
    assert "it is not sent" in warnings(one)[f"generation.{field}"]
    assert one.can_start
    assert f"generation.{field}" not in warnings(plan(generation={"provider": "openai", "model": model}))


def test_an_unlisted_model_is_taken_with_a_warning_and_without_a_price(plan: MakePlan) -> None:
    one = plan(generation={"model": "Vendor/new-model"})
    assert "not in the catalogue" in warnings(one)["generation.model"]
    assert "No price is known" in warnings(one)["prices"]
    assert one.can_start


def test_the_view_says_what_it_will_cost(plan: MakePlan) -> None:
    one = plan(
        generation={"generations": 30, "variations": 2, "budget_usd": 5.0},
        processing={"remove_background": True},
    )
    view = one.view()
    assert {line.what: line.calls for line in view.costs} == {
        "images": one.estimate.tasks,
        "prompts": 30,
        "checks": 60,
        "metadata": 60,
        "backgrounds": 60,
    }
    assert view.estimate_usd == pytest.approx(sum(line.usd or 0 for line in view.costs))
    assert view.estimate_usd > 0
    assert view.budget_usd == 5.0
    assert len(view.keywords) == SHOWN_KEYWORDS
    bare = plan(ai={"quality_check": False, "metadata": False}).view()
    assert {line.what for line in bare.costs} == {"images", "prompts"}
    assert bare.estimate_usd < plan().view().estimate_usd


def test_the_examples_of_the_documentation_can_start(tmp_path: Path) -> None:
    settings, problems = read_settings_file(EXAMPLES / "stock.toml")
    assert problems == []
    one = make_plan(settings, PriceBook.load(), output_dir=tmp_path, today=TODAY)
    assert errors(one) == {}
    assert warnings(one) == {}
    assert one.planned_images == 12
    assert "\n" in one.generation(0).keyword_row["Notes"]
    assert one.inputs.quality_prompt is not None
    assert one.inputs.metadata_prompt is not None
    assert "${{Setting}}" in one.inputs.template
    keywords, _ = merge_settings({"files": {"keywords_file": str(EXAMPLES / "keywords.txt")}})
    assert make_plan(keywords, PriceBook.load(), output_dir=tmp_path, today=TODAY).can_start
