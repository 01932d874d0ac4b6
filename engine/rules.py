"""What becomes of an image when a step on it fails: as the program has it, or as a retry asks for."""

from dataclasses import dataclass
from enum import StrEnum


class FailureRule(StrEnum):
    """What becomes of an image when a step on it fails."""

    CONTINUE = "continue"
    """It goes on without that step; the failure is recorded on it."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class StageRules:
    """One rule a step. Background removal has a setting of its own; a check or a save that fails always fails the
    image: nothing goes on unchecked or unsaved."""

    trim: FailureRule = FailureRule.FAIL
    enhance: FailureRule = FailureRule.CONTINUE
    convert: FailureRule = FailureRule.FAIL
    metadata: FailureRule = FailureRule.CONTINUE
