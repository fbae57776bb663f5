"""What the platform is made of, on one machine: a row per part. Read it as a map of the system."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a part is run."""

    SERVER = "server"
    """Not ours: Kafka or PostgreSQL."""
    SERVICE = "service"
    """`python -m MODULE run`, or in two processes `serve` and `consume`; answers /readyz."""
    SANDBOX = "sandbox"
    """`python -m MODULE`; stands for a company outside."""


class Role(StrEnum):
    """What a service's process does."""

    RUN = "run"
    SERVE = "serve"
    CONSUME = "consume"


@dataclass(frozen=True)
class Part:
    """One row. `port` is where it listens under `make up`; `needs` are the parts that must be up before it starts."""

    name: str
    kind: Kind
    what: str
    port: int
    colour: str
    module: str = ""
    needs: tuple[str, ...] = ()
    database: bool = False
    seeds: bool = False
    """Whether `python -m MODULE seed` loads its first data; it may be run again and again."""
    smtp_port: int | None = None
    """A second port, for mail; known as NAME-smtp."""
    ready_path: str | None = "/readyz"
    """What answers 200 over HTTP when it is ready; None: it is when its port is open."""


_BOTH = ("kafka", "postgres")

PARTS: tuple[Part, ...] = (
    Part("kafka", Kind.SERVER, "Apache Kafka, one node", 29092, "bright_black", ready_path=None),
    Part("postgres", Kind.SERVER, "PostgreSQL", 25432, "bright_black", ready_path=None),
    Part("bank", Kind.SANDBOX, "sandbox bank", 8086, "yellow", "dawr.tools.bank"),
    Part("sms", Kind.SANDBOX, "sandbox SMS provider", 8087, "bright_magenta", "dawr.tools.sms"),
    Part("registry", Kind.SANDBOX, "sandbox civil registry", 8089, "bright_cyan", "dawr.tools.registry"),
    Part("mail", Kind.SANDBOX, "mail that was sent", 8088, "bright_blue", "dawr.tools.mailsink", smtp_port=2525),
    Part("catalog", Kind.SERVICE, "services, offices, fees", 8082, "green", "dawr.catalog", _BOTH, True, seeds=True),
    Part("booking", Kind.SERVICE, "turns", 8081, "cyan", "dawr.booking", _BOTH, True),
    Part("payments", Kind.SERVICE, "payments and refunds", 8083, "bright_yellow", "dawr.payments", _BOTH, True),
    Part("consular", Kind.SERVICE, "cases at missions", 8084, "blue", "dawr.consular", _BOTH, True, seeds=True),
    Part("notifications", Kind.SERVICE, "mail and SMS to people", 8085, "magenta", "dawr.notifications", _BOTH, True),
    Part("gateway", Kind.SERVICE, "the public door", 8080, "bright_green", "dawr.gateway", _BOTH, True, seeds=True),
)


@dataclass(frozen=True)
class Member:
    """One process of a part. Its name is the part's; with roles of their own, `booking-serve`; a further
    replica has a number: `booking-consume-2`."""

    name: str
    part: Part
    role: Role | None = None

    @property
    def command(self) -> list[str]:
        """What follows `python`."""
        return ["-m", self.part.module, *([self.role.value] if self.role else [])]

    @property
    def keeps_the_port(self) -> bool:
        """Whether clients know this process by the part's port; others answer on ports of their own."""
        return self.name in (self.part.name, f"{self.part.name}-{Role.SERVE}")


def members(parts: tuple[Part, ...], *, split: bool, replicas: dict[str, int]) -> list[Member]:
    """The processes to run, in the table's order. `replicas` counts processes by name; one where it says nothing."""
    rows: list[Member] = []
    for part in parts:
        if part.kind is not Kind.SERVICE:
            rows.append(Member(part.name, part))
            continue
        for role in (Role.SERVE, Role.CONSUME) if split else (Role.RUN,):
            name = f"{part.name}-{role}" if split else part.name
            for number in range(1, replicas.get(name, 1) + 1):
                rows.append(Member(name if number == 1 else f"{name}-{number}", part, role))
    return rows
