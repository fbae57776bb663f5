"""The gateway, put together."""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from starlette.routing import Route

from dawr.gateway.access import Row, Ways, read_table
from dawr.gateway.addresses import Addresses, Operators
from dawr.gateway.api.registration import create_router as registration_router
from dawr.gateway.api.session import create_router, jwks_endpoint
from dawr.gateway.api.sessions import create_router as sessions_router
from dawr.gateway.api.staff import StaffDoor
from dawr.gateway.api.staff import create_router as staff_router
from dawr.gateway.api.staff_accounts import create_router as staff_accounts_router
from dawr.gateway.api.staff_own import create_router as staff_own_router
from dawr.gateway.behind import READY_SECONDS, Behind, Kept
from dawr.gateway.csrf import Csrf
from dawr.gateway.documents import plain_routes
from dawr.gateway.domain.sign_in import Policy
from dawr.gateway.domain.staff import Terms
from dawr.gateway.door import Door
from dawr.gateway.identity import Identity, Seal
from dawr.gateway.keys import PASSES, Keys
from dawr.gateway.oidc import Oidc
from dawr.gateway.passing.passage import METHODS, Passage
from dawr.gateway.passwords import Passwords
from dawr.gateway.portal import entrance, turns
from dawr.gateway.portal.developers import Developers
from dawr.gateway.portal.operations import Operations
from dawr.gateway.portal.pages import Portal
from dawr.gateway.registrar import Registrar
from dawr.gateway.registry import HttpRegistry
from dawr.gateway.service.dead_letters import DeadLetters
from dawr.gateway.service.people import People
from dawr.gateway.service.sign_in import Limits, Rules
from dawr.gateway.service.staff import StaffRules
from dawr.gateway.sessions import Sessions, children_of
from dawr.gateway.settings import GatewaySettings
from dawr.gateway.sweeper import keep_forgetting
from dawr.gateway.vault import Vault
from dawr.gateway.watching import Watching
from dawr.servicekit.clock import Clock, utc_now
from dawr.servicekit.limits import Upload
from dawr.servicekit.service import Service

VERSION = "0.1.0"
STAFF_ROUTERS = (staff_router, staff_accounts_router, staff_own_router)
UPLOADS = {
    "/api/catalog/import": Upload(
        4 * 1024 * 1024,
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/zip"),
    )
}
"""Where services behind take files, as they do themselves."""


def create_service(
    settings: GatewaySettings | None = None, *, clock: Clock = utc_now, access: Sequence[Row] | None = None
) -> Service:
    """The gateway with settings from the environment and its own table of who may ask what, unless others are given."""
    settings = settings or GatewaySettings()
    keys = Keys(settings.keys_path)
    addresses = Addresses(settings.trusted_networks)
    service = Service(
        name="gateway",
        title="Dawr",
        version=VERSION,
        settings=settings,
        clock=clock,
        prefix="/api",
        serving={"keys": keys.keep_fresh},
        ready_to_serve={"keys": keys.are_ready},
        openapi=plain_routes,
        takes_form=entrance.takes_form,
        uploads=UPLOADS,
        is_operator=Operators(settings.operators),
    )
    rules = rules_of(settings)
    acts_for = children_of(rules.people, ZoneInfo(settings.home_zone))
    sessions = Sessions(settings, service.database, keys, acts_for=acts_for)
    service.verifier = sessions.verifier
    service.serving["sessions.ended"] = sessions.keep_informed
    service.background["sign-in.forget"] = lambda: keep_forgetting(service.database)
    table = read_table() if access is None else access
    passages = [Passage(name, settings, addresses, Ways(name, table)) for name in settings.services]
    behind = Behind(settings.services)
    service.closers += [*(passage.close for passage in passages), behind.close]
    portal = _portal(settings, service, sessions)
    registrar = _registrar(settings, service, rules)
    url, seconds = settings.public_url, settings.code_answer_seconds
    door = Door(service.database, keys, addresses, rules, sessions, registrar, url, seconds)
    staff = _staff_door(settings, service, addresses, rules, sessions)
    pass_keys = Keys(settings.keys_path, PASSES)
    service.serving["keys.passes"] = pass_keys.keep_fresh
    work = entrance.Work(
        service.database,
        door,
        staff,
        _operations(settings, service, behind),
        turns.create_room(settings, service.database, rules.people, pass_keys),
        settings.wanted_listed,
        developers=Developers(behind, Kept(service.checks, READY_SECONDS).value, settings.public_url.rstrip("/")),
        settings=settings,
    )
    service.routes = (
        *(Route(f"/api/{each.service}/{{path:path}}", each, methods=METHODS) for each in passages),
        Route("/.well-known/jwks.json", jwks_endpoint(keys)),
        Route("/.well-known/passes.json", jwks_endpoint(pass_keys)),
        *Oidc(settings, door, staff).routes(),
        *entrance.routes(portal, work),
    )
    service.routers = (
        create_router(door),
        sessions_router(door),
        registration_router(door),
        *(each(staff) for each in STAFF_ROUTERS),
    )
    return service


