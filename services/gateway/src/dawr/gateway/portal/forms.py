"""What people type into pages: read with care, told back in place, an error beside each field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from dawr.gateway.domain.digits import plain_digits
from dawr.servicekit.problems import MalformedRequest

MAX_FIELDS = 60
_LONGEST_FIELD = 4000
CSRF_FIELD, KEY_FIELD = "form-token", "form-key"
SECRET_FIELDS = frozenset({"password", "again", "old", "new", "codes-password", "code", "codes-code"})
"""What no page shows again and no browser keeps: passwords, and codes that are good once."""


@dataclass
class Form:
    """The fields of a form, and what is wrong with them: by field, a sentence for its reader."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, otherwise: str = "") -> str:
        """What was typed, without the space around it."""
        return self.values.get(name, otherwise).strip()

    @property
    def to_show_again(self) -> dict[str, str]:
        """What was typed, but for secrets and the token."""
        return {name: value for name, value in self.values.items() if name not in SECRET_FIELDS | {CSRF_FIELD}}

    def digits(self, name: str) -> str:
        """A number as it was typed, in ASCII digits: Arabic-Indic ones are read too, spaces and dashes fall away."""
        return plain_digits(self.get(name))

    def check(self, name: str, holds: bool, message: str) -> bool:
        """Note what is wrong with a field, unless something was before; whether it holds."""
        if not holds:
            self.errors.setdefault(name, message)
        return holds

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors


def read_form(body: bytes) -> Form:
    """A form sent as `application/x-www-form-urlencoded`; of a field that comes twice the last counts.

    Raises MalformedRequest for one with too many or too long fields, or that is not UTF-8.
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise MalformedRequest from error
    if any(len(value) > _LONGEST_FIELD or "\0" in value for _, value in pairs):
        raise MalformedRequest
    return Form(dict(pairs))


def told(problem: Mapping[str, object], fields: Mapping[str, str], say: Callable[[str], str]) -> dict[str, str]:
    """Errors by field, of a service's problem document whose `errors` point at members that `fields` maps to fields."""
    errors = problem.get("errors")
    found: dict[str, str] = {}
    for each in errors if isinstance(errors, list) else []:
        member = str(each.get("pointer", "")).removeprefix("#/").split("/")[0]
        if member in fields:
            found[fields[member]] = say(str(each.get("detail", "")))
    return found
