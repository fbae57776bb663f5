"""The table of who may ask what, kept as the services' OpenAPI documents say.

`python -m dawr.tools.access write` makes `services/gateway/src/dawr/gateway/access.csv` anew: rows and roles follow
from the documents, which each service makes without a server or a database; what people wrote under `owner` and
`note` stays. A new row has no owner yet: whoever adds an operation writes it, in a word of `dawr.gateway.access.Owner`.

`check` fails for an operation without a row, a row without an operation, other roles, and no owner or an unknown word.
"""
