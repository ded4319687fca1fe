"""The recipe of the published data: what was published, and a switch for each of its defects."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from xaigt.anatomy.cards import Modality
from xaigt.anatomy.subjects import SubjectRecipe
from xaigt.distributions import Number, Uniform
from xaigt.schema import Strict
from xaigt.synthesis.legacy.blend import SOURCE, STORED
from xaigt.volume import Grid

GENERATOR = "lesion-shape-legacy"
SCALE = 10_000  # stored value of 1.0
CLASS_DEFINING = ("compactness", "extent")


class Defects(Strict):
    """The defects of the published data; each true as published."""

    reused_templates: Annotated[
        bool,
        Field(
            description="every split draws from the same 30 templates a class, and round images from the first 3, 4 or "
            "5 of them alone. Off: each split has templates of its own, all of them used"
        ),
    ] = True
    visible_boxes: Annotated[
        bool,
        Field(description="lesions are scaled to [0.1, 0.5], which lights up their rectangles. Off: [0, 0.5]"),
    ] = True
    unequal_boxes: Annotated[
        bool,
        Field(
            description="a lesion's place is drawn for its own rectangle, larger for irregular ones, which keeps those "
            "farther from the edge of the brain. Off: for a square that is the same for all"
        ),
    ] = True
    unmatched_area: Annotated[
        bool,
        Field(
            description="round lesions cover 452 to 496 pixels, irregular ones 576 to 708. Off: area, mass and values "
            "of all templates are made alike"
        ),
    ] = True
    coupled_random_numbers: Annotated[
        bool,
        Field(description="the generator is seeded anew between drawing the class and the places. Off: it goes on"),
    ] = True
    overlapping_backgrounds: Annotated[
        bool,
        Field(
            description="2,500 of 8,539 test images lie on slices that were used for model selection. Off: every image "
            "has a background of its own"
        ),
    ] = True


class Bases(Strict):
    """Seed of image 0 of each split."""

    train: Annotated[int, Field(ge=0)] = 0
    val: Annotated[int, Field(ge=0)] = 30_000
    test: Annotated[int, Field(ge=0)] = 50_000


class LegacyGrid(Strict):
    """The pixels, fixed as published but for their size in mm, which the slices of the study did not keep."""

    dim: Literal[2] = 2
    size: Literal[224] = STORED
    spacing: Annotated[float, Field(gt=0, le=2, description="mm between stored pixels")] = 0.84375
    thickness: Annotated[float, Field(gt=0, le=20)] = 1.0

    def resolve(self, centre: tuple[float, float, float]) -> Grid:
        """Grid of the stored image about `centre` (RAS mm)."""
        return Grid((1, STORED, STORED), (self.thickness, self.spacing, self.spacing), self.thickness, centre)

    def source(self, centre: tuple[float, float, float]) -> Grid:
        """Grid of 270 x 270 over the same field of view, on which lesions are placed."""
        step = self.spacing * STORED / SOURCE
        return Grid((1, SOURCE, SOURCE), (self.thickness, step, step), self.thickness, centre)


class LegacyRecipe(Strict):
    """The file of ``lesion-shape-legacy``."""

    generator: Literal["lesion-shape-legacy"]
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]*$")]
    version: Annotated[int, Field(ge=1)] = 1
    description: str
    modality: Modality = "T1w"
    templates: Annotated[list[str], Field(min_length=1, max_length=1)] = Field(default=["mni152-t1"])
    disjoint: Literal["sample"] = "sample"
    task: Literal["shape"] = "shape"
    classes: Annotated[list[str], Field(min_length=2, max_length=2)] = Field(default=["round", "irregular"])
    base: Bases = Bases()
    defects: Defects = Defects()
    grid: LegacyGrid = LegacyGrid()
    subject: SubjectRecipe = SubjectRecipe()
    slice_mm: Annotated[Number, Field(description="height of the slice in the template's space")] = Uniform(
        uniform=(5, 45)
    )
    noise: Annotated[Number, Field(description="SD of the noise of the background; its largest value is 1")] = Uniform(
        uniform=(0.01, 0.02)
    )
    epsilon: Annotated[float, Field(ge=0)] = 0.5
    class_defining: list[str] = Field(default=list(CLASS_DEFINING))
    sources: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _magnetic(self) -> LegacyRecipe:
        if self.modality == "CT":
            raise ValueError("the published backgrounds are MR slices: name a T1w template without a skull")
        return self
