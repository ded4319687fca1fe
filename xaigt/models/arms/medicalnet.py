"""MedicalNet's weights (Chen, Ma and Zheng, arXiv 1904.00625) for MONAI's 3-D ResNets."""

from __future__ import annotations

from xaigt.models.arms import Context, Start, fresh, options
from xaigt.models.arms.pretraining import stages_of
from xaigt.models.errors import ModelError
from xaigt.models.registry import NETWORKS, assemble, names, source, spec
from xaigt.models.weights import Published, find, fit_channels, read


def start(context: Context) -> Start:
    """Load the weights into the stages; the head is new."""
    options(context, {})
    name, dim = context.settings.network, len(context.size)
    title = spec(name, dim).medicalnet if dim == 3 else ""
    if not title:
        fitting = [known for known in names(3) if NETWORKS[known].medicalnet]
        raise ModelError(
            f"arm medicalnet: there are no weights for {name} in {dim}-D; 3-D networks with weights: "
            f"{', '.join(fitting)}."
        )
    repository = f"TencentMedicalNet/MedicalNet-Resnet{title.split('_')[1]}"
    found = find(Published(title, repository, f"{title}.pth"), context.weights, context.download)
    ours = source(name, dim=3, outputs=context.outputs, size=context.size)
    state, given = ours.state_dict(), read(found)
    for key, old in state.items():
        if key.startswith("fc.") or "num_batches_tracked" in key:
            continue
        new = given.get(key)
        if new is not None and key == "conv1.weight":
            new = fit_channels(new, old.shape[1])
        if new is None or new.shape != old.shape:
            raise ModelError(f"{found.path}: is not {title} ({key} is missing or of another shape).")
        state[key] = new
    ours.load_state_dict(state)
    network = fresh(context)
    network.body.load_state_dict(stages_of(assemble(name, ours, 3)))
    record = {"arm": "medicalnet", "weights": title, "sha256": found.sha256, "source": found.source}
    return Start(network, pretrain_id=f"medicalnet-{found.sha256[:12]}", record=record)
