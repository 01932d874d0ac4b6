import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.costs import PriceBook
from engine.errors import Problem
from engine.plan import JobPlan, make_plan
from engine.preflight import BYTES_PER_IMAGE, keys_needed, preflight
from engine.secrets import KeyName
from engine.settings import merge_settings

ALL_KEYS = frozenset(KeyName)


def plan_of(output_dir: Path, **groups: dict[str, Any]) -> JobPlan:
    settings, _ = merge_settings(groups)
    return make_plan(settings, PriceBook.load(), output_dir=output_dir, today=date(2026, 11, 22))


def check(plan: JobPlan, work_dir: Path, keys: frozenset[KeyName] = ALL_KEYS) -> dict[str, Problem]:
    problems = preflight(plan, has_key=keys.__contains__, work_dir=work_dir)
    assert len({problem.field for problem in problems}) == len(problems)
    return {problem.field: problem for problem in problems}


def test_nothing_stands_in_the_way_and_nothing_is_left_behind(tmp_path: Path) -> None:
    assert check(plan_of(tmp_path / "a" / "b"), tmp_path / "work") == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("groups", "needed"),
    [
        ({}, {"piapi", "openai"}),
        ({"generation": {"provider": "runware", "model": "runware:100@1"}}, {"runware", "openai"}),
        ({"generation": {"provider": "openai", "model": "gpt-image-2"}}, {"openai"}),
        ({"processing": {"remove_background": True}}, {"piapi", "openai", "remove_bg"}),
        ({"ai": {"quality_check": False, "metadata": False}}, {"piapi", "openai"}),
    ],
)
def test_keys_are_needed_for_what_the_job_does(
    tmp_path: Path, groups: dict[str, dict[str, Any]], needed: set[str]
) -> None:
    plan = plan_of(tmp_path, **groups)
    assert {name.value for name in keys_needed(plan.settings)} == needed
    missing = check(plan, tmp_path, frozenset())
    assert set(missing) == {f"keys.{name}" for name in needed}
    assert all("gimf keys set" in problem.hint and not problem.is_warning for problem in missing.values())


def test_a_missing_key_says_what_it_is_for(tmp_path: Path) -> None:
    (problem,) = check(plan_of(tmp_path), tmp_path, frozenset({KeyName.PIAPI})).values()
    assert "prompts, the quality check, titles and tags" in problem.message
    assert "OPENAI_API_KEY" in problem.hint
    (problem,) = check(
        plan_of(tmp_path, ai={"quality_check": False, "metadata": False}),
        tmp_path,
        frozenset({KeyName.PIAPI}),
    ).values()
    assert "quality check" not in problem.message


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    problems = check(plan_of(tmp_path / "file" / "out"), tmp_path / "file")
    assert set(problems) == {"files.output_dir", "files.work_dir"}
    assert "is a file" in problems["files.output_dir"].message


def test_a_folder_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    access = os.access
    # The superuser may write everywhere, whatever the mode of the folder is.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != sealed and access(path, mode))
    (problem,) = check(plan_of(sealed / "out"), tmp_path).values()
    assert problem.field == "files.output_dir"
    assert str(sealed) in problem.message
    assert "chmod" in problem.hint


def test_more_pictures_than_the_disk_holds_is_a_warning_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.preflight.free_bytes", lambda _: 3 * BYTES_PER_IMAGE)
    problems = check(plan_of(tmp_path, generation={"generations": 100}), tmp_path)
    assert set(problems) == {"files.output_dir", "files.work_dir"}
    assert all(problem.is_warning for problem in problems.values())
    assert "100 images may need 400 MB" in problems["files.output_dir"].message
    assert "12 MB free" in problems["files.output_dir"].message


def test_a_disk_without_room_for_one_picture_is_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.preflight.free_bytes", lambda _: BYTES_PER_IMAGE // 2)
    assert not any(problem.is_warning for problem in check(plan_of(tmp_path), tmp_path).values())


def test_an_estimate_above_the_budget_is_a_warning(tmp_path: Path) -> None:
    many = {"generations": 500, "variations": 4}
    (problem,) = check(plan_of(tmp_path, generation={**many, "budget_usd": 2.01}), tmp_path).values()
    assert problem.field == "generation.budget_usd"
    assert problem.is_warning
    assert "$2.01" in problem.message
    assert check(plan_of(tmp_path, generation={**many, "budget_usd": 1_000.0}), tmp_path) == {}
    assert check(plan_of(tmp_path, generation=many), tmp_path) == {}
