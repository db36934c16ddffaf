"""Kusto's values in DuckDB: how each type is held, literals, and conversions between types."""
