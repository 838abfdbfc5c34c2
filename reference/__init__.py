"""The reference of the contract: a site for people, and what changed for pull requests."""
