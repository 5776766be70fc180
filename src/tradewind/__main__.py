"""`python -m tradewind` is the command line."""

from __future__ import annotations

import sys

from tradewind.cli.main import main

sys.exit(main())
