"""A network as a chain of named stages and a head: one list serves depth, CAM stages and feature caching."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from xaigt.models.errors import ModelError


class Network(nn.Module):
    """A classifier whose forward pass is its stages, one after the other, and then its head.

    Parameters
    ----------
    stages
        (name, module) from input to head; each module takes what the one before it gives.
    head
        What is trained at every depth: pooling and the last linear layers; gives logits ``[B, K]``.
    dim
        2 or 3: spatial axes of the input ``[B, C, *size]``.
    """

    def __init__(self, stages: Sequence[tuple[str, nn.Module]], head: nn.Module, dim: int) -> None:
        super().__init__()
        self.body = nn.ModuleDict(dict(stages))
        self.head = head
        self.dim = dim

    @property
    def stages(self) -> list[tuple[str, nn.Module]]:
        """(name, module) from input to head."""
        return list(self.body.items())

    def forward(self, x: Tensor) -> Tensor:
        return self.suffix(x, 0)

    def prefix(self, x: Tensor, frozen: int) -> Tensor:
        """Run the first `frozen` stages."""
        for _, stage in self.stages[:frozen]:
            x = stage(x)
        return x

    def suffix(self, x: Tensor, frozen: int) -> Tensor:
        """Run what comes after the first `frozen` stages; ``suffix(prefix(x, n), n)`` is ``forward(x)``."""
        for _, stage in self.stages[frozen:]:
            x = stage(x)
        return self.head(x)

    def frozen_count(self, depth: int | str) -> int:
        """Number of stages, counted from the input, that a depth leaves frozen.

        Parameters
        ----------
        depth
            Number of stages, counted from the head, that are trained: 0 (head only) to all, or ``"all"``.

        Raises
        ------
        ModelError
            If the network has fewer stages.
        """
        total = len(self.body)
        if depth == "all":
            return 0
        if not str(depth).isdigit() or int(depth) > total:
            names = ", ".join(name for name, _ in self.stages)
            raise ModelError(
                f"depth {depth!r}: must be 0 (head only) to {total}, or all; the stages are, from the input, {names}."
            )
        return total - int(depth)


def without_inplace(module: nn.Module) -> nn.Module:
    """Switch in-place activations off: they would overwrite what a stage gave to whoever reads it."""
    for part in module.modules():
        if getattr(part, "inplace", False) is True:
            part.inplace = False  # type: ignore[assignment]
    return module
