"""Weights that timm publishes for ImageNet, given to the 2-D network of the same architecture."""

from __future__ import annotations

import timm
from torch import Tensor, nn

from xaigt.models.arms import Context, Start, fresh, options
from xaigt.models.errors import ModelError
from xaigt.models.registry import NETWORKS, assemble, names, source, spec
from xaigt.models.weights import Published, find, fit_channels, read


def start(context: Context) -> Start:
    """Load the weights into all but the last linear layer, which is new.

    Inputs are standardised by mean and SD of the train split, and the first kernels are summed over red, green and
    blue: what the network computes is what it would of the same grey image in three channels.
    """
    options(context, {})
    name, dim = context.settings.network, len(context.size)
    title = spec(name, dim).imagenet if dim == 2 else ""
    if not title:
        fitting = [known for known in names(2) if NETWORKS[known].imagenet]
        raise ModelError(
            f"arm imagenet: there are no weights for {name} in {dim}-D; 2-D networks with weights: "
            f"{', '.join(fitting)}."
        )
    found = find(Published(title, f"timm/{title}", "model.safetensors"), context.weights, context.download)
    theirs = timm.create_model(title.partition(".")[0], pretrained=False)
    wanted = theirs.state_dict()
    given = {key: value for key, value in read(found).items() if not key.startswith("AuxLogits.")}
    missing = [key for key in wanted if key not in given and "num_batches_tracked" not in key]
    if missing or any(given[key].shape != wanted[key].shape for key in wanted if key in given):
        raise ModelError(f"{found.path}: is not {title} ({len(missing)} tensors are missing, such as {missing[:1]}).")
    theirs.load_state_dict({key: given.get(key, wanted[key]) for key in wanted})
    network = fresh(context)
    state = converted(name, theirs, context).state_dict()
    new = [key for key in state if key.startswith("head.")][-2:]  # the last linear layer; VGG16 has more in its head
    network.load_state_dict(state | {key: network.state_dict()[key] for key in new})
    record = {"arm": "imagenet", "weights": title, "sha256": found.sha256, "source": found.source}
    return Start(network, pretrain_id=f"imagenet-{found.sha256[:12]}", record=record)


def converted(name: str, theirs: nn.Module, context: Context) -> nn.Module:
    """Our staged network with the weights of timm's: both list the same tensors in the same order."""
    ours = source(name, dim=2, outputs=context.outputs, size=context.size)
    state: dict[str, Tensor] = {}
    pairs = zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True)
    for position, ((key, old), (other, new)) in enumerate(pairs):
        if position == 0:
            new = fit_channels(new, old.shape[1])
        if new.shape[:1] != old.shape[:1] and key.startswith(_HEADS):
            new = old
        if new.shape != old.shape:
            raise ModelError(f"{name}: {key} is {list(old.shape)}, but timm's {other} is {list(new.shape)}.")
        state[key] = new
    ours.load_state_dict(state)
    return assemble(name, ours, 2)


_HEADS = ("fc.", "class_layers.out.", "_fc.", "classifier.", "head.")
