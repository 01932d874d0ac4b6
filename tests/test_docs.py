"""The documentation says what is: links, commands, settings, schemas and examples are held against the program."""

import json
import re
import shlex
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.status import ImageStatus, JobStatus, Stage, TaskState
from engine.costs import PriceBook
from engine.errors import InputError, SettingsError
from engine.export.agencies import Agencies
from engine.paths import Paths
from engine.preferences import load_preferences
from engine.secrets import KeyName
from engine.settings import Settings, describe_fields, override_settings
from engine.views import JobView
from tests.support.schemas import DOCUMENTS, FOLDER, schema_text
from tests.support.settings_page import PAGE, settings_page
from tui.cli.commands import build_parser
from tui.cli.statuses import INTERRUPTED, ExitStatus
from tui.key_table import ACTIONS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
GROUPS = "|".join(Settings.model_fields)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def prose_of(page: Path) -> str:
    """Without fenced blocks: there a bracket is code."""
    return re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL)


def command_lines(page: Path) -> Iterator[str]:
    """Every `gimf ...` in an indented or fenced line, or in backticks within a line; without its comment, pipe or
    redirection."""
    for line in text_of(page).splitlines():
        whole = re.fullmatch(r"(?: {4}|\$ )?(gimf( .*)?)", line)
        for text in [whole[1]] if whole else re.findall(r"`(gimf(?: [^`]*)?)`", line):
            yield re.split(r" +#| \| | > |\.\.\.", text)[0].strip()


