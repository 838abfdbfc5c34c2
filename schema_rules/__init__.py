"""Gates over the contract that stock tools do not have. Not shipped.

`check` runs the rules, which are functions over the `schema`:

- for `make lint` (`python -m schema_rules`), on the contract as it is: one module for each
  kind of rule (`comment_rules`, `status_rules` and so on). Where the running platform breaks one of
  them, `exceptions.toml` says why it may.
- for `make breaking` (`breaking`), on the contract and a baseline: `compatibility_rules`.
  `releases` keeps the baselines of releases.

docs/schema-rules.md explains each rule.
"""
