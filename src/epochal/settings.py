"""Every setting and its default, once, with the reason for it.

A preset is a complete `Settings`; a user's own values replace single fields
of it. `resolved` turns what depends on the data into numbers; the resolved
settings are what is trained with, and what a model file stores.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from epochal.constraints import Choice, Constraint, Either, Flag, Integer, Nothing, Number, Sizes
from epochal.errors import SettingError, suggestion

AUTO: Final = "auto"


@dataclass(frozen=True)
class Settings:
    """All that decides a training, apart from the data. The defaults are the preset `default`."""

    # Eight smooth members and eight fine ones (`n_bins`): eight take most of what
    # averaging gives (deep ensembles: log-loss -16 % with 5, -18 % with 10), and eight
    # folds leave each member 87.5 % of the rows.
    n_estimators: int = 16
    # "auto", here and where nothing else is said: `BY_WIDTH` below.
    hidden_layer_sizes: tuple[int, ...] | str = AUTO
    activation: str = AUTO
    loss: str = "cross_entropy"
    solver: str = "adam"
    learning_rate_init: float | str = AUTO
    # "adaptive": a member that no longer improves goes back to its best copy, twice, with
    # 0.3 of the rate, before it stops: the noise of large steps is what it last falls by.
    learning_rate: str = "adaptive"
    momentum: float = 0.9
    # "auto": `batch_size_for` below.
    batch_size: int | str = AUTO
    # The r of w <- w(1 - 2 lr r): per step, multiplied by the learning rate,
    # biases excluded, independent of the batch size. On tables a fifth and four times as
    # much made no difference that could be told.
    l2: float = 0.025
    # The probability that a hidden unit is dropped in a training step.
    dropout: float | str = AUTO
    # That an input of the first layer is.
    input_dropout: float | str = AUTO
    # Epochs at the most.
    max_iter: int = 200
    shuffle: bool = True
    tol: float = 1e-4
    early_stopping: bool = True
    # Rows kept apart for early stopping where no fold or bag leaves rows out.
    validation_fraction: float = 0.1
    # Epochs without an improvement greater than tol; training stops after exactly this many.
    n_iter_no_change: int = 10
    # Members differ by the fold they leave out: 6 to 8 % less error in published
    # comparisons, where bootstrap draws (63 % of the rows each) lost accuracy.
    bagging: str | None = "folds"
    n_folds: int = 8
    # A fraction of the training rows, or a number of them, drawn per member by bootstrap.
    max_samples: float | int = 1.0
    # A fraction of the columns, or a number of them, that each member sees.
    max_features: float | int = 1.0
    # Height and width of the crop that each member sees of an image.
    patch: tuple[int, int] | None = None
    # Height and width of what each unit of the first layer sees of an image, at a random
    # place; None: all of it. "auto" is `receptive_field_for`.
    receptive_field: tuple[int, int] | str | None = AUTO
    # Added to the variance in x = (x - mean) / sqrt(variance + variance_epsilon), as a share of it: the
    # unit of a column does not matter.
    variance_epsilon: float = 1e-8
    # x / sqrt(1 + (x / clip)^2): keeps far-out values from deciding; None leaves x as it is.
    clip: float | None = 3.0
    # Whether numbers that are never negative in training rows are replaced by their square
    # roots before.
    sqrt_transform: bool | str = AUTO
    # Categories of a column with a feature of their own; the rest share one.
    max_categories: int = 64
    # Length of the vectors that columns become: "auto" is `embedding_size_for` below;
    # 0: columns are only scaled; None: the network begins with its first layer.
    embedding_size: int | str | None = AUTO
    # Bins between the knots where an embedding bends: of smooth members, and of fine ones,
    # those of every second round of folds. One number: all are smooth. "auto" is `knots_for`.
    n_bins: int | tuple[int, ...] | str = AUTO
    # After each epoch the copy that is judged becomes so much its old self, and for the
    # rest the network's weights; 0 judges the weights themselves.
    ema_decay: float = 0.8
    # Copies are judged, and probabilities given, after the best temperature.
    calibrate: bool = True
    # Seconds after which training ends with the best copy so far.
    time_limit: float | None = None

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
        return checked(cls(), tuples)


ANY_FRACTION = Number(0, 1, open_low=True)
PROBABILITY = Either((Number(0, 0.99), Choice((AUTO,))))
CONSTRAINTS: dict[str, Constraint] = {
    "n_estimators": Integer(1),
    "hidden_layer_sizes": Either((Sizes(), Choice((AUTO,)))),
    "activation": Choice(("relu", "tanh", "logistic", "identity", "selu", "silu", AUTO)),
    "loss": Choice(("cross_entropy", "squared_error")),
    "solver": Choice(("adam", "sgd")),
    "learning_rate_init": Either((Number(0, open_low=True), Choice((AUTO,)))),
    "learning_rate": Choice(("constant", "adaptive", "cosine")),
    "momentum": Number(0, 1, open_high=True),
    "batch_size": Either((Integer(1), Choice((AUTO,)))),
    "l2": Number(0),
    "dropout": PROBABILITY,
    "input_dropout": PROBABILITY,
    "max_iter": Integer(1),
    "shuffle": Flag(),
    "tol": Number(0),
    "early_stopping": Flag(),
    "validation_fraction": Number(0, 1, open_low=True, open_high=True),
    "n_iter_no_change": Integer(1),
    "bagging": Either((Choice(("folds", "bootstrap")), Nothing())),
    "n_folds": Integer(2),
    "max_samples": Either((Integer(1), ANY_FRACTION)),
    "max_features": Either((Integer(1), ANY_FRACTION)),
    "patch": Either((Sizes((2,)), Nothing())),
    "receptive_field": Either((Sizes((2,)), Choice((AUTO,)), Nothing())),
    "variance_epsilon": Number(0),
    "clip": Either((Number(0, open_low=True), Nothing())),
    "sqrt_transform": Either((Flag(), Choice((AUTO,)))),
    "max_categories": Integer(1),
    "embedding_size": Either((Integer(0), Choice((AUTO,)), Nothing())),
    "n_bins": Either((Integer(1), Sizes((2,)), Choice((AUTO,)))),
    "ema_decay": Number(0, 1, open_high=True),
    "calibrate": Flag(),
    "time_limit": Either((Number(0, open_low=True), Nothing())),
}

PRESETS: dict[str, Settings] = {
    "default": Settings(),
    # The classical recipe and nothing else: one network, standardised columns,
    # plain mini-batch gradient descent, L2, early stopping on rows kept apart.
    "classic": Settings(
        n_estimators=1,
        hidden_layer_sizes=(100,),
        activation="relu",
        solver="sgd",
        learning_rate_init=0.1,
        learning_rate="constant",
        momentum=0.0,
        l2=1e-4,
        dropout=0.0,
        input_dropout=0.0,
        bagging=None,
        receptive_field=None,
        clip=None,
        sqrt_transform=False,
        embedding_size=None,
        ema_decay=0.0,
        calibrate=False,
    ),
    # Two smooth members, one for each of two cores, and few epochs: for a first look and
    # for tuning.
    "fast": Settings(n_estimators=2, max_iter=20, n_iter_no_change=3),
    # Eight times the members, which leave out half as many rows: four rounds of each kind.
    "best": Settings(n_estimators=128, n_folds=16),
}

# What "auto" is in narrow tables, and in wide ones (`is_wide`); docs/ACCURACY.md
# tells what was tried.
BY_WIDTH: dict[str, tuple[Any, Any]] = {
    # In narrow ones 256 units gave 1.6 ± 1.5 % less loss at 1.6 times the time; on
    # Fashion-MNIST 512 made fewer mistakes on training rows kept apart.
    "hidden_layer_sizes": ((128, 128), (512, 512)),
    # Wide tables, and so wide networks: with all training rows of Fashion-MNIST both had a
    # lower loss on left-out rows. In narrow ones nothing that could be told.
    "activation": ("relu", "silu"),
    "dropout": (0.15, 0.3),
    # The loss on left-out rows of Fashion-MNIST again; in narrow tables half of the rate, or
    # twice as much, made no difference that could be told.
    "learning_rate_init": (3e-3, 1.5e-3),
    # Columns of wide tables repeat each other; in narrow ones one may say what no other does.
    "input_dropout": (0.0, 0.1),
    # Roots of pixels made fewer mistakes than pixels, and a clearly lower loss. In narrow
    # tables vectors can find such bends; what fits expect of themselves says neither yes nor no.
    "sqrt_transform": (False, True),
}


def checked(base: Settings, values: dict[str, Any]) -> Settings:
    """Return `base` with some fields replaced; refuse what cannot be.

    >>> checked(PRESETS["classic"], {"dropout": 0.5}).dropout
    0.5
    """
    known = [field.name for field in fields(Settings)]
    for name, value in values.items():
        if name not in known:
            raise SettingError.from_unknown(name, known)
        constraint = CONSTRAINTS[name]
        if not constraint.allows(value):
            raise SettingError.from_value(name, value, constraint.sentence)
    plain = {name: _plain(value) for name, value in values.items()}
    return replace(base, **plain)


def asked(name: str, values: dict[str, Any]) -> Settings:
    """Return the preset of this name with a user's values in their places.

    What is "auto" is left to the preset.

    >>> asked("classic", {"dropout": 0.5, "activation": "auto"}).activation
    'relu'
    """
    return checked(preset(name), {n: value for n, value in values.items() if not is_auto(value)})


def preset(name: str) -> Settings:
    """Return the preset of this name.

    >>> preset("classic").n_estimators
    1
    """
    if not isinstance(name, str) or name not in PRESETS:
        words = Choice(tuple(PRESETS)).sentence
        raise SettingError(
            f"The 'preset' parameter of EpochalClassifier must be {words}. Got {name!r} instead.",
            "",
            suggestion(str(name), PRESETS),
        )
    return PRESETS[name]


def resolved(settings: Settings, rows: int, columns: int, image: tuple[int, ...] = ()) -> Settings:
    """Return the settings with everything that depends on the data turned into numbers.

    Args:
        settings: of which some may be "auto".
        rows: the number of training rows.
        columns: the number of columns, before they are encoded.
        image: height and width of rows that are images.

    >>> resolved(Settings(batch_size=10_000), rows=150, columns=4).batch_size
    150
    """
    size = batch_size_for(rows) if settings.batch_size == AUTO else int(settings.batch_size)
    vectors, knots, field = settings.embedding_size, settings.n_bins, settings.receptive_field
    by_width = {
        name: values[is_wide(columns)]
        for name, values in BY_WIDTH.items()
        if getattr(settings, name) == AUTO
    }
    if field == AUTO:
        # Without a hidden layer a class would be told by a part of the image alone; and of a
        # member's crop most units would see nothing.
        fitting = bool(settings.hidden_layer_sizes) and settings.patch is None
        field = receptive_field_for(image) if fitting else None
    return replace(
        settings,
        **by_width,
        batch_size=min(size, rows),
        embedding_size=embedding_size_for(columns) if vectors == AUTO else vectors,
        n_bins=knots_for(rows) if knots == AUTO else knots,
        receptive_field=field,
    )


def embedding_size_for(columns: int) -> int:
    """Return the length of the vectors for a number of columns: at most 8.

    Of 4 to 16, none was better than 8. The first layer should not have more
    than about 1,000 inputs: it would learn by heart, and take most of the time.
    So wide tables, images among them, have shorter vectors, or none.

    >>> [embedding_size_for(columns) for columns in (10, 200, 784)]
    [8, 5, 0]
    """
    return 0 if is_wide(columns) else min(1024 // max(columns, 1), 8)


def is_auto(value: object) -> bool:
    """Return whether a setting is left to what it goes by; arrays are compared to nothing."""
    return isinstance(value, str) and value == AUTO


def is_wide(columns: int) -> bool:
    """Return whether there are too many columns for vectors, as in images: more than 512.

    What vectors would bend is only standardised then, and the first layer alone has
    to find out what columns say together.

    >>> [is_wide(columns) for columns in (10, 512, 784)]
    [False, False, True]
    """
    return columns > 512


def receptive_field_for(image: tuple[int, ...]) -> tuple[int, int] | None:
    """Return what a unit sees of rows that are images: a third of each side, at least 4 pixels.

    On Fashion-MNIST units that see a part make clearly fewer mistakes than units that
    have to find out for themselves which pixels are neighbours, and on the digits of 8 x 8
    pixels the log-loss is lower. What has a side of less than 8 may be no image, but some
    channels over time.

    >>> receptive_field_for((28, 28)), receptive_field_for((8, 8)), receptive_field_for((100, 3))
    ((10, 10), (4, 4), None)
    """
    if not image or min(image) < 8:
        return None
    height, width = (max(-(-side // 3), 4) for side in image)
    return height, width


def knots_for(rows: int) -> tuple[int, int]:
    """Return the bins between knots for a number of rows, of smooth members and of fine ones.

    Smooth: 60 rows in each, from 8 to 64 bins; more of them learn noise. Fine:
    512, nearly a bin for every value of most columns, where smooth members miss
    what holds for single values; with 128 they would be neither.

    >>> [knots_for(rows) for rows in (150, 1_000, 15_000)]
    [(8, 512), (16, 512), (64, 512)]
    """
    return min(max(rows // 60, 8), 64), 512


def batch_size_for(rows: int) -> int:
    """Return the batch size for a number of rows: a power of two, from 32 to 1,024.

    Small tables need many noisy steps, large ones full matrix products; about
    the square root of the rows, times two, joins the two.

    >>> [batch_size_for(rows) for rows in (150, 1_000, 15_000, 1_000_000)]
    [32, 64, 256, 1024]
    """
    return 1 << min(max(round(math.log2(2 * math.sqrt(rows))), 5), 10)


def _plain(value: Any) -> Any:
    """Return NumPy scalars and lists as Python's own numbers and tuples, as JSON needs them."""
    if isinstance(value, (list, tuple)):
        return tuple(_plain(item) for item in value)
    return value.item() if hasattr(value, "item") else value