def _portal(settings: GatewaySettings, service: Service, sessions: Sessions) -> Portal:
    portal = entrance.create_portal(settings, sessions, Csrf(settings.session_keys))
    service.serving["portal"] = portal.prepare
    service.closers.append(portal.services.close)
    return portal


def _registrar(settings: GatewaySettings, service: Service, rules: Rules) -> Registrar:
    registry = HttpRegistry(settings.registry_url, settings.registry_key, settings.registry_seconds)
    registrar = Registrar(
        service.database,
        rules,
        registry,
        answer_seconds=settings.registration_answer_seconds,
        is_development=settings.is_development,
    )
    service.closers += [registrar.close, registry.close]
    return registrar


def _operations(settings: GatewaySettings, service: Service, behind: Behind) -> Operations:
    watching = Watching(behind, settings.services, settings.platform)
    service.serving["operations"] = watching.gather
    return Operations(watching, DeadLetters(settings.platform, service.producer, service.database))


def _staff_door(
    settings: GatewaySettings, service: Service, addresses: Addresses, rules: Rules, sessions: Sessions
) -> StaffDoor:
    passwords = Passwords(settings.password_threads, settings.password_waiting)
    service.closers.append(passwords.close)
    staff_rules = staff_rules_of(settings, rules, sessions, passwords)
    return StaffDoor(service.database, addresses, staff_rules, sessions, settings.public_url)


def staff_rules_of(settings: GatewaySettings, rules: Rules, sessions: Sessions, passwords: Passwords) -> StaffRules:
    """What staff's accounts go by, as the settings say."""
    return StaffRules(
        identity=rules.identity,
        vault=Vault(settings.profile_keys),
        passwords=passwords,
        policy=rules.policy,
        limits=rules.limits,
        terms=Terms(
            invitation=timedelta(hours=settings.staff_invitation_hours),
            account=timedelta(days=settings.staff_account_days),
        ),
        public_url=settings.public_url,
        is_development=settings.is_development,
        end_sessions=lambda tx, person_id: sessions.end_everywhere(person_id, tx),
    )


def rules_of(settings: GatewaySettings) -> Rules:
    """What sign-in goes by, as the settings say."""
    return Rules(
        identity=Identity(settings.identity_pepper),
        seal=Seal(settings.sealing_key),
        policy=Policy(
            lifetime=timedelta(minutes=settings.code_minutes),
            tries=settings.code_tries,
            pause=timedelta(seconds=settings.pause_seconds),
            longest_pause=timedelta(seconds=settings.pause_max_seconds),
        ),
        limits=Limits(
            window=timedelta(minutes=settings.window_minutes),
            person_codes=settings.person_codes,
            address_codes=settings.codes_per_address,
            address_tries=settings.tries_per_address,
            overall_codes=settings.codes_overall,
            overall_tries=settings.tries_overall,
        ),
        people=People(settings.profile_keys, settings.minor_years),
        open_registration=settings.registers_everybody,
    )
