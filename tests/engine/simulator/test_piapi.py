import io
from typing import Any

import pytest
from PIL import Image

KEY = "sk-test-0123456789abcdef"


async def picture(bench: Any, url: str) -> Image.Image:
    answer = await bench.client.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return image


async def test_a_task_goes_from_pending_over_processing_to_completed(start: Any) -> None:
    bench = await start(with_clock=True, latency_seconds=10, concurrency=1)
    first = await bench.submit("a red fox", width=512, height=512, steps=4)
    assert first.json()["code"] == 200
    data = first.json()["data"]
    assert (data["status"], data["output"], data["error"]["code"]) == ("pending", None, 0)
    assert data["meta"]["usage"] == {"type": "llm", "frozen": 0, "consume": 15000}
    second = await bench.submitted("a blue fox")
    assert (await bench.poll(data["task_id"]))["status"] == "processing"
    assert (await bench.poll(second))["status"] == "pending"
    bench.clock.seconds += 10
    done = await bench.poll(data["task_id"])
    assert done["status"] == "completed"
    assert (await bench.poll(second))["status"] == "processing"
    bench.clock.seconds += 10
    assert (await bench.poll(second))["status"] == "completed"
    assert (await picture(bench, done["output"]["image_url"])).size == (96, 96)


async def test_a_batch_names_all_its_pictures_and_costs_each(bench: Any) -> None:
    done = await bench.poll(await bench.submitted("three foxes", batch_size=3, width=768, height=512))
    urls = done["output"]["image_urls"]
    assert len(set(urls)) == 3
    pictures = [(await picture(bench, url)).tobytes() for url in urls]
    assert len(set(pictures)) == 3
    assert done["meta"]["usage"]["consume"] == 45000
    assert [item["amount_micros"] for item in await bench.payments()] == [4500]


async def test_pictures_have_the_size_that_was_asked_for(start: Any) -> None:
    bench = await start(image_side_cap=None)
    done = await bench.poll(await bench.submitted("a wide fox", width=1152, height=896))
    assert (await picture(bench, done["output"]["image_url"])).size == (1152, 896)


@pytest.mark.parametrize(
    ("model", "task_type", "fields", "images"),
    [
        ("gemini", "gemini-2.5-flash-image", {"aspect_ratio": "16:9", "num_images": 2}, 2),
        ("gemini", "nano-banana-pro", {"aspect_ratio": "3:4", "resolution": "2K"}, 1),
        ("seedream", "seedream-5-lite", {"aspect_ratio": "1:1", "size": "3K"}, 1),
        ("Qubico/flux1-dev-advanced", "txt2img-lora", {"lora_settings": [{"lora_type": "x"}]}, 1),
        ("Qubico/qwen-image", "txt2img", {"width": 512, "height": 512}, 1),
    ],
)
async def test_every_kind_of_model_is_served(
    bench: Any, model: str, task_type: str, fields: dict[str, Any], images: int
) -> None:
    done = await bench.poll(await bench.submitted("a fox", model=model, task_type=task_type, **fields))
    output = done["output"]
    assert len(output["image_urls"] or [output["image_url"]]) == images


async def test_midjourney_names_the_grid_and_the_four_singles(bench: Any) -> None:
    fields = {"aspect_ratio": "16:9", "process_mode": "relax", "skip_prompt_check": True}
    done = await bench.poll(
        await bench.submitted("a fox --v 6.1", model="midjourney", task_type="imagine", **fields)
    )
    singles = [await picture(bench, url) for url in done["output"]["temporary_image_urls"]]
    grid = await picture(bench, done["output"]["image_url"])
    width, height = singles[0].size
    assert width > height
    assert grid.size == (2 * width, 2 * height)
    quarters = [(0, 0), (width, 0), (0, height), (width, height)]
    for single, (x, y) in zip(singles, quarters, strict=True):
        assert grid.crop((x, y, x + width, y + height)).tobytes() == single.tobytes()


async def test_midjourney_can_be_without_singles(start: Any) -> None:
    bench = await start(has_midjourney_singles=False)
    done = await bench.poll(await bench.submitted("a fox", model="midjourney", task_type="imagine"))
    assert done["output"]["temporary_image_urls"] is None
    assert done["output"]["image_url"]


