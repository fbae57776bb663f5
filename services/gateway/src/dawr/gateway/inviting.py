"""The commands about staff: `invite` makes an account from the command line, `staff` lists all.

They are for whoever runs the platform: the first administrator comes this way, and one who locked themselves out. What
they give is printed as JSON on the last line; a refusal is said in words, with exit code 2.
"""

import argparse
import json
import sys
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from dawr.gateway.app import rules_of, staff_rules_of
from dawr.gateway.domain.staff import Account, StaffRole
from dawr.gateway.errors_staff import NoSuchAccount
from dawr.gateway.keys import Keys
from dawr.gateway.passwords import Passwords
from dawr.gateway.service import staff
from dawr.gateway.service.staff import Invited, StaffRules
from dawr.gateway.sessions import Sessions
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.errors import Refusal
from dawr.servicekit.process import Instruction
from dawr.servicekit.service import Service

REFUSED = 2
_FROM_HERE = "from the command line"
_PAGE = 200


async def invite(service: Service, given: argparse.Namespace) -> None:
    """Print the address that opens an account once: a new one, or with `--again` one that is there."""
    try:
        roles = frozenset(StaffRole(each.strip()) for each in given.roles.split(",") if each.strip())
    except ValueError:
        _complain(f"Roles are some of {', '.join(StaffRole)}.")
    rules = _rules(service)
    try:
        async with service.database.transaction() as tx:
            if given.again:
                account_id = await _id_of(service, rules, given.login)
                invited = await staff.invite_again(tx, rules, by=None, account_id=account_id, reason=_FROM_HERE)
            else:
                invited = await staff.make_account(
                    tx, rules, by=None, login=given.login, name=given.name, roles=roles, office=given.office
                )
    except Refusal as refusal:
        _complain(refusal.detail.en)
    _say(_told_invited(invited))


async def list_staff(service: Service, _given: argparse.Namespace) -> None:
    """Print all accounts."""
    rules = _rules(service)
    _say([_told(each) for each in await _all(service, rules)])


def _add_invite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--login", required=True, help="small letters, digits, dots, dashes")
    parser.add_argument("--name", default="", help="of the person")
    parser.add_argument("--roles", default=StaffRole.ADMINISTRATOR.value, help="with commas between")
    parser.add_argument("--office", default=None, help="the code of an office, for roles that end there")
    parser.add_argument("--again", action="store_true", help="invite anew: what opened the account opens it no more")


COMMANDS = {
    "invite": Instruction(invite, _add_invite),
    "staff": Instruction(list_staff, lambda _parser: None),
}
"""By the name that follows `python -m dawr.gateway`."""


def _rules(service: Service) -> StaffRules:
    settings = service.settings
    assert isinstance(settings, GatewaySettings)  # noqa: S101
    sessions = Sessions(settings, service.database, Keys(settings.keys_path))
    return staff_rules_of(settings, rules_of(settings), sessions, Passwords(1, 0))


async def _all(service: Service, rules: StaffRules) -> list[Account]:
    found: list[Account] = []
    async with service.database.transaction() as tx:
        while page := await staff.list_accounts(tx, rules, after=found[-1].login if found else "", limit=_PAGE):
            found += page
    return found


async def _id_of(service: Service, rules: StaffRules, login: str) -> UUID:
    for each in await _all(service, rules):
        if each.login == login:
            return each.id
    raise NoSuchAccount


def _told_invited(invited: Invited) -> dict[str, object]:
    return {"invitation": invited.address, "expires_at": invited.expires_at.isoformat(), **_told(invited.account)}


def _told(account: Account) -> dict[str, object]:
    def at(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return {
        "id": str(account.id),
        "login": account.login,
        "name": account.name,
        "roles": sorted(account.roles),
        "office": account.office,
        "state": account.state.value,
        "account_expires_at": at(account.expires_at),
        "last_used_at": at(account.last_used_at),
    }


def _say(content: object) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _complain(words: str) -> NoReturn:
    sys.stderr.write(words + "\n")
    raise SystemExit(REFUSED)
