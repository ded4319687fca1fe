"""Figures of real hemorrhages, and how close generated ones have to come.

Measured over 192 cases, 1,873 clusters (BHSD), as tabulated by the FDA/DIDSR synthetic hemorrhage framework (zenodo
15691337). Densities are means of whole clusters of 1 mL or more at about 5 mm slices; z-extents are a ln V + b.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HU_TOLERANCE = 3.0  # of mean, SD and median, in HU
HU_TAIL_TOLERANCE = 6.0  # of the 5 % and 95 % quantiles
VOLUME_TOLERANCE = 0.25  # of the quartiles, relative
TAIL_TOLERANCE = 0.35  # of the 95 % quantile, relative
EXTENT_TOLERANCE = 0.25  # of the z-extent, relative
EXTENT_AT_ML = (1.0, 5.0, 20.0)  # volumes at which z-extents are compared
LEAST_ML = 1.0


@dataclass(frozen=True)
class Target:
    """One subtype: HU (mean, SD; 5, 50 and 95 %), mL a case (25, 50, 75 and 95 %), z-extent (a, b; mm, V in mL)."""

    hu: tuple[float, float]
    hu_quantiles: tuple[float, float, float]
    volume_ml: tuple[float, float, float, float]
    extent: tuple[float, float]

    def extent_mm(self, volume_ml: float) -> float:
        """Height (mm) of a lesion of a volume."""
        return self.extent[0] * math.log(volume_ml) + self.extent[1]


TARGETS = {
    "epidural": Target((57.7, 9.2), (42, 58, 68), (2.2, 5.1, 15.9, 38), (10.23, 19.1)),
    "intraparenchymal": Target((49.7, 7.3), (38, 51, 60), (2.3, 9.3, 31.7, 83), (6.93, 17.3)),
    "subdural": Target((50.5, 13.5), (24, 51, 69), (2.3, 6.0, 23, 74), (10.38, 24.5)),
    "subarachnoid": Target((45.6, 6.8), (35, 45, 58), (0.9, 2.0, 9.7, 44), (5.38, 18.2)),
    "intraventricular": Target((43.5, 8.6), (31, 43, 58), (0.6, 2.3, 8.4, 45), (6.66, 20.5)),
}
