"""Where a Run goes: the store, Prometheus, and files."""
