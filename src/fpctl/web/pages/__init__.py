"""Pages: a module for each part of the console, each a router."""
