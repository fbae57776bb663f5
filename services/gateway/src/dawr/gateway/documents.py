"""One OpenAPI document from those of all services. Pure: documents in, document out."""

from typing import Any

from dawr.gateway.behind import Document
from dawr.servicekit.callers import PUBLIC

GATEWAY = "gateway"
_SHARED = "securitySchemes"
_METHODS = ("get", "post", "put", "patch", "delete")


def merged(own: Document, services: dict[str, Document], left_out: tuple[str, ...], *, public_url: str) -> Document:
    """Everything that can be asked of the platform: tags are services, components carry their service's name.

    A service tells of paths under its own prefix only. `x-left-out` names those that could not be asked.
    """
    whole: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Dawr",
            "version": own["info"]["version"],
            "description": "All services in one document. Errors are RFC 9457 problems; their codes are under "
            f"{public_url}/docs/problems.",
        },
        "servers": [{"url": public_url}],
        "tags": [],
        "paths": {},
        "components": {},
        "x-problems": problems_of({GATEWAY: own, **services}),
        "x-left-out": list(left_out),
    }
    for name, document in {GATEWAY: own, **services}.items():
        whole["tags"].append({"name": name, "description": document["info"]["title"]})
        renamed = _renamed(document, name, whole["components"].get(_SHARED, {}))
        for path, item in renamed["paths"].items():
            if name == GATEWAY or path.startswith(f"/api/{name}/"):
                whole["paths"].setdefault(path, _tagged(item, name))
        for section, components in renamed.get("components", {}).items():
            whole["components"].setdefault(section, {}).update(components)
    return whole


def problems_of(documents: dict[str, Document]) -> list[dict[str, Any]]:
    """The problem codes that the documents tell of, by code, each with the services that answer with it."""
    found: dict[str, dict[str, Any]] = {}
    for name, document in documents.items():
        for problem in document.get("x-problems", ()):
            known = found.setdefault(problem["code"], {**problem, "services": []})
            known["services"].append(name)
    return [found[code] for code in sorted(found)]


def _renamed(document: Document, name: str, shared: dict[str, Any]) -> Document:
    """The document with its components, and all references to them, under names of the service's own.

    A way to sign in that is described as another service describes it keeps its name.
    """
    names: dict[str, dict[str, str]] = {}
    for section, components in document.get("components", {}).items():
        kept = shared if section == _SHARED else None
        names[section] = {
            each: each if kept is not None and kept.get(each, content) == content else f"{name}_{each}"
            for each, content in components.items()
        }

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(each) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each) for each in value]
        if isinstance(value, str) and value.startswith("#/components/"):
            section, _, each = value.removeprefix("#/components/").partition("/")
            return f"#/components/{section}/{names.get(section, {}).get(each, each)}"
        return value

    paths = {path: _secured(walk(item), names.get(_SHARED, {})) for path, item in document["paths"].items()}
    components = {
        section: {names[section][each]: walk(content) for each, content in listed.items()}
        for section, listed in document.get("components", {}).items()
    }
    return {"paths": paths, "components": components}


def _secured(item: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    for method in _METHODS:
        if "security" in item.get(method, {}):
            item[method]["security"] = [
                {names.get(scheme, scheme): scopes for scheme, scopes in way.items()}
                for way in item[method]["security"]
            ]
    return item


def _tagged(item: dict[str, Any], name: str) -> dict[str, Any]:
    for method in _METHODS:
        if method in item:
            operation = item[method]
            operation["tags"] = [name]
            if "operationId" in operation:
                operation["operationId"] = f"{name}_{operation['operationId']}"
    return item


def plain_routes(document: Document) -> Document:
    """The gateway's own document, with the routes that FastAPI does not know of."""
    answers = {"200": {"description": "The document", "content": {"application/json": {}}}}
    shared = {"tags": ["session"], "responses": answers, **PUBLIC}
    paths = {
        "/.well-known/jwks.json": ("jwks", "Public keys of access tokens (RFC 7517)"),
        "/api/openapi.json": ("openapi", "All services in one OpenAPI document"),
    }
    described = {
        path: {"get": {"operationId": operation, "summary": summary, **shared}}
        for path, (operation, summary) in paths.items()
    }
    return {**document, "paths": {**document["paths"], **described}}
