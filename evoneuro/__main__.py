"""`python -m evoneuro`."""

import sys

from evoneuro.cli import main

sys.exit(main())
