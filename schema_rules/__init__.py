"""Gates over the contract that stock tools do not have. Not shipped.

`breaking` picks what `make breaking` compares the contract with.
"""
