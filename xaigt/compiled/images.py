"""Loops over the pixels of images: rounding them, comparing them, and bits of masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled


@compiled("f4[::1]", "f4[::1]", "f4", "f4", "i2[::1]")
def quantise(image: Any, noise: Any, low: Any, high: Any, out: Any) -> None:
    """Add noise to an image, round it (half to even) to whole numbers, and limit it.

    Parameters
    ----------
    image, noise
        ``[n]`` float32.
    low, high
        Least and greatest number that is stored.
    out
        ``[n]`` int16, to write to.
    """
    for i in range(out.shape[0]):
        value = np.rint(image[i] + noise[i])
        value = value if value > low else low
        value = value if value < high else high
        out[i] = np.int16(value)


@compiled("f4[::1]", "f4[::1]", "f4[::1]", "f4[::1]", "f4", "f4", "UniTuple(u1, 4)", "u1[::1]")
def regions(
    csf: Any, depth: Any, parenchyma: Any, ventricles: Any, fluid: Any, beneath: Any, bits: Any, out: Any
) -> None:
    """Bits of the compartments that voxels belong to.

    Parameters
    ----------
    csf, depth, parenchyma, ventricles
        Fields of a subject, ``[n]`` float32.
    fluid
        Share of fluid above which a voxel outside the ventricles belongs to sulci and cisterns.
    beneath
        Depth under the inner table (mm) below which a voxel is extra-axial.
    bits
        Of parenchyma, ventricles, cisterns and extra-axial space.
    out
        ``[n]`` uint8, to write to.
    """
    for i in range(out.shape[0]):
        inside, within = depth[i] > 0, ventricles[i] > 0
        found = bits[0] if parenchyma[i] > 0 else np.uint8(0)
        found |= bits[1] if inside and within else np.uint8(0)
        found |= bits[2] if inside and not within and csf[i] > fluid else np.uint8(0)
        found |= bits[3] if inside and depth[i] < beneath else np.uint8(0)
        out[i] = found


@compiled(
    "i2[::1]", "i2[::1]", "u1[::1]", "f4[::1]", "f4[::1]", "f4[::1]", "f4[::1]", "f4", "f4", "UniTuple(u1, 4)",
    "u1[::1]",
)  # fmt: skip
def alterations(
    image: Any, twin: Any, lesion: Any, oedema: Any, ground: Any, before: Any, after: Any, epsilon: Any, least: Any,
    bits: Any, out: Any,
) -> None:  # fmt: skip
    """Bits that say why an image and its twin differ at a voxel.

    Parameters
    ----------
    image, twin
        ``[n]`` int16.
    lesion
        ``[n]`` uint8: above 0 where a lesion owns the voxel.
    oedema
        Its strength, ``[n]`` float32.
    ground, before, after
        The image without noise, ``[n]`` float32: of the twin; displaced, before lesions were planted; and after.
    epsilon
        Difference from which a voxel counts as altered.
    least
        Strength of oedema from which it counts.
    bits
        Of lesion, oedema, displaced and blur. Where planting changed nothing, rounding can still turn a displacement
        below `epsilon` into a whole unit: that is displaced, too.
    out
        ``[n]`` uint8, to write to.
    """
    for i in range(out.shape[0]):
        out[i] = 0
        if image[i] == twin[i] or np.float32(abs(np.int32(image[i]) - np.int32(twin[i]))) <= epsilon:
            continue
        if lesion[i] > 0:
            out[i] = bits[0]
        elif oedema[i] > least:
            out[i] = bits[1]
        elif abs(before[i] - ground[i]) > epsilon or after[i] == before[i]:
            out[i] = bits[2]
        else:
            out[i] = bits[3]
