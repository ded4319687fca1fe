"""Recipes: which lesions make which class, on which templates, seen how. One YAML of generators/ each."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from xaigt.anatomy.cards import Modality
from xaigt.anatomy.subjects import SubjectRecipe
from xaigt.distributions import Count, Number, Uniform
from xaigt.lesions import LesionRecipe, family
from xaigt.schema import Strict
from xaigt.synthesis.classes import bounds, check_task, default_classes
from xaigt.synthesis.effects import EffectRecipe
from xaigt.synthesis.mass import MassEffectRecipe
from xaigt.volume import Grid

FIELD_OF_VIEW_MM = 224.0
DEFAULT_SIZE = {2: 224, 3: 128}
DEFAULT_THICKNESS_MM = 5.0
LARGEST_VOXELS = 512**3

Extent = Annotated[float, Field(gt=0, le=50)]
Pixels = Annotated[int, Field(ge=8, le=4096)]


class GridRecipe(Strict):
    """The voxels of a sample. What is left out is filled in: see :meth:`resolve`."""

    dim: Literal[2, 3] = 2
    size: Pixels | tuple[Pixels, Pixels] | tuple[Pixels, Pixels, Pixels] | None = None
    spacing: Extent | tuple[Extent, Extent] | tuple[Extent, Extent, Extent] | None = None
    thickness: Extent | None = None

    @model_validator(mode="after")
    def _axes_fit(self) -> GridRecipe:
        for name, value in (("size", self.size), ("spacing", self.spacing)):
            if isinstance(value, tuple) and len(value) != self.dim:
                raise ValueError(
                    f"{name} has {len(value)} axes, but dim is {self.dim}: "
                    f"give one number, or {'rows x columns' if self.dim == 2 else 'slices x rows x columns'}"
                )
        return self

    def resolve(self, centre: tuple[float, float, float]) -> Grid:
        """Grid about `centre` (RAS mm).

        Defaults: 224 x 224 or 128 x 128 x 128; a field of view of 224 mm; slices of 5 mm (2-D) or as thick as
        they are apart (3-D).
        """
        size = self.size or DEFAULT_SIZE[self.dim]
        shape = size if isinstance(size, tuple) else (size,) * self.dim
        spacing = self.spacing or FIELD_OF_VIEW_MM / shape[-1]
        steps = spacing if isinstance(spacing, tuple) else (spacing,) * self.dim
        if self.dim == 2:
            thickness = self.thickness or DEFAULT_THICKNESS_MM
            return Grid((1, shape[0], shape[1]), (thickness, steps[0], steps[1]), thickness, centre)
        return Grid((shape[0], shape[1], shape[2]), (steps[0], steps[1], steps[2]), self.thickness or steps[0], centre)


class AcquisitionRecipe(Strict):
    """How the scanner sees: noise of standard deviation `noise_hu`, correlated in-plane; beam hardening of CT."""

    noise: Annotated[
        Literal["gaussian", "rician"] | None,
        Field(description="null: rician where images are magnitudes (MR but ADC), gaussian elsewhere"),
    ] = None
    noise_hu: Annotated[Number, Field(description="SD of the noise in the stored image")] = Uniform(uniform=(3, 5))
    noise_fwhm_mm: Annotated[Number, Field(description="width of the noise grain in-plane")] = Uniform(
        uniform=(1.2, 2.2)
    )
    beam_hu: Annotated[Number, Field(description="CT: depth of the dark band between the petrous bones")] = 0.0
    rim_hu: Annotated[Number, Field(description="CT: what beam hardening adds at the inner table")] = 0.0


class LesionGroup(Strict):
    """Lesions of one family that a sample gets."""

    family: str
    name: Annotated[
        str | None, Field(pattern="^[a-z0-9][a-z0-9-]*$", description="what rules and subtypes call it; the family")
    ] = None
    role: Literal["lesion", "distractor", "confounder"] = "lesion"
    label: Annotated[int | None, Field(ge=0, le=1, description="task shape: the class that these lesions make")] = None
    correlation: Annotated[float, Field(ge=0, le=1, description="of a confounder, with the class")] = 1.0
    weight: Annotated[float, Field(ge=0, description="how often it is chosen, beside the other groups")] = 1.0
    count: Count = 1
    gap_mm: Annotated[float | None, Field(ge=0, description="free space to earlier lesions; null: they may meet")] = (
        None
    )
    parameters: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """Name of the group."""
        return self.name or self.family

    def recipe(self) -> LesionRecipe:
        """Return the family's own part of the recipe, checked."""
        return self._checked

    @cached_property
    def _checked(self) -> LesionRecipe:
        return family(self.family).recipe.model_validate(self.parameters)


