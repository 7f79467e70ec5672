"""An OSS-like licensing portal with injectable faults: the target that ships with the tool."""
