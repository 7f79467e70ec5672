"""The configuration that `init` writes."""


def write_config(file, url): ...
