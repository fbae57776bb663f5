"""The catalogue's resources for whole catalogues, asked through the gateway."""

import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.files import Format
from dawr.servicekit.auth import Role
from dawr.tools.cli import signing
from dawr.tools.cli.look import running
from dawr.tools.errors import ToolError

_AGAIN = {502, 503, 504}
_PATIENCE_SECONDS = 120.0
"""Thousands of rows take seconds; a gateway that gives up earlier is asked again, under the same key."""


class Door:
    """Where the catalogue is, and who asks it."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}", "accept-language": "en"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)

    @classmethod
    def of(cls, root: Path, url: str | None, token: str | None, person: int) -> Self:
        """The platform at an address, or the one that runs from a folder; PlatformError if none does."""
        address = url or running(root).url("gateway")
        return cls(address, token or signing.token(root, signing.person_id(person), frozenset({Role.ADMINISTRATOR})))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def try_out(self, body: bytes, form: Format) -> dict[str, Any]:
        """What an import would change. Raises CatalogueInvalid, or ToolError for all else that is refused."""
        report: dict[str, Any] = self._post(body, form, {"dry_run": "true"}).json()
        return report

    def import_(self, body: bytes, form: Format, reason: str) -> dict[str, Any]:
        """What an import changed; raises as `try_out` does."""
        report: dict[str, Any] = self._post(body, form, {"dry_run": "false", "reason": reason}).json()
        return report

    def export(self, form: Format) -> bytes:
        """The catalogue as a file; raises ToolError."""
        return self._asked("GET", "/api/catalog/export", params={"format": form.value}).content

    def _post(self, body: bytes, form: Format, params: dict[str, str]) -> httpx.Response:
        headers = {"content-type": form.media_type, "idempotency-key": str(uuid4())}
        return self._asked("POST", "/api/catalog/import", params=params, content=body, headers=headers)

    def _asked(self, method: str, path: str, **request: Any) -> httpx.Response:
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                raise ToolError("unreachable", f"{self._http.base_url} does not answer: {error}.") from error
            if answer.is_success:
                return answer
            if not _passes(answer) or time.monotonic() > end:
                raise _refusal(answer)
            time.sleep(float(answer.headers.get("retry-after", 1)))


def _passes(answer: httpx.Response) -> bool:
    """Whether it is answered after a while: a part is away, or the first try is still at work."""
    return answer.status_code in _AGAIN or (answer.status_code == 409 and "still-running" in answer.text)


def _refusal(answer: httpx.Response) -> CatalogueInvalid | ToolError:
    try:
        problem = answer.json()
    except ValueError:
        return ToolError("refused", f"{answer.request.url} answers {answer.status_code}.")
    if problem.get("code") == CatalogueInvalid.code:
        return CatalogueInvalid(problems=problem["problems"])
    where = " ".join(f"{each['pointer']}: {each['detail']}." for each in problem.get("errors", ()))
    return ToolError(str(problem.get("code")), f"{problem.get('detail')}. {where}".strip())
