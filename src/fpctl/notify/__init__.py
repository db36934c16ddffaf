"""Notices to a webhook: exclusions that expire, are stale or have drifted, and runs that failed. Each once."""
