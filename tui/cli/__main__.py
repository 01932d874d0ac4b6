"""`python -m tui.cli` is `gimf`: how the program starts itself in the background."""

import sys

from tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
