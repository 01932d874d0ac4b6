"""What the form of a retry edits: the processing settings, a rule for each step, and the options of the batch. Pure."""

from typing import Any, get_args

from engine.api import RetryRequest
from engine.errors import Problem, SettingsError
from engine.retry_options import RuledStage
from engine.rules import FailureRule, StageRules
from engine.settings import FieldDescription, FieldKind, Settings, describe_fields, dump_settings
from tui.form_draft import FormDraft, settings_draft

_OWN_RULE = "processing.on_remove_background_failure"
"""Is among the rules here, so that no two fields say the same."""
_STAGES: tuple[str, ...] = get_args(RuledStage.__value__)
_AGAIN: dict[str, bool | None] = {"where it failed": None, "yes": True, "no": False}
_MOST_BUDGET = 1_000_000.0


def processing_draft(settings: Settings) -> FormDraft:
    """The processing settings as the image's own job has them."""
    fields = [one for one in describe_fields() if one.group == "processing" and one.path != _OWN_RULE]
    return settings_draft(dump_settings(settings), fields)


def options_draft(settings: Settings) -> FormDraft:
    """Rules and options as they are where nothing is said."""
    defaults = StageRules()
    rules: dict[str, Any] = {
        stage: getattr(defaults, stage).value for stage in _STAGES if stage != "remove_background"
    }
    rules["remove_background"] = dump_settings(settings)["processing"]["on_remove_background_failure"]
    fields = [_rule(stage, rules[stage]) for stage in _STAGES]
    return FormDraft([*fields, *_OPTIONS], {"rules": rules}, _check, name="retry")


def request_of(image_ids: tuple[int, ...], processing: FormDraft, options: FormDraft) -> RetryRequest:
    """What the form says. Only what was changed is sent: everything else stays as each image's own job has it."""
    changed = {path.partition(".")[2]: processing.value(path) for path in processing.changed}
    return RetryRequest(
        image_ids,
        processing=changed or None,
        on_failure={
            path.partition(".")[2]: str(options.value(path))
            for path in options.changed
            if path.startswith("rules.")
        },
        checks_again=_AGAIN[options.value("retry.checks_again")],
        writes_metadata_again=options.value("retry.writes_metadata_again"),
        budget_usd=options.value("retry.budget_usd"),
    )


def _check(document: dict[str, Any]) -> None:
    budget = document["retry"]["budget_usd"]
    if budget is not None and not 0 < budget <= _MOST_BUDGET:
        raise SettingsError([Problem("retry.budget_usd", f"More than 0, at most {_MOST_BUDGET:,.0f}.")])


def _rule(stage: str, value: str) -> FieldDescription:
    name = stage.replace("_", " ")
    return _field(
        f"rules.{stage}",
        "If a step fails",
        f"If {name} fails",
        "Fail the image, or go on without that step and note it as a warning.",
        FieldKind.CHOICE,
        value,
        choices=tuple(rule.value for rule in FailureRule),
    )


def _field(
    path: str, group: str, title: str, description: str, kind: FieldKind, default: Any, **others: Any
) -> FieldDescription:
    return FieldDescription(
        **{
            "path": path,
            "group": path.partition(".")[0],
            "group_title": group,
            "title": title,
            "description": description,
            "kind": kind,
            "unit": "",
            "default": default,
            "minimum": None,
            "maximum": None,
            "step": None,
            "choices": (),
            "is_optional": False,
            **others,
        }
    )


_OPTIONS = (
    _field(
        "retry.checks_again",
        "This retry",
        "Check again",
        "Where it failed: where the check is what failed, or none was passed. No: you take the images as they are.",
        FieldKind.CHOICE,
        "where it failed",
        choices=tuple(_AGAIN),
    ),
    _field(
        "retry.writes_metadata_again",
        "This retry",
        "Write titles again",
        "Title, description and tags are written anew, also where there are some.",
        FieldKind.SWITCH,
        False,
    ),
    _field(
        "retry.budget_usd",
        "This retry",
        "Budget",
        "The retry pauses before it costs more.",
        FieldKind.NUMBER,
        None,
        unit="USD",
        minimum=0.01,
        step=0.5,
        is_optional=True,
    ),
)
