"""Pages of the portal: how many calendars it shows in a second, against a plain page of a template as large."""

from collections.abc import Sequence

import httpx

from dawr.tools.bench import waiting
from dawr.tools.bench.load import ask_all, get
from dawr.tools.bench.measures import CONNECTIONS, expect, plain_app
from dawr.tools.bench.report import Report
from dawr.tools.bench.stage import BenchStage
from dawr.tools.bench.town import ACCESS_COOKIE, SERVICE, TIER, Town, build

LOOKED_AT = 10
"""At so many offices people look at the same time, half of them in each language."""
VIEWS = 6000
PEOPLE = 1000
PLAIN_PAGE = "plain Jinja2 page"
_ZIPPED = {"accept-encoding": "gzip", "accept": "text/html"}
_WARM = 300


async def measure(stage: BenchStage, report: Report, *, scale: float) -> None:
    """The figures of the portal, on processes of its own."""
    town = await build(stage)
    async with town.serving():
        with report.measuring("calendar page"):
            await _calendars(town, report, views=max(1000, int(VIEWS * scale)))
        with report.measuring("people in the line page"):
            await waiting.measure(town, report, people=max(100, int(PEOPLE * min(scale, 1.0))))


async def _calendars(town: Town, report: Report, *, views: int) -> None:
    port = town.ports["gateway"]
    size = await size_of(port, calendar(town.offices[0]))
    async with plain_app() as plain_port:
        plain_size = await size_of(plain_port, "/page")
        rate = await rate_of(plain_port, [get("/page", _ZIPPED)] * views)
    report.peer(PLAIN_PAGE, f"plain Jinja2 page of {plain_size / 1024:.1f} KiB", rate, "/s")
    rate = await rate_of(port, visits(town.offices, views))
    report.note(f"calendar page of {size / 1024:.1f} KiB", rate, "/s", goal="≥ 500")
    report.note("calendar page against a plain one", rate, "/s", against=PLAIN_PAGE)
    tokens = [each.token for each in town.people(CONNECTIONS)]
    rate = await rate_of(port, visits(town.offices, views, tokens))
    report.note("calendar page, signed in", rate, "/s", against=PLAIN_PAGE)


def calendar(office: str) -> str:
    """Where an office's calendar is."""
    return f"/services/{SERVICE}/offices/{office}/calendar?tier={TIER}"


def visits(offices: Sequence[str], count: int, tokens: Sequence[str] = ()) -> list[bytes]:
    """So many requests for calendars, as browsers send them: of some offices, in both languages, by those signed in
    with the tokens, if there are any."""
    return [
        get(
            calendar(offices[number // 2 % LOOKED_AT]),
            _ZIPPED
            | {"accept-language": ("ar", "en")[number % 2]}
            | ({"cookie": f"{ACCESS_COOKIE}={tokens[number % len(tokens)]}"} if tokens else {}),
        )
        for number in range(count)
    ]


async def size_of(port: int, path: str) -> int:
    """Bytes of a page before it is zipped."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{port}{path}")
    if answer.status_code != 200 or "<table" not in answer.text:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
    return len(answer.content)


async def rate_of(port: int, requests: list[bytes]) -> float:
    """Answers per second."""
    await ask_all("127.0.0.1", port, iter(requests[:_WARM]), connections=CONNECTIONS)
    answers = await ask_all("127.0.0.1", port, iter(requests), connections=CONNECTIONS)
    expect(answers.statuses, 200)
    return answers.per_second