async def test_the_same_seed_gives_the_same_picture_and_no_seed_another_each_time(bench: Any) -> None:
    async def drawn(**fields: Any) -> bytes:
        done = await bench.poll(await bench.submitted("the same fox", **fields))
        return (await picture(bench, done["output"]["image_url"])).tobytes()

    assert await drawn(seed=7) == await drawn(seed=7)
    assert await drawn(seed=7) != await drawn(seed=8)
    assert await drawn(seed=-1) != await drawn()


async def test_a_fresh_simulator_with_the_same_seed_repeats_itself(start: Any) -> None:
    drawn = []
    for seed in (1, 1, 2):
        bench = await start(seed=seed)
        done = await bench.poll(await bench.submitted("a fox"))
        drawn.append((await picture(bench, done["output"]["image_url"])).tobytes())
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"width": 2048, "height": 2048}, "width"),
        ({"batch_size": 5}, "batch_size"),
        ({"steps": 11}, "steps"),
        ({"width": "512"}, "width"),
        ({"prompt": " "}, "prompt"),
        ({"model": "Qubico/unheard-of"}, "not supported"),
        ({"model": "gemini", "task_type": "nano-banana-pro", "aspect_ratio": "wide"}, "aspect_ratio"),
    ],
)
async def test_bad_input_is_a_400_and_costs_nothing(
    bench: Any, fields: dict[str, Any], complaint: str
) -> None:
    answer = await bench.submit(**{"prompt": "a fox", **fields})
    assert answer.status_code == 400
    assert answer.json()["code"] == 400
    assert complaint in answer.json()["message"]
    assert await bench.payments() == []


async def test_a_body_that_is_no_object_is_a_400(bench: Any) -> None:
    answer = await bench.client.post(f"{bench.piapi}/api/v1/task", content=b"[1")
    assert answer.status_code == 400


async def test_a_refused_prompt_says_policy_and_costs_nothing(bench: Any) -> None:
    answer = await bench.submit("A Forbidden thing")
    assert answer.status_code == 400
    assert "policy" in answer.json()["data"]["error"]["message"]
    assert await bench.payments() == []


async def test_keys_are_checked(start: Any) -> None:
    bench = await start(expect_keys={"piapi": "the right one"})
    for path in ("api/v1/task/x", "account/info", "account/active_tasks", "api/open/tasks/histories"):
        assert (await bench.client.get(f"{bench.piapi}/{path}")).status_code == 401
    assert (await bench.submit()).status_code == 401
    bench.client.headers["X-API-Key"] = "the right one"
    del bench.client.headers["Authorization"]
    assert (await bench.submit()).status_code == 200
    bench.client.headers["X-API-Key"] = ""
    assert (await bench.submit()).status_code == 401


async def test_used_up_credit_is_a_402_until_it_is_filled_up(start: Any) -> None:
    bench = await start(credit_micros={"piapi": 3200})
    account = (await bench.client.get(f"{bench.piapi}/account/info")).json()["data"]
    assert account["equivalent_in_usd"] == 0.0032
    assert [(await bench.submit(f"fox {n}")).status_code for n in range(3)] == [200, 200, 402]
    assert len(await bench.payments()) == 2
    await bench.client.post(f"{bench.simulator.address}/control/credit", json={"piapi": 1500})
    assert [(await bench.submit(f"fox {n}")).status_code for n in range(2)] == [200, 402]


async def test_an_unknown_task_is_a_404(bench: Any) -> None:
    for call in (bench.client.get, bench.client.delete):
        answer = await call(f"{bench.piapi}/api/v1/task/7c9e6679-7425-40de-944b-e07fc1f90ae7")
        assert answer.status_code == 404
        assert answer.json()["code"] == 404


