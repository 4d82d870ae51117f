"""The state of a training: everything needed to continue it, as records and as named arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.errors import ModelError
from epochal.nn.layers import named_parameters, with_named_parameters
from epochal.training.cooldown import Cooldown
from epochal.training.early_stopping import Outcome, StoppingState
from epochal.training.optimizers import AdamMoments
from epochal.training.step import CrossFitLogits, MemberState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.nn.layers import Layers

    Curves = tuple[tuple[float, ...], ...]


# The exceptions of code that builds records from unchecked values.
_INVALID_VALUES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


class EpochSums(NamedTuple):
    """Sums over the batches of an epoch so far."""

    losses: np.ndarray  # (members,) float64, of the weighted rows
    weights: np.ndarray  # (members,) float64, of the rows
    rows: int  # that each active member trained on

    @classmethod
    def zero(cls, members: int) -> EpochSums:
        """Return the sums before the first batch."""
        return cls(np.zeros(members), np.zeros(members), 0)

    def plus(self, losses: np.ndarray, weights: np.ndarray, rows: int) -> EpochSums:
        """Return the sums with those of more batches."""
        return EpochSums(self.losses + losses, self.weights + weights, self.rows + rows)


class TrainingProgress(NamedTuple):
    """The state of a call of `train` beside weights and moments."""

    seed: int  # of the order of rows
    first: int  # epochs done before the call, at which its learning rate schedule begins
    batch: int  # batches done in the current epoch
    seconds: float  # since the call began
    sums: EpochSums  # of the current epoch
    rates: np.ndarray  # (members,) float64: factors on the learning rate of the next epoch
    stopping: tuple[StoppingState, ...]
    cooldowns: tuple[Cooldown, ...]
    outcome: tuple[Outcome, ...]
    training: Curves  # loss of each member by epoch
    validation: Curves
    cross_fit_logits: CrossFitLogits | None  # stacked; None without a validation set

    @classmethod
    def fresh(cls, seed: int, epoch: int, members: int) -> TrainingProgress:
        """Return the progress of a call that begins after so many epochs."""
        return cls(
            seed=seed,
            first=epoch,
            batch=0,
            seconds=0.0,
            sums=EpochSums.zero(members),
            rates=np.ones(members),
            stopping=(StoppingState(),) * members,
            cooldowns=(Cooldown(),) * members,
            outcome=(Outcome.IMPROVING,) * members,
            training=((),) * members,
            validation=((),) * members,
            cross_fit_logits=None,
        )


class StoredState(NamedTuple):
    """A state as it can be written to a file."""

    arrays: dict[str, np.ndarray]
    values: dict[str, Any]  # ready for JSON


class TrainingState(NamedTuple):
    """Everything needed to continue a training: member states, epochs done, checkpoints, progress.

    With `progress` a training continues bit for bit as if it had not stopped. Without it, a new call
    of `train` begins with these members: patience, rates and curves start anew, and the best
    checkpoints are evaluated on the new validation set and stay until a better one replaces them.
    """

    members: MemberState
    epoch: int
    best: Layers | None = None
    best_epoch: tuple[int, ...] = ()
    progress: TrainingProgress | None = None

    def restarted(self) -> TrainingState:
        """Return the state from which a new call begins."""
        return self._replace(progress=None)

    def to_arrays(self) -> StoredState:
        """Return the state as arrays by name, and JSON-ready values."""
        moments = self.members.moments
        trees = {
            "layers": self.members.layers,
            "first": moments.first,
            "second": moments.second,
            "average": self.members.average,
            "best": self.best or (),
        }
        arrays = {
            f"{tree}.{name}": np.asarray(array)
            for tree, layers in trees.items()
            for name, array in named_parameters(layers).items()
        }
        arrays["step"] = np.asarray(self.members.step)
        values: dict[str, Any] = {"epoch": int(self.epoch), "best_epoch": list(self.best_epoch)}
        if self.progress is None:
            return StoredState(arrays, values)
        more = _stored_progress(self.progress)
        return StoredState(arrays | more.arrays, values | {"progress": more.values})

    @classmethod
    def from_arrays(cls, stored: StoredState, like: Layers) -> TrainingState:
        """Return the state that `to_arrays` stored.

        Args:
            stored: arrays and values.
            like: layers of the same types, whose parameters are not used: shapes are enough.

        Raises:
            ModelError: if they are not those of a state.
        """
        try:
            return cls._restored(stored, like)
        except _INVALID_VALUES as error:
            found = f"the state of the training is damaged: {type(error).__name__}: {error}"
            raise ModelError(found, "arrays and values that a training has written") from error

    @classmethod
    def _restored(cls, stored: StoredState, like: Layers) -> TrainingState:
        """Return the state, or raise whatever comes of arrays and values that are none."""
        arrays, values = stored

        def layers(tree: str) -> Layers:
            """Return the layers of a tree; () if it is not stored."""
            start = f"{tree}."
            named = {k.removeprefix(start): a for k, a in arrays.items() if k.startswith(start)}
            return with_named_parameters(like, named) if named else ()

        moments = AdamMoments(layers("first"), layers("second"))
        return cls(
            members=MemberState(layers("layers"), moments, arrays["step"], layers("average")),
            epoch=_whole(values["epoch"]),
            best=layers("best") or None,
            best_epoch=tuple(map(_whole, values["best_epoch"])),
            progress=_restored_progress(arrays, values["progress"])
            if "progress" in values
            else None,
        )


def _whole(value: Any) -> int:
    """Return a whole number of at least 0; ValueError for anything else."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no whole number")
    return value


