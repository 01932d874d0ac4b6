"""What can be wrong with a picture. Says nothing about where in the work it happened."""

from enum import StrEnum

from engine.errors import FactoryError


class PictureFault(StrEnum):
    """The values of `PictureError.code`."""

    MISSING = "missing"
    """There is no such file."""
    NOT_A_PICTURE = "not_a_picture"
    """No PNG, JPEG or WebP; the message names what it is."""
    ANIMATED = "animated"
    """More than one frame."""
    TRUNCATED = "truncated"
    """The file ends too early."""
    DAMAGED = "damaged"
    """The file is complete but cannot be decoded."""
    TOO_LARGE = "too_large"
    """More bytes than allowed."""
    BOMB = "bomb"
    """More pixels than allowed; nothing was decoded."""
    EMPTY = "empty"
    """Nothing would be left of the picture."""
    SIDE_TOO_LONG = "side_too_long"
    """The file format cannot hold a picture of this size."""
    TEXT_TOO_LONG = "text_too_long"
    """The text does not fit into the file format."""


class PictureError(FactoryError):
    """A picture that cannot be used, or an operation that it does not allow; `code` is a `PictureFault`."""

    code = "picture"

    def __init__(self, fault: PictureFault, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, code=fault.value)
        self.fault = fault
