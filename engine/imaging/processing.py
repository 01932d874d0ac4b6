"""The work on the pixels of one image, in its fixed order: trim, sharpen, saturate, encode.

A function of (input file, plan): no database, no network, safe to repeat and to run in any thread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from db.status import Stage
from engine.errors import StageError
from engine.files import atomic_write
from engine.imaging.encode import Background, encode
from engine.imaging.enhance import saturate, sharpen
from engine.imaging.open_checked import PictureError, PictureFormat, PictureInfo, inspect_file, open_with_info
from engine.imaging.trim import trim_transparent
from engine.rules import FailureRule


@dataclass(frozen=True, slots=True)
class ProcessingPlan:
    """What is to be done; the ranges are those of the settings."""

    trim: bool = False
    convert: PictureFormat | None = None
    jpg_quality: int = 85
    webp_quality: int = 85
    jpg_background: Background = Background.WHITE
    enhance: bool = False
    sharpening: float = 5.0
    """0-10; see `engine.imaging.enhance.sharpen`."""
    saturation: float = 1.4
    """0-2; 1 leaves the colours alone."""
    on_trim_failure: FailureRule = FailureRule.FAIL
    on_enhance_failure: FailureRule = FailureRule.CONTINUE
    on_convert_failure: FailureRule = FailureRule.FAIL

    @property
    def needs_pixels(self) -> bool:
        """False when the provider's file is to be kept byte for byte."""
        return self.trim or self.convert is not None or self.changes_colours

    @property
    def changes_colours(self) -> bool:
        return self.enhance and (self.sharpening > 0 or self.saturation != 1)


@dataclass(frozen=True, slots=True)
class SoftFailure:
    """A step that failed on an image which went on without it."""

    stage: Stage
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Processed:
    """The result. Width and height in pixels."""

    path: Path
    width: int
    height: int
    format: PictureFormat
    is_original: bool
    """True where `path` is the source itself, because there was nothing to change."""
    warnings: tuple[SoftFailure, ...] = ()


def process_picture(source: Path, target_stem: Path, plan: ProcessingPlan) -> Processed:
    """Carry out `plan` on `source` and write `<target_stem>.<extension>`, atomically. `source` is never
    changed.

    Without `convert`, a changed picture keeps the format of its source. A file whose pixels were not
    changed and which is not to be converted is not written again.

    Raises StageError (trim, enhance, convert) where the plan's rule for that step is `fail`; PictureError
    where the source is no whole picture, which is the fault of the step before; PauseRequired for a full
    disk or a lost folder.
    """
    if not plan.needs_pixels:
        return _original(source, inspect_file(source))
    original, info = open_with_info(source)
    warnings: list[SoftFailure] = []

    image = original
    if plan.trim:
        image = _attempt(Stage.TRIM, plan.on_trim_failure, warnings, trim_transparent, image)
    if plan.changes_colours:
        image = _attempt(
            Stage.ENHANCE,
            plan.on_enhance_failure,
            warnings,
            lambda before: saturate(sharpen(before, plan.sharpening), plan.saturation),
            image,
        )
    is_changed = image is not original
    if plan.convert is None and not is_changed:
        return _original(source, info, tuple(warnings))

    picture_format = plan.convert or info.format
    try:
        data = _encode(image, picture_format, plan)
    except StageError as error:
        if plan.on_convert_failure is FailureRule.FAIL or picture_format is info.format:
            raise
        warnings.append(SoftFailure(Stage.CONVERT, error.code, error.message))
        if not is_changed:
            return _original(source, info, tuple(warnings))
        picture_format = info.format
        data = _encode(image, picture_format, plan)

    target = target_stem.with_name(f"{target_stem.name}.{picture_format.value}")
    if target == source:
        raise ValueError(f"the result would overwrite its source {source}")
    atomic_write(target, data)
    return Processed(target, image.width, image.height, picture_format, False, tuple(warnings))


def _original(source: Path, info: PictureInfo, warnings: tuple[SoftFailure, ...] = ()) -> Processed:
    return Processed(source, info.width, info.height, info.format, True, warnings)


def _encode(image: Image.Image, picture_format: PictureFormat, plan: ProcessingPlan) -> bytes:
    return _step(
        Stage.CONVERT,
        lambda before: encode(
            before,
            picture_format,
            jpg_quality=plan.jpg_quality,
            webp_quality=plan.webp_quality,
            background=plan.jpg_background,
        ),
        image,
    )


def _attempt(
    stage: Stage,
    rule: FailureRule,
    warnings: list[SoftFailure],
    work: Callable[[Image.Image], Image.Image],
    image: Image.Image,
) -> Image.Image:
    """The image after `work`, or the same image with a warning added where the rule allows that."""
    try:
        return _step(stage, work, image)
    except StageError as error:
        if rule is FailureRule.FAIL:
            raise
        warnings.append(SoftFailure(stage, error.code, error.message))
        return image


def _step[Result](stage: Stage, work: Callable[[Image.Image], Result], image: Image.Image) -> Result:
    """Run a computation on pixels; whatever stops it becomes a StageError of `stage`."""
    try:
        return work(image)
    except PictureError as error:
        raise StageError(stage, error.message, code=error.code, hint=error.hint) from error
    except MemoryError as error:
        raise StageError(
            stage,
            f"not enough memory for {image.width} x {image.height} pixels",
            code="memory",
            hint="Close other programs, or ask for smaller pictures.",
        ) from error
    except (OSError, ValueError) as error:  # what Pillow raises when it cannot work or encode
        raise StageError(stage, f"the picture could not be worked on: {error}", code="pixels") from error
