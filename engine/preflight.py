"""What must hold outside the settings before a job may spend: keys, folders, room on the disk, the budget."""

import os
from collections.abc import Callable
from pathlib import Path

from engine.costs import usd
from engine.errors import Problem
from engine.files import free_bytes
from engine.plan import JobPlan
from engine.providers.base import ProviderName
from engine.secrets import KeyName

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
        *_keys(plan, has_key),
        *_folder("files.output_dir", plan.output_dir),
        *_folder("files.work_dir", work_dir),
        *_room(plan, work_dir),
        *_budget(plan),
    )


def keys_needed(plan: JobPlan) -> dict[KeyName, list[str]]:
    """Each key that the job needs, with what for."""
    settings = plan.settings
    needed: dict[KeyName, list[str]] = {_IMAGE_KEYS[settings.generation.provider]: ["images"]}
    language = needed.setdefault(KeyName.OPENAI, [])
    language.append("prompts")
    if settings.ai.quality_check:
        language.append("the quality check")
    if settings.ai.metadata:
        language.append("titles and tags")
    if settings.processing.remove_background:
        needed[KeyName.REMOVE_BG] = ["background removal"]
    return needed


def _keys(plan: JobPlan, has_key: Callable[[KeyName], bool]) -> list[Problem]:
    return [
        Problem(
            f"keys.{name.value}",
            f"There is no key for {name.value}; it is needed for {', '.join(uses)}.",
            hint=f"Run `gimf keys set {name.value}`, or set {name.variable} in the environment.",
        )
        for name, uses in keys_needed(plan).items()
        if not has_key(name)
    ]


def _folder(field: str, folder: Path) -> list[Problem]:
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
