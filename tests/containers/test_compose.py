"""docker-compose.yml holds the whole platform, and each container is told what it needs and no more."""

import importlib
import os
import re
from typing import Any

import pytest

from dawr.servicekit.settings import PlatformSettings
from dawr.tools.containers import KAFKA_IMAGE, POSTGRES_IMAGE
from dawr.tools.contracts.committed import repository
from dawr.tools.embedded.kafka import ONE_NODE
from dawr.tools.platform.parts import PARTS, Kind

Containers = dict[str, dict[str, Any]]
SERVICES = [part for part in PARTS if part.kind is Kind.SERVICE]
STEPS = {"topics", *(f"{part.name}-migrate" for part in SERVICES), *(f"{p.name}-seed" for p in SERVICES if p.seeds)}
PUBLISHED = {"gateway-serve": 8080, "bank": 8086, "mailpit": 8025}
LISTENS = {"kafka": {19092, 29093}, "postgres": {5432}, "mailpit": {1025, 8025}}
HTTP_PORT = 8000
"""Where our images listen: see the Dockerfile."""


def test_every_part_of_the_platform_has_its_containers(parts_of_compose: Containers) -> None:
    wanted = {"mailpit" if part.name == "mail" else part.name for part in PARTS if part.kind is not Kind.SERVICE}
    wanted |= {f"{part.name}-{role}" for part in SERVICES for role in ("serve", "consume")} | STEPS
    assert set(parts_of_compose) == wanted


def test_what_a_container_runs_follows_from_its_name(parts_of_compose: Containers) -> None:
    for part in SERVICES:
        for role in ("migrate", "serve", "consume", *(["seed"] if part.seeds else [])):
            container = parts_of_compose[f"{part.name}-{role}"]
            assert (container["image"], container["command"]) == (f"dawr/{part.name}:local", role)
        arguments = parts_of_compose[f"{part.name}-migrate"]["build"]["args"]
        assert arguments == {"SERVICE": part.name, "SETTINGS": part.name.upper()}


def test_only_the_doors_for_people_are_published_and_only_here(parts_of_compose: Containers) -> None:
    published = {name: each["ports"] for name, each in parts_of_compose.items() if "ports" in each}
    assert set(published) == set(PUBLISHED)
    for name, ports in published.items():
        assert [port.rpartition(":")[0] for port in ports] == [f"127.0.0.1:{PUBLISHED[name]}"]
        assert "public" in parts_of_compose[name]["networks"]


def test_what_is_not_published_has_no_way_out(compose: dict[str, Any], parts_of_compose: Containers) -> None:
    assert {name for name, network in compose["networks"].items() if network.get("internal")} == {
        "platform",
        "companies",
    }
    for name, container in parts_of_compose.items():
        assert ("public" in container["networks"]) == (name in PUBLISHED)


def test_companies_outside_do_not_reach_the_broker_or_the_databases(parts_of_compose: Containers) -> None:
    for name in ("bank", "sms", "registry", "mailpit"):
        assert "platform" not in parts_of_compose[name]["networks"]


def test_every_container_can_do_little(parts_of_compose: Containers) -> None:
    for name, container in parts_of_compose.items():
        assert container["read_only"] is True, name
        assert "/tmp" in container["tmpfs"], name  # noqa: S108
        assert container["cap_drop"] == ["ALL"], name
        assert "cap_add" not in container, name
        assert "privileged" not in container, name
        assert container["security_opt"] == ["no-new-privileges:true"], name
        assert not container["image"].startswith("dawr/") or "user" not in container, "the image says who"
        assert container["image"].startswith("dawr/") or container["user"].split(":")[0] not in {"root", "0"}, name
        assert {"memory", "pids"} <= set(container["deploy"]["resources"]["limits"]), name


def test_all_that_stays_up_is_checked_and_comes_back(parts_of_compose: Containers) -> None:
    for name, container in parts_of_compose.items():
        if name in STEPS:
            assert "restart" not in container, name
            assert container["healthcheck"] == {"disable": True}, name
        else:
            assert container["restart"] == "unless-stopped", name
            assert container["healthcheck"]["test"][0] == "CMD", name


