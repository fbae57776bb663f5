"""The contracts as committed files: a JSON Schema per message version, and one AsyncAPI document of the platform.

`python -m dawr.tools.contracts write` makes them from the models and the table of topics; `check` fails if the
committed ones are not current, and with `--against REF` (or `--against-landed`: the last release, and where this branch
left `origin/main`) if a message or a topic changed so that an old and a new process would not understand each other.
"""
