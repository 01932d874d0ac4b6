"""One GET to an address that was checked, and no other. Follows no redirect, reads no body."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from engine.addresses import SERVICE, Destination
from engine.errors import BadAnswerError, NotSentError

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@asynccontextmanager
async def pinned_get(
    client: httpx.AsyncClient, destination: Destination, *, connect_seconds: float, read_seconds: float
) -> AsyncIterator[httpx.Response]:
    """The streamed answer of the first checked address that accepts a connection.

    The URL gets the IP address, `Host` and TLS (SNI and the certificate's name) keep the host, so no second
    look-up can lead elsewhere. The connection is closed afterwards: the pool knows it by its IP address
    alone and must not give it to another host on the same one.
    """
    url = destination.url
    timeout = httpx.Timeout(read_seconds, connect=connect_seconds)
    failure: Exception | None = None
    for address in destination.addresses:
        request = httpx.Request(
            "GET",
            url.copy_with(host=address.partition("%")[0]),
            headers={
                "Host": url.netloc.decode("ascii"),
                "Accept": "image/png, image/jpeg, image/webp, */*;q=0.1",
                "Accept-Encoding": "identity",
                "User-Agent": "gen-image-factory",
                "Connection": "close",
            },
            extensions={"timeout": timeout.as_dict(), "sni_hostname": url.raw_host.decode("ascii")},
        )
        try:
            response = await client.send(request, stream=True, auth=None, follow_redirects=False)
        except _NOT_SENT as error:
            failure = error
            continue
        except httpx.TransportError as error:
            raise _broken(url, error) from error
        try:
            yield response
        except httpx.TransportError as error:
            raise _broken(url, error) from error
        finally:
            await response.aclose()
        return
    raise NotSentError(
        SERVICE,
        f"no connection to {url.host}: {failure or 'it has no address'}",
        hint="Check the network connection.",
    ) from failure


def _broken(url: httpx.URL, error: Exception) -> BadAnswerError:
    detail = str(error) or type(error).__name__
    code = "timeout" if isinstance(error, httpx.TimeoutException) else None
    return BadAnswerError(SERVICE, f"the download from {url.host} broke off: {detail}", code=code)
