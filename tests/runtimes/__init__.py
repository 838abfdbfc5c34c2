"""Tests of the built wheel on every protobuf runtime that it declares. Not shipped.

`python -m tests.runtimes <wheel>` creates the environments that requirements/runtimes/ pins, runs
`check` in each, and writes the tables of docs/runtimes.md.

- `environments`: creates the environments and runs the check in each.
- `check`: the check, which runs inside those environments with only what a service has.
- `outcomes`: the results that the check reported, and the failures in them.
- `table`: the tables.
"""
