"""How real generated hemorrhages are: measured, and set beside published figures and real volumes.

``python -m xaigt.synthesis.realism`` writes tables and figures; the modules are usable alone.
"""

from __future__ import annotations
