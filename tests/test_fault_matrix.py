"""docs/faults.md has every row, every test that it names is there, and that test carries the row's number."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = range(1, 31)
_HEADING = re.compile(r"^## (\d+)\. \S", re.MULTILINE)
_TEST = re.compile(r"^- `(tests/[\w/]+\.py)::([\w:]+)`$", re.MULTILINE)


def _rows() -> dict[int, str]:
    """The text below each heading."""
    parts = _HEADING.split((ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))
    numbers = [int(number) for number in parts[1::2]]
    assert len(numbers) == len(set(numbers)), "a row is there twice"
    return dict(zip(numbers, parts[2::2], strict=True))


def _marked(nodes: list[ast.expr]) -> set[int]:
    """The numbers of `pytest.mark.fault(...)` anywhere in these expressions."""
    return {
        number.value
        for node in nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "fault"
        for number in call.args
        if isinstance(number, ast.Constant) and isinstance(number.value, int)
    }


def _functions(body: list[ast.stmt], prefix: str, inherited: set[int]) -> Iterator[tuple[str, set[int]]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            marks = inherited | _marked(node.decorator_list)
            yield from _functions(node.body, f"{prefix}{node.name}::", marks)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield prefix + node.name, inherited | _marked(node.decorator_list)


@cache
def _tests(path: str) -> dict[str, set[int]]:
    """The tests of a file with the rows that they say they prove, read without running anything."""
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    module_marks = {
        number
        for node in body
        if isinstance(node, ast.Assign) and any(ast.unparse(one) == "pytestmark" for one in node.targets)
        for number in _marked([node.value])
    }
    return dict(_functions(body, "", module_marks))


def test_every_row_is_there_in_order() -> None:
    assert list(_rows()) == list(ROWS)


@pytest.mark.parametrize("number", ROWS)
def test_a_row_is_proved_by_tests_that_say_so(number: int) -> None:
    text = _rows()[number]
    named = _TEST.findall(text)
    assert named
    assert len(named) == text.count("\n- "), "a line that names no test"
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert name in _tests(path), f"{path} has no {name}"
        assert number in _tests(path)[name], f"{path}::{name} does not carry fault({number})"


def test_no_mark_names_a_row_that_is_not_there() -> None:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, numbers in _tests(str(path.relative_to(ROOT))).items():
            assert numbers <= set(ROWS), f"{path.name}::{name}"
