"""Names in exports: of the file, of what is in an archive, and short ones for agencies. Touches no file."""

import unicodedata
from datetime import datetime
from pathlib import PurePath

from engine.text import safe_label

STEM_BYTES = 60
_MEMBER_BYTES = 200


def export_stem(what: str, moment: datetime) -> str:
    """`<what>_20260131_080910`, in the local time of `moment`."""
    return f"{safe_label(what, STEM_BYTES)}_{moment.astimezone():%Y%m%d_%H%M%S}"


class UniqueNames:
    """Hands out names that differ on every system: also where letter case or the form of an accent does not count."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """The name as one safe component, with `-2`, `-3` ... in front of its extension where it is taken."""
        path = PurePath(name)
        extension = safe_label(path.suffix[1:], 20) if path.suffix[1:] else ""
        stem = safe_label(path.stem, _MEMBER_BYTES)
        number = 1
        while True:
            text = stem if number == 1 else f"{stem}-{number}"
            text = f"{text}.{extension}" if extension else text
            key = unicodedata.normalize("NFC", text).casefold()
            if key not in self._taken:
                self._taken.add(key)
                return text
            number += 1


def short_name(label: str, job_id: str, number: int, extension: str, longest: int) -> str:
    """`<label>_<job id>_<number>.<extension>` in at most `longest` characters: the label gives way.

    Job id and number alone make it unique; `longest` must hold them (20 does up to image 99,999).
    """
    ending = f"{job_id}_{number}.{extension}"
    room = longest - len(ending) - 1
    stem = "".join(char for char in safe_label(label, STEM_BYTES) if char.isascii())[: max(room, 0)].rstrip(
        "._- "
    )
    return f"{stem}_{ending}" if stem else ending
