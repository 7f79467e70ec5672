"""`python -m gapwatch`: the same as the command `gapwatch`."""

from gapwatch.cli import main

main()
