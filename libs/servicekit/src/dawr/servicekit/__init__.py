"""What every service stands on: delivery, storage, HTTP and telemetry, with not one business word.

Read `process` for how a service is put together, `consumers` for how messages come in,
`database` and `outbox` for how state and events leave together.
"""
