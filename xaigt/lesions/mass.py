"""Mass effect: where the tissue around a lesion was before the lesion pushed it away.

Each function returns, at points of the image, the offset (z, y, x; mm) to where the healthy tissue seen there came
from: towards the lesion. Offsets decay with the distance from it and do not fold space outside the lesion.
"""

from __future__ import annotations

import torch

DECAY_MM = 40.0  # of a push from inside the brain, in distance from the lesion's surface
YIELD_MM = 60.0  # depth to which a layer of blood compresses the brain under it
SURFACE_MM = 4.0  # nothing comes from nearer to the surface than this: bone, or dura, is no tissue that moves
SKULL_MM = 10.0  # tissue nearer to the skull than this is held by it


def from_ball(
    centre: tuple[float, float, float], volume_mm3: float, strength: float, points: torch.Tensor
) -> torch.Tensor:
    """Offsets of a lesion that pushes evenly in all directions.

    Tissue at the distance r was at ``(r^3 - s R^3)^(1/3)``, which keeps volumes; R is the radius of a sphere of the
    lesion's volume, s the share of it that was made by pushing. The push fades over 40 mm.
    """
    away = torch.stack([points[..., i] - centre[i] for i in range(3)], -1)
    distance = away.norm(dim=-1).clamp(min=1e-3)
    cube = 3 * volume_mm3 / (4 * torch.pi)
    before = torch.clamp(distance**3 - strength * cube, min=0) ** (1 / 3)
    fade = torch.exp(-torch.clamp(distance - cube ** (1 / 3), min=0) / DECAY_MM)
    return away * ((before - distance) / distance * fade)[..., None]


def from_layer(
    thickness: torch.Tensor, depth: torch.Tensor, outward: torch.Tensor, strength: float, reach_mm: float = YIELD_MM
) -> torch.Tensor:
    """Offsets of a layer of blood: what is under it moved inwards and is compressed.

    Tissue at the depth d was at ``(d - T) D / (D - T)``, T being the layer's thickness there and D the depth that it
    reaches; at D and beyond nothing moves.

    Parameters
    ----------
    thickness
        Of the layer, at each point (mm).
    depth
        Of each point under the surface that the layer lies on (mm).
    outward
        Unit vector towards that surface.
    strength
        Share (0..1) of the thickness that was made by pushing.
    reach_mm
        D.
    """
    pushed = torch.clamp(strength * thickness, min=0, max=0.5 * reach_mm)
    before = torch.maximum((depth - pushed) * reach_mm / (reach_mm - pushed), torch.clamp(depth, max=SURFACE_MM))
    moved = torch.clamp(depth - before, min=0) * (depth > 0) * (depth < reach_mm)
    return outward * moved[..., None]


def held_by_skull(offsets: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Offsets that vanish at the inner table."""
    return offsets * torch.clamp(depth / SKULL_MM, 0, 1)[..., None]
