from __future__ import annotations

import sys

from tests.bench.harness import main

sys.exit(main())
