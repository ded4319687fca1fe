"""The names and numbers of the on-disk format, in one place.

A dataset is a directory::

    dataset.json      format_version, resolved recipe, versions, licences, checksums of the tables
    data.zarr         Zarr v3; one root array for each name of ARRAYS, sample axis first
    samples.parquet   a row a sample
    lesions.parquet   a row a planted lesion, distractor, confounder or suppressor
    evidence.parquet  a row for each lesion that speaks for or against a class
    gallery.png       a picture
    blocks/           markers of finished blocks, while the dataset is being written

Arrays of a 3-D dataset are ``[sample, z, y, x]``, of a 2-D one ``[sample, y, x]``; see :mod:`xaigt.volume` for
the directions of the axes.
"""

from __future__ import annotations

FORMAT_VERSION = 2
"""2 added the arrays other, swapped and swapped_lesion, and the table of evidence."""

ARRAYS = {
    "image": "int16",
    "twin": "int16",
    "lesion": "uint8",
    "altered": "uint8",
    "support": "uint8",
    "compartment": "uint8",
    "other": "uint8",
}
"""Root arrays and their types. image, twin: units of the modality (CT: HU); lesion: number of the lesion that owns the
voxel; other: that of a distractor, confounder or suppressor, which image and twin share."""

SWAPPED = {"swapped": "int16", "swapped_lesion": "uint8"}
"""Root arrays of tasks whose samples have a class-swapped twin: its image, and the numbers of its lesions."""

ALTERED = {"lesion": 1, "oedema": 2, "displaced": 4, "blur": 8}
"""Bits of ``altered``: why image and healthy twin differ at a voxel."""

COMPARTMENTS = {"parenchyma": 1, "ventricles": 2, "cisterns": 4, "extra-axial": 8}
"""Bits of ``compartment``: where each family of lesions may lie. They overlap: narrow sulci count as parenchyma too.

cisterns: sulci and cisterns, what is fluid outside the ventricles; extra-axial: within 30 mm of the inner table."""

SHARD_2D = 32
"""Samples a shard, and a block of work, of a 2-D dataset; a sample is an inner chunk."""

BLOCK_3D = 4
"""Samples a block of work of a 3-D dataset; a sample is a chunk and a file."""

DESCRIPTION, DATA, GALLERY = "dataset.json", "data.zarr", "gallery.png"
SAMPLES, LESIONS, EVIDENCE = "samples.parquet", "lesions.parquet", "evidence.parquet"
TABLES = {"samples": SAMPLES, "lesions": LESIONS, "evidence": EVIDENCE}
BLOCKS, LOCK, WRITER = "blocks", ".lock", ".writer.json"


def block_size(dim: int) -> int:
    """Samples a block of work."""
    return SHARD_2D if dim == 2 else BLOCK_3D
