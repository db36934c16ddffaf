"""Running tuned rules: plan, engine and history brought together."""
