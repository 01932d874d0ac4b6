"""What agencies say of images that are there, and of sizes before they are paid for."""

import json

import pytest

from engine.api import ImageQuery, RetryRequest
from engine.client import EngineClient
from engine.errors import NotFoundError
from engine.export.requests import ImageEdit
from engine.host import serving
from engine.service import Engine
from engine.views import ProblemView
from tests.support.engine import EngineHome, request
from tests.support.images import finished_job

OWN = """[tiny]
name = "Tiny Pictures"
generated = "accepted"
title = { max = 30 }
columns = [{ header = "File", value = "file_name" }, { header = "Title", value = "title" }]
"""


async def warnings_of(engine: Engine, *dimensions: str) -> list[ProblemView]:
    plan = await engine.plan_job(request(generation={"dimensions": dimensions}))
    assert plan.can_start
    return [one for one in plan.problems if "agency" in one.field or "dimensions" in one.field]


async def test_a_plan_warns_of_sizes_that_the_target_agency_would_not_take(home: EngineHome) -> None:
    async with home.open(target_agency="Adobe") as engine:
        (warning,) = await warnings_of(engine, "1024x1024", "768x1024", "1024x1024")
        assert warning.is_warning
        assert warning.message == (
            "1024x1024 is 1.05 of at least 4 megapixels; 768x1024 is 0.79 of at least 4 megapixels: "
            "Adobe Stock would not take such pictures."
        )
    async with home.open(target_agency="shutterstock") as engine:
        policy, floor = await warnings_of(engine, "1024x1024")
        assert "Shutterstock refuses generated images" in policy.message
        assert "Shutterstock would not take" in floor.message
    async with home.open(target_agency="vecteezy") as engine:
        assert await warnings_of(engine, "1024x1024") == []
    async with home.open() as engine:
        assert await warnings_of(engine, "1024x1024") == []


async def test_retries_and_new_pictures_warn_of_the_size_that_they_will_have(home: EngineHome) -> None:
    reject = {"passed": False, "reason": "A logo."}
    home.script({"service": "openai", "operation": "chat.check", "action": "say", "text": json.dumps(reject)})
    async with home.open(target_agency="adobe") as engine:
        job = await engine.start_job(request(generation={"dimensions": ["1024x1024"]}))
        await engine.wait_for_job(job.job_id)
        (image,) = (await engine.images(ImageQuery(statuses=()))).rows
        small = "Adobe Stock would not take such pictures."
        ordered = await engine.plan_regeneration([image.image_id])
        (warning,) = [one for one in ordered.problems if one.field == "generation.dimensions"]
        assert warning.is_warning
        assert warning.message == f"1024x1024 is 1.05 of at least 4 megapixels: {small}"
        assert "The size stays as it is." in warning.hint
        retried = await engine.plan_retry(RetryRequest((image.image_id,)))
        (warning,) = [one for one in retried.problems if one.field == "generation.dimensions"]
        assert warning.message.startswith(f"{image.width}x{image.height} is ")
        assert retried.can_start
        assert (await engine.regenerate_images([image.image_id])).done == (image.image_id,)
    async with home.open(is_working=False) as engine:
        assert (await engine.plan_regeneration([image.image_id])).problems == ()


async def test_a_target_agency_that_is_not_there_blocks_no_job(home: EngineHome) -> None:
    async with home.open(target_agency="addobe") as engine:
        (warning,) = await warnings_of(engine, "1024x1024")
        assert (warning.field, warning.is_warning) == ("target_agency", True)
        assert "adobe" in warning.hint
    home.paths.agencies_file.write_text("[tiny]\nnam = 1\n", encoding="utf-8")
    async with home.open(target_agency="tiny") as engine:
        plan = await engine.plan_job(request())
        assert plan.can_start
        assert any("agencies.toml" in one.message + one.field for one in plan.problems)


async def test_it_says_of_all_images_which_one_agency_takes(home: EngineHome) -> None:
    home.paths.ensure()
    home.paths.agencies_file.write_text(OWN, encoding="utf-8")
    async with home.open() as engine, serving(engine, home.paths.socket_file):
        ids = [image.image_id for image in await finished_job(engine, 3)]
        await engine.edit_images(ids, ImageEdit(title="Short"))
        await engine.edit_images(ids[1:2], ImageEdit(title="t" * 31))
        async with EngineClient.connect(home.paths) as client:
            assert await client.fitting_images([ids[2], ids[1], 999, ids[0]], "Tiny") == [ids[2], ids[0]]
            (fit,) = await client.agency_fits(ids[1:2], "tiny")
            assert (fit.agency, fit.is_accepted, fit.reasons) == ("tiny", False, ("title 31/30",))
            assert await client.fitting_images(ids, "shutterstock") == []
            tiny = next(one for one in await client.agencies() if one.agency == "tiny")
            assert tiny.preset.title.max == 30
            with pytest.raises(NotFoundError):
                await client.fitting_images(ids, "nobody")
