"""The mutation score of the contract: how much of what could go wrong in it the gates stop.

`mutations` lists every single change that we can think of making to the contract by mistake,
`gates` judges each as `make lint` and `make breaking` would, and `python -m tests.mutation` runs
all of them and writes docs/mutation.md. Changes that harm nobody stand in equivalent.toml, each
with the reason.
"""
