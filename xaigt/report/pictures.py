"""Pictures of samples: what was planted, its healthy twin, and where the truth lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUTLINE, OEDEMA, BLUR, OTHER = "#ff3b30", "#ffcc00", "#5ac8fa", "#34c759"
# CT in HU; MR, where white matter is 1000: lesions stand out and tissue is not drowned by them.
_WINDOWS = {
    "CT": (0.0, 80.0),
    "T1w": (0.0, 1600.0),
    "T2w": (0.0, 3200.0),
    "PDw": (0.0, 1700.0),
    "FLAIR": (0.0, 1900.0),
    "SWI": (0.0, 1500.0),
    "DWI": (0.0, 2400.0),
    "ADC": (0.0, 3500.0),
}


class PictureSample(Protocol):
    """What a picture needs of a sample."""

    row: Any

    @property
    def image(self) -> npt.NDArray[np.int16]:
        """The image."""

    @property
    def twin(self) -> npt.NDArray[np.int16]:
        """The healthy twin."""

    @property
    def lesion(self) -> npt.NDArray[np.uint8]:
        """The instances."""

    @property
    def other(self) -> npt.NDArray[np.uint8]:
        """Distractors, confounders and suppressors."""

    @property
    def altered(self) -> npt.NDArray[np.uint8]:
        """The bits of what differs."""


class PictureDataset(Protocol):
    """What a picture needs of a dataset."""

    description: dict[str, Any]

    @property
    def samples(self) -> Any:
        """The table of samples."""

    @property
    def lesions(self) -> Any:
        """The table of lesions."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> Any: ...


def gallery(dataset: PictureDataset, path: Path, columns: int = 6) -> Path:
    """Picture of some samples: image, healthy twin, and the image with the outline of the truth.

    Parameters
    ----------
    dataset
        The samples; the first of each class are shown in turn.
    path
        Where to write the PNG.
    columns
        How many samples at most.
    """
    chosen = _both_classes(dataset, columns)
    figure = new_figure(2.3 * len(chosen), 7.4)
    grid = figure.subplots(3, len(chosen), squeeze=False)
    for column, index in enumerate(chosen):
        sample = dataset[index]
        at = _best_slice(sample.lesion)
        image, twin, lesion = (_plane(array, at) for array in (sample.image, sample.twin, sample.lesion))
        for row, shown in enumerate((image, twin, image)):
            _show(grid[row, column], shown, dataset.description)
        _outline(grid[2, column], lesion)
        _outline_other(grid[2, column], dataset, sample, at)
        grid[0, column].set_title(f"{sample.row['id']}\n{sample.row['class']}", fontsize=9)
    for row, name in enumerate(("image", "healthy twin", "true outline")):
        grid[row, 0].text(-0.08, 0.5, name, rotation=90, va="center", ha="right", transform=grid[row, 0].transAxes)
    return save_figure(figure, path)


def sample_picture(dataset: PictureDataset, index: int, path: Path) -> Path:
    """Picture of one sample: image, twin, their difference, and why voxels differ."""
    sample = dataset[index]
    at = _best_slice(sample.lesion)
    image, twin, lesion, altered = (
        _plane(array, at) for array in (sample.image, sample.twin, sample.lesion, sample.altered)
    )
    figure = new_figure(15, 4.1)
    axes = figure.subplots(1, 4)
    _show(axes[0], image, dataset.description)
    _outline(axes[0], lesion)
    _outline_other(axes[0], dataset, sample, at)
    _show(axes[1], twin, dataset.description)
    difference = image.astype(np.int32) - twin
    reach = max(int(np.abs(difference).max()), 1)
    drawn = axes[2].imshow(difference, cmap="RdBu_r", vmin=-reach, vmax=reach)
    figure.colorbar(drawn, ax=axes[2], fraction=0.046, label=dataset.description["units"])
    _show(axes[3], image, dataset.description)
    _overlay(axes[3], altered, dataset.description["altered_bits"])
    for axis, title in zip(
        axes, ("image, true outline", "healthy twin", "image minus twin", "what is altered"), strict=True
    ):
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    where = "" if at is None else f", slice {at}"
    found = dataset.lesions[dataset.lesions["sample"] == sample.row["sample"]]
    lines = [_described(row) for _, row in found.iterrows() if row["voxels"]]
    words = "; ".join([f"sample {sample.row['id']} ({sample.row['split']}): {sample.row['class']}{where}", *lines])
    figure.suptitle(words, fontsize=11)
    return save_figure(figure, path)


