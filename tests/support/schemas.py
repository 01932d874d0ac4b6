"""The JSON schemas of the documentation, made from the models. `python -m tests.support.schemas` writes them anew."""

import ast
import inspect
import json
import textwrap
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.care.restore import BackupView, RestoreView
from engine.care.views import CleanView
from engine.doctor import CheckView
from engine.electron.views import ImportView
from engine.export.views import AgencyView, ExportView, FitView
from engine.key_check import KeyView
from engine.statistics_views import StatisticsView
from engine.views import (
    ConfigurationView,
    DecisionView,
    ImageView,
    JobDetailView,
    JobView,
    LogView,
    PlanView,
    StartedView,
    TaskDecisionView,
    UndecidedView,
)

FOLDER = Path(__file__).parents[2] / "docs" / "schema"
DOCUMENTS: dict[str, type[BaseModel]] = {
    "job": JobView,
    "job_detail": JobDetailView,
    "plan": PlanView,
    "image": ImageView,
    "decision": DecisionView,
    "started": StartedView,
    "undecided": UndecidedView,
    "task_decision": TaskDecisionView,
    "export": ExportView,
    "agency": AgencyView,
    "fit": FitView,
    "statistics": StatisticsView,
    "log_entry": LogView,
    "configuration": ConfigurationView,
    "key": KeyView,
    "check": CheckView,
    "import": ImportView,
    "clean": CleanView,
    "backup": BackupView,
    "restore": RestoreView,
}
"""Name of the file, without `.json`, to the model that the command line prints."""


def schema_text(model: type[BaseModel]) -> str:
    """The schema of what `model` prints, with the strings below its fields as descriptions."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(mode="serialization"),
    }
    _describe(schema, model)
    for name, definition in schema.get("$defs", {}).items():
        nested = _models_below(model).get(name)
        if nested is not None:
            _describe(definition, nested)
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("additionalProperties", None)  # later versions may add fields, and readers must bear that
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    texts: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            texts |= _texts_below_fields(kind)
    for name, text in texts.items():
        if name in schema["properties"]:
            schema["properties"][name].setdefault("description", text)


def _texts_below_fields(kind: type) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    texts = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            texts[field.target.id] = inspect.cleandoc(below.value.value)
    return texts


def _models_below(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Every model that the fields of this one mention, at any depth, by name."""
    found: dict[str, type[BaseModel]] = {}

    def visit(annotation: Any) -> None:
        for part in getattr(annotation, "__args__", ()):
            visit(part)
        if (
            isinstance(annotation, type)
            and issubclass(annotation, BaseModel)
            and annotation.__name__ not in found
        ):
            found[annotation.__name__] = annotation
            for field in annotation.model_fields.values():
                visit(field.annotation)

    visit(model)
    return found


def main() -> None:
    """Write all of them, and remove those that are no longer made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, model in DOCUMENTS.items():
        (FOLDER / f"{name}.json").write_text(schema_text(model), encoding="utf-8")


if __name__ == "__main__":
    main()
