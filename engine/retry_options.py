"""What a retry does otherwise than the jobs that its images are from, and where it begins with each of them."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from db.records import JsonObject
from db.status import Progress, Stage
from engine.rules import FailureRule, StageRules
from engine.settings import Settings, dump_settings, merge_settings

type RuledStage = Literal["remove_background", "trim", "enhance", "convert", "metadata"]
"""The stages that a rule can be given for: a check or a save that fails always fails the image."""

_STEPS = tuple(Progress)


class RetryOptions(BaseModel):
    """Stored with the retry's job; never changes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    processing: dict[str, Any] | None = None
    """Fields of the settings' group `processing`, merged over those of each image's own job; None: as they were."""
    on_failure: dict[RuledStage, FailureRule] = {}
    checks_again: bool | None = None
    """None: checked where the check is what failed, or where it never passed and the job's settings want one. False:
    the user takes the image as it is."""
    writes_metadata_again: bool = False

    @property
    def changes_processing(self) -> bool:
        """Whether the pixels are worked on otherwise than the image's own job would."""
        return self.processing is not None

    @property
    def rules(self) -> StageRules:
        """For the stages that have no setting of their own."""
        return StageRules(
            **{stage: rule for stage, rule in self.on_failure.items() if stage != "remove_background"}
        )

    def settings_for(self, own: Settings, *, wants_check: bool) -> Settings:
        """The settings that an image is worked on with. Raises SettingsError for fields of `processing`."""
        document = dump_settings(own)
        document["processing"] |= self.processing or {}
        if (rule := self.on_failure.get("remove_background")) is not None:
            document["processing"]["on_remove_background_failure"] = rule.value
        document["ai"]["quality_check"] = wants_check
        if self.writes_metadata_again:
            document["ai"]["metadata"] = True
        return merge_settings(document)[0]

    def wants_check(self, before: "ImageBefore", own: Settings) -> bool:
        """Whether a quality check must pass the image first."""
        if self.checks_again is not None:
            return self.checks_again
        return before.stage is Stage.QUALITY_CHECK or (own.ai.quality_check and not before.is_checked)

    def start_for(
        self, before: "ImageBefore", own: Settings, *, has_original: bool, has_processed: bool
    ) -> Progress | None:
        """The step after which the work begins; None: with the download. `has_processed` False: the picture that a
        step had made is gone."""
        if not has_original:
            return None
        if self.wants_check(before, own):
            return Progress.DOWNLOADED
        start = before.progress or Progress.DOWNLOADED
        if self.checks_again is False:
            start = _later(start, Progress.CHECKED)
        if self.changes_processing or not has_processed:
            start = _earlier(start, Progress.CHECKED)
        if self.writes_metadata_again:
            start = _earlier(start, Progress.PROCESSED)
        return _earlier(start, Progress.DESCRIBED)


@dataclass(frozen=True, slots=True)
class ImageBefore:
    """What an image was when its retry was asked for."""

    stage: Stage | None
    progress: Progress | None
    is_checked: bool

    @classmethod
    def read(cls, stored: JsonObject) -> "ImageBefore":
        """From a retry's row."""
        return cls(
            stage=Stage(stored["stage"]) if stored["stage"] else None,
            progress=Progress(stored["progress"]) if stored["progress"] else None,
            is_checked=bool(stored["is_checked"]),
        )


def _earlier(one: Progress, other: Progress) -> Progress:
    return min(one, other, key=_STEPS.index)


def _later(one: Progress, other: Progress) -> Progress:
    return max(one, other, key=_STEPS.index)
