"""Settings of the gateway, from the environment."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from dawr.servicekit.settings import ServiceSettings, read_secret

DEVELOPMENT_PEPPER = "dawr-development-pepper"
DEVELOPMENT_SEALING_KEY = "ZGF3ci1kZXZlbG9wbWVudC1zZWFsaW5nLWtleS0zMmI="
DEVELOPMENT_PROFILE_KEY = "ZGF3ci1kZXZlbG9wbWVudC1wcm9maWxlLWtleS0zMmI="
DEVELOPMENT_SESSION_SECRET = "dawr-development-session-secret-of-everybody"  # noqa: S105
DEVELOPMENT_REGISTRY_KEY = "sandbox-key"
_SECRET_CHARACTERS = 32


class GatewaySettings(ServiceSettings):
    """What the gateway needs beside what every service needs."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore", use_attribute_docstrings=True)

    known_secrets: ClassVar[Mapping[str, str]] = {
        "identity_pepper": DEVELOPMENT_PEPPER,
        "sealing_key": DEVELOPMENT_SEALING_KEY,
        "profile_keys": DEVELOPMENT_PROFILE_KEY,
        "registry_key": DEVELOPMENT_REGISTRY_KEY,
        "session_secrets": DEVELOPMENT_SESSION_SECRET,
    }

    http_port: int = Field(default=8080, ge=0, le=65535)
    """Where the gateway listens."""
    public_url: str = "http://127.0.0.1:8080"
    """How people reach the gateway. The `Host` header of a request is never believed in its place."""
    trusted_proxies: str = ""
    """Networks, comma separated, whose `X-Forwarded-For` tells the caller's address (a load balancer's)."""
    operator_networks: str = "127.0.0.0/8, ::1/128"
    """Networks, comma separated, from which `/metrics` and `/readyz` are answered; others get a 404."""

    booking_url: str = "http://127.0.0.1:8081"
    """Where booking listens."""
    catalog_url: str = "http://127.0.0.1:8082"
    """Where catalog listens."""
    payments_url: str = "http://127.0.0.1:8083"
    """Where payments listens."""
    consular_url: str = "http://127.0.0.1:8084"
    """Where consular listens."""
    notifications_url: str = "http://127.0.0.1:8085"
    """Where notifications listens."""
    upstream_connect_seconds: float = Field(default=2.0, gt=0)
    """How long a connection to a service may take; then the service counts as away."""
    upstream_read_seconds: float = Field(default=30.0, gt=0)
    """The longest silence of a service before and within its answer: above what `Prefer: wait` may ask for, and
    above the pause between two signs of life of an event stream."""
    upstream_connections: int = Field(default=256, ge=1)
    """Requests in flight to one service; more wait for `upstream_connect_seconds`."""
    upstream_streams: int = Field(default=10_000, ge=1)
    """Event streams open to one service."""

    keys_path: Path = Path(".dawr/keys")
    """Folder of the signing keys and of `jwks.json`."""
    identity_pepper: str = DEVELOPMENT_PEPPER
    """Secret (or `file:PATH`) under which identity numbers and codes are hashed. Persons' ids follow from it: changing
    it makes everybody a new person."""
    sealing_key: str = DEVELOPMENT_SEALING_KEY
    """Fernet keys with commas between (or `file:PATH`), as notifications has them: codes and addresses travel sealed
    with the first."""
    profile_keys: str = DEVELOPMENT_PROFILE_KEY
    """Fernet keys with commas between (or `file:PATH`), this service's alone: what is known of people is kept sealed
    with the first, and opened with any."""
    registry_url: str = "http://127.0.0.1:8089"
    """Where the civil registry answers; in development the sandbox's."""
    registry_key: str = DEVELOPMENT_REGISTRY_KEY
    """What the registry knows the gateway by, as a bearer token (or `file:PATH`)."""
    registry_seconds: float = Field(default=2.0, gt=0, le=30)
    """How long the registry may take to answer; then it counts as away."""
    minor_years: int = Field(default=18, ge=1, le=30)
    """Who is younger can't register, and their parents act for them."""
    open_registration: bool | None = None
    """Whether an identity number that the registry does not know becomes a person when it asks for a code. Unset: in
    development only."""

    code_minutes: int = Field(default=10, ge=1, le=60)
    """How long a code holds."""
    code_tries: int = Field(default=5, ge=1, le=10)
    """Wrong codes for a person before sign-in pauses."""
    pause_seconds: int = Field(default=60, ge=1)
    """The first pause; each further one is twice as long."""
    pause_max_seconds: int = Field(default=3600, ge=1)
    """The longest pause."""
    window_minutes: int = Field(default=15, ge=1)
    """The span over which the limits below count."""
    person_codes: int = Field(default=5, ge=1)
    """Codes for one person in a window."""
    address_codes: int | None = Field(default=None, ge=1)
    """Codes for one address in a window; behind a provider's NAT many people share one. Unset: 100, in development
    20000."""
    address_tries: int | None = Field(default=None, ge=1)
    """Tries from one address in a window. Unset: 200, in development 40000."""
    overall_codes: int | None = Field(default=None, ge=1)
    """Codes for everybody together in a window, as each costs a message. Unset: 50000, in development 1000000."""
    overall_tries: int | None = Field(default=None, ge=1)
    """Wrong codes of everybody together in a window; then nobody signs in by code until it ends. A millionth of it is
    how many people a guesser with any number of addresses gets at a window. Unset: 20000, in development 1000000."""
    code_answer_seconds: float = Field(default=0.1, ge=0, le=2)
    """When a request for a code is answered, known number or not: later than the work for either takes."""
    registration_answer_seconds: float = Field(default=0.5, ge=0, le=5)
    """The same for a registration, which asks the civil registry too; one that takes longer is answered at twice,
    thrice … so many seconds."""

    session_secrets: str = DEVELOPMENT_SESSION_SECRET
    """Secrets of 32 characters or more with commas between (or `file:PATH`), under which refresh tokens and the tokens
    of forms are signed: the first signs, all hold. A new one goes in front; take the old one away a day later."""
    citizen_idle_minutes: int = Field(default=120, ge=1)
    """A citizen's session is over when it was not used for so long."""
    citizen_longest_minutes: int = Field(default=24 * 60, ge=1)
    """A citizen's session is over so long after it began."""
    staff_idle_minutes: int = Field(default=30, ge=1)
    """The same for staff."""
    staff_longest_minutes: int = Field(default=12 * 60, ge=1)
    """The same for staff."""
    staff_invitation_hours: int = Field(default=24, ge=1, le=24 * 7)
    """How long an invitation into an account of staff holds."""
    staff_account_days: int = Field(default=366, ge=1, le=366 * 2)
    """How far ahead an account of staff may run; then an administrator gives it more time."""
    password_threads: int = Field(default=1, ge=1, le=16)
    """Passwords of staff that are checked at once, in threads of low priority; each takes 64 MiB."""
    password_waiting: int = Field(default=16, ge=0, le=1000)
    """Passwords that wait to be checked; whoever comes then is told to come again."""

    oidc_issuer: str = ""
    """Issuer of a ministry's own identity provider (OpenID Connect), as its tokens name it. Unset: none is offered."""
    oidc_client_id: str = ""
    """What the provider knows the gateway by."""
    oidc_client_secret: str = ""
    """The client's secret (or `file:PATH`)."""
    oidc_scopes: str = "openid profile"
    """What the provider is asked for, with spaces between."""
    oidc_seconds: float = Field(default=5.0, gt=0, le=30)
    """How long the provider may take to answer; then it counts as away."""
    oidc_number_claim: str = ""
    """The claim that holds a citizen's identity number. Unset: citizens don't come by the provider."""
    oidc_login_claim: str = ""
    """The claim that holds the login of a member of staff. Unset: staff don't come by the provider."""
    oidc_roles_claim: str = "roles"
    """The claim that lists their roles, by the names that tokens have."""
    oidc_office_claim: str = "office"
    """The claim that holds the code of their office, for roles that end there."""

    territory: str = Field(default="", pattern=r"^([A-Z]{2})?$")
    """The country, as ISO 3166 has it: its names of months (`SY`: كانون الأول) and its order of day and month."""
    home_zone: str = "UTC"
    """The zone of the country's days: when a child comes of age, and of moments that belong to no office."""
    checkout_origins: str = ""
    """Origins, comma separated, of the banks' pages, to which the pay button may lead. Unset: in development anywhere
    on this machine, else anywhere by https."""
    maintenance: bool = False
    """Whether pages say that the platform is under maintenance, and nothing else."""
    mail_url: str = "http://127.0.0.1:8088"
    """Where mail can be read in development; shown on the start page there."""
    wanted_services: str = ""
    """Codes, comma separated, of up to six services that the start page names first. Others with a visit fill up."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.open_registration and not self.is_development:
            raise ValueError("open registration believes everybody: it belongs to development")
        self.identity_pepper, self.sealing_key = read_secret(self.identity_pepper), read_secret(self.sealing_key)
        self.session_secrets = read_secret(self.session_secrets)
        if any(len(secret) < _SECRET_CHARACTERS for secret in self.session_keys) or not self.session_keys:
            raise ValueError(f"a session secret has {_SECRET_CHARACTERS} characters or more")
        if not (self.is_development or self.public_url.startswith("https://")):
            raise ValueError("in production people come by https: without it anybody on the way reads their sessions")
        self.profile_keys, self.registry_key = read_secret(self.profile_keys), read_secret(self.registry_key)
        self.oidc_client_secret = read_secret(self.oidc_client_secret)
        if self.oidc_is_on:
            if not (self.oidc_client_id and (self.oidc_number_claim or self.oidc_login_claim)):
                raise ValueError("an identity provider needs a client id, and a claim for citizens' or staff's names")
            if not (self.is_development or self.oidc_issuer.startswith("https://")):
                raise ValueError("in production the identity provider is asked by https alone")
        return self

    @property
    def oidc_is_on(self) -> bool:
        """Whether people may come by a ministry's own identity provider."""
        return bool(self.oidc_issuer)

    @property
    def session_keys(self) -> tuple[bytes, ...]:
        """The secrets of `session_secrets`, the one that signs first."""
        return tuple(each.strip().encode() for each in self.session_secrets.split(",") if each.strip())

    @property
    def checkout_origins_listed(self) -> tuple[str, ...]:
        """What `checkout_origins` comes to, as sources of a Content-Security-Policy."""
        listed = tuple(each.strip() for each in self.checkout_origins.split(",") if each.strip())
        return listed or (("http://127.0.0.1:*", "http://localhost:*") if self.is_development else ("https:",))

    @property
    def wanted_listed(self) -> tuple[str, ...]:
        """The codes of `wanted_services`."""
        return tuple(each.strip() for each in self.wanted_services.split(",") if each.strip())

    @property
    def registers_everybody(self) -> bool:
        """What `open_registration` comes to."""
        return self.is_development if self.open_registration is None else self.open_registration

    @property
    def codes_per_address(self) -> int:
        """What `address_codes` comes to."""
        return self.address_codes or (20_000 if self.is_development else 100)

    @property
    def tries_per_address(self) -> int:
        """What `address_tries` comes to."""
        return self.address_tries or (40_000 if self.is_development else 200)

    @property
    def codes_overall(self) -> int:
        """What `overall_codes` comes to."""
        return self.overall_codes or (1_000_000 if self.is_development else 50_000)

    @property
    def tries_overall(self) -> int:
        """What `overall_tries` comes to."""
        return self.overall_tries or (1_000_000 if self.is_development else 20_000)

    @property
    def services(self) -> dict[str, str]:
        """Addresses of the services behind the gateway, by name; nothing else is ever asked on behalf of a caller."""
        return {
            "booking": self.booking_url,
            "catalog": self.catalog_url,
            "payments": self.payments_url,
            "consular": self.consular_url,
            "notifications": self.notifications_url,
        }

    @property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `trusted_proxies`; ValueError if one is none."""
        return _networks(self.trusted_proxies)

    @property
    def operators(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `operator_networks`; ValueError if one is none."""
        return _networks(self.operator_networks)


def _networks(listed: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each.strip()) for each in listed.split(",") if each.strip())
