import pytest
from pydantic import BaseModel, ConfigDict

from engine.errors import SettingsError
from engine.validation import did_you_mean, dotted, field_paths, shown, validate_known


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner = Inner()
    items: tuple[Inner, ...] = ()
    name: str = "x"


def test_unknown_fields_at_every_depth_are_warnings() -> None:
    model, warnings = validate_known(
        Outer, {"inner": {"widht": 2}, "items": [{"width": 3, "hight": 4}], "nmae": 1, "width": 5}
    )
    assert model == Outer(items=(Inner(width=3),))
    assert {w.field: w.hint for w in warnings} == {
        "inner.widht": "Did you mean inner.width?",
        "items[0].hight": "",
        "nmae": "Did you mean name?",
        "width": "Did you mean inner.width?",
    }


def test_errors_come_before_the_warnings_that_go_with_them() -> None:
    with pytest.raises(SettingsError) as caught:
        validate_known(Outer, {"inner": {"width": "wide"}, "nmae": 1})
    assert [(p.field, p.is_warning) for p in caught.value.problems] == [
        ("inner.width", False),
        ("nmae", True),
    ]


def test_paths() -> None:
    assert dotted(("items", 0, "width")) == "items[0].width"
    assert field_paths(Outer) == ["inner.width", "items", "name"]


def test_suggestions_ignore_case_and_stop_at_strangers() -> None:
    assert did_you_mean("NMAE", ["name"]) == "Did you mean name?"
    assert did_you_mean("zebra", ["name"]) == ""


def test_values_are_quoted_safely_and_short() -> None:
    assert shown("a\x1b[0m") == '"a[0m"'
    assert len(shown("x" * 1000)) < 70
    assert shown(3.5) == "3.5"