def _stored_progress(progress: TrainingProgress) -> StoredState:
    """Return progress as arrays by name, and JSON-ready values; what may be infinite is in the arrays."""
    arrays = {
        "progress.losses": progress.sums.losses,
        "progress.weights": progress.sums.weights,
        "progress.rates": progress.rates,
        "progress.stopping": np.array(progress.stopping, np.float64),
        "progress.cooldowns": np.array(progress.cooldowns, np.int64),
        **_stored_curves("progress.training", progress.training),
        **_stored_curves("progress.validation", progress.validation),
    }
    if progress.cross_fit_logits is not None:
        arrays["progress.logits"] = np.asarray(progress.cross_fit_logits.logits)
        arrays["progress.lowest"] = np.asarray(progress.cross_fit_logits.lowest)
    values = {
        "seed": progress.seed,
        "first": progress.first,
        "batch": progress.batch,
        "seconds": progress.seconds,
        "rows": progress.sums.rows,
        "outcome": [str(outcome) for outcome in progress.outcome],
    }
    return StoredState(arrays, values)


def _restored_progress(arrays: dict[str, np.ndarray], values: dict[str, Any]) -> TrainingProgress:
    """Return the progress that `_stored_progress` stored."""
    logits = arrays.get("progress.logits")
    return TrainingProgress(
        seed=_whole(values["seed"]),
        first=_whole(values["first"]),
        batch=_whole(values["batch"]),
        seconds=float(values["seconds"]),
        sums=EpochSums(
            arrays["progress.losses"], arrays["progress.weights"], _whole(values["rows"])
        ),
        rates=arrays["progress.rates"],
        stopping=tuple(
            StoppingState(reference, int(waited), int(reductions), best_loss, int(best_epoch))
            for reference, waited, reductions, best_loss, best_epoch in arrays[
                "progress.stopping"
            ].tolist()
        ),
        cooldowns=tuple(Cooldown(*pair) for pair in arrays["progress.cooldowns"].tolist()),
        outcome=tuple(map(Outcome, values["outcome"])),
        training=_restored_curves("progress.training", arrays),
        validation=_restored_curves("progress.validation", arrays),
        cross_fit_logits=None
        if logits is None
        else CrossFitLogits(logits, arrays["progress.lowest"]),
    )


def _stored_curves(name: str, curves: Sequence[Sequence[float]]) -> dict[str, np.ndarray]:
    """Return the concatenated curves, and their lengths."""
    return {
        name: np.array([loss for curve in curves for loss in curve], np.float64),
        f"{name}_lengths": np.array([len(curve) for curve in curves], np.int64),
    }


def _restored_curves(name: str, arrays: dict[str, np.ndarray]) -> Curves:
    """Return the curves that `_stored_curves` stored."""
    ends = np.cumsum(arrays[f"{name}_lengths"])[:-1]
    return tuple(tuple(curve.tolist()) for curve in np.split(arrays[name], ends))
