"""Gates over the contract that stock tools do not have. Not shipped.

- `breaking`: what `make breaking` compares the contract with.
- `releases`: the images of released contracts.
"""
