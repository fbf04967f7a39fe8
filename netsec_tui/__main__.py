"""Run netsec-tui as ``python -m netsec_tui``."""

import sys

from netsec_tui.cli.main import main

sys.exit(main())
