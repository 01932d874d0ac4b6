"""The presets of stock agencies: their shape, and reading them. An agency is data (agencies.toml), never code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.errors import NotFoundError, Problem, SettingsError
from engine.toml_files import TomlDocument, read_toml

Count = Annotated[int, Field(ge=1)]


class ColumnValue(StrEnum):
    FILE_NAME = "file_name"
    TITLE = "title"
    DESCRIPTION = "description"
    KEYWORDS = "keywords"
    CATEGORY = "category"
    PROMPT = "prompt"
    MODEL = "model"
    TEXT = "text"
    """The same text in every row."""


class Policy(StrEnum):
    """What an agency says about generated images."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNVERIFIED = "unverified"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    header: Annotated[str, Field(min_length=1)]
    value: ColumnValue
    text: str = ""


class TextRule(_Part):
    """Limits in characters."""

    min: int = 0
    max: Count | None = None
    forbidden: str = ""
    """Characters that may not occur."""
    says: str = ""
    """What the text has to say; in other words is enough, as long as it says `generated`."""


class KeywordRule(_Part):
    min: int = 0
    max: Count | None = None


class Preset(_Part):
    """One agency's sheet, limits and policy."""

    name: Annotated[str, Field(min_length=1)]
    is_verified: bool = False
    """Whether the figures come from the agency's own pages."""
    generated: Policy = Policy.UNVERIFIED
    generated_note: str = ""
    separator: Literal[",", ";", "\t"] = ","
    quotes: Literal["needed", "all"] = "needed"
    has_bom: bool = False
    rows_per_file: Count | None = None
    min_megapixels: Annotated[float, Field(ge=0)] = 0.0
    file_name_max: Annotated[int, Field(ge=20)] | None = None
    """Characters of a file's name with its extension."""
    needs_category: bool = False
    title: TextRule = TextRule()
    description: TextRule = TextRule()
    keywords: KeywordRule = KeywordRule()
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]
    categories: dict[str, str] = {}
    """Our name of a category to the agency's own word or number."""

    @model_validator(mode="after")
    def _names_the_file(self) -> Self:
        if not self.has_column(ColumnValue.FILE_NAME):
            raise ValueError(
                "no column has the value file_name, so no row would say which picture it is about"
            )
        return self

    def has_column(self, value: ColumnValue) -> bool:
        """Whether the sheet has such a column."""
        return any(column.value is value for column in self.columns)


@dataclass(frozen=True, slots=True)
class Agencies:
    """All presets by their ids, the built-in ones first."""

    presets: Mapping[str, Preset]

    @classmethod
    def load(cls, user_file: Path | None = None) -> Self:
        """The built-in presets with those of the user's file, if there is one, put over them.

        Raises SettingsError naming file, line and field.
        """
        text = resources.files("engine.export").joinpath("agencies.toml").read_text(encoding="utf-8")
        presets = _parse(TomlDocument(Path("agencies.toml"), text, tomllib.loads(text)))
        if user_file is not None:
            try:
                presets |= _parse(read_toml(user_file))
            except FileNotFoundError:
                return cls(presets)
        return cls(presets)

    def get(self, agency: str) -> Preset:
        """By id, letter case ignored. Raises NotFoundError with the ids there are."""
        found = self.presets.get(agency.strip().lower())
        if found is None:
            raise NotFoundError(
                f"There is no agency “{agency}”.", hint=f"One of: {', '.join(self.presets)}.", code="agency"
            )
        return found

    @property
    def categories(self) -> tuple[str, ...]:
        """Every category name that an agency has a word for."""
        return tuple(dict.fromkeys(name for preset in self.presets.values() for name in preset.categories))


def _parse(document: TomlDocument) -> dict[str, Preset]:
    presets: dict[str, Preset] = {}
    problems: list[Problem] = []
    for agency, data in document.data.items():
        try:
            presets[agency.lower()] = Preset.model_validate(data)
        except ValidationError as error:
            problems += [
                document.located(Problem(_field(agency, details["loc"]), details["msg"]))
                for details in error.errors()
            ]
    if problems:
        raise SettingsError(problems)
    return presets


def _field(agency: str, location: tuple[Any, ...]) -> str:
    return ".".join([agency, *(str(part) for part in location if not isinstance(part, int))])
