"""What pages and API do, as calls of the library."""
