"""The example files of the documentation work as the documentation says."""

from pathlib import Path

from engine.keywords import read_keywords
from engine.settings_files import read_settings_file
from engine.templates import read_template

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_the_configuration_loads_without_a_warning_and_finds_its_files() -> None:
    settings, warnings = read_settings_file(EXAMPLES / "stock.toml")
    assert warnings == []
    assert settings.files.output_dir is None
    assert settings.generation.generations == 12
    assert settings.generation.model == "flux-schnell"
    assert settings.processing.convert_format == "jpg"
    for name in ("keywords_file", "system_prompt_file", "quality_prompt_file", "metadata_prompt_file"):
        path = settings.files.path(name)
        assert path is not None
        assert path.parent == EXAMPLES
        assert path.is_file()


def test_template_and_keywords_fit_each_other() -> None:
    table = read_keywords(EXAMPLES / "products.csv")
    template = read_template(EXAMPLES / "template.txt")
    assert table.notes == ()
    assert template.check(table.columns) == []
    first = template.render(table.row(0), table.keyword(0))
    assert "a photograph of lighthouse" in first
    assert "Leave room at the top\nfor a headline" in first
    assert '{"prompt": "A lighthouse on a cliff' in first
    assert 'called "river stone"' in template.render(table.row(3), table.keyword(3))


def test_the_other_prompts_are_read_and_filled() -> None:
    metadata = read_template(EXAMPLES / "metadata.txt")
    assert metadata.check(()) == []
    assert 'the keyword "espresso cup"' in metadata.render({}, "espresso cup")
    assert read_template(EXAMPLES / "quality.txt").placeholders == ()


def test_the_plain_list_has_its_keywords() -> None:
    table = read_keywords(EXAMPLES / "keywords.txt")
    assert len(table.rows) == 5
    assert table.keyword(4) == "café terrace in the rain"


def test_every_example_is_explained() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in EXAMPLES.iterdir()} - {"README.md"}
    assert {name for name in names if f"`{name}`" not in readme} == set()
