"""The distributions of `make dist` in the environments of their users.

Each test installs, freezes or builds the real thing, outside this folder and without a network:
what is needed beside our distributions comes from a wheel house that make fills by hash.

- `places`: where things are installed, and what an installed package must be able to do.
- `application`: the application that is frozen.
- `conftest`: the distributions, an index that has them, and the table of docs/environments.md.
"""
