"""The parts that one running bank is made of, where its routes find them."""

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from dawr.tools.bank.faults import FaultBox
from dawr.tools.bank.service import Bank
from dawr.tools.bank.settings import BankSettings
from dawr.tools.bank.store import Database
from dawr.tools.bank.webhooks import Courier


@dataclass(frozen=True)
class Parts:
    settings: BankSettings
    database: Database
    box: FaultBox
    bank: Bank
    courier: Courier


def parts_of(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)
