"""What a job will do, worked out before anything is spent: rows, template, sizes, tasks, cost, every problem.

Reads the user's files; writes nothing and sends nothing.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from engine.costs import Estimate, Plan, PriceBook
from engine.errors import InputError, Problem, SettingsError
from engine.inputs import JobInputs
from engine.keywords import KeywordTable, built_in_keywords, draw_rows, read_keywords
from engine.providers.catalogue import model_of, retirement_of
from engine.providers.model_spec import ModelSpec
from engine.settings import Settings
from engine.sizes import Size, size_at, size_warnings, sizes_of, tasks_for
from engine.templates import Template, default_template, read_template
from engine.viewing import problem_views
from engine.views import CostLine, PlanView

SHOWN_KEYWORDS = 20
UNPLANNED_SIZE = Size(0, 0, "1:1")


@dataclass(frozen=True, slots=True)
class PlannedGeneration:
    """One prompt to be written: its row, its size, and the seed that is sent (None: the provider draws one)."""

    keyword: str
    keyword_row: dict[str, str]
    size: Size
    seed: int | None


@dataclass(frozen=True, slots=True)
class JobPlan:
    settings: Settings
    spec: ModelSpec
    table: KeywordTable
    rows: Sequence[int]
    sizes: tuple[Size, ...]
    images_per_task: tuple[int, ...]
    inputs: JobInputs
    estimate: Estimate
    output_dir: Path
    problems: tuple[Problem, ...]

    @property
    def can_start(self) -> bool:
        """Whether nothing but warnings stands in the way."""
        return all(problem.is_warning for problem in self.problems)

    def with_problems(self, more: Sequence[Problem]) -> "JobPlan":
        """The same plan with what was found out elsewhere."""
        return replace(self, problems=(*self.problems, *more))

    @property
    def planned_images(self) -> int:
        """Images that the tasks ask for in all."""
        return sum(self.images_per_task) * len(self.rows)

    def generation(self, index: int) -> PlannedGeneration:
        """Generation `index`, from 0."""
        row = self.table.row(self.rows[index])
        seed = self.settings.generation.seed
        return PlannedGeneration(
            keyword=self.table.keyword(self.rows[index]),
            keyword_row=row,
            size=size_at(self.sizes, index),
            # Every image its own seed, so that variations differ and a rerun repeats them.
            seed=None
            if seed is None or not self.spec.takes_seed
            else (seed + index * sum(self.images_per_task)) % 2**32,
        )

    def view(self) -> PlanView:
        """As the user sees it."""
        generation = self.settings.generation
        return PlanView(
            provider=generation.provider,
            model=generation.model,
            generations=len(self.rows),
            images=self.planned_images,
            tasks=len(self.images_per_task) * len(self.rows),
            keyword_source=self.inputs.keyword_source,
            keywords=tuple(self.table.keyword(row) for row in self.rows[:SHOWN_KEYWORDS]),
            sizes=tuple(f"{size.width}x{size.height} ({size.aspect_ratio})" for size in self.sizes),
            output_dir=str(self.output_dir),
            costs=_cost_lines(self),
            estimate_usd=self.estimate.total_micros / 1e6,
            budget_usd=generation.budget_usd,
            problems=problem_views(self.problems),
        )


def make_plan(settings: Settings, prices: PriceBook, *, output_dir: Path, today: date) -> JobPlan:
    """Work out the plan; whatever is wrong is a problem in it, never an exception."""
    problems: list[Problem] = []
    generation = settings.generation
    spec = model_of(generation.provider, generation.model)
    problems += _model_warnings(settings, spec, today)
    sizes: tuple[Size, ...] = (UNPLANNED_SIZE,)
    try:
        sizes = sizes_of(spec, generation.aspect_ratios, generation.dimensions)
        if not generation.dimensions:
            problems += size_warnings(spec, generation.aspect_ratios)
    except SettingsError as error:
        problems += error.problems
    table = _keywords(settings, problems)
    template = _template(settings, table, problems)
    draw_seed = generation.seed if generation.seed is not None else secrets.randbelow(2**31)
    images_per_task = tasks_for(spec, generation.variations)
    asked = generation.generations * generation.variations
    made = generation.generations * sum(images_per_task)
    if made != asked:
        problems.append(
            Problem(
                "generation.variations",
                f"{spec.alias} always makes {spec.fixed_images} images a task: {made} images instead of {asked}.",
                is_warning=True,
            )
        )
    inputs = JobInputs(
        keyword_source=table.source,
        keyword_count=len(table.rows),
        draw_seed=draw_seed,
        columns=table.columns,
        template=template.text,
        template_source=template.source,
        quality_prompt=_prompt_file(
            settings, "quality_prompt_file", problems, is_used=settings.ai.quality_check
        ),
        metadata_prompt=_prompt_file(
            settings, "metadata_prompt_file", problems, is_used=settings.ai.metadata
        ),
    )
    estimate = prices.estimate(_cost_plan(settings, sizes))
    problems += [
        Problem("prices", f"No price is known for the {what}; the estimate leaves it out.", is_warning=True)
        for what in estimate.unknown_prices
    ]
    return JobPlan(
        settings=settings,
        spec=spec,
        table=table,
        rows=draw_rows(len(table.rows), generation.generations, generation.keyword_order, draw_seed),
        sizes=sizes,
        images_per_task=images_per_task,
        inputs=inputs,
        estimate=estimate,
        output_dir=output_dir,
        problems=tuple(problems),
    )


def _path(settings: Settings, name: str, problems: list[Problem]) -> Path | None:
    try:
        return settings.files.path(name)
    except SettingsError as error:
        problems += error.problems
        return None


def _keywords(settings: Settings, problems: list[Problem]) -> KeywordTable:
    path = _path(settings, "keywords_file", problems)
    try:
        table = built_in_keywords() if path is None else read_keywords(path)
    except InputError as error:
        problems.append(Problem("files.keywords_file", error.message, hint=error.hint))
        return built_in_keywords()
    problems += [Problem("files.keywords_file", note, is_warning=True) for note in table.notes]
    return table


def _template(settings: Settings, table: KeywordTable, problems: list[Problem]) -> Template:
    path = _path(settings, "system_prompt_file", problems)
    if path is None:
        return default_template(table.columns)
    try:
        template = read_template(path)
    except InputError as error:
        problems.append(Problem("files.system_prompt_file", error.message, hint=error.hint))
        return default_template(table.columns)
    if not any(one.field == "files.keywords_file" and not one.is_warning for one in problems):
        problems += _at_field("files.system_prompt_file", template.check(table.columns))
    return template


def _prompt_file(settings: Settings, name: str, problems: list[Problem], *, is_used: bool) -> str | None:
    path = _path(settings, name, problems) if is_used else None
    if path is None:
        return None
    try:
        template = read_template(path)
    except InputError as error:
        problems.append(Problem(f"files.{name}", error.message, hint=error.hint))
        return None
    if name == "metadata_prompt_file":  # the only one of them in which something is filled in: the keyword
        problems += _at_field(f"files.{name}", template.check(()))
    return template.text


def _at_field(field: str, problems: Sequence[Problem]) -> list[Problem]:
    """A template's problems name file and line; the settings field that names the file comes before them."""
    return [replace(one, field=field, message=f"{one.field}: {one.message}") for one in problems]


