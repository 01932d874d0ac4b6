from typing import Any


async def url_of(bench: Any, task_id: str) -> str:
    return str((await bench.poll(task_id))["output"]["image_url"])


async def test_a_link_expires_and_asking_again_gives_a_fresh_one_without_a_payment(start: Any) -> None:
    bench = await start(with_clock=True, link_seconds=60)
    task_id = await bench.submitted()
    old = await url_of(bench, task_id)
    assert (await bench.client.get(old)).status_code == 200
    bench.clock.seconds += 59
    assert await url_of(bench, task_id) == old
    bench.clock.seconds += 2
    expired = await bench.client.get(old)
    assert expired.status_code == 403
    assert "expired" in expired.text
    fresh = await url_of(bench, task_id)
    assert fresh != old
    assert (await bench.client.get(fresh)).status_code == 200
    assert (await bench.client.get(old)).status_code == 403
    assert len(await bench.payments()) == 1


async def test_the_same_link_always_has_the_same_bytes(start: Any) -> None:
    bench = await start(image_cache=0)
    url = await url_of(bench, await bench.submitted())
    assert (await bench.client.get(url)).content == (await bench.client.get(url)).content


async def test_names_that_nobody_gave_out_are_404(bench: Any) -> None:
    url = await url_of(bench, await bench.submitted())
    for wrong in (
        url.replace("_0_1", "_7_1"),
        url.replace("_0_1", "_x_1"),
        url.replace("_0_1", ""),
        url[:-8],
    ):
        assert (await bench.client.get(wrong)).status_code == 404
    assert (await bench.client.get(url.replace("_0_1", "_0_9"))).status_code == 403


async def test_a_download_can_be_matched_by_the_prompt_of_its_picture(bench: Any) -> None:
    await bench.script({"service": "files", "match": "kitten", "action": "status", "code": 503})
    kitten, fox = await bench.submitted("a small kitten"), await bench.submitted("a fox")
    assert (await bench.client.get(await url_of(bench, kitten))).status_code == 503
    assert (await bench.client.get(await url_of(bench, fox))).status_code == 200
