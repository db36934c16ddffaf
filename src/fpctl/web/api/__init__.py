"""The API: the actions of the pages as JSON, with bearer tokens."""
