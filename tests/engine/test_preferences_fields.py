"""Preferences are described as settings are, so that one form edits both."""

from pathlib import Path

from engine.preferences import Preferences, save_preferences
from engine.preferences_fields import describe_preferences
from engine.settings import FieldKind


def test_every_preference_but_the_keymap_is_described(tmp_path: Path) -> None:
    def leaves(data: dict[str, object], prefix: str = "") -> list[str]:
        found = []
        for name, value in data.items():
            found += leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]
        return found

    paths = [field.path for field in describe_preferences()]
    assert paths == leaves(Preferences().model_dump(mode="json", exclude={"keymap"}))
    for field in describe_preferences():
        assert field.title
        assert field.description.endswith(".")
        if field.kind is FieldKind.SWITCH:
            preferences, _ = save_preferences(tmp_path / "config.toml", {field.path: not field.default}, {})
            group, _, name = field.path.rpartition(".")
            holder = getattr(preferences, group) if group else preferences
            assert getattr(holder, name) is (not field.default)


def test_kinds_and_choices_come_from_the_model() -> None:
    fields = {field.path: field for field in describe_preferences()}
    assert fields["image_protocol"].choices == ("auto", "kitty", "sixel", "blocks", "off")
    assert fields["folders.output"].kind is FieldKind.FOLDER
    assert fields["folders.output"].is_optional
    assert fields["base_urls.piapi"].kind is FieldKind.TEXT
