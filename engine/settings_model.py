"""The settings of a job: one frozen model in groups, each field with its title, unit, range and default.

Keys are no part of it. It reads no files and knows no folders; `~` in a path stays as it was typed.
"""

from pathlib import Path

from pydantic import Field

from engine.settings_generation import GenerationSettings
from engine.settings_types import (
    BackgroundFailure,
    BackgroundSize,
    ImageFormat,
    JpgBackground,
    Name,
    Number,
    OptionalName,
    OptionalPath,
    SettingsGroup,
    Switch,
    Whole,
    expand_path,
    setting,
)


class FilesSettings(SettingsGroup):
    """Where a job reads and writes."""

    output_dir: OptionalPath = setting(
        None,
        "Output folder",
        "Where finished pictures go. Not set: the program's own output folder, ~/Pictures/gen-image-factory.",
        kind="folder",
    )
    work_dir: OptionalPath = setting(
        None,
        "Work folder",
        "Where unfinished and failed pictures lie. Not set: work, in the data folder.",
        kind="folder",
    )
    keywords_file: OptionalPath = setting(
        None,
        "Keywords file",
        "A .txt file, one keyword a line, or a .csv file with a header row. Not set: a built-in list.",
        kind="file",
    )
    system_prompt_file: OptionalPath = setting(
        None,
        "Prompt template",
        "Instructs the model that writes prompts; ${{Column}} and {keyword} are filled in.",
        kind="file",
    )
    quality_prompt_file: OptionalPath = setting(
        None, "Quality prompt", "Replaces the built-in instruction of the quality check.", kind="file"
    )
    metadata_prompt_file: OptionalPath = setting(
        None,
        "Metadata prompt",
        "Replaces the built-in instruction for titles and tags; ${promptContext} becomes the keyword.",
        kind="file",
    )

    def path(self, name: str) -> Path | None:
        """The file or folder of field `name`, `~` replaced, absolute; None where it is not set."""
        text: str | None = getattr(self, name)
        return None if text is None else expand_path(text, f"files.{name}")

    def output_folder(self, default: Path) -> Path:
        """The output folder, or `default` where none is set."""
        return self.path("output_dir") or default

    def work_folder(self, default: Path) -> Path:
        """The work folder, or `default` where none is set."""
        return self.path("work_dir") or default


class PromptSettings(SettingsGroup):
    """The language model that writes the prompts."""

    openai_model: Name = setting(
        "gpt-5.4-mini", "Prompt model", "The language model that writes one prompt for each generation."
    )
    temperature: Number = setting(
        0.7, "Temperature", "How freely it writes; not sent to models that refuse it.", ge=0, le=2, step=0.1
    )


class ProcessingSettings(SettingsGroup):
    """What is done to each picture. Nothing switched on: the provider's file is kept byte for byte."""

    remove_background: Switch = setting(
        False, "Remove background", "Cuts the subject out with remove.bg; costs credits."
    )
    remove_background_size: BackgroundSize = setting(
        "auto", "Background removal size", "The size remove.bg answers in; larger ones cost more."
    )
    on_remove_background_failure: BackgroundFailure = setting(
        "continue", "If background removal fails", "Go on with the background, or fail the image."
    )
    trim_transparent: Switch = setting(
        False, "Trim transparent border", "Crops to what is more than 5 % opaque."
    )
    convert: Switch = setting(False, "Convert", "Writes every picture in the format below.")
    convert_format: ImageFormat = setting("png", "Format", "What pictures are converted to.")
    jpg_quality: Whole = setting(85, "JPEG quality", "Higher is better and larger.", ge=1, le=100)
    webp_quality: Whole = setting(85, "WebP quality", "Higher is better and larger.", ge=1, le=100)
    jpg_background: JpgBackground = setting(
        "white", "JPEG background", "What transparent parts become in a JPEG."
    )
    enhance: Switch = setting(False, "Enhance", "Sharpens and colours every picture as below.")
    sharpening: Number = setting(
        5.0,
        "Sharpening",
        "Unsharp mask with a sigma of 0.2 px a level; 0 is off.",
        unit="level",
        ge=0,
        le=10,
        multiple_of=0.5,
    )
    saturation: Number = setting(
        1.4, "Saturation", "0 is grey, 1 leaves colours as they are.", ge=0, le=2, multiple_of=0.1
    )


class AiSettings(SettingsGroup):
    """What the vision model does."""

    quality_check: Switch = setting(
        True, "Quality check", "A vision model looks at each image first; off: all are approved unseen."
    )
    metadata: Switch = setting(True, "Metadata", "A vision model writes title, description and tags.")
    quality_model: OptionalName = setting(None, "Quality model", "Not set: the prompt model.")
    metadata_model: OptionalName = setting(None, "Metadata model", "Not set: the prompt model.")
    embed_metadata: Switch = setting(
        True, "Embed metadata", "Writes title, description and tags into the file (IPTC, XMP)."
    )


class AdvancedSettings(SettingsGroup):
    """For finding faults."""

    debug: Switch = setting(False, "Debug", "Logs every request and answer in short; keys stay masked.")


class Settings(SettingsGroup):
    """Everything a job runs with; stored with it as an immutable snapshot."""

    files: FilesSettings = Field(default_factory=FilesSettings, title="Files")
    generation: GenerationSettings = Field(default_factory=GenerationSettings, title="Generation")
    prompt: PromptSettings = Field(default_factory=PromptSettings, title="Prompt")
    processing: ProcessingSettings = Field(default_factory=ProcessingSettings, title="Processing")
    ai: AiSettings = Field(default_factory=AiSettings, title="AI")
    advanced: AdvancedSettings = Field(default_factory=AdvancedSettings, title="Advanced")

    @property
    def quality_model(self) -> str:
        """The model that checks."""
        return self.ai.quality_model or self.prompt.openai_model

    @property
    def metadata_model(self) -> str:
        """The model that writes titles and tags."""
        return self.ai.metadata_model or self.prompt.openai_model
