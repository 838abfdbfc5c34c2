"""The gates over the contract that stock tools do not have."""
