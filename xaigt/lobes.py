"""Lobes of the brain by position alone: planes and ellipsoids in MNI space, no atlas. A scheme, not a parcellation.

The borders follow how anatomy defines them: the central sulcus before the parietal lobe, the lateral fissure above
the temporal lobe, the line from the parieto-occipital sulcus to the preoccipital notch before the occipital lobe, the
tentorium above the cerebellum. Each is a plane or two, whose numbers are rounded approximate MNI positions from
general knowledge [unverified]; nothing was fitted, but the occipital border was set with regions of Dosenbach and
others in view. How far it agrees with those regions and with a label map, :mod:`xaigt.anatomy.lobe_quality` measures.
True sulci wander by a centimetre and more between people: nothing finer than a lobe should be read into this.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NAMES = ("frontal", "parietal", "temporal", "occipital", "insula", "deep", "cerebellum", "brain-stem")
"""Name of number 1, 2, ...; 0 is used by callers for what is no brain."""
NUMBER = {name: number for number, name in enumerate(NAMES, start=1)}

Positions = npt.NDArray[np.floating]


def lobe(z: Positions, y: Positions, x: Positions) -> npt.NDArray[np.uint8]:
    """Return the number of the lobe (see :data:`NAMES`) at positions of MNI space.

    Parameters
    ----------
    z, y, x
        RAS positions in mm; any shapes that broadcast.
    """
    side = np.abs(x)
    shape = np.broadcast_shapes(np.shape(z), np.shape(y), np.shape(x))
    # Before the central sulcus, which runs back as it rises and as it nears the midline.
    front = y > -4 - 0.3 * (z - 15) - 0.12 * (50 - side)
    found = np.broadcast_to(np.where(front, NUMBER["frontal"], NUMBER["parietal"]), shape).astype(np.uint8)
    # Behind the line from the parieto-occipital sulcus to the preoccipital notch.
    back = (y < -59 - 0.45 * np.maximum(z, 0)) & (z < 45)
    # Below the lateral fissure, which rises backwards; the medial border bends outwards at the temporal pole.
    fissure = np.minimum(-5 + 0.4 * (20 - y), 14)
    below = (z < fissure) & (y < 22) & (side > 19 + 0.7 * np.maximum(y, 0))
    found[np.broadcast_to(below, shape)] = NUMBER["temporal"]
    inner = (z < fissure) & (y < 4) & (y > -33) & (side <= 19)  # hypothalamus and what is about the midbrain
    found[np.broadcast_to(inner, shape)] = NUMBER["deep"]
    found[np.broadcast_to(back, shape)] = NUMBER["occipital"]
    insula = (side > 29) & (side < 47) & (((y - 1) / 24) ** 2 + ((z - 4) / 15) ** 2 < 1)
    found[np.broadcast_to(insula, shape)] = NUMBER["insula"]
    deep = ((side - 16) / 18) ** 2 + ((y + 5) / 27) ** 2 + ((z - 6) / 15) ** 2 < 1
    found[np.broadcast_to(deep, shape)] = NUMBER["deep"]
    tentorium = -2 - 0.55 * side - 0.35 * np.maximum(0, -60 - y)
    found[np.broadcast_to((z < tentorium) & (y < -33), shape)] = NUMBER["cerebellum"]
    stem = (side < 17) & (y < -8) & (y > -40 - 0.25 * np.maximum(0, -35 - z)) & (z < -8)
    found[np.broadcast_to(stem, shape)] = NUMBER["brain-stem"]
    return found
