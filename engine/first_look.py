"""How the window looks before the preferences are loaded: the pydantic models that check them take as long to load as
all of the window. Reads leniently, refuses nothing; `engine.preferences` says what is wrong right afterwards."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

ImageProtocol = Literal["auto", "kitty", "sixel", "blocks", "off"]
THEME = "gimf-dark"
_PROTOCOLS: tuple[ImageProtocol, ...] = get_args(ImageProtocol)


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What the first frame needs of the preferences, under the names that it has there."""

    theme: str = THEME
    image_protocol: ImageProtocol = "auto"
    keymap: Mapping[str, str] = field(default_factory=dict)


def first_look(config_file: Path) -> FirstLook:
    """What config.toml says, as far as it can be read; the defaults for the rest."""
    try:
        data = tomllib.loads(config_file.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return FirstLook()
    theme, keymap = data.get("theme"), data.get("keymap")
    return FirstLook(
        theme=theme if isinstance(theme, str) else THEME,
        image_protocol=next((one for one in _PROTOCOLS if one == data.get("image_protocol")), "auto"),
        keymap={
            action: keys
            for action, keys in (keymap.items() if isinstance(keymap, dict) else ())
            if isinstance(keys, str)
        },
    )
