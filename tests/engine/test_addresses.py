import httpx
import pytest

from engine.addresses import check_url, host_and_port, hosts_of, is_public, resolve_with_system
from engine.errors import BadRequestError, NotSentError


def resolver(*addresses):
    async def resolve(host, port):
        return list(addresses)

    return resolve


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "ff0e::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "::7f00:1",
        "::10.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b:1::7f00:1",
        "fec0::1",
        "4000::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "not an address",
    ],
)
def test_addresses_of_our_own_network(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Cdn.Example/a?b#c", "cdn.example:443"),
        ("http://cdn.example/", "cdn.example:80"),
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080"),
        ("http://[::1]:9/", "[::1]:9"),
        ("https://bücher.example/", "xn--bcher-kva.example:443"),
    ],
)
def test_host_and_port(url, expected):
    assert host_and_port(url) == expected
    assert hosts_of([url]) == {expected}


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://cdn.example/a.png",
        "data:image/png;base64,AAAA",
        "gopher://cdn.example/",
        "//cdn.example/a.png",
        "/a.png",
        "",
        "http://",
        "http:///a.png",
        "http://cdn.example:99999/",
        "http://[::1/",
        "http://cdn.\x00example/",
    ],
)
def test_other_urls_are_refused(url):
    with pytest.raises(BadRequestError) as caught:
        host_and_port(url)
    assert caught.value.code == "unsafe_url"


async def test_a_public_host_is_pinned_to_its_addresses():
    destination = await check_url(
        "https://cdn.example/a.png?x=1#top", frozenset(), resolver("8.8.8.8", "2606:4700::1111")
    )
    assert destination.url == httpx.URL("https://cdn.example/a.png?x=1")
    assert destination.addresses == ("8.8.8.8", "2606:4700::1111")


async def test_one_private_address_among_public_ones_is_enough_to_refuse():
    with pytest.raises(BadRequestError, match=r"cdn\.example:443 leads to 10\.0\.0\.1") as caught:
        await check_url("https://cdn.example/a.png", frozenset(), resolver("8.8.8.8", "10.0.0.1"))
    assert caught.value.code == "unsafe_url"


@pytest.mark.fault(25)
async def test_only_the_configured_host_and_port_may_be_private():
    allowed = hosts_of(["http://render.local:8188/v1", "http://[fd00::1]:7000"])
    private = resolver("192.168.1.20")
    assert (await check_url("http://RENDER.local:8188/a.png", allowed, private)).addresses
    assert (await check_url("http://[fd00::1]:7000/a.png", allowed, resolver("fd00::1"))).addresses
    for url in ("http://render.local/a.png", "https://render.local:8189/a.png", "http://192.168.1.20:8189/"):
        with pytest.raises(BadRequestError):
            await check_url(url, allowed, private)


async def test_another_name_of_the_configured_host_leads_to_the_same_place():
    async def resolve(host, port):
        return {"localhost": ["::1", "127.0.0.1"], "127.0.0.1": ["127.0.0.1"], "nas": ["192.168.1.9"]}[host]

    allowed = hosts_of(["http://127.0.0.1:8188/v1"])
    assert (await check_url("http://localhost:8188/a.png", allowed, resolve)).addresses == ("127.0.0.1",)
    for url in ("http://localhost:8189/a.png", "http://nas:8188/a.png"):
        with pytest.raises(BadRequestError):
            await check_url(url, allowed, resolve)


async def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(BadRequestError) as caught:
        await check_url("https://user:hunter2@cdn.example/", frozenset(), resolver("8.8.8.8"))
    assert "hunter2" not in caught.value.message


async def test_an_unknown_host_was_never_reached():
    async def fail(host, port):
        raise OSError("Name or service not known")

    with pytest.raises(NotSentError, match=r"cdn\.example"):
        await check_url("https://cdn.example/", frozenset(), fail)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "017700000001", "127.1"])
async def test_other_ways_to_write_loopback_resolve_to_it(host):
    with pytest.raises(BadRequestError, match="not a public address"):
        await check_url(f"http://{host}/a.png", frozenset(), resolve_with_system)