def anchors_of(page: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# ---- what the pages name


@pytest.mark.parametrize("page", named(PAGES))
def test_links_to_files_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        if not there.exists() or (anchor and anchor not in anchors_of(there)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", named(PAGES))
def test_modules_that_are_named_exist(page: Path) -> None:
    paths = re.findall(r"`((?:db|engine|tui|tests|docs)/[\w./-]+)`", text_of(page))
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", named(PAGES))
def test_commands_are_commands(page: Path) -> None:
    refused = []
    for line in command_lines(page):
        words = shlex.split(line)[1:]
        if "--help" in words:
            words.remove("--help")
        try:
            options = build_parser().parse_args(words)
            override_settings(Settings(), getattr(options, "overrides", []))
        except InputError as error:
            is_mention = f"`{line}`" in text_of(page)  # `gimf keys set` in a sentence needs no arguments
            if not (is_mention and "arguments are required" in error.message):
                refused.append(f"{line}: {error}")
    assert refused == []


def test_commands_are_found_at_all() -> None:
    lines = [line for page in PAGES for line in command_lines(page)]
    assert len(lines) > 40
    assert {"gimf", "gimf keys set openai", "gimf run --resume"} <= set(lines)


@pytest.mark.parametrize("page", named(PAGES))
def test_settings_that_are_named_exist(page: Path) -> None:
    known = {field.path for field in describe_fields()}
    files = re.compile(r"\.(py|toml|csv|txt|json)$")
    found = set(re.findall(rf"`((?:{GROUPS})\.\w+)`", text_of(page)))
    assert {name for name in found if not files.search(name)} - known == set()


def test_the_readme_names_the_two_commands_and_make_has_them() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert re.search(r"^    make demo\n    make test$", text_of(ROOT / "README.md"), re.MULTILINE)
    for page in PAGES:
        used = re.findall(r"(?:^    |`)make ([a-z-]+)", text_of(page), re.MULTILINE)
        assert set(used) <= targets, page.name


def test_the_readme_has_every_exit_status() -> None:
    table = text_of(ROOT / "README.md").partition("| exit status |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    numbers = [int(number) for row in rows for number in row.split(",")]
    assert numbers == [*map(int, ExitStatus), INTERRUPTED, 128 + signal.SIGTERM]


def test_the_readme_has_every_section_of_the_program() -> None:
    rows = dict(re.findall(r"^\| `(\d)` \| (\w+) \|", text_of(ROOT / "README.md"), re.MULTILINE))
    assert rows == {
        action.keys: action.verb.capitalize()
        for action in ACTIONS
        if action.section == "global" and action.keys.isdigit()
    }


def test_every_environment_variable_of_a_key_is_named() -> None:
    files = text_of(DOCS / "files.md")
    assert [name.variable for name in KeyName if f"`{name.variable}`" not in files] == []


# ---- the JSON contract


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schemas_are_those_of_the_models(name: str) -> None:
    hint = "run `python -m tests.support.schemas`, and see docs/json.md about what may change"
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == schema_text(DOCUMENTS[name]), hint


def test_every_schema_is_made_and_linked() -> None:
    files = {path.stem for path in FOLDER.iterdir()}
    linked = set(re.findall(r"\(schema/(\w+)\.json\)", text_of(DOCS / "json.md")))
    assert files == linked == set(DOCUMENTS)


def test_schemas_describe_nested_fields_and_admit_new_ones() -> None:
    schema = json.loads((FOLDER / "job_detail.json").read_text(encoding="utf-8"))
    assert schema["properties"]["duration_s"]["description"].startswith("Seconds at work")
    assert schema["$defs"]["Spend"]["properties"]["unknown"]["description"].startswith(
        "For calls whose answer"
    )
    assert "additionalProperties" not in schema
    assert [name for name, part in schema["$defs"].items() if "additionalProperties" in part] == []


def test_the_examples_are_documents_of_the_program() -> None:
    error, job = (json.loads(block) for block in fenced(DOCS / "json.md", "json"))
    with pytest.raises(SettingsError) as raised:
        override_settings(Settings(), ["generation.generations=0"])
    (problem,) = raised.value.problems
    assert error["error"]["code"] == raised.value.code
    assert error["error"]["problems"] == [
        {"field": problem.field, "message": problem.message, "hint": problem.hint}
    ]
    assert JobView.model_validate(job).model_dump(mode="json") == job


@pytest.mark.parametrize("words", [JobStatus, ImageStatus, TaskState, Stage])
def test_every_status_is_explained(words: type[JobStatus | ImageStatus | TaskState | Stage]) -> None:
    page = text_of(DOCS / "json.md")
    assert [word.value for word in words if f"`{word.value}`" not in page] == []


# ---- the configuration files


def test_the_example_of_preferences_is_valid(tmp_path: Path) -> None:
    text = fenced(DOCS / "files.md", "toml")[0]
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    preferences, warnings = load_preferences(file, {})
    assert warnings == []
    assert set(tomllib.loads(text)) <= set(type(preferences).model_fields)
    assert preferences.keymap.keys() <= {action.id for action in ACTIONS}


def test_the_example_of_prices_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(fenced(DOCS / "files.md", "toml")[1], encoding="utf-8")
    assert PriceBook.load(file).language_cost_micros("my-model", 4, 1) == 2


def test_the_example_of_an_agency_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "agencies.toml"
    file.write_text(fenced(DOCS / "exports.md", "toml")[0], encoding="utf-8")
    assert Agencies.load(file).get("myagency").categories == {"Animals": "17"}


def test_every_agency_is_explained() -> None:
    page = text_of(DOCS / "exports.md")
    assert [agency for agency in Agencies.load().presets if f"`{agency}`" not in page] == []
    words = " ".join(page.split())
    assert [category for category in Agencies.load().categories if f" {category}," not in words] == []


def test_every_file_of_the_folders_is_listed(tmp_path: Path) -> None:
    paths = Paths.resolve(tmp_path, {})
    page = text_of(DOCS / "files.md")
    mentioned = [
        *(paths.database_file, paths.log_file, paths.lock_file, paths.socket_file),
        *(paths.work_dir, paths.previews_dir, paths.trash_dir, paths.scratch_dir),
        *(paths.config_file, paths.keys_file, paths.prices_file, paths.agencies_file),
    ]
    assert [path.name for path in mentioned if f"`{path.name}" not in page] == []


def test_the_page_of_settings_is_what_the_models_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_page(), "python -m tests.support.settings_page"
