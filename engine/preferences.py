"""The program's own preferences, `config.toml`: how it looks, where services are. No part of any job."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError

from engine.errors import Problem, SettingsError
from engine.first_look import THEME, ImageProtocol
from engine.paths import Paths
from engine.settings_types import Name, OptionalName, OptionalPath, Switch, expand_path, resolve_in, setting
from engine.text import clean_text
from engine.toml_files import TomlDocument, read_toml, set_value, write_private_text
from engine.validation import validate_known

BASE_URL_VARIABLES = {
    "piapi": "PIAPI_BASE_URL",
    "openai": "OPENAI_BASE_URL",
    "remove_bg": "REMOVE_BG_BASE_URL",
    "runware": "RUNWARE_BASE_URL",
}


def _base_url(text: str) -> str:
    url = text.strip()
    reason = _refusal(url)
    if reason:
        # The text itself may hold a password, so it is not quoted.
        raise PydanticCustomError(
            "base_url", "{reason}", {"reason": reason, "hint": "Write it like https://host/v1."}
        )
    return url.rstrip("/")


def _refusal(url: str) -> str:
    if url != clean_text(url) or " " in url:
        return "it contains blanks or control characters"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "it is not an http or https URL"
    if parts.username is not None or parts.password is not None:
        return "it contains a user name or password; keys are stored with `gimf keys set`"
    if parts.query or parts.fragment:
        return "it has a query or a fragment; a base URL ends with its path"
    return ""


def _agency_id(name: str | None) -> str | None:
    """Ids of agencies are small letters."""
    return None if name is None else name.lower()


BaseUrl = Annotated[str, Strict(), AfterValidator(_base_url)]
Shortcut = Annotated[str, Strict()]


def _refuse_tables(keymap: Any) -> Any:
    """`review.approve = "a"` without quotes is a table in TOML."""
    for action, keys in keymap.items() if isinstance(keymap, dict) else ():
        if isinstance(keys, dict):
            raise PydanticCustomError(
                "keymap",
                "{action} stands without quotes",
                {"action": clean_text(action), "hint": _QUOTES_HINT},
            )
    return keymap


_QUOTES_HINT = 'Write the whole action in quotes, such as "review.approve" = "a".'
Keymap = Annotated[dict[str, Shortcut], BeforeValidator(_refuse_tables)]


class PreferencesGroup(BaseModel):
    """Frozen; refuses fields that it does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Notifications(PreferencesGroup):
    """How a finished job makes itself known."""

    bell: Switch = setting(True, "Bell", "Rings the terminal's bell at the end of a job.")
    title: Switch = setting(True, "Terminal title", "Shows the running job in the terminal's title.")
    progress: Switch = setting(True, "Task bar", "Shows progress in the task bar (OSC 9;4).")


class BaseUrls(PreferencesGroup):
    """Where each service answers; PIAPI_BASE_URL and its like in the environment win."""

    piapi: BaseUrl = setting(
        "https://api.piapi.ai", "PiAPI address", "Where PiAPI answers; PIAPI_BASE_URL wins."
    )
    openai: BaseUrl = setting(
        "https://api.openai.com/v1",
        "OpenAI address",
        "Where OpenAI, or any server that speaks like it, answers; OPENAI_BASE_URL wins.",
    )
    remove_bg: BaseUrl = setting(
        "https://api.remove.bg/v1.0",
        "remove.bg address",
        "Where remove.bg answers; REMOVE_BG_BASE_URL wins.",
    )
    runware: BaseUrl = setting(
        "https://api.runware.ai/v1", "Runware address", "Where Runware answers; RUNWARE_BASE_URL wins."
    )


class Folders(PreferencesGroup):
    """Folders in place of the program's own, for jobs whose settings name none."""

    output: OptionalPath = setting(
        None, "Output folder", "Finished pictures of jobs whose settings name no folder.", kind="folder"
    )
    work: OptionalPath = setting(
        None, "Work folder", "Unfinished and failed pictures of such jobs.", kind="folder"
    )
    exports: OptionalPath = setting(None, "Export folder", "Workbooks and archives.", kind="folder")


