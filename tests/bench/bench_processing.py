"""How much two worker threads gain over one in the work on pixels. Aim on two cores: 1.8 times."""

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from engine.imaging.encode import encode_png
from engine.imaging.open_checked import PictureFormat
from engine.imaging.processing import ProcessingPlan, process_picture

PICTURES = 12
ROUNDS = 5
AIM = 1.8
PLANS = {
    "enhance, PNG": ProcessingPlan(enhance=True),
    "trim, enhance, JPEG": ProcessingPlan(trim=True, enhance=True, convert=PictureFormat.JPEG),
}


def drawn() -> Image.Image:
    """1,024 x 1,024 with an alpha border; as hard to compress as a generated picture."""
    noise = Image.effect_noise((256, 256), 60).resize((1024, 1024), Image.Resampling.BICUBIC)
    picture = Image.merge("RGB", (noise, noise.rotate(90), noise.rotate(180)))
    alpha = Image.new("L", picture.size, 0)
    alpha.paste(255, (40, 40, 984, 984))
    picture.putalpha(alpha)
    return picture


def seconds(source: Path, folder: Path, plan: ProcessingPlan, workers: int) -> float:
    with ThreadPoolExecutor(workers) as pool:
        start = time.perf_counter()
        done = [
            pool.submit(process_picture, source, folder / f"{number}", plan) for number in range(PICTURES)
        ]
        for future in done:
            future.result()
        return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.png"
        source.write_bytes(encode_png(drawn()))
        for label, plan in PLANS.items():
            # In turns, and the best of each: what else the machine does then falls on both alike.
            turns = [[seconds(source, folder, plan, workers) for workers in (1, 2)] for _ in range(ROUNDS)]
            one, two = map(min, zip(*turns, strict=True))
            print(
                f"{label}: {PICTURES / one:.1f} pictures/s with one thread, {PICTURES / two:.1f} with two, "
                f"ratio {one / two:.2f} (aim >= {AIM} on two cores; here {os.cpu_count()})"
            )


if __name__ == "__main__":
    main()
