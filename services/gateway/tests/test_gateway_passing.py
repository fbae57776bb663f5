"""Passing requests on, over real sockets: what reaches the service, what comes back, and what becomes of tricks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from services.gateway.tests.passing_on import ACCESS, Behind, Listening, Passing, PassingTo

from dawr.gateway.app import create_service
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import until


@pytest.fixture(scope="module")
def passing_to(
    listening: Listening, exchange: Callable[[int, bytes], Awaitable[bytes]], tmp_path_factory: pytest.TempPathFactory
) -> PassingTo:
    """Puts a gateway in front of the port that booking and catalog are said to have."""

    @asynccontextmanager
    async def passing_to(port: int, behind: Behind | None = None, **settings: Any) -> AsyncIterator[Passing]:
        made = GatewaySettings(
            booking_url=f"http://127.0.0.1:{port}",
            catalog_url=f"http://127.0.0.1:{port}",
            keys_path=tmp_path_factory.mktemp("keys"),
            public_url="https://dawr.example",
            platform=PlatformSettings(environment="development"),
            **settings,
        )
        service = create_service(made, access=ACCESS)
        async with listening(service.app()) as front:
            headers = {"accept-language": "en"}
            address = f"http://127.0.0.1:{front}"
            async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as client:
                yield Passing(behind or Behind(), front, client, exchange)
        for close in service.closers:
            await close()

    return passing_to


@pytest.fixture(scope="module")
async def kept_passing(listening: Listening, passing_to: PassingTo) -> AsyncIterator[Passing]:
    behind = Behind()
    async with listening(behind) as port, passing_to(port, behind, upstream_read_seconds=5) as running:
        yield running


@pytest.fixture
async def passing(kept_passing: Passing) -> Passing:
    """A gateway in front of a service that was asked nothing yet."""
    kept_passing.behind.forget()
    return kept_passing


async def test_a_request_goes_on_as_it_came(passing: Passing) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await passing.client.post(
        "/api/booking/turns?q=%D8%AF%D9%88%D8%B1&x=a+b",
        content=b'{"service": "PASS_REN"}',
        headers={
            "content-type": "application/json",
            "authorization": "Bearer abc",
            "idempotency-key": "k1",
            "prefer": "wait=5",
            "traceparent": trace,
        },
    )
    assert answer.status_code == 207
    assert answer.headers["etag"] == '"7"'
    assert answer.headers.get_list("x-trace-id") == ["0af7651916cd43dd8448eb211c80319c"]
    assert "x-hop" not in answer.headers
    assert "set-cookie" not in answer.headers
    asked = answer.json()
    headers = dict(asked["headers"])
    assert (asked["method"], asked["target"]) == ("POST", "/api/booking/turns?q=%D8%AF%D9%88%D8%B1&x=a+b")
    assert asked["body"] == '{"service": "PASS_REN"}'
    assert headers["authorization"] == "Bearer abc"
    assert (headers["idempotency-key"], headers["prefer"]) == ("k1", "wait=5")
    assert headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert headers["traceparent"] != trace


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_goes_on(passing: Passing, method: str) -> None:
    answer = await passing.client.request(method, "/api/booking/quick")
    assert answer.status_code == 207
    assert passing.behind.asked[-1]["method"] == method


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
async def test_whoever_may_get_may_ask_for_the_head_and_for_the_methods(passing: Passing, method: str) -> None:
    assert (await passing.client.request(method, "/api/booking/turns/7")).status_code == 207
    assert [each["method"] for each in passing.behind.asked] == [method]


@pytest.mark.parametrize(
    "path",
    [
        "/api/booking/anything",
        "/api/booking/",
        "/api/booking/turns/",
        "/api/booking/Turns",
        "/api/booking/t%75rns",
        "/api/booking/turns;a=b",
        "/api/booking/turns/7/secrets",
        "/api/booking/turns/7/updates/",
        "/api/booking/turns/7/updates/8",
        "/api/booking/open/7",
        "/api/catalog/turns",
    ],
)
async def test_what_the_table_does_not_name_is_not_there(passing: Passing, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        status, problem = await passing.raw(f"{method} {path} HTTP/1.1")
        assert (status, problem["code"]) == (404, "not-found"), path
    assert passing.behind.asked == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/booking/turns/7", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/booking/turns", "GET, HEAD, OPTIONS, POST"),
        ("HEAD", "/api/booking/turns/7/cancellation", "OPTIONS, POST"),
        ("GET", "/api/booking/turns/7/cancellation", "OPTIONS, POST"),
    ],
)
async def test_another_method_is_told_which_there_are(passing: Passing, method: str, path: str, allowed: str) -> None:
    answer = await passing.client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert answer.json()["code"] == "method-not-allowed"
    assert passing.behind.asked == []


async def test_no_header_from_outside_says_where_a_request_comes_from(passing: Passing) -> None:
    tricks = {
        "forwarded": "for=203.0.113.9",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "gopher",
        "x-forwarded-prefix": "/evil",
        "x-real-ip": "203.0.113.9",
        "x-original-url": "/metrics",
        "x-rewrite-url": "/metrics",
        "x-http-method-override": "DELETE",
        "x-user-id": "admin",
        "x_forwarded_for": "203.0.113.9",
        "true-client-ip": "203.0.113.9",
        "cf-connecting-ip": "203.0.113.9",
        "via": "1.1 evil",
        "proxy-authorization": "Basic YTpi",
        "cookie": "session=stolen",
        "te": "trailers",
        "upgrade": "h2c",
        "connection": "upgrade, http2-settings, x-secret-hop",
        "http2-settings": "AAMAAABkAAQAAP__",
        "x-secret-hop": "1",
        "host": "evil.example",
    }
    answer = await passing.client.get("/api/booking/turns", headers=tricks)
    headers: list[tuple[str, str]] = [(name, value) for name, value in answer.json()["headers"]]
    got = dict(headers)
    assert len(got) == len(headers), "each header once"
    assert {
        name: got.pop(name) for name in ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
    } == {
        "forwarded": 'for=127.0.0.1;host="dawr.example";proto=https',
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "dawr.example",
    }
    assert got["host"].startswith("127.0.0.1:")
    assert set(got) <= {
        "host",
        "accept",
        "accept-encoding",
        "accept-language",
        "user-agent",
        "traceparent",
        "connection",
    }
    assert "evil" not in answer.text
    assert "203.0.113.9" not in answer.text


async def test_a_trusted_proxy_is_believed_about_the_caller(listening: Listening, passing_to: PassingTo) -> None:
    behind = Behind()
    async with (
        listening(behind) as port,
        passing_to(port, behind, trusted_proxies="127.0.0.0/8, 10.0.0.0/8") as running,
    ):
        chain = {"x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.1.2.3"}
        headers = (await running.client.get("/api/booking/turns", headers=chain)).json()["headers"]
    assert dict(headers)["x-forwarded-for"] == "203.0.113.9", "the last address that no proxy of ours has"


@pytest.mark.parametrize(
    "path",
    [
        "/api/booking/../catalog/services",
        "/api/booking/../../metrics",
        "/api/booking/./turns",
        "/api/booking/..",
        "/api/booking/%2e%2e/%2e%2e/metrics",
        "/api/booking/.%2e/metrics",
        "/api/booking/..%2f..%2fmetrics",
        "/api/booking/..%5c..%5cmetrics",
        "/api/booking/..\\..\\metrics",
        "/api/booking/%252e%252e/metrics",
        "/api/booking//metrics",
        "/api/booking/turns%00.json",
        "/api/booking/turns%0d%0aX-Evil:1",
        "/api/booking/turns/%zz",
        "/api/booking/\xff\xfe",
        "/api/booking/turns?q=\xff",
        "/api/b%6Foking/turns",
        "/api//booking/turns",
        "/API/booking/turns",
        "/api/booking;/turns",
        "/api/booking",
        "/api/gateway/../booking/turns",
        "/api/mystery/turns",
        "/metrics/../api/booking/turns",
    ],
)
async def test_a_path_leads_nowhere_but_under_its_service(passing: Passing, path: str) -> None:
    status, problem = await passing.raw(f"GET {path} HTTP/1.1")
    assert status in {400, 404}, problem
    assert passing.behind.asked == []


async def test_the_metrics_of_no_service_can_be_reached(passing: Passing) -> None:
    for path in ("/api/booking/metrics", "/api/booking/healthz"):
        answer = await passing.client.get(path)
        assert answer.json()["target"] == path, "asked under the service's public prefix, where there are none"


async def test_the_host_of_an_absolute_target_decides_nothing(passing: Passing) -> None:
    _, asked = await passing.raw("GET http://evil.example/api/booking/turns HTTP/1.1")
    assert asked["target"] == "/api/booking/turns"
    assert "evil.example" not in str(asked)


async def test_two_lengths_or_a_second_request_in_a_body_smuggle_nothing(passing: Passing) -> None:
    smuggled = "GET /api/booking/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    body = f'{{"a": "{len(smuggled)}"}}'
    for framing in (
        ["Content-Length: 10", "Content-Length: 11"],
        [f"Content-Length: {len(body)}", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: xchunked"],
        ["Content-Length: -1"],
    ):
        head = ["POST /api/booking/turns HTTP/1.1", "Host: x", "Connection: close", "Content-Type: application/json"]
        request = "\r\n".join([*head, *framing]) + "\r\n\r\n" + f"{body}\r\n0\r\n\r\n" + smuggled
        await passing.exchange(passing.port, request.encode())
    assert all(each["target"] != "/api/booking/smuggled" for each in passing.behind.asked)


async def test_a_large_body_passes_only_where_a_service_takes_files(passing: Passing) -> None:
    headers, body = {"content-type": "application/json"}, b'"' + b"x" * 65536 + b'"'
    answer = await passing.client.post("/api/booking/turns", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert passing.behind.asked == []
    await passing.client.post("/api/catalog/import", content=body, headers={"content-type": "application/zip"})
    assert [each["target"] for each in passing.behind.asked] == ["/api/catalog/import"]


async def test_events_come_through_one_by_one_and_leaving_ends_the_stream_behind(passing: Passing) -> None:
    async with passing.client.stream(
        "GET", "/api/booking/turns/7/updates", headers={"accept": "text/event-stream"}
    ) as stream:
        parts = stream.aiter_raw()
        assert await anext(parts) == b"data: first\n\n"
        passing.behind.go_on.set()
        assert await anext(parts) == b"data: second\n\n"
        assert not passing.behind.left.is_set()
    await asyncio.wait_for(passing.behind.left.wait(), 5)


async def test_a_caller_who_leaves_while_the_service_works_ends_the_work(passing: Passing) -> None:
    asking = asyncio.create_task(passing.client.post("/api/booking/slow"))

    async def asked() -> bool:
        return bool(passing.behind.asked)

    await until(asked)
    asking.cancel()
    await asyncio.wait_for(passing.behind.left.wait(), 5)


async def test_a_service_that_is_away_is_told_in_the_callers_language(passing_to: PassingTo, unused_port: int) -> None:
    async with passing_to(unused_port) as running:
        english = await running.client.get("/api/booking/turns")
        arabic = await running.client.get("/api/booking/turns", headers={"accept-language": "ar-SY"})
    assert english.status_code == arabic.status_code == 503
    assert (english.headers["content-type"], english.headers["retry-after"]) == ("application/problem+json", "2")
    assert (english.json()["code"], english.json()["service"]) == ("service-unavailable", "booking")
    assert "away" in english.json()["title"]
    assert "متاحة" in arabic.json()["title"]


async def test_a_service_that_does_not_answer_in_time_is_given_up(listening: Listening, passing_to: PassingTo) -> None:
    behind = Behind()
    async with listening(behind) as port, passing_to(port, behind, upstream_read_seconds=0.2) as running:
        answer = await running.client.get("/api/booking/slow")
        assert (answer.status_code, answer.json()["code"]) == (504, "service-slow")
        await asyncio.wait_for(behind.left.wait(), 5)


@asynccontextmanager
async def hanging_up(answers: list[bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that gives each connection the next answer, whatever is asked, and hangs up; its port and requests."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answers.pop(0))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()


async def test_a_service_that_hangs_up_is_asked_again_only_if_that_is_safe(passing_to: PassingTo) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with (
        hanging_up([b"", whole, b"", b"", b""]) as (port, asked),
        passing_to(port) as running,
    ):
        assert (await running.client.get("/api/booking/turns")).text == "ok"
        broken = await running.client.get("/api/booking/turns")
        assert (broken.status_code, broken.json()["code"]) == (502, "broken-answer")
        assert len(asked) == 4
        once = await running.client.post("/api/booking/turns")
        assert once.status_code == 502
        assert len(asked) == 5, "a POST is never sent twice"


async def test_an_answer_that_breaks_off_is_seen_to_be_broken(passing_to: PassingTo) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    async with hanging_up([half]) as (port, _), passing_to(port) as running:
        with pytest.raises(httpx.RemoteProtocolError):
            await running.client.get("/api/booking/turns")


async def test_these_tests_run_on_the_loop_of_a_services_process() -> None:
    assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