def test_a_process_starts_after_its_migration_and_the_topics(parts_of_compose: Containers) -> None:
    def before(name: str) -> set[str]:
        needs = parts_of_compose[name].get("depends_on", {})
        for need, how in needs.items():
            wanted = "service_completed_successfully" if need in STEPS else "service_healthy"
            assert how == {"condition": wanted}, f"{name} needs {need}"
        return set(needs) | {further for need in needs for further in before(need)}

    for part in SERVICES:
        for role in ("serve", "consume"):
            steps = {"topics", f"{part.name}-migrate", *([f"{part.name}-seed"] if part.seeds else [])}
            assert before(f"{part.name}-{role}") == {"kafka", "postgres", *steps}


def test_images_of_others_are_pinned(parts_of_compose: Containers) -> None:
    others = {each["image"] for each in parts_of_compose.values() if not each["image"].startswith("dawr/")}
    assert {KAFKA_IMAGE, POSTGRES_IMAGE} < others
    assert all(re.fullmatch(r"[a-z/]+:v?\d+[\d.]*", image) for image in others)


def test_the_lonely_broker_keeps_one_copy_and_makes_no_topic_by_itself(parts_of_compose: Containers) -> None:
    environment = parts_of_compose["kafka"]["environment"]
    alone = {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in ONE_NODE.items()}
    given = {name: environment[name] for name in alone if name in environment}
    assert given == {name: alone[name] for name in given}
    assert {name for name in alone if re.search("REPLICATION|ISR|AUTO_CREATE", name)} - set(given) <= {
        "KAFKA_DEFAULT_REPLICATION_FACTOR",  # 1 unless told otherwise
        "KAFKA_MIN_INSYNC_REPLICAS",
    }


