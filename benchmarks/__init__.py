"""Measurements as ratios within one run, and their limits. Not shipped.

- `sampler`: runs contenders in turns, and returns the median and quartiles of a ratio.
- `ratios`: the tables of ratios with their limits. A new benchmark is a new line there.
- `subjects`: what they compare.
- `peers`: plain protoc, other libraries and published packages.
- `messages`: the program that uses messages, in the environment of each library.
- `plots`: draws the ratios.
- `__main__`: `make bench`, which writes docs/benchmarks.md, and `make bench-check`.
- `big_contract`: a contract of any size.
- `handshake`: `make bench-handshake`, which needs the Temporal server.
"""
