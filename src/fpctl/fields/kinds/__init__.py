"""Kinds of values that several fields share: a file name, a text that is contained, a path and what is below it."""
