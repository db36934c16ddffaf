"""A made-up company's network events: deterministic data to see fpctl at work on."""
