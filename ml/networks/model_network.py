"""The network of a model, with its device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import nn

from ml.contracts import Context, DataError
from ml.messages import Message
from ml.storage.model_state import Weights

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class ModelNetwork(Generic[NetworkT]):
    """A network that is absent before training.

    ``create`` returns a new one, its weights drawn at random; its arguments are the sizes of the input, where
    these are known only from the training material or from the stored arrays.
    """

    def __init__(self, create: Callable[..., NetworkT]) -> None:
        self.create = create
        self.current: NetworkT | None = None
        self.device = "cpu"

    def fresh(self, seed: int, *sizes: int) -> NetworkT:
        """Return a new network on the device, with weights drawn from the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.create(*sizes).to(self.device)

    def fitted(self) -> NetworkT:
        """Return the network; raises DataError(``not_fitted``)."""
        if self.current is None:
            raise DataError(Message("not_fitted"))
        return self.current

    def ready(self, context: Context) -> None:
        """Move the network, where there is one, to the device of the context."""
        self.device = context.device
        if self.current is not None:
            self.current.to(context.device)

    def weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""
        return {name: value.cpu().numpy() for name, value in self.fitted().state_dict().items()}

    def restore(self, weights: Weights, seed: int, *sizes: int) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        network = self.fresh(seed, *sizes)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        self.current = network.eval()
