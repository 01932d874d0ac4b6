"""Real terminals show real pictures: xterm by sixel and kitty by its own protocol, or by half blocks where it is older
than 0.28 and has no placeholders; under Xvfb, looked at through screenshots.

Skipped where the programs are missing. SCREENSHOTS_DIR names a folder in which the screenshots are kept.
"""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from engine.previews import preview_files
from engine.views import ImageView
from tests.support.engine import EngineHome, engine_home
from tests.support.images import finished_job

ROOT = Path(__file__).parents[2]
SCREEN = (1200, 800)
PATIENCE_S = 60.0
LEAST_SHARE = 0.07
TOLERANCE = 24
"""Of a channel: sixel pictures have 256 colours."""
TERMINALS = {
    "xterm": ("xterm", "-ti", "vt340", "-fa", "Mono", "-fs", "10", "-geometry", "130x40", "-e"),
    "kitty": (
        "kitty",
        "--config",
        "NONE",
        "-o",
        "initial_window_width=1100",
        "-o",
        "initial_window_height=700",
    ),
}
NEEDED = ("Xvfb", "import")
FIRST_WITH_PLACEHOLDERS = (0, 28)

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]


class Display:
    """A screen of its own, and terminals on it."""

    def __init__(self, number: str, folder: Path) -> None:
        self.number = number
        self.folder = folder

    async def shoot(self, name: str) -> Image.Image:
        """What is on the screen now."""
        place = self.folder / f"{name}.png"
        shooting = await asyncio.create_subprocess_exec(
            "import", "-display", self.number, "-window", "root", str(place)
        )
        assert await shooting.wait() == 0
        with Image.open(place) as image:
            return image.convert("RGB")

    async def until(
        self,
        name: str,
        picture: Image.Image,
        *,
        left: float = 1.0,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait until the picture's colours take their part of the screen, or of so much of it from the left."""
        share = 0.0
        try:
            async with asyncio.timeout(PATIENCE_S):
                while share < LEAST_SHARE:
                    meanwhile()
                    screen = await self.shoot(name)
                    screen = screen.crop((0, 0, round(screen.width * left), screen.height))
                    share = shown_share(picture, screen)
                    await asyncio.sleep(0.3)
        except TimeoutError:
            pytest.fail(f"{name}: the picture's colours took {share:.1%} of the screen")


@pytest.fixture
async def display(tmp_path: Path) -> AsyncIterator[Display]:
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (packages xvfb and imagemagick)")
    folder = Path(os.environ.get("SCREENSHOTS_DIR") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    server = await asyncio.create_subprocess_exec(
        *(
            "Xvfb",
            "-displayfd",
            str(writing),
            "-screen",
            "0",
            f"{SCREEN[0]}x{SCREEN[1]}x24",
            "-nolisten",
            "tcp",
        ),
        pass_fds=(writing,),
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            line = await asyncio.to_thread(number.readline)
        if not line:
            pytest.skip("Xvfb does not start here")
        yield Display(f":{line.strip()}", folder)
    finally:
        server.terminate()
        await server.wait()


@asynccontextmanager
async def terminal(
    name: str, display: Display, home: EngineHome, tmp_path: Path
) -> AsyncIterator[tuple[Path, Path]]:
    """The program in that terminal; yields the FIFO into which keys are written, and what the program writes."""
    fifo, written = tmp_path / f"{name}.keys", tmp_path / f"{name}.written"
    os.mkfifo(fifo)
    environ = {
        **{key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "LC_ALL", "HOME")},
        **home.environ,
        "DISPLAY": display.number,
        "GIMF_HOME": str(home.root),
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    environ.setdefault("LANG", "C.UTF-8")
    relay = str(ROOT / "tests/acceptance/relay.py")
    command = (sys.executable, relay, str(fifo), str(written), sys.executable)
    process = await asyncio.create_subprocess_exec(
        *TERMINALS[name],
        *command,
        *("-m", "tui", "--in-process"),
        cwd=ROOT,
        env=environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield fifo, written
    finally:
        process.terminate()
        await process.wait()


def press(fifo: Path, keys: str) -> None:
    """Type into the terminal."""
    with fifo.open("w") as typing:
        typing.write(keys)


def protocol_seen(written: bytes) -> str:
    """How the pictures were drawn, by what was sent to the terminal."""
    if re.search(rb"\x1b_Gi=\d+,f=100", written):
        return "kitty"
    return "sixel" if re.search(rb"\x1bP[\d;]*q", written) else "blocks"


async def protocol_expected(name: str) -> str:
    """xterm is told to be one with sixel; an old kitty knows no placeholders."""
    if name == "xterm":
        return "sixel"
    asked = await asyncio.create_subprocess_exec("kitty", "--version", stdout=asyncio.subprocess.PIPE)
    said, _ = await asked.communicate()
    found = re.search(rb"(\d+)\.(\d+)", said)
    assert found is not None, said
    return "kitty" if (int(found[1]), int(found[2])) >= FIRST_WITH_PLACEHOLDERS else "blocks"


def main_colours(picture: Image.Image, count: int = 3) -> Sequence[tuple[int, int, int]]:
    """The colours that take most of a picture, without those that a screen has anyway."""
    small = picture.convert("RGB").quantize(8).convert("RGB")
    found = sorted(small.getcolors() or [], reverse=True)
    colours = [colour for _, colour in found if isinstance(colour, tuple) and max(colour) > 60]
    return [colour for colour in colours if min(colour) < 235][:count]


def shown_share(picture: Image.Image, screen: Image.Image) -> float:
    """The part of a screen that has the picture's main colours."""
    wanted = main_colours(picture)
    small = screen.resize((screen.width // 4, screen.height // 4), Image.Resampling.NEAREST)
    pixels = list(zip(*(small.getchannel(band).tobytes() for band in "RGB"), strict=True))
    hits = sum(
        any(
            all(abs(have - want) <= TOLERANCE for have, want in zip(pixel, colour, strict=True))
            for colour in wanted
        )
        for pixel in pixels
    )
    return hits / len(pixels)


def preview(home: EngineHome, image: ImageView) -> Image.Image:
    files = preview_files(home.paths.previews_dir, image.job_id, image.number)
    with Image.open(files.preview) as picture:
        return picture.convert("RGB")


@pytest.mark.parametrize("name", sorted(TERMINALS))
async def test_a_terminal_shows_pictures(
    name: str, display: Display, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if shutil.which(TERMINALS[name][0]) is None:
        pytest.skip(f"not installed: {name}")
    async with engine_home(tmp_path / "home", reject_share=1.0, image_side_cap=512) as home:
        async with home.open() as engine:
            images = await finished_job(engine, 3)
        newest, following = sorted(images, key=lambda image: -image.image_id)[:2]
        async with terminal(name, display, home, tmp_path) as (fifo, written):
            # What is typed before the program listens is lost, so the key is pressed until it has an effect.
            await display.until(f"{name}-review", preview(home, newest), meanwhile=lambda: press(fifo, "3"))
            press(fifo, "d")
            await display.until(f"{name}-review-next", preview(home, following))
            press(fifo, "\r")
            await display.until(f"{name}-viewer", preview(home, following), left=0.35)
            seen = protocol_seen(written.read_bytes())
    print(f"{name} was sent pictures as {seen}")
    record_property("protocol", seen)
    assert seen == await protocol_expected(name)
