"""Settings: each in one field, with its default, constraint, summary, and the reason of the default.

The command line, the docstring of `EpochalClassifier`, the error messages and docs/SETTINGS.md
follow from the fields of `Settings`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final

from epochal.config.constraints import (
    AnyOf,
    Choice,
    Constraint,
    Flag,
    Integer,
    IsNone,
    Number,
    Sizes,
)
from epochal.errors import SettingError

AUTO: Final = "auto"
# Tables with more columns are wide.
WIDE: Final = 512

_AUTOMATIC = Choice((AUTO,))
_PROBABILITY = AnyOf((Number(0, 0.99), _AUTOMATIC))
_SHARE = AnyOf((Integer(1), Number(0, 1, open_low=True)))


@dataclass(frozen=True)
class Setting:
    """The metadata of one setting.

    Args:
        default: of the preset "default".
        constraint: of valid values.
        summary: one line without a full stop.
        reason: of the default.
        details: further sentences about the meaning of values.
        by_width: the value of "auto" in tables of up to `WIDE` columns, and in wider ones.
    """

    default: Any
    constraint: Constraint
    summary: str
    reason: str
    details: str = ""
    by_width: tuple[Any, Any] | None = None


def setting(default: Any, constraint: Constraint, *, summary: str, **others: Any) -> Any:
    """Return a field of `Settings` with the setting's metadata."""
    about = Setting(default, constraint, summary, **others)
    return field(default=default, metadata={"setting": about})


