"""Runs the built wheel on every protobuf runtime that it declares. Not shipped.

`python -m tests.runtimes <wheel>` makes the environments that requirements/runtimes/ pins, runs
`check` in each, and writes the tables of docs/runtimes.md.

- `environments`: makes the environments and runs the check in each.
- `check`: what is checked; runs inside those environments, with what a service has and no more.
- `outcomes`: what the check reported, and what is wrong with that.
- `table`: the tables.
"""
