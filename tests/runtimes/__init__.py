"""Runs the built wheel on every protobuf runtime that it declares. Not shipped.

`python -m tests.runtimes <wheel>` makes the environments that requirements/runtimes/ pins, runs
`check` in each, and writes the tables of docs/runtimes.md.

- `environments`: what is run where.
- `check`: what is checked; runs inside of those environments, with what a service has and no more.
- `table`: the tables, and where they stand.
"""
