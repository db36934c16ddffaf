"""The fields, one module each: everything about a field is in its module."""
