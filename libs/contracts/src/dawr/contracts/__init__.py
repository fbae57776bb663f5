"""The messages of the platform: what the services say to each other, and on which topic.

Read `topics` first: one row per topic. Each module beside it holds the messages of one owner.
This package imports pydantic and nothing else, so that anything may import it.
"""

from dawr.contracts.ids import derived_id
from dawr.contracts.message import Message
from dawr.contracts.values import Channel, FxRate, Money, Place, Pool, Subject, Text

__all__ = ["Channel", "FxRate", "Message", "Money", "Place", "Pool", "Subject", "Text", "derived_id"]
