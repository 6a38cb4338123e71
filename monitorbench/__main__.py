"""`python -m monitorbench` is the command line."""

import sys

from monitorbench.cli import main

sys.exit(main())