def _cost_plan(settings: Settings, sizes: tuple[Size, ...]) -> Plan:
    prompt_model = settings.prompt.openai_model
    return Plan(
        provider=settings.generation.provider,
        model=settings.generation.model,
        sizes=sizes,
        generations=settings.generation.generations,
        variations=settings.generation.variations,
        prompt_model=prompt_model,
        quality_model=(settings.ai.quality_model or prompt_model) if settings.ai.quality_check else None,
        metadata_model=(settings.ai.metadata_model or prompt_model) if settings.ai.metadata else None,
        remove_background_size=(
            settings.processing.remove_background_size if settings.processing.remove_background else None
        ),
    )


def _cost_lines(plan: JobPlan) -> tuple[CostLine, ...]:
    estimate = plan.estimate
    settings = plan.settings
    lines = [
        CostLine(what="images", calls=estimate.tasks, usd=estimate.images_micros / 1e6),
        CostLine(what="prompts", calls=len(plan.rows), usd=estimate.prompts_micros / 1e6),
    ]
    if settings.ai.quality_check:
        lines.append(CostLine(what="checks", calls=estimate.images, usd=estimate.checks_micros / 1e6))
    if settings.ai.metadata:
        lines.append(CostLine(what="metadata", calls=estimate.images, usd=estimate.metadata_micros / 1e6))
    if settings.processing.remove_background:
        lines.append(
            CostLine(what="backgrounds", calls=estimate.images, usd=estimate.background_micros / 1e6)
        )
    return tuple(lines)


def _model_warnings(settings: Settings, spec: ModelSpec, today: date) -> list[Problem]:
    generation = settings.generation
    warnings: list[Problem] = []

    def warn(field: str, message: str, hint: str = "") -> None:
        warnings.append(Problem(field, message, hint=hint, is_warning=True))

    if not spec.is_known:
        warn(
            "generation.model",
            f"{generation.model} is not in the catalogue; its limits and price are not known.",
        )
    if (text := spec.retirement(today)) is not None:
        warn("generation.model", text)
    if spec.is_non_commercial:
        warn("generation.model", f"{spec.alias}: {spec.licence}.")
    for name, is_taken in (
        ("negative_prompt", spec.takes_negative_prompt),
        ("seed", spec.takes_seed),
        ("steps", spec.takes_steps),
        ("guidance", spec.takes_guidance),
        ("loras", spec.takes_loras),
    ):
        if getattr(generation, name) not in (None, (), "") and not is_taken:
            warn(f"generation.{name}", f"{spec.alias} takes no {name.replace('_', ' ')}; it is not sent.")
    if generation.steps is not None and spec.max_steps is not None and generation.steps > spec.max_steps:
        warnings.append(
            Problem(
                "generation.steps",
                f"{generation.steps} steps are more than the {spec.max_steps} that {spec.alias} allows.",
                hint=f"Set at most {spec.max_steps}.",
            )
        )
    for field, model in (
        ("prompt.openai_model", settings.prompt.openai_model),
        ("ai.quality_model", settings.ai.quality_model),
        ("ai.metadata_model", settings.ai.metadata_model),
    ):
        if model and (text := retirement_of(model, today)) is not None:
            warn(field, text)
    return warnings