@dataclass(frozen=True)
class Settings:
    """All settings of a training. The defaults are the preset `default`."""

    n_estimators: int = setting(
        16,
        Integer(1),
        summary="members of the ensemble",
        reason="Eight coarse members and eight fine ones (n_bins). Eight take most of what the mean of "
        "an ensemble gives: in published comparisons the log-loss fell by 16 % with 5 members, and by "
        "18 % with 10.",
    )
    hidden_layer_sizes: tuple[int, ...] | str = setting(
        AUTO,
        AnyOf((Sizes(), _AUTOMATIC)),
        summary="units of each hidden layer",
        by_width=((128, 128), (512, 512)),
        reason="In narrow tables 256 units gave 1.6 ± 1.5 % less loss at 1.6 times the time. On "
        "Fashion-MNIST 512 units made fewer mistakes on held-out training rows.",
    )
    activation: str = setting(
        AUTO,
        Choice(("relu", "tanh", "logistic", "identity", "selu", "silu", AUTO)),
        summary="activation function of the hidden layers",
        by_width=("relu", "silu"),
        reason="With all training rows of Fashion-MNIST silu had a lower loss on out-of-bag rows. In "
        "narrow tables there was no measurable difference.",
    )
    loss: str = setting(
        "cross_entropy",
        Choice(("cross_entropy", "squared_error")),
        summary="loss function of the softmax outputs",
        reason="Cross-entropy is the log-loss of the probabilities, by which models are selected.",
    )
    solver: str = setting(
        "adam",
        Choice(("adam", "sgd")),
        summary="update rule of the weights",
        details='"sgd" uses momentum.',
        reason="Adam scales the step of each weight, so that one learning_rate_init serves most tables.",
    )
    learning_rate_init: float | str = setting(
        AUTO,
        AnyOf((Number(0, open_low=True), _AUTOMATIC)),
        summary="learning rate at the start",
        by_width=(3e-3, 1.5e-3),
        reason="The lower rate had a lower loss on out-of-bag rows of Fashion-MNIST. In narrow tables "
        "half of the rate, or twice as much, made no measurable difference.",
    )
    learning_rate: str = setting(
        "cooldown",
        Choice(("constant", "cooldown", "adaptive", "cosine")),
        summary="schedule of the learning rate",
        details='"constant" keeps it. "cooldown" keeps it until a member has not improved for '
        "n_iter_no_change epochs, and restores the best checkpoint of the member; then the rate falls "
        "linearly to 0, in half as many epochs as the training took to that checkpoint (at least 4), and the member "
        'stops. "adaptive" multiplies the rate by 0.3 when a member has not improved for n_iter_no_change '
        "epochs, and restores the best checkpoint; after two such reductions the member stops. "
        '"cosine" falls to 0 over max_iter epochs.',
        reason="Near the end the noise of large steps keeps the loss up, and smaller steps remove it. A "
        'cooldown takes about 0.7 of the epochs of "adaptive".',
    )
    momentum: float = setting(
        0.9,
        Number(0, 1, open_high=True),
        summary='momentum of solver="sgd"',
        details="0 is plain gradient descent.",
        reason="scikit-learn's default.",
    )
    batch_size: int | str = setting(
        AUTO,
        AnyOf((Integer(1), _AUTOMATIC)),
        summary="rows per step",
        details='"auto" is about twice the square root of the number of rows: a power of two from 32 '
        "to 1,024. No batch is larger than the training set.",
        reason="Small tables need many noisy steps, large ones full matrix products.",
    )
    l2: float = setting(
        0.025,
        Number(0),
        summary="weight decay, the L2 penalty of the weights without the biases",
        details="Each step multiplies the weights by 1 - 2 r l2, where r is the learning rate of the "
        "step. The batch size has no influence.",
        reason="On tables a fifth of it, or four times as much, made no measurable difference.",
    )
    dropout: float | str = setting(
        AUTO,
        _PROBABILITY,
        summary="probability that a hidden unit is dropped in a training step",
        by_width=(0.15, 0.3),
        reason="With all training rows of Fashion-MNIST 0.3 had a lower loss on out-of-bag rows. In "
        "narrow tables there was no measurable difference.",
    )
    input_dropout: float | str = setting(
        AUTO,
        _PROBABILITY,
        summary="probability that an input of the first layer is dropped in a training step",
        by_width=(0.0, 0.1),
        reason="Columns of wide tables repeat each other. In a narrow table one column may hold what "
        "no other does.",
    )
    max_iter: int = setting(
        200,
        Integer(1),
        summary="largest number of epochs",
        reason="scikit-learn's default. Early stopping ends most trainings before.",
    )
    shuffle: bool = setting(
        True,  # noqa: FBT003  (the default of a field, like the others)
        Flag(),
        summary="draw a new order of the rows for each epoch",
        reason="Without it every epoch repeats the same batches.",
    )
    tol: float = setting(
        1e-4,
        Number(0),
        summary="decrease of the validation loss above which an epoch is an improvement",
        reason="scikit-learn's default.",
    )
    early_stopping: bool = setting(
        True,  # noqa: FBT003
        Flag(),
        summary="stop each member by its loss on validation rows",
        details="A member stops after n_iter_no_change epochs without an improvement. If False, and "
        "without X_val, no row is held out and the weights of the last epoch are returned.",
        reason="How many epochs a table needs is not known in advance.",
    )
    validation_fraction: float = setting(
        0.1,
        Number(0, 1, open_low=True, open_high=True),
        summary="share of the rows held out for early stopping if bagging leaves none out",
        reason="scikit-learn's default.",
    )
    n_iter_no_change: int = setting(
        10,
        Integer(1),
        summary="patience, in epochs without an improvement",
        details="A member stops, or its learning rate is reduced, after exactly this many in a row.",
        reason='With learning_rate="adaptive" as good as 25, or better. With a cooldown 6 and 8 had '
        "higher losses.",
    )
    bagging: str | None = setting(
        "folds",
        AnyOf((Choice(("folds", "bootstrap")), IsNone())),
        summary="how the training rows of the members differ",
        details='"folds": each member leaves out one fold. "bootstrap": each member draws rows with '
        "replacement. None: members differ by their initial weights only.",
        reason="In published comparisons folds gave 6 to 8 % less error, while bootstrap samples, "
        "which hold 63 % of the rows, lost accuracy.",
    )
    n_folds: int = setting(
        8,
        Integer(2),
        summary='number of folds for bagging="folds"',
        details="Member k leaves out fold k modulo n_folds.",
        reason="Each member trains on 87.5 % of the rows.",
    )
    max_samples: float | int = setting(
        1.0,
        _SHARE,
        summary='rows that each member draws for bagging="bootstrap", as a number or a share',
        reason="scikit-learn's default.",
    )
    max_features: float | int = setting(
        1.0,
        _SHARE,
        summary="columns that each member sees, as a number or a share",
        details="They are a random subset.",
        reason="scikit-learn's default.",
    )
    patch: tuple[int, int] | None = setting(
        None,
        AnyOf((Sizes((2,)), IsNone())),
        summary="height and width of the random crop that each member sees of images",
        reason="Members see whole images; receptive_field limits what single units see.",
    )
    receptive_field: tuple[int, int] | str | None = setting(
        AUTO,
        AnyOf((Sizes((2,)), _AUTOMATIC, IsNone())),
        summary="height and width of the part of an image that each unit of the first layer sees",
        details='The place of the part is random. "auto" is a third of each side and at least 4 pixels; '
        "it is None for sides of less than 8 pixels, with patch, and without a hidden layer. None: "
        "units see whole images.",
        reason="On Fashion-MNIST such units made clearly fewer mistakes than units that have to find "
        "out which pixels are neighbours. On digits of 8 x 8 pixels the log-loss was lower.",
    )
    variance_epsilon: float = setting(
        1e-8,
        Number(0),
        summary="added to the variance in standardising, as a share of the variance",
        details="Numbers become (x - mean) / sqrt(variance + variance_epsilon * variance), so that the "
        "unit of a column does not matter.",
        reason="Below the rounding of float32.",
    )
    clip: float | None = setting(
        3.0,
        AnyOf((Number(0, open_low=True), IsNone())),
        summary="soft bound of standardised numbers",
        details="They become x / sqrt(1 + (x / clip)^2). None: they stay as they are.",
        reason="Outliers do not dominate.",
    )
    sqrt_transform: bool | str = setting(
        AUTO,
        AnyOf((Flag(), _AUTOMATIC)),
        summary="replace numbers that are never negative by their square roots",
        details="The training rows decide which columns these are; standardising comes after it.",
        by_width=(False, True),
        reason="Square roots of pixels made fewer mistakes than pixels, with a clearly lower loss. In "
        "narrow tables embeddings can learn such bends; there was no measurable difference.",
    )
    max_categories: int = setting(
        64,
        Integer(1),
        summary="categories of a column with a feature, or a vector, of their own; the others share one",
        reason="Rare categories have too few rows to learn from.",
    )
    target_encoding: bool = setting(
        True,  # noqa: FBT003
        Flag(),
        summary="use target statistics of columns with more than max_categories categories",
        details="Inputs are the log-odds of the classes, and the frequency, of each category, word and "
        "pair of categories that is informative, from the labels of other rows; not with embedding_size=None.",
        reason="A rare category has too few rows for a vector, but the classes of these rows are "
        "informative. Tests select the columns, and no label is an input of its own row.",
    )
    embedding_size: int | str | None = setting(
        AUTO,
        AnyOf((Integer(0), _AUTOMATIC, IsNone())),
        summary="length of the vectors that columns become before the first layer",
        details="The vector of a number is piecewise linear in it; each category has a vector. "
        '"auto" is 8 up to 128 columns, 1,024 / columns up to 512, and 0 beyond. 0: features are '
        "scaled, but not embedded. None: neither.",
        reason="Of 4 to 16 none was better than 8. The first layer should have at most about 1,000 "
        "inputs: more of them would memorise the rows, and take most of the time. Of 32 "
        "columns or more with up to 10,000 rows, fewer than 20 for each, those that are not "
        "informative begin with a small scale: noise would be memorised before its scales have learned.",
    )
    n_bins: int | tuple[int, ...] | str = setting(
        AUTO,
        AnyOf((Integer(1), Sizes((2,)), _AUTOMATIC)),
        summary="bins of the piecewise linear vectors; a second number is for fine members",
        details="Fine members are those of every second round of folds. They also learn a vector for "
        'each edge of a bin. "auto" is one bin for 60 rows, from 8 to 64, and 512 for fine members.',
        reason="More bins of coarse members learn noise. 512 is nearly a bin for every value of most "
        "columns, where coarse members miss what holds for single values; 128 would be neither.",
    )
    ema_decay: float = setting(
        0.8,
        Number(0, 1, open_high=True),
        summary="decay per epoch of the exponential moving average of the weights",
        details="Early stopping and predictions use the average. 0: the weights themselves.",
        reason="A lucky last batch does not decide.",
    )
    calibrate: bool = setting(
        True,  # noqa: FBT003
        Flag(),
        summary="fit temperatures, for validation losses and for predicted probabilities",
        reason="It lowered the log-loss on nearly all tables that were tried: how sure a network is changes quickly, and "
        "can be corrected afterwards.",
    )
    time_limit: float | None = setting(
        None,
        AnyOf((Number(0, open_low=True), IsNone())),
        summary="seconds after which training ends with the best checkpoints so far",
        reason="Early stopping and max_iter end a training.",
    )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Return the settings that `to_dict` described, checked."""
        tuples = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return validated(cls(), tuples)


# The metadata of each setting by name, in the order of the fields.
SETTINGS: Final[dict[str, Setting]] = {
    field_.name: field_.metadata["setting"] for field_ in fields(Settings)
}


def validated(base: Settings, values: dict[str, Any]) -> Settings:
    """Return `base` with some fields replaced; raise an error for an invalid value.

    >>> validated(Settings(), {"dropout": 0.5}).dropout
    0.5
    """
    for name, value in values.items():
        if name not in SETTINGS:
            raise SettingError.from_unknown(name, SETTINGS)
        constraint = SETTINGS[name].constraint
        if not constraint.allows(value):
            raise SettingError.from_value(name, value, constraint.sentence)
    plain = {name: _plain(value) for name, value in values.items()}
    return replace(base, **plain)


def is_auto(value: object) -> bool:
    """Return whether a value is "auto"; the comparison is safe for arrays."""
    return isinstance(value, str) and value == AUTO


def _plain(value: Any) -> Any:
    """Return NumPy scalars and lists as Python numbers and tuples, which JSON supports."""
    if isinstance(value, (list, tuple)):
        return tuple(_plain(item) for item in value)
    return value.item() if hasattr(value, "item") else value
