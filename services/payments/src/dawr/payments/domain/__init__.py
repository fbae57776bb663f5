"""The rules of payments, as pure functions: states and their moves, payments, refunds, the ledger."""

from dawr.payments.domain.states import REFUND_TRANSITIONS, TRANSITIONS

__all__ = ["REFUND_TRANSITIONS", "TRANSITIONS"]
