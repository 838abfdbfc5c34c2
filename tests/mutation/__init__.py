"""The mutation score of the contract: how many possible mistakes in it the gates stop.

`mutations` lists single changes that someone could make to the contract by mistake, `gates` judges
each as `make lint` and `make breaking` would, and `python -m tests.mutation` runs all of them and
writes docs/mutation.md. equivalent.toml lists harmless changes, each with a reason.
"""
