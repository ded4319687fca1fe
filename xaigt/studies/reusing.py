"""A network that was trained before, for other explanations: its training is copied, not repeated."""

from __future__ import annotations

import shutil
from pathlib import Path

from xaigt import cache
from xaigt.dataset.files import read_json
from xaigt.models.keeping import BEST
from xaigt.models.loop import CURVES, PICTURE
from xaigt.models.runs import PREDICTIONS, RUN
from xaigt.studies.folder import StudyFolder
from xaigt.studies.grid import Cell

DECIDES = ("data", "training")
"""What of a cell's configuration decides its network."""
FINISHED = "finished"


def reuse(folder: StudyFolder, cell: Cell) -> bool:
    """Copy the training of a finished cell with the same data and settings; say whether there was one."""
    target = folder.cell(cell.name)
    if (target / RUN).exists():
        return False
    wanted = {name: cell.configuration[name] for name in DECIDES}
    for entry in folder.cells():
        same = wanted == {name: entry["configuration"][name] for name in DECIDES}
        if same and entry["state"] == FINISHED and entry["cell"] != cell.name:
            _copy(folder.cell(entry["cell"]), target)
            return True
    return False


def _copy(source: Path, target: Path) -> None:
    """Copy a run; its description comes last, so that half a copy is none."""
    for name in (PREDICTIONS, CURVES, PICTURE, BEST, RUN):
        if (source / name).exists() and (name != RUN or read_json(source / RUN)["status"] == FINISHED):
            with cache.whole(target / name) as temporary:
                shutil.copyfile(source / name, temporary)
