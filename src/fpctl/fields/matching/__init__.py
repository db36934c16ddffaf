"""What values are matched with: terms, wildcards, patterns of addresses, public suffixes."""
