"""From an image's files to a frame for the screen: what is wished for, and the work that a thread does for it."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from PIL import Image

from engine.imaging.faults import PictureError
from engine.previews import PreviewFiles, ensure_previews
from tui.pictures import Backdrop, Frame, Window, load, make_frame
from tui.terminal import TerminalFacts

KEPT_PIXELS = 40_000_000
"""Of decoded pictures; the last one is kept whatever its size."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What to show: the image and its files."""

    image_id: int
    file: Path | None
    """The picture itself; None: there is none."""
    previews: PreviewFiles
    is_full: bool = False
    """From the file itself, else from its preview."""
    note: str = ""
    """What is said where there is nothing to be seen."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Everything that a frame depends on."""

    picture: Picture
    facts: TerminalFacts
    columns: int
    rows: int
    window: Window
    backdrop: Backdrop
    ground: tuple[int, int, int]


class DecodedPictures:
    """Decoded pictures, the last ones kept; used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[Path, int], Image.Image] = OrderedDict()

    def get(self, path: Path) -> Image.Image:
        """The picture in a file. Raises PictureError and OSError."""
        key = (path, path.stat().st_mtime_ns)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        image = load(path)
        with self._lock:
            self._kept[key] = image
            while (
                len(self._kept) > 1
                and sum(one.width * one.height for one in self._kept.values()) > KEPT_PIXELS
            ):
                self._kept.popitem(last=False)
        return image


def draw_frame(pixels: DecodedPictures, wish: Wish) -> Frame:
    """Blocks: call it in a thread. Raises PictureError, PauseRequired and OSError."""
    picture = wish.picture
    assert picture.file is not None, "a picture without a file is not wished for"
    if picture.is_full:
        return make_frame(
            pixels.get(picture.file),
            wish.facts,
            wish.columns,
            wish.rows,
            window=wish.window,
            backdrop=wish.backdrop,
            ground=wish.ground,
        )
    try:
        ensure_previews(picture.previews, picture.file)
    except PictureError:
        if not picture.previews.preview.exists():
            raise
    return make_frame(
        pixels.get(picture.previews.preview),
        wish.facts,
        wish.columns,
        wish.rows,
        backdrop=wish.backdrop,
        ground=wish.ground,
    )
