"""The runs that the proofs of the settings look at: each a job of its own with a simulator of its own, made once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.status import LogLevel
from engine.api import ImageQuery, JobRequest, LogQuery
from engine.views import GenerationView, ImageView, JobDetailView, LogView
from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, engine_home


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`FOLDER` in a setting stands for the folder in which `files` lie."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    script: tuple[dict[str, Any], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    is_hurried: bool = False
    """With a clock in which waits take no real time."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run left behind; everything was read while the engine was still open."""

    home: EngineHome
    folder: Path
    job: JobDetailView
    images: tuple[ImageView, ...]
    """In the order of the job."""
    logs: tuple[LogView, ...]
    clock: FakeClock | None
    lanes: Mapping[str, Any]

    @property
    def generations(self) -> tuple[GenerationView, ...]:
        return self.job.generations

    @property
    def files(self) -> list[Path]:
        """The delivered pictures in the order of the job."""
        return [Path(image.file) for image in self.images if image.status == "approved" and image.file]

    @property
    def requests_by_kind(self) -> Counter[tuple[str, str]]:
        return Counter((str(one.service), one.operation) for one in self.home.simulator.world.requests)

    @property
    def submissions(self) -> list[dict[str, Any]]:
        """The bodies sent to PiAPI, in the order of arrival."""
        return self.bodies("piapi", "submit")

    @property
    def in_order(self) -> list[dict[str, Any]]:
        """The same in the order of the job's generations."""
        prompts = [one.prompt for one in self.generations]
        return sorted(self.submissions, key=lambda body: prompts.index(body["input"]["prompt"]))

    def bodies(self, service: str, operation: str) -> list[Any]:
        return [record.body for record in self.home.requests(service, operation)]

    def chat_messages(self, operation: str, role: str) -> list[dict[str, Any]]:
        """The messages of a role in all calls of a kind, a picture call's text parts joined."""
        return [
            message
            for body in self.bodies("openai", operation)
            for message in body["messages"]
            if message["role"] == role
        ]

    def models_asked(self, operation: str) -> set[str]:
        return {body["model"] for body in self.bodies("openai", operation)}

    def setting(self, path: str) -> Any:
        group, _, name = path.partition(".")
        return self.job.settings[group][name]


_OFF = {"ai.quality_check": False, "ai.metadata": False}
_KEYWORDS = {"letters.txt": "a\nb\nc\nd\ne\nf\n"}
_NO_PROMPT = ({"service": "openai", "operation": "chat.prompt", "action": "status", "code": 500},)
_THREE_TIMES_BUSY = (
    {"service": "piapi", "operation": "poll", "action": "status_word", "word": "processing", "times": 3},
)
_ALWAYS_BUSY = ({"service": "piapi", "operation": "poll", "action": "status_word", "word": "processing"},)
_NO_FOREGROUND = ({"service": "removebg", "operation": "remove", "action": "status", "code": 400},)
_FLAT = {"processing.remove_background": True, "processing.convert": True, "processing.convert_format": "jpg"}

