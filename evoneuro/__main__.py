"""`python -m evoneuro`, and the command `evoneuro`."""

import sys
from collections.abc import Sequence

from evoneuro.cli import main
from evoneuro.leftovers import none_left


def command(arguments: Sequence[str] | None = None) -> int:
    """One command that has this process for itself."""
    with none_left():
        return main(arguments)


if __name__ == "__main__":
    sys.exit(command())