@pytest.mark.parametrize("part", SERVICES, ids=lambda part: part.name)
def test_a_service_understands_all_that_it_is_told(
    part: Any, parts_of_compose: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = parts_of_compose[f"{part.name}-serve"]["environment"]
    assert parts_of_compose[f"{part.name}-consume"]["environment"] == environment
    assert parts_of_compose[f"{part.name}-migrate"]["environment"] == environment
    for name in [each for each in os.environ if each.startswith(("DAWR_", f"{part.name.upper()}_"))]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = importlib.import_module(f"{part.module}.app").create_service().settings
    for name in environment:
        own = name.removeprefix(f"{part.name.upper()}_")
        known = type(settings).model_fields if own != name else PlatformSettings.model_fields
        assert own.removeprefix("DAWR_").lower() in known, name
    assert settings.platform.environment == "development"
    assert settings.database_url.endswith(f"@postgres:5432/{part.name}")


def test_every_address_leads_to_a_neighbour(parts_of_compose: Containers) -> None:
    """Names, ports and networks: each address in an environment is one of a container that can be reached."""
    seen = 0
    for name, container in parts_of_compose.items():
        environment = container["environment"]
        addresses = re.findall(r"(?:@|http://|^)([a-z-]+):(\d+)(?=[/\s]|$)", "\n".join(environment.values()), re.M)
        addresses += [
            (environment[key], environment[key.replace("_HOST", "_PORT")]) for key in environment if "SMTP_HOST" in key
        ]
        for host, port in addresses:
            other = parts_of_compose[host]
            assert int(port) in LISTENS.get(host, {HTTP_PORT}), f"{name}: {host}:{port}"
            outside = host in {"bank", "sms", "registry", "mailpit"}
            if name not in STEPS and not (outside and name == _OTHER_ROLES.get(name.rpartition("-")[0])):
                assert set(container["networks"]) & set(other["networks"]), f"{name} can't reach {host}"
            seen += 1
    assert seen > 40


_OTHER_ROLES = {"notifications": "notifications-serve", "gateway": "gateway-consume"}
"""Notifications sends from where it consumes, the gateway asks the registry from where it answers; the other half is
told the same and needs no way there."""


def test_the_browser_is_sent_to_published_ports_only(parts_of_compose: Containers) -> None:
    told = {
        int(port)
        for container in parts_of_compose.values()
        for value in container["environment"].values()
        for port in re.findall(r"http://127\.0\.0\.1:(\d+)", value)
    }
    assert told == set(PUBLISHED.values())


def test_only_the_gateway_that_answers_has_the_signing_keys(parts_of_compose: Containers) -> None:
    holders = {name for name, each in parts_of_compose.items() if "gateway-keys:/data" in each.get("volumes", [])}
    assert holders == {"gateway-serve"}
    assert parts_of_compose["gateway-serve"]["environment"]["GATEWAY_KEYS_PATH"].startswith("/data/")
    for name, container in parts_of_compose.items():
        if "DAWR_JWKS" in container["environment"]:
            assert container["environment"]["DAWR_JWKS"] == "http://gateway-serve:8000/.well-known/jwks.json", name


def test_both_ends_of_a_secret_are_told_the_same(parts_of_compose: Containers) -> None:
    def told(container: str, variable: str) -> str:
        return str(parts_of_compose[container]["environment"][variable])

    assert told("bank", "BANK_API_KEY") == told("payments-serve", "PAYMENTS_BANK_API_KEY")
    assert told("bank", "BANK_WEBHOOK_SECRETS") == told("payments-serve", "PAYMENTS_WEBHOOK_SECRETS")
    assert told("sms", "SMS_API_KEY") == told("notifications-consume", "NOTIFICATIONS_SMS_KEY")
    assert told("registry", "REGISTRY_API_KEY") == told("gateway-serve", "GATEWAY_REGISTRY_KEY")
    assert told("gateway-serve", "GATEWAY_SEALING_KEY") == told("notifications-serve", "NOTIFICATIONS_SEALING_KEY")
    for part in SERVICES:
        password = told("postgres", f"{part.name.upper()}_DATABASE_PASSWORD")
        assert f"://{part.name}:{password}@" in told(f"{part.name}-serve", f"{part.name.upper()}_DATABASE_URL")


OWN_SECRETS = {
    "BANK_WEBHOOK_SECRET": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "SEALING_KEY": "c29tZS1vdGhlci1zZWFsaW5nLWtleS1vZi0zMi1ieXQ=",
    "SESSION_SECRET": "some-other-session-secret-of-32-characters",
    "PROFILE_KEY": "c29tZS1vdGhlci1wcm9maWxlLWtleS1vZi0zMi1ieXQ=",
}
"""Where a secret has a form; any other is any text."""


def test_production_does_not_start_on_the_secrets_that_everybody_knows(
    parts_of_compose: Containers, compose_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each secret alone at its default keeps each service that gets it from starting; with its own ones it starts."""
    secrets = {name for name in compose_variables if re.search("_(PASSWORD|KEY|SECRET|PEPPER)$", name)}
    own = {compose_variables[each]: OWN_SECRETS.get(each, f"own-{each}") for each in secrets}
    refused = set()
    monkeypatch.setenv("DAWR_ENVIRONMENT", "production")
    for part in SERVICES:
        create_service = importlib.import_module(f"{part.module}.app").create_service
        told = parts_of_compose[f"{part.name}-serve"]["environment"]
        known: dict[str, str] = {}
        for name, value in told.items():
            if name.startswith(part.name.upper()):
                default = next((each for each in own if each in value), None)
                monkeypatch.setenv(name, value.replace(default, own[default]) if default else value)
                known |= {name: default} if default else {}
        if part.name == "gateway":
            monkeypatch.setenv("GATEWAY_PUBLIC_URL", "https://dawr.example")
        create_service()
        for name, default in known.items():
            with monkeypatch.context() as patch:
                patch.setenv(name, told[name])
                with pytest.raises(ValueError, match=f"in production set {name}:"):
                    create_service()
            refused |= {each for each in secrets if compose_variables[each] == default}
    assert refused == secrets - {"POSTGRES_PASSWORD"}, "that one goes to the database's own image alone"


def test_every_service_gets_a_database(parts_of_compose: Containers) -> None:
    script = (repository() / "deploy" / "compose" / "databases.sh").read_text("utf-8")
    (listed,) = re.findall(r"^for service in (.*); do$", script, re.M)
    assert listed.split() == sorted(part.name for part in PARTS if part.database)
    mounted = parts_of_compose["postgres"]["volumes"]
    assert "./deploy/compose/databases.sh:/docker-entrypoint-initdb.d/databases.sh:ro" in mounted


def test_the_example_environment_is_that_of_the_file(compose_variables: dict[str, str]) -> None:
    lines = (repository() / ".env.example").read_text("utf-8").splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert example == compose_variables
