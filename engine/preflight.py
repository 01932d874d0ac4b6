"""What must hold outside the settings before a job may spend: keys, folders, room on the disk, the budget."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.costs import usd
from engine.errors import Problem
from engine.files import free_bytes
from engine.plan import JobPlan
from engine.providers.base import ProviderName
from engine.secrets import KeyName
from engine.settings import Settings

BYTES_PER_IMAGE = 4_000_000
"""Original, processed copy, delivered file and previews of a one megapixel picture, rounded up."""

_IMAGE_KEYS = {
    ProviderName.PIAPI: KeyName.PIAPI,
    ProviderName.OPENAI: KeyName.OPENAI,
    ProviderName.RUNWARE: KeyName.RUNWARE,
}


def preflight(plan: JobPlan, *, has_key: Callable[[KeyName], bool], work_dir: Path) -> tuple[Problem, ...]:
    """Everything that stands in the way, at once; each names its field."""
    return (
        *missing_keys(keys_needed(plan.settings), has_key),
        *folder_problems("files.output_dir", plan.output_dir),
        *folder_problems("files.work_dir", work_dir),
        *_room(plan, work_dir),
        *_budget(plan),
    )


def keys_needed(settings: Settings, *, is_writing_prompts: bool = True) -> dict[KeyName, list[str]]:
    """Each key that a job needs, with what for."""
    needed: dict[KeyName, list[str]] = {_IMAGE_KEYS[settings.generation.provider]: ["images"]}
    language = needed.setdefault(KeyName.OPENAI, [])
    if is_writing_prompts:
        language.append("prompts")
    if settings.ai.quality_check:
        language.append("the quality check")
    if settings.ai.metadata:
        language.append("titles and tags")
    if settings.processing.remove_background:
        needed[KeyName.REMOVE_BG] = ["background removal"]
    return needed


def missing_keys(
    needed: Mapping[KeyName, Sequence[str]], has_key: Callable[[KeyName], bool]
) -> list[Problem]:
    """One problem for each key that is needed for something and is not there."""
    return [
        Problem(
            f"keys.{name.value}",
            f"There is no key for {name.value}; it is needed for {', '.join(uses)}.",
            hint=f"Run `gimf keys set {name.value}`, or set {name.variable} in the environment.",
        )
        for name, uses in needed.items()
        if uses and not has_key(name)
    ]


def folder_problems(field: str, folder: Path) -> list[Problem]:
    """Whether files can be made in it, or it can be made itself. Leaves nothing behind."""
    existing = folder
    try:
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
    except OSError as error:
        return [
            Problem(field, f"{folder} cannot be reached: {error.strerror}.", hint="Choose another folder.")
        ]
    if not existing.is_dir():
        return [Problem(field, f"{existing} is a file, not a folder.", hint="Choose another folder.")]
    if not os.access(existing, os.W_OK | os.X_OK):
        return [
            Problem(
                field,
                f"{existing} may not be written to.",
                hint="Allow it with chmod, or choose another folder.",
            )
        ]
    return []


def _room(plan: JobPlan, work_dir: Path) -> list[Problem]:
    needed = plan.planned_images * BYTES_PER_IMAGE
    problems = []
    for field, folder in (("files.output_dir", plan.output_dir), ("files.work_dir", work_dir)):
        free = free_bytes(folder)
        if free < needed:
            problems.append(
                Problem(
                    field,
                    f"{plan.planned_images} images may need {needed / 1e6:,.0f} MB; "
                    f"{folder} has {free / 1e6:,.0f} MB free.",
                    hint="The job pauses when the disk is full; make room before.",
                    is_warning=free > BYTES_PER_IMAGE,
                )
            )
    return problems


def _budget(plan: JobPlan) -> list[Problem]:
    budget = plan.settings.generation.budget_micros
    estimate = plan.estimate.total_micros
    if budget is None or estimate <= budget:
        return []
    return [
        Problem(
            "generation.budget_usd",
            f"The job is estimated at {usd(estimate)}, the budget is {usd(budget)}: "
            "it will pause on the way.",
            hint="Raise the budget or make fewer images.",
            is_warning=True,
        )
    ]