SCENARIOS: Mapping[str, Scenario] = {
    "plain": Scenario(settings={"generation.generations": 2}),
    "rich": Scenario(
        files={
            "keywords.csv": "Keyword,Colour\nboat,red\nkite,blue\n",
            "template.txt": "Paint a ${{Keyword}}, ${{Colour}}, for a calendar.",
            "quality.txt": "Fail green pictures.",
            "metadata.txt": "Write titles about ${promptContext}.",
        },
        settings={
            "files.output_dir": "FOLDER/pictures",
            "files.work_dir": "FOLDER/in_work",
            "files.keywords_file": "FOLDER/keywords.csv",
            "files.system_prompt_file": "FOLDER/template.txt",
            "files.quality_prompt_file": "FOLDER/quality.txt",
            "files.metadata_prompt_file": "FOLDER/metadata.txt",
            "generation.aspect_ratios": ["16:9", "1:1"],
            "generation.negative_prompt": "fog",
            "generation.generations": 3,
            "generation.variations": 3,
            "generation.seed": 77,
            "generation.steps": 3,
            "generation.guidance": 2.5,
            "prompt.openai_model": "gpt-4o",
            "prompt.temperature": 0.3,
            "ai.quality_model": "gpt-4.1",
            "ai.metadata_model": "gpt-4.1-mini",
            "advanced.debug": True,
        },
    ),
    "exact": Scenario(
        files=_KEYWORDS,
        settings={
            **_OFF,
            "files.keywords_file": "FOLDER/letters.txt",
            "generation.dimensions": ["512x768", "640x512"],
            "generation.generations": 3,
            "prompt.openai_model": "gpt-4o",
        },
    ),
    "random": Scenario(
        files=_KEYWORDS,
        settings={
            **_OFF,
            "files.keywords_file": "FOLDER/letters.txt",
            "generation.keyword_order": "random",
            "generation.generations": 6,
            "generation.seed": 5,
        },
    ),
    "openai": Scenario(settings={**_OFF, "generation.provider": "openai", "generation.model": "gpt-image-2"}),
    "runware": Scenario(
        settings={
            **_OFF,
            "generation.provider": "runware",
            "generation.model": "runware:101@1",
            "generation.loras": [{"model": "civitai:1@2", "weight": 1.5}],
        }
    ),
    "lora": Scenario(
        settings={
            **_OFF,
            "generation.model": "flux-dev-advanced",
            "generation.loras": [{"model": "anime", "weight": 0.8}],
        }
    ),
    "midjourney": Scenario(settings={**_OFF, "generation.model": "midjourney", "generation.variations": 4}),
    "midjourney_changed": Scenario(
        settings={
            **_OFF,
            "generation.model": "midjourney",
            "generation.variations": 4,
            "generation.process_mode": "turbo",
            "generation.mj_version": "5.2",
            "generation.aspect_ratios": ["16:9"],
        }
    ),
    "no_prompt": Scenario(script=_NO_PROMPT, is_hurried=True),
    "no_prompt_patient": Scenario(
        script=_NO_PROMPT,
        is_hurried=True,
        settings={"generation.attempts": 3, "generation.backoff_seconds": 40.0},
    ),
    "slow_task": Scenario(
        script=_THREE_TIMES_BUSY, is_hurried=True, settings={**_OFF, "generation.timeout_minutes": 60}
    ),
    "slow_task_polled_seldom": Scenario(
        script=_THREE_TIMES_BUSY,
        is_hurried=True,
        settings={**_OFF, "generation.poll_interval_seconds": 7.5, "generation.timeout_minutes": 60},
    ),
    "never_ready": Scenario(
        script=_ALWAYS_BUSY,
        is_hurried=True,
        settings={**_OFF, "generation.poll_interval_seconds": 10.0, "generation.timeout_minutes": 1},
    ),
    "never_ready_patient": Scenario(
        script=_ALWAYS_BUSY,
        is_hurried=True,
        settings={**_OFF, "generation.poll_interval_seconds": 10.0, "generation.timeout_minutes": 3},
    ),
    "one_at_a_time": Scenario(
        options={"latency_seconds": 0.3},
        settings={**_OFF, "generation.generations": 3, "generation.concurrency": 1},
    ),
    "four_at_a_time": Scenario(
        options={"latency_seconds": 1.0}, settings={**_OFF, "generation.generations": 6}
    ),
    "short_of_money": Scenario(settings={"generation.generations": 6, "generation.budget_usd": 0.002}),
    "cutout": Scenario(settings={**_OFF, "processing.remove_background": True}),
    "trimmed": Scenario(
        settings={**_OFF, "processing.remove_background": True, "processing.trim_transparent": True}
    ),
    "white": Scenario(settings={**_OFF, **_FLAT, "processing.remove_background_size": "full"}),
    "black": Scenario(settings={**_OFF, **_FLAT, "processing.jpg_background": "black"}),
    "no_foreground": Scenario(script=_NO_FOREGROUND, settings={**_OFF, "processing.remove_background": True}),
    "no_foreground_fails": Scenario(
        script=_NO_FOREGROUND,
        settings={
            **_OFF,
            "processing.remove_background": True,
            "processing.on_remove_background_failure": "fail",
        },
    ),
    "jpg_rough": Scenario(
        settings={
            **_OFF,
            "processing.convert": True,
            "processing.convert_format": "jpg",
            "processing.jpg_quality": 5,
        }
    ),
    "jpg_fine": Scenario(
        settings={
            **_OFF,
            "processing.convert": True,
            "processing.convert_format": "jpg",
            "processing.jpg_quality": 100,
        }
    ),
    "webp_rough": Scenario(
        settings={
            **_OFF,
            "processing.convert": True,
            "processing.convert_format": "webp",
            "processing.webp_quality": 5,
        }
    ),
    "webp_fine": Scenario(
        settings={
            **_OFF,
            "processing.convert": True,
            "processing.convert_format": "webp",
            "processing.webp_quality": 100,
        }
    ),
    "untouched": Scenario(settings={"ai.embed_metadata": False}),
    "grey": Scenario(
        settings={
            **_OFF,
            "processing.enhance": True,
            "processing.sharpening": 0.0,
            "processing.saturation": 0.0,
        }
    ),
    "sharp": Scenario(
        settings={
            **_OFF,
            "processing.enhance": True,
            "processing.sharpening": 10.0,
            "processing.saturation": 1.0,
        }
    ),
    "vivid": Scenario(
        settings={
            **_OFF,
            "processing.enhance": True,
            "processing.sharpening": 0.0,
            "processing.saturation": 2.0,
        }
    ),
}


class Runs:
    """Answers the evidence of a scenario; runs it when it is asked for first. `used` remembers what a proof took."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: dict[str, Evidence] = {}
        self.used: list[Evidence] = []

    async def __call__(self, name: str) -> Evidence:
        if name not in self._done:
            self._done[name] = await _run(SCENARIOS[name], self._folder / name)
        self.used.append(self._done[name])
        return self._done[name]


async def _run(scenario: Scenario, folder: Path) -> Evidence:
    folder.mkdir(parents=True)
    for name, text in scenario.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    clock = FakeClock() if scenario.is_hurried else None
    async with engine_home(folder / "home", **scenario.options) as home:
        home.script(*scenario.script)
        async with home.open(clock=clock) as engine:
            job = await engine.start_job(JobRequest(_document(scenario.settings, folder)))
            await engine.wait_for_job(job.job_id)
            images = await engine.images(ImageQuery(job_id=job.job_id, statuses=(), sort="number", limit=500))
            return Evidence(
                home=home,
                folder=folder,
                job=await engine.job_detail(job.job_id),
                images=images.rows,
                logs=tuple(
                    await engine.logs(LogQuery(job_id=job.job_id, min_level=LogLevel.DEBUG, limit=5_000))
                ),
                clock=clock,
                lanes=home.simulator.world.stats()["lanes"],
            )


def _document(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    document: dict[str, dict[str, Any]] = {"generation": {"poll_interval_seconds": 0.5}}
    for path, value in settings.items():
        group, _, name = path.partition(".")
        text = value.replace("FOLDER", str(folder)) if isinstance(value, str) else value
        document.setdefault(group, {})[name] = text
    return document