def _described(row: Any) -> str:
    """Words for one lesion."""
    size = "" if row["volume_mm3"] != row["volume_mm3"] else f" {row['volume_mm3'] / 1000:.1f} mL,"  # NaN: no volume
    role = "" if row["role"] == "lesion" else f" ({row['role']})"
    return f"{row['family']}{role}:{size} contrast {row['contrast']:.0f}"


def _both_classes(dataset: PictureDataset, columns: int) -> list[int]:
    """Positions of the first samples of each class, in turn."""
    labels = np.asarray(dataset.samples["class"])
    last_first = dataset.samples.sort_values("label", ascending=False, kind="stable")["class"]
    queues = [list(np.flatnonzero(labels == label)) for label in dict.fromkeys(last_first)]
    chosen: list[int] = []
    while len(chosen) < min(columns, len(labels)):
        for queue in queues:
            if queue and len(chosen) < columns:
                chosen.append(int(queue.pop(0)))
    return chosen


def _best_slice(lesion: npt.NDArray[np.uint8]) -> int | None:
    """Slice of a volume with most lesion, or its middle; None for a 2-D image."""
    if lesion.ndim == 2:
        return None
    area = (lesion > 0).sum((1, 2))
    return int(area.argmax()) if area.any() else lesion.shape[0] // 2


def _plane(array: npt.NDArray[Any], at: int | None) -> npt.NDArray[Any]:
    return array if at is None else array[at]


def window_of(image: npt.NDArray[Any], description: dict[str, Any]) -> tuple[float, float]:
    """Values drawn black and white: of the modality in its usual units, else those of the image."""
    usual = "HU" if description["modality"] == "CT" else "white matter = 1000"
    whole = float(image.min()), float(image.max())
    return _WINDOWS.get(description["modality"], whole) if description.get("units", usual) == usual else whole


def _show(axis: Axes, image: npt.NDArray[Any], description: dict[str, Any]) -> None:
    low, high = window_of(image, description)
    dy, dx = description["spacing_mm"][-2:]
    axis.imshow(image, cmap="gray", vmin=low, vmax=high, aspect=dy / dx)
    axis.set_axis_off()


def _outline(axis: Axes, mask: npt.NDArray[np.uint8], colour: str = OUTLINE) -> None:
    if (mask > 0).any() and not (mask > 0).all():
        axis.contour(mask > 0, levels=[0.5], colors=[colour], linewidths=1.0)


def _outline_other(axis: Axes, dataset: PictureDataset, sample: PictureSample, at: int | None) -> None:
    """Outline what is no truth and yet stands out, in another colour."""
    if "other" in dataset.description["arrays"]:
        _outline(axis, _plane(sample.other, at), OTHER)


def _overlay(axis: Axes, altered: npt.NDArray[np.uint8], bits: dict[str, int]) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Patch

    layer = np.zeros((*altered.shape, 4))
    handles = []
    for name, colour in (("lesion", OUTLINE), ("oedema", OEDEMA), ("blur", BLUR)):
        where = (altered & bits[name]) > 0
        layer[where] = to_rgba(colour, 0.6)
        if where.any():
            handles.append(Patch(color=colour, label=name))
    axis.imshow(layer)
    if handles:
        axis.legend(handles=handles, loc="lower right", fontsize=8, framealpha=0.6)


def new_figure(width: float, height: float) -> Figure:
    """Make a figure without pyplot: no display, no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all."""
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
