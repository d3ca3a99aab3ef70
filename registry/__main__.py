"""`python -m registry`: the command `waybill`, where its script is not on the path."""

import sys

from registry.cli import main

if __name__ == "__main__":
    sys.exit(main())
