import pytest

from engine.settings import FieldKind, Settings, describe_field, describe_fields, dump_settings


def test_every_setting_is_described() -> None:
    data = dump_settings(Settings())
    assert [f.path for f in describe_fields()] == [
        f"{group}.{name}" for group in data for name in data[group]
    ]
    for field in describe_fields():
        assert field.title not in {"", field.path.partition(".")[2]}, field.path
        assert field.description.endswith("."), field.path
        assert field.group_title
        assert field.default == data[field.group][field.path.partition(".")[2]]


def test_only_optional_fields_are_unset_by_default() -> None:
    assert [f.path for f in describe_fields() if (f.default is None) != f.is_optional] == []


def test_numbers_have_bounds_and_steps_and_choices_have_choices() -> None:
    for field in describe_fields():
        is_number = field.kind in {FieldKind.WHOLE, FieldKind.NUMBER}
        has_bounds = field.minimum is not None and field.maximum is not None and field.step is not None
        assert is_number == has_bounds, field.path
        assert (field.kind is FieldKind.CHOICE) == bool(field.choices), field.path


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        ("generation.generations", (FieldKind.WHOLE, 1, 2500, 1, "")),
        ("generation.poll_interval_seconds", (FieldKind.NUMBER, 0.5, 60, 0.5, "s")),
        ("generation.timeout_minutes", (FieldKind.WHOLE, 1, 60, 1, "min")),
        ("processing.sharpening", (FieldKind.NUMBER, 0, 10, 0.5, "level")),
        ("processing.saturation", (FieldKind.NUMBER, 0, 2, 0.1, "")),
        ("generation.budget_usd", (FieldKind.NUMBER, 0, 1_000_000, 1, "USD")),
        ("files.output_dir", (FieldKind.FOLDER, None, None, None, "")),
        ("files.keywords_file", (FieldKind.FILE, None, None, None, "")),
        ("generation.loras", (FieldKind.LORAS, None, None, None, "")),
        ("generation.dimensions", (FieldKind.LIST, None, None, None, "px")),
    ],
)
def test_facts_come_from_the_model(path: str, facts: tuple[object, ...]) -> None:
    field = describe_field(path)
    assert (field.kind, field.minimum, field.maximum, field.step, field.unit) == facts


def test_choices_are_the_values_that_are_stored() -> None:
    assert describe_field("generation.provider").choices == ("piapi", "openai", "runware")
    assert describe_field("processing.remove_background_size").choices == ("auto", "preview", "full", "50MP")


def test_a_path_that_is_none_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        describe_field("generation.modle")
