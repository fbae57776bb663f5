"""How refusals look in the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Problem(BaseModel):
    """RFC 9457: `code` is stable, `title` and `detail` are in the caller's language."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    code: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str


def answers(described: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """The refusals of an operation by status, each with what it means."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": text, "content": content} for status, text in described.items()}
