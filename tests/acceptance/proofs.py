"""The table of proofs: for each setting a function that shows, in runs with different values of it, what it changes.

`PROOFS` maps a setting's path to its proof; `proves` puts one there. test_settings_reach_the_wire.py carries them out.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from tests.acceptance.runs import Evidence, Runs
from tests.acceptance.support import decoded

type Proof = Callable[[Runs], Awaitable[None]]

PROOFS: dict[str, Proof] = {}


def proves(*fields: str) -> Callable[[Proof], Proof]:
    """Register a proof for these settings."""

    def register(proof: Proof) -> Proof:
        for field in fields:
            assert field not in PROOFS, f"{field} has two proofs"
            PROOFS[field] = proof
        return proof

    return register


# ---- files


@proves("files.output_dir", "files.work_dir")
async def _folders(run: Runs) -> None:
    plain, rich = await run("plain"), await run("rich")
    assert _folders_of(plain) == (
        {plain.home.paths.default_output_dir},
        {plain.home.paths.work_dir / plain.job.job_id},
    )
    assert _folders_of(rich) == ({rich.folder / "pictures"}, {rich.folder / "in_work" / rich.job.job_id})


def _folders_of(evidence: Evidence) -> tuple[set[Path], set[Path]]:
    files, originals = evidence.files, [Path(image.original_file or "") for image in evidence.images]
    assert files
    assert all(path.is_file() for path in (*files, *originals))
    return {path.parent for path in files}, {path.parent for path in originals}


@proves("files.keywords_file", "files.system_prompt_file")
async def _keywords_and_template(run: Runs) -> None:
    rich = await run("rich")
    briefs = [message["content"] for message in rich.chat_messages("chat.prompt", "user")]
    assert sorted(briefs) == [
        "Paint a boat, red, for a calendar.",
        "Paint a boat, red, for a calendar.",
        "Paint a kite, blue, for a calendar.",
    ]
    assert [image.keyword for image in rich.images] == ["boat"] * 3 + ["kite"] * 3 + ["boat"] * 3
    plain = await run("plain")
    briefs = [message["content"] for message in plain.chat_messages("chat.prompt", "user")]
    assert any("misty mountain lake at dawn" in brief for brief in briefs)
    assert not any("calendar" in brief for brief in briefs)


@proves("files.quality_prompt_file", "files.metadata_prompt_file")
async def _instructions(run: Runs) -> None:
    rich, plain = await run("rich"), await run("plain")
    for operation, words in (
        ("chat.check", "Fail green pictures."),
        ("chat.metadata", "Write titles about boat"),
    ):
        assert any(words in message["content"] for message in rich.chat_messages(operation, "system"))
        assert not any(words in message["content"] for message in plain.chat_messages(operation, "system"))
    assert not any(
        "promptContext" in message["content"] for message in rich.chat_messages("chat.metadata", "system")
    )


# ---- generation


@proves("generation.provider")
async def _provider(run: Runs) -> None:
    plain, runware, openai = await run("plain"), await run("runware"), await run("openai")
    for evidence, used in ((plain, "piapi.submit"), (runware, "runware.submit"), (openai, "openai.images")):
        paid = {f"{service}.{operation}" for service, operation in evidence.requests_by_kind}
        assert paid & {"piapi.submit", "runware.submit", "openai.images"} == {used}
        assert evidence.job.images.approved == evidence.job.images.planned


@proves("generation.model")
async def _model(run: Runs) -> None:
    assert (await run("plain")).submissions[0]["model"] == "Qubico/flux1-schnell"
    assert (await run("lora")).submissions[0]["model"] == "Qubico/flux1-dev-advanced"
    assert (await run("midjourney")).submissions[0]["model"] == "midjourney"


@proves("generation.aspect_ratios", "generation.dimensions")
async def _sizes(run: Runs) -> None:
    plain, rich, exact = await run("plain"), await run("rich"), await run("exact")
    assert {_size(body) for body in plain.submissions} == {(1024, 1024)}
    wide = (rich.generations[0].width, rich.generations[0].height)
    assert wide[0] / wide[1] > 1.7
    assert [_size(body) for body in rich.in_order] == [wide, (1024, 1024), wide]
    assert [one.aspect_ratio for one in rich.generations] == ["16:9", "1:1", "16:9"]
    assert [_size(body) for body in exact.in_order] == [(512, 768), (640, 512), (512, 768)]
    assert [(one.width, one.height) for one in exact.generations] == [(512, 768), (640, 512), (512, 768)]
    ratios = await run("midjourney_changed")
    assert ratios.submissions[0]["input"]["aspect_ratio"] == "16:9"


def _size(body: dict[str, dict[str, int]]) -> tuple[int, int]:
    return body["input"]["width"], body["input"]["height"]


@proves("generation.negative_prompt", "generation.steps", "generation.guidance", "generation.seed")
async def _what_the_model_is_told(run: Runs) -> None:
    rich, plain = await run("rich"), await run("plain")
    for body in rich.submissions:
        sent = {name: body["input"][name] for name in ("negative_prompt", "steps", "guidance_scale")}
        assert sent == {"negative_prompt": "fog", "steps": 3, "guidance_scale": 2.5}
    assert [body["input"]["seed"] for body in rich.in_order] == [77, 80, 83]
    assert [image.seed for image in rich.images] == list(range(77, 86))
    for body in plain.submissions:
        assert not {"negative_prompt", "steps", "guidance_scale", "seed"} & set(body["input"])


@proves("generation.generations", "generation.variations")
async def _how_many(run: Runs) -> None:
    plain, rich = await run("plain"), await run("rich")
    assert [body["input"]["batch_size"] for body in plain.submissions] == [1, 1]
    assert [body["input"]["batch_size"] for body in rich.submissions] == [3, 3, 3]
    assert (len(plain.images), len(rich.images)) == (2, 9)


@proves("generation.keyword_order")
async def _order(run: Runs) -> None:
    drawn, in_turn = await run("random"), await run("exact")
    keywords = [one.keyword for one in drawn.generations]
    assert sorted(keywords) == ["a", "b", "c", "d", "e", "f"]
    assert keywords != sorted(keywords)
    assert [one.keyword for one in in_turn.generations] == ["a", "b", "c"]


@proves("generation.process_mode", "generation.mj_version")
async def _midjourney(run: Runs) -> None:
    (plain,), (changed,) = (
        (await run("midjourney")).submissions,
        (await run("midjourney_changed")).submissions,
    )
    assert (plain["input"]["process_mode"], changed["input"]["process_mode"]) == ("relax", "turbo")
    assert plain["input"]["prompt"].endswith(" --v 6.1")
    assert changed["input"]["prompt"].endswith(" --v 5.2")


@proves("generation.loras")
async def _loras(run: Runs) -> None:
    (piapi,) = (await run("lora")).submissions
    assert piapi["task_type"] == "txt2img-lora"
    assert piapi["input"]["lora_settings"] == [{"lora_type": "anime", "lora_strength": 0.8}]
    (runware,) = (await run("runware")).bodies("runware", "submit")
    assert runware[0]["lora"] == [{"model": "civitai:1@2", "weight": 1.5}]
    assert "lora_settings" not in (await run("plain")).submissions[0]["input"]


@proves("generation.attempts", "generation.backoff_seconds")
async def _patience(run: Runs) -> None:
    plain, patient = await run("no_prompt"), await run("no_prompt_patient")
    assert len(plain.bodies("openai", "chat.prompt")) == 2
    assert len(patient.bodies("openai", "chat.prompt")) == 3
    (wait,) = _backoffs(plain)
    assert 1 <= wait <= 2
    assert [20 <= wait <= 40 for wait in _backoffs(patient)] == [True, True]


def _backoffs(evidence: Evidence) -> list[float]:
    """The waits that no part of the engine takes by itself at regular times."""
    assert evidence.clock is not None
    return [wait for wait in evidence.clock.slept if wait not in (0.25, 0.5)]


@proves("generation.poll_interval_seconds")
async def _poll_interval(run: Runs) -> None:
    """The wait is the interval less what the last answer took, and never less than half of it."""
    quick, slow = await run("slow_task"), await run("slow_task_polled_seldom")
    assert len(quick.bodies("piapi", "poll")) == len(slow.bodies("piapi", "poll")) == 4
    assert quick.clock is not None
    assert slow.clock is not None
    assert max(quick.clock.slept) <= 0.5
    assert [3.75 <= wait <= 7.5 for wait in slow.clock.slept if wait > 0.5] == [True] * 4


@proves("generation.timeout_minutes")
async def _timeout(run: Runs) -> None:
    for name, minutes in (("never_ready", 1), ("never_ready_patient", 3)):
        evidence = await run(name)
        ((task,),) = [one.tasks for one in evidence.generations]
        assert task.error is not None
        assert (task.error.code, task.state) == ("timeout", "failed")
        assert f"{minutes} minutes" in task.error.message
        assert task.task_id is not None
        assert (evidence.job.duration_s or 0) > minutes * 60


@proves("generation.concurrency")
async def _concurrency(run: Runs) -> None:
    one, default = await run("one_at_a_time"), await run("four_at_a_time")
    assert one.lanes["piapi"]["max_open"] == 1
    assert default.lanes["piapi"]["max_open"] == 4


@proves("generation.budget_usd")
async def _budget(run: Runs) -> None:
    limited, plain = await run("short_of_money"), await run("plain")
    assert limited.job.pause is not None
    assert limited.job.pause.code == "budget"
    assert limited.job.spend_usd <= 0.002
    assert limited.job.images.approved < limited.job.images.planned
    assert (plain.job.pause, plain.job.images.approved) == (None, plain.job.images.planned)


# ---- prompt


@proves("prompt.openai_model", "ai.quality_model", "ai.metadata_model")
async def _language_models(run: Runs) -> None:
    operations = ("chat.prompt", "chat.check", "chat.metadata")
    rich, plain = await run("rich"), await run("plain")
    assert [rich.models_asked(one) for one in operations] == [{"gpt-4o"}, {"gpt-4.1"}, {"gpt-4.1-mini"}]
    assert [plain.models_asked(one) for one in operations] == [{"gpt-5.4-mini"}] * 3


@proves("prompt.temperature")
async def _temperature(run: Runs) -> None:
    for name, sent in (("rich", {0.3}), ("exact", {0.7}), ("plain", {None})):
        assert {body.get("temperature") for body in (await run(name)).bodies("openai", "chat.prompt")} == sent


# ---- processing


@proves("processing.remove_background", "processing.remove_background_size")
async def _background(run: Runs) -> None:
    plain, cutout, large = await run("plain"), await run("cutout"), await run("white")
    assert not plain.bodies("removebg", "remove")
    assert [body["size"] for body in cutout.bodies("removebg", "remove")] == ["auto"]
    assert [body["size"] for body in large.bodies("removebg", "remove")] == ["full"]
    assert decoded(cutout.files[0]).getchannel("A").getextrema() == (0, 255)
    assert decoded(plain.files[0]).mode == "RGB"


@proves("processing.on_remove_background_failure")
async def _background_failure(run: Runs) -> None:
    (soft,), (hard,) = (await run("no_foreground")).images, (await run("no_foreground_fails")).images
    assert (soft.status, len(soft.warnings)) == ("approved", 1)
    assert "background was not removed" in soft.warnings[0]
    assert (hard.status, hard.stage, hard.warnings) == ("failed", "remove_background", ())


@proves("processing.trim_transparent")
async def _trim(run: Runs) -> None:
    whole, trimmed = decoded((await run("cutout")).files[0]), decoded((await run("trimmed")).files[0])
    assert trimmed.width < whole.width
    assert trimmed.height < whole.height


@proves("processing.convert", "processing.convert_format")
async def _convert(run: Runs) -> None:
    for name, kind in (("plain", "PNG"), ("white", "JPEG"), ("webp_rough", "WEBP")):
        for file in (await run(name)).files:
            assert decoded(file).format == kind
            assert file.suffix == {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}[kind]


@proves("processing.jpg_quality")
async def _jpg_quality(run: Runs) -> None:
    assert _bytes(await run("jpg_rough")) < _bytes(await run("jpg_fine")) / 2


@proves("processing.webp_quality")
async def _webp_quality(run: Runs) -> None:
    assert _bytes(await run("webp_rough")) < _bytes(await run("webp_fine")) / 2


def _bytes(evidence: Evidence) -> int:
    (file,) = evidence.files
    return file.stat().st_size


@proves("processing.jpg_background")
async def _jpg_background(run: Runs) -> None:
    white, black = decoded((await run("white")).files[0]), decoded((await run("black")).files[0])
    assert min(_corner(white)) > 250
    assert max(_corner(black)) < 5


def _corner(image: Image.Image) -> tuple[int, ...]:
    pixel = image.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return pixel


@proves("processing.enhance", "processing.saturation", "processing.sharpening")
async def _enhance(run: Runs) -> None:
    names = ("untouched", "grey", "sharp", "vivid")
    plain, grey, sharp, vivid = [decoded((await run(name)).files[0]).convert("RGB") for name in names]
    red, green, blue = grey.split()
    assert (
        ImageChops.difference(red, green).getextrema()
        == ImageChops.difference(green, blue).getextrema()
        == (0, 0)
    )
    assert ImageChops.difference(plain, sharp).getbbox() is not None
    assert _contrast(sharp) > _contrast(plain) * 1.2
    assert _colour(vivid) > _colour(plain) > _colour(grey) == 0


def _contrast(image: Image.Image) -> float:
    """Mean difference of neighbours."""
    grey = image.convert("L")
    return ImageStat.Stat(ImageChops.difference(grey, ImageChops.offset(grey, 1, 0))).mean[0]


def _colour(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("HSV").getchannel("S")).mean[0]


# ---- ai


@proves("ai.quality_check")
async def _check(run: Runs) -> None:
    on, off = await run("plain"), await run("exact")
    assert len(on.bodies("openai", "chat.check")) == len(on.images)
    assert off.bodies("openai", "chat.check") == []
    assert {image.reason for image in off.images} == {"Auto-approved (quality checks disabled)"}


@proves("ai.metadata")
async def _metadata(run: Runs) -> None:
    on, off = await run("plain"), await run("exact")
    assert all(image.title and image.description and image.tags for image in on.images)
    assert off.bodies("openai", "chat.metadata") == []
    assert not any(image.title or image.description or image.tags for image in off.images)


@proves("ai.embed_metadata")
async def _embed(run: Runs) -> None:
    inside, beside = await run("plain"), await run("untouched")
    for evidence, is_inside in ((inside, True), (beside, False)):
        for image in evidence.images:
            assert image.file is not None
            assert image.original_file is not None
            assert image.title
            delivered = Path(image.file).read_bytes()
            assert (image.title.encode() in delivered) is is_inside
            assert (delivered == Path(image.original_file).read_bytes()) is not is_inside


# ---- advanced


@proves("advanced.debug")
async def _debug(run: Runs) -> None:
    loud, quiet = await run("rich"), await run("plain")
    assert {entry.level for entry in quiet.logs} >= {"info"}
    assert not [entry for entry in quiet.logs if entry.level == "debug"]
    debug = [entry.message for entry in loud.logs if entry.level == "debug"]
    for service in ("piapi", "openai"):
        assert any(service in message.lower() for message in debug)
