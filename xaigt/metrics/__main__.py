"""Print the reference page: ``python -m xaigt.metrics > docs/reference/metrics.md``."""

from __future__ import annotations

import sys

from xaigt.metrics.reference import page

if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(page())
