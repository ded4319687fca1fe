"""A user's own volumes as templates: a file, or the scans of a BIDS folder; a card each, the data left in place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from xaigt import cache, catalog
from xaigt.anatomy.cards import LocalFile, Modality, TemplateCard, TemplateError, load_card
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.intake import read_volume
from xaigt.anatomy.uneven import SLICE_AXIS, beside, evened
from xaigt.dataset.files import sha256
from xaigt.schema import validate

SUFFIXES: dict[str, Modality] = {
    "ct": "CT", "T1w": "T1w", "T2w": "T2w", "PDw": "PDw", "FLAIR": "FLAIR", "SWI": "SWI", "swi": "SWI", "dwi": "DWI",
    "ADC": "ADC", "adc": "ADC",
}  # fmt: skip
_MAPS = {"brain": ("desc-brain_mask",), "grey": ("label-GM_probseg",), "white": ("label-WM_probseg",)}
UNSTATED = "Not stated: the user's own volume. Redistribution and commercial use are taken to be forbidden."


@dataclass(frozen=True)
class Scan:
    """One volume to be added: its file, what it is, who it is of, and the maps that come with it (role -> file).

    `positions` are those of its slices in mm where they are not even; maps with as many slices share them.
    """

    path: Path
    modality: Modality
    person: str | None
    maps: Mapping[str, Path] = field(default_factory=dict)
    positions: list[float] | None = None


def find_scans(place: Path, modality: Modality | None = None) -> list[Scan]:
    """Volumes of a file, of a BIDS folder (``sub-*/[ses-*/]anat``), or of a folder of NIfTI files.

    Brain masks (``*_desc-brain_mask``) and tissue maps (``*_label-GM_probseg``, ``*_label-WM_probseg``) beside a
    volume, or in a derivatives folder, are taken with it if they begin with the same subject and session.

    Raises
    ------
    TemplateError
        If there is none, or it cannot be told what a file is.
    """
    if place.is_file():
        return [_scan(place, modality, [])]
    if not place.is_dir():
        raise TemplateError(f"{place}: no such file or folder.")
    everything = sorted(path for path in place.rglob("*.nii*") if path.name.endswith((".nii", ".nii.gz")))
    anat = [path for path in everything if path.parent.name == "anat" and "derivatives" not in path.parts]
    bids = any(path.name.startswith("sub-") for path in anat)
    volumes = [path for path in (anat if bids else everything) if not _is_map(path)]
    if modality is not None:  # what is named as another modality is not meant
        volumes = [path for path in volumes if SUFFIXES.get(_suffix(path), modality) == modality]
    scans = [_scan(path, modality, everything) for path in volumes if not bids or _suffix(path) in SUFFIXES]
    if not scans:
        wanted = f" of {modality}" if modality else ""
        raise TemplateError(
            f"{place}: holds no volume{wanted}: neither sub-*/anat/*_<suffix>.nii.gz (suffixes: {', '.join(SUFFIXES)}) "
            "nor other NIfTI files."
        )
    return scans


def add(
    scan: Scan,
    *,
    name: str | None = None,
    values: str | None = None,
    licence: str | None = None,
    redistribution: bool = False,
    commercial: bool = False,
    citation: str = "None given.",
) -> TemplateCard:
    """Write the card of a volume into the user's catalogue; adding the same file again changes nothing.

    Raises
    ------
    TemplateError
        If the volume is refused (see :mod:`xaigt.anatomy.intake`), or the name is taken by another template.
    """
    volume = evened(read_volume(scan.path), scan.positions)
    sources = {"image": scan.path, **scan.maps}
    digests = {role: _sha256(path) for role, path in sources.items()}
    chosen = name or f"{_slug(scan.path)}-{digests['image'][:6]}"
    ct = scan.modality == "CT"
    shape = " x ".join(str(count) for count in volume.data.shape)
    card = validate(
        TemplateCard,
        {
            "name": chosen,
            "title": f"{scan.path.name}, the user's own",
            "description": f"A volume of the user's own, {shape} voxels.",
            "modality": scan.modality,
            "units": "HU" if ct else "white matter = 1000",
            "values": values or ("hounsfield" if ct else "arbitrary"),
            "kind": "acquisition",
            "individual": True,
            "person": scan.person,
            "space": "individual",
            "orientation": "RAS",
            "skull": ct,
            "builder": "image",
            "sources": [
                {"local": str(path.absolute()), "sha256": digests[role], "role": role}
                | ({"slice_positions_mm": scan.positions} if _uneven(path, scan) else {})
                for role, path in sources.items()
            ],
            "licence": licence or UNSTATED,
            "redistribution": redistribution,
            "commercial": commercial,
            "citation": citation,
        },
        what=f"the card of {scan.path}",
    )
    _write(card)
    return card


def known(path: Path) -> TemplateCard | None:
    """Return the card of a volume that was added before, under whatever name: the one with the same bytes."""
    digest = _sha256(path)
    folder = catalog.user_folder() / "templates"
    for name in sorted(file.stem for file in folder.glob("*.yaml")):
        card = load_card(name)
        for source in card.sources:
            if isinstance(source, LocalFile) and source.role == "image" and source.sha256 == digest:
                return card
    return None


def forget(card: TemplateCard) -> None:
    """Take a card out of the user's catalogue; the data stay."""
    (catalog.user_folder() / "templates" / f"{card.name}.yaml").unlink(missing_ok=True)


