"""Tables and queries of payments, one module per table; all give and take the domain's values and never commit.

Locks are always taken in this order: payment, then its attempt or refund.
"""