async def test_only_a_pending_task_can_be_cancelled_and_is_refunded(start: Any) -> None:
    bench = await start(with_clock=True, latency_seconds=5, concurrency=1, credit_micros={"piapi": 10_000})
    running, waiting = await bench.submitted("one"), await bench.submitted("two")
    path = f"{bench.piapi}/api/v1/task"
    assert (await bench.client.delete(f"{path}/{running}")).status_code == 400
    assert (await bench.client.delete(f"{path}/{waiting}")).status_code == 200
    assert (await bench.poll(waiting))["status"] == "failed"
    assert [item["is_refunded"] for item in await bench.payments()] == [False, True]
    assert (await bench.control("ledger"))["total_micros"] == 1500
    assert (await bench.control("stats"))["credit_micros"] == {"piapi": 8500}


async def test_tasks_beyond_the_concurrency_are_rejected_where_so_chosen(start: Any) -> None:
    bench = await start(
        with_clock=True,
        latency_seconds=5,
        concurrency=2,
        over_concurrency="reject",
        credit_micros={"piapi": 9_000},
    )
    answers = [await bench.submit(f"fox {n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"
    stats = await bench.control("stats")
    assert stats["payments"] == {"piapi.submit": 2}
    assert stats["credit_micros"] == {"piapi": 6_000}
    bench.clock.seconds += 5
    assert (await bench.submit("fox 3")).status_code == 200


async def test_tasks_beyond_the_concurrency_wait_where_so_chosen(start: Any) -> None:
    bench = await start(with_clock=True, latency_seconds=5, concurrency=2)
    tasks = [await bench.submitted(f"fox {n}") for n in range(5)]
    lane = (await bench.control("stats"))["lanes"]["piapi"]
    assert (lane["running"], lane["waiting"], lane["max_running"], lane["max_open"]) == (2, 3, 2, 5)
    bench.clock.seconds += 10
    assert [(await bench.poll(task))["status"] for task in tasks] == ["completed"] * 4 + ["processing"]


async def test_active_tasks_are_those_still_at_work(start: Any) -> None:
    bench = await start(with_clock=True, latency_seconds=5)
    task_id = await bench.submitted()

    async def active() -> list[str]:
        data = (await bench.client.get(f"{bench.piapi}/account/active_tasks")).json()["data"]
        return [task["task_id"] for task in data["tasks"]]

    assert await active() == [task_id]
    bench.clock.seconds += 5
    assert await active() == []


async def test_the_history_finds_a_task_by_model_and_time(bench: Any) -> None:
    task_id = await bench.submitted("a fox to be found")

    async def history(**query: str) -> Any:
        return await bench.client.get(f"{bench.piapi}/api/open/tasks/histories", params=query)

    found = (await history(model="Qubico/flux1-schnell", page="1", page_size="100")).json()["data"]
    assert found["total"] == 1
    assert (found["tasks"][0]["task_id"], found["tasks"][0]["input"]["prompt"]) == (
        task_id,
        "a fox to be found",
    )
    created = found["tasks"][0]["meta"]["created_at"]
    assert (await history(start_time=created, end_time=created)).json()["data"]["total"] == 1
    assert (await history(start_time="2999-01-01T00:00:00Z")).json()["data"]["total"] == 0
    assert (await history(end_time="1000000000")).json()["data"]["total"] == 0
    assert (await history(model="gemini")).json()["data"]["total"] == 0
    assert (await history(page="2")).json()["data"]["tasks"] == []
    assert (await history(page="two")).status_code == 400


async def test_the_history_can_be_missing(start: Any) -> None:
    bench = await start(has_task_history=False)
    answer = await bench.client.get(f"{bench.piapi}/api/open/tasks/histories")
    assert answer.status_code == 404


async def test_the_toolkit_cuts_out_a_picture_of_its_own_host(bench: Any) -> None:
    done = await bench.poll(await bench.submitted("a fox"))
    fields = {"model": "Qubico/image-toolkit", "task_type": "background-remove"}
    cut = await bench.poll(await bench.submitted("", image=done["output"]["image_url"], **fields))
    image = await picture(bench, cut["output"]["image_url"])
    assert image.mode == "RGBA"
    assert image.getpixel((0, 0))[3] == 0
    answer = await bench.submit("", image="http://127.0.0.1:9/x.png", **fields)
    assert answer.status_code == 400