class VisibilityRecipe(Strict):
    """A lesion that cannot be seen is not evidence."""

    minimum_cnr: Annotated[
        float,
        Field(
            ge=0,
            description="mean contrast over its mask (of mixed blood: half of it) from which it is seen, in noise SD",
        ),
    ] = 1.0
    invisible: Annotated[
        Literal["flag", "exclude", "redraw"],
        Field(description="keep it and say so; take it out of the truth; or draw the lesions of the sample again"),
    ] = "flag"


Task = Literal["presence", "subtype", "shape", "side", "count", "rule"]


class Recipe(Strict):
    """One YAML of generators/."""

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]*$")]
    version: Annotated[int, Field(ge=1)] = 1
    description: str
    modality: Modality
    templates: Annotated[list[str], Field(min_length=1)]
    disjoint: Annotated[
        Literal["sample", "subject", "template"],
        Field(description="what is never in two splits: a sample, a person (all templates made of one), a template"),
    ] = "sample"
    task: Annotated[Task, Field(description="what the class is")] = "presence"
    rule: Annotated[str | None, Field(description="task rule: such as 'a and not b', over names of groups")] = None
    classes: Annotated[list[str] | None, Field(description="names of the classes; null: after the task")] = None
    grid: GridRecipe = GridRecipe()
    slice_mm: Annotated[
        Number | None,
        Field(description="2-D: height of the slice in the template, with all lesions in it; null: through the first"),
    ] = None
    subject: SubjectRecipe = SubjectRecipe()
    lesions: Annotated[list[LesionGroup], Field(min_length=1)]
    choose: Annotated[Count | None, Field(description="groups with the role lesion a sample gets; all if null")] = None
    contrast_to_noise: Annotated[
        float | None, Field(gt=0, description="contrast of every lesion at full coverage, in SD of the noise")
    ] = None
    visibility: VisibilityRecipe = VisibilityRecipe()
    mass_effect: Annotated[
        MassEffectRecipe | None, Field(description="tissue around lesions is displaced; null: it stays")
    ] = None
    effects: Annotated[
        list[EffectRecipe], Field(description="marks, shifts (confounders) and backgrounds (suppressors)")
    ] = Field(default_factory=list)
    acquisition: AcquisitionRecipe = AcquisitionRecipe()
    epsilon: Annotated[float, Field(ge=0, description="altered = |image - twin| > epsilon, in units of the image")] = (
        0.5
    )
    class_defining: Annotated[
        list[str], Field(description="covariates that tell the class because they are what it is; see xaigt audit")
    ] = Field(default_factory=list)
    sources: list[str] = Field(default_factory=list)

    @field_validator("lesions")
    @classmethod
    def _some_evidence(cls, groups: list[LesionGroup]) -> list[LesionGroup]:
        if not any(group.role == "lesion" for group in groups):
            raise ValueError("at least one group must have the role lesion: nothing else tells the class")
        titles = [group.title for group in groups]
        if twice := sorted({title for title in titles if titles.count(title) > 1}):
            raise ValueError(f"two groups are called {twice[0]}: give each a name of its own")
        return groups

    @model_validator(mode="after")
    def _enough_groups(self) -> Recipe:
        least, most = bounds(self.choose) if self.choose is not None else (1, None)
        groups = sum(group.weight > 0 for group in self.evidence_groups)
        if most is not None and most > groups:
            raise ValueError(f"choose asks for {most} groups, but {groups} have the role lesion and a weight above 0")
        if least < (0 if self.task == "subtype" else 1):
            raise ValueError(f"choose asks for {least} groups: only the task subtype may have none")
        return self

    @model_validator(mode="after")
    def _task_fits(self) -> Recipe:
        check_task(self)
        return self

    @model_validator(mode="after")
    def _noise_fits(self) -> Recipe:
        if self.modality == "CT" and self.acquisition.noise == "rician":
            raise ValueError("acquisition.noise: HU are no magnitudes, so CT has gaussian noise; rician is for MR")
        return self

    @property
    def rician(self) -> bool:
        """Whether noise makes magnitudes of the images."""
        if self.acquisition.noise is None:
            return self.modality not in ("CT", "ADC")
        return self.acquisition.noise == "rician"

    @property
    def evidence_groups(self) -> list[LesionGroup]:
        """Groups with the role lesion."""
        return [group for group in self.lesions if group.role == "lesion"]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes by label; of the subtypes, for the task subtype."""
        return list(self.classes) if self.classes is not None else default_classes(self)

    def written_out(self) -> dict[str, Any]:
        """Return the recipe with every default filled in, as plain data."""
        data = self.model_dump(mode="json")
        data["classes"] = self.class_names
        for group, written in zip(self.lesions, data["lesions"], strict=True):
            written["parameters"] = group.recipe().model_dump(mode="json", exclude={"family"})
        return data
