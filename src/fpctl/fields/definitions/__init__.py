"""The fields, one module each: everything about a field stands in its module."""
