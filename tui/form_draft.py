"""What a form edits: a document of fields, how it was saved, and what is wrong with it. Pure; no widgets, no engine."""

import copy
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.errors import Problem, SettingsError
from engine.settings import FieldDescription, FieldKind, describe_fields, merge_settings, parse_value

type Document = dict[str, Any]
type Check = Callable[[Document], object]
"""Raises SettingsError with every bad field of a document."""


class FormDraft:
    """A document with the user's edits over it. Every edit can be undone; each is checked at once."""

    def __init__(
        self,
        fields: Sequence[FieldDescription],
        document: Mapping[str, Any],
        check: Check = merge_settings,
        *,
        name: str = "settings",
    ) -> None:
        self.name = name
        self.fields = {field.path: field for field in fields}
        self._check = check
        self._saved: Document = {}
        self._document: Document = {}
        self._undo: list[dict[str, Any]] = []
        self.problems: tuple[Problem, ...] = ()
        """What keeps it from being saved; each field is a dotted path, or the name of the whole."""
        self.load(document)

    # ---- the whole

    def load(self, document: Mapping[str, Any]) -> None:
        """Begin anew with this as what is saved. Fields that it lacks have their defaults."""
        self._saved = self._complete(document)
        self._document = copy.deepcopy(self._saved)
        self._undo.clear()
        self._judge()

    def discard(self) -> None:
        """Go back to what is saved."""
        self.load(self._saved)

    def rebase(self, document: Mapping[str, Any]) -> None:
        """What is saved has become this; edits stay."""
        edits = {path: self.value(path) for path in self.changed}
        undo = list(self._undo)
        self.load(document)
        self._undo = undo
        self._put_all(edits)

    def replace(self, document: Mapping[str, Any]) -> bool:
        """Take over every value of a document, as one edit; False where nothing differs."""
        complete = self._complete(document)
        values = {path: value_at(complete, path) for path in self.fields}
        before = {path: self.value(path) for path, value in values.items() if value != self.value(path)}
        if before:
            self._undo.append(before)
            self._put_all({path: values[path] for path in before})
        return bool(before)

    def document(self) -> Document:
        """A copy with all edits, valid or not."""
        return copy.deepcopy(self._document)

    @property
    def changed(self) -> tuple[str, ...]:
        """The paths of the fields that differ from what is saved."""
        return tuple(path for path in self.fields if self.is_changed(path))

    def is_changed(self, path: str) -> bool:
        """Whether a field differs from what is saved."""
        return bool(self.value(path) != value_at(self._saved, path))

    # ---- one field

    def value(self, path: str) -> Any:
        """As `dump_settings` gives it."""
        return value_at(self._document, path)

    def set(self, path: str, value: Any) -> bool:
        """Edit a field; False where it has that value already."""
        before = self.value(path)
        if value == before and type(value) is type(before):
            return False
        self._undo.append({path: before})
        self._put_all({path: value})
        return True

    def undo(self) -> tuple[str, ...]:
        """Take the last edit back and say of which fields it was; empty where there is none."""
        if not self._undo:
            return ()
        before = self._undo.pop()
        self._put_all(before)
        return tuple(before)

    def problem(self, path: str) -> Problem | None:
        """What is wrong with a field."""
        return next((one for one in self.problems if field_of(one) == path), None)

    def parse(self, path: str, text: str, folder: Path | None = None) -> tuple[Any, Problem | None]:
        """The value of what was typed, and why it is refused.

        Refused is only what is wrong in itself: a value that merely does not go together with another field's may be
        on its way to something that does.
        """
        try:
            value = parse_value(text, self.fields[path], folder)
        except ValueError as error:
            return None, Problem(path, str(error))
        alone = self._problem_of(path, value, {})
        return value, alone and self._problem_of(path, value, self._document) and alone

    # ---- inside

    def _complete(self, document: Mapping[str, Any]) -> Document:
        complete: Document = copy.deepcopy(dict(document))
        for path, field in self.fields.items():
            _put(complete, path, copy.deepcopy(value_at(document, path, field.default)))
        return complete

    def _put_all(self, values: Mapping[str, Any]) -> None:
        for path, value in values.items():
            _put(self._document, path, copy.deepcopy(value))
        self._judge()

    def _judge(self) -> None:
        self.problems = self._problems_of(self._document)

    def _problems_of(self, document: Document) -> tuple[Problem, ...]:
        try:
            self._check(document)
        except SettingsError as error:
            return tuple(one for one in error.problems if not one.is_warning)
        return ()

    def _problem_of(self, path: str, value: Any, others: Document) -> Problem | None:
        document = copy.deepcopy(others)
        _put(document, path, value)
        return next((one for one in self._problems_of(document) if field_of(one) == path), None)


def settings_draft(
    document: Mapping[str, Any], fields: Iterable[FieldDescription] | None = None
) -> FormDraft:
    """A draft of a job's settings, or of some of their fields."""
    return FormDraft(tuple(describe_fields() if fields is None else fields), document)


def field_of(problem: Problem) -> str:
    """The path of the field that a problem is about: `generation.loras[0].weight` is about `generation.loras`."""
    return re.sub(r"\[.*", "", problem.field)


def stepped(field: FieldDescription, value: Any, direction: int) -> Any:
    """The value one step further (1) or back (-1): the next choice, on or off, the next number within its range.

    An optional number goes below its smallest value to not set, and from not set to its smallest useful one. What has
    no steps stays.
    """
    match field.kind:
        case FieldKind.SWITCH:
            return direction > 0
        case FieldKind.CHOICE:
            at = field.choices.index(value) if value in field.choices else -direction
            return field.choices[(at + direction) % len(field.choices)]
        case FieldKind.WHOLE | FieldKind.NUMBER:
            return _stepped_number(field, value, direction)
        case _:
            return value


def toggled(field: FieldDescription, value: Any) -> Any:
    """The other state of a switch, the next choice; anything else stays."""
    if field.kind is FieldKind.SWITCH:
        return not value
    return stepped(field, value, 1) if field.kind is FieldKind.CHOICE else value


def _stepped_number(field: FieldDescription, value: Any, direction: int) -> Any:
    step, low, high = field.step or 1.0, field.minimum, field.maximum
    if not isinstance(value, int | float):
        if direction < 0:
            return value
        found = Decimal(str(low or step))
    else:
        # Decimal, because 1.4 + 0.1 is no multiple of 0.1 in binary.
        found = Decimal(str(value)) + direction * Decimal(str(step))
        if low is not None and found < Decimal(str(low)):
            return None if field.is_optional else min(value, low)
        if high is not None and found > Decimal(str(high)):
            found = Decimal(str(high))
    return int(found) if field.kind is FieldKind.WHOLE else float(found)


def with_choices(field: FieldDescription, choices: Sequence[str]) -> FieldDescription:
    """The field as a choice among what only the front end knows."""
    return replace(field, kind=FieldKind.CHOICE, choices=tuple(choices))


def value_at(document: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """The value at a dotted path of nested groups; `default` where there is none."""
    found: Any = document
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return default
        found = found[part]
    return found


def _put(document: Document, path: str, value: Any) -> None:
    *groups, name = path.split(".")
    for group in groups:
        if not isinstance(document.get(group), dict):
            document[group] = {}
        document = document[group]
    document[name] = value
