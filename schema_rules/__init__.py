"""Gates over the contract that stock tools do not have. Not shipped.

`check` runs the rules, which are functions over the `schema`:

- for `make lint` (`python -m schema_rules`), on the contract as it is: one module for each
  kind of rule (`comment_rules`, `status_rules` and so on). Where the running platform breaks one of
  them, `exceptions.toml` says why it may.
- for `make breaking` (`breaking`), on the contract and a baseline: `compatibility_rules`.
  `releases` keeps the baselines of releases, and `revision` gets that of a pull request.
  `corrections.toml` says which released rule was wrong.

Rules on validation rules ask protovalidate (`validation`) about messages made from what the rules
mention (`hints`, `scalars`, `samples`, `soundness`).

docs/schema-rules.md explains each rule.
"""