def understood(card: TemplateCard) -> TemplateCard:
    """Compute the fields of a template that was just added; if that cannot be, forget it and raise.

    Raises
    ------
    TemplateError
        What was wrong with it, and what to supply.
    """
    try:
        load_fields(card.name)
    except BaseException:
        forget(card)
        raise
    return card


def _write(card: TemplateCard) -> None:
    folder = catalog.user_folder() / "templates"
    data: dict[str, Any] = card.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    path = folder / f"{card.name}.yaml"
    if path.exists():
        if path.read_text(encoding="utf-8") == text:
            return
    elif card.name not in catalog.names("templates"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with cache.whole(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise TemplateError(f"{folder}: cannot be written ({error.strerror}); set XAIGT_CATALOG.") from None
        return
    raise TemplateError(f"there is a template {card.name} already; give this one another name (--name).")


def _scan(path: Path, modality: Modality | None, others: list[Path]) -> Scan:
    found = modality or SUFFIXES.get(_suffix(path))
    if found is None:
        raise TemplateError(
            f"{path}: what is it? Give --modality, or name it as BIDS does (..._T1w.nii.gz, ..._ct.nii.gz)."
        )
    person = re.match(r"(sub-[A-Za-z0-9]+)", path.name)
    key = re.match(r"(sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?)", path.name)
    maps = {}
    if key is not None:
        for role, endings in _MAPS.items():
            near = [p for p in others if p.name.startswith(key[1] + "_") and _stem(p).endswith(endings)]
            if near:
                maps[role] = near[0]
    if ("grey" in maps) != ("white" in maps):
        maps.pop("grey", None)
        maps.pop("white", None)
    return Scan(path, found, person[1] if person else None, maps, beside(path))


def _uneven(path: Path, scan: Scan) -> bool:
    """Whether the positions of a scan's slices are those of a file: of the scan, or a map with as many slices."""
    return scan.positions is not None and (
        path == scan.path or read_volume(path).data.shape[SLICE_AXIS] == len(scan.positions)
    )


def _is_map(path: Path) -> bool:
    return _stem(path).endswith(("_mask", "_probseg", "_dseg"))


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _suffix(path: Path) -> str:
    return _stem(path).rsplit("_", 1)[-1]


def _slug(path: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", _stem(path).lower()).strip("-") or "volume"


def _sha256(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise TemplateError(f"{path}: cannot be read ({error.strerror}).") from None