class Preferences(PreferencesGroup):
    """Everything in `config.toml`."""

    theme: Name = setting(THEME, "Theme", "A theme of the program or of Textual.")
    image_protocol: ImageProtocol = setting(
        "auto", "Image protocol", "How pictures are drawn in the terminal; auto takes the best that works."
    )
    resume_on_start: Switch = setting(
        True, "Resume on start", "Goes on with what an earlier start left unfinished."
    )
    on_hangup: Literal["continue", "stop"] = setting(
        "continue", "When the line drops", "What a job does then."
    )
    target_agency: Annotated[OptionalName, AfterValidator(_agency_id)] = setting(
        None,
        "Target agency",
        "The agency you make pictures for, as `gimf export agencies` calls it: plans warn of sizes below its floor.",
    )
    keymap: Keymap = Field(default_factory=dict, description="Action to keys, comma separated.")
    notifications: Notifications = Field(default_factory=Notifications)
    base_urls: BaseUrls = Field(default_factory=BaseUrls)
    folders: Folders = Field(default_factory=Folders)

    def output_folder(self, paths: Paths) -> Path:
        """Where finished pictures go when a job's settings do not say."""
        return self._folder("output", paths.default_output_dir)

    def work_folder(self, paths: Paths) -> Path:
        """Where unfinished and failed pictures lie when a job's settings do not say."""
        return self._folder("work", paths.work_dir)

    def export_folder(self, paths: Paths) -> Path:
        """Where exports go that name no place."""
        return self._folder("exports", paths.default_export_dir)

    def _folder(self, name: str, default: Path) -> Path:
        text: str | None = getattr(self.folders, name)
        return default if text is None else expand_path(text, f"folders.{name}")


def merge_preferences(data: Mapping[str, Any]) -> tuple[Preferences, list[Problem]]:
    """`data` over the defaults, and warnings for unknown fields. Raises SettingsError with every bad field."""
    return validate_known(Preferences, data)


def load_preferences(
    path: Path, environ: Mapping[str, str] = os.environ
) -> tuple[Preferences, list[Problem]]:
    """The file over the defaults, base URLs of the environment over both; no file means the defaults.

    Relative folders belong to the file's own. Unknown fields are warnings. Raises SettingsError naming
    file, line and field (or the variable) of everything that is wrong.
    """
    return _validate(_read(path), environ)


def save_preferences(
    path: Path, changes: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> tuple[Preferences, list[Problem]]:
    """Set single fields (`notifications.bell`, `keymap.review.approve`) in the file; None removes one.

    Everything else in it stays: comments, and fields that this version does not know (they are reported).
    What the environment says is never written. Nothing is written if the outcome is not valid. Raises
    SettingsError.
    """
    document = _read(path)
    for field, value in changes.items():
        text = set_value(document, _key_path(field), value)
        document = TomlDocument(path, text, _parsed(text, path))
    preferences = _validate(document, environ)
    try:
        write_private_text(path, document.text)
    except OSError as error:
        raise SettingsError([Problem(str(path), f"it cannot be written: {error.strerror}")]) from error
    return preferences


def _read(path: Path) -> TomlDocument:
    try:
        return read_toml(path)
    except FileNotFoundError:
        return TomlDocument(path, "", {})


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([Problem(str(path), f"it would not be valid TOML: {error}")]) from error


def _key_path(field: str) -> tuple[str, ...]:
    """An action's id has dots of its own, so what follows `keymap.` is one key."""
    group, _, rest = field.partition(".")
    return (group, rest) if group == "keymap" and rest else tuple(field.split("."))


def _validate(document: TomlDocument, environ: Mapping[str, str]) -> tuple[Preferences, list[Problem]]:
    data = dict(document.data)
    if isinstance(folders := data.get("folders"), dict):
        beside = document.path.absolute().parent
        data["folders"] = {
            name: resolve_in(beside, value) if isinstance(value, str) else value
            for name, value in folders.items()
        }
    problems: list[Problem] = []
    try:
        preferences, warnings = merge_preferences(data)
    except SettingsError as error:
        problems += [document.located(problem) for problem in error.problems]
        preferences, warnings = Preferences(), []
    urls: dict[str, str] = {}
    for name, variable in BASE_URL_VARIABLES.items():
        if url := environ.get(variable, "").strip():
            try:
                urls[name] = _base_url(url)
            except PydanticCustomError as error:
                problems.append(Problem(variable, error.message(), hint="Correct it or unset it."))
    if problems:
        raise SettingsError(problems)
    base_urls = preferences.base_urls.model_copy(update=urls)
    located = [document.located(warning) for warning in warnings]
    return preferences.model_copy(update={"base_urls": base_urls}), located
