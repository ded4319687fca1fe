"""Arrays as they are stored: rounding, bits of alterations and of compartments, by hand."""

import numpy as np
import pytest
import torch

from xaigt.dataset.layout import ALTERED, COMPARTMENTS
from xaigt.synthesis.stored import EXTRA_AXIAL_MM, FLUID, OEDEMA_VISIBLE, altered, compartments, quantised


def plane(*values):
    return torch.tensor([[values]], dtype=torch.float32)


def test_images_are_rounded_half_to_even_and_limited():
    image, noise = plane(0.25, 1.0, 1.0, -0.4, 5000.0, -5000.0), plane(0.25, 0.5, 1.5, -0.2, 0.0, 0.0)
    assert quantised(image, noise, None, (-1024, 3071)).tolist() == [[[0, 2, 2, -1, 3071, -1024]]]


def test_a_magnitude_is_the_length_of_two_channels():
    found = quantised(plane(2.0, -9.0, 0.0), plane(1.0, 4.0, 0.0), plane(4.0, 12.0, -7.0), (0, 32767))
    assert found.tolist() == [[[5, 13, 7]]] and found.dtype == np.int16


@pytest.mark.parametrize(
    ("image", "lesion", "oedema", "ground", "before", "after", "name"),
    [
        (10, 1, 0.0, 0.0, 0.0, 10.0, None),  # as in the twin
        (11, 1, 0.0, 0.0, 0.0, 1.0, None),  # not above epsilon
        (12, 1, 1.0, 0.0, 5.0, 2.0, "lesion"),  # whatever else is there
        (12, 0, 0.1, 0.0, 5.0, 2.0, "oedema"),
        (12, 0, OEDEMA_VISIBLE, 0.0, 0.0, 2.0, "blur"),  # too little oedema
        (12, 0, 0.0, 0.0, 1.5, 2.0, "displaced"),
        (12, 0, 0.0, 0.0, 0.9, 0.9, "displaced"),  # by little, but nothing was planted there
        (12, 0, 0.0, 0.0, 0.9, 2.0, "blur"),
        (-32768, 0, 0.0, 0.0, 0.0, 2.0, "blur"),  # the difference is wider than its type
    ],
)
def test_why_a_voxel_is_altered(image, lesion, oedema, ground, before, after, name):
    stored, twin = (np.full((1, 1, 1), value, np.int16) for value in (image, 32767 if image < 0 else 10))
    found = altered(
        stored, twin, np.full((1, 1, 1), lesion, np.uint8), plane(oedema),
        (plane(ground), plane(before), plane(after)), 1.0,
    )  # fmt: skip
    assert found.tolist() == [[[ALTERED[name] if name else 0]]]


@pytest.mark.parametrize(
    ("csf", "depth", "parenchyma", "ventricles", "names"),
    [
        (0.0, -1.0, 0.0, 0.0, ()),
        (1.0, -1.0, 1.0, 1.0, ("parenchyma",)),  # a narrow layer of it, outside the inner table
        (1.0, 40.0, 0.0, 1.0, ("ventricles",)),
        (FLUID + 0.01, 40.0, 1.0, 0.0, ("parenchyma", "cisterns")),
        (FLUID - 0.01, 40.0, 1.0, 0.0, ("parenchyma",)),
        (1.0, EXTRA_AXIAL_MM - 1, 0.0, 0.0, ("cisterns", "extra-axial")),
        (0.0, EXTRA_AXIAL_MM, 1.0, 0.0, ("parenchyma",)),
    ],
)
def test_compartments_overlap(csf, depth, parenchyma, ventricles, names):
    read = {"csf": csf, "depth": depth, "parenchyma": parenchyma, "ventricles": ventricles}
    found = compartments({name: plane(value) for name, value in read.items()})
    assert found.tolist() == [[[sum(COMPARTMENTS[name] for name in names)]]]
