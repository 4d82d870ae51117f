"""The whole story of a fit on one page.

Labels become numbers; rows are split before any statistic is taken; columns
are encoded by the training rows' statistics; members are set up and trained;
and what they say of the rows that they left out is gathered.
"""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

import epochal
from epochal.data.bags import Bags, bags_for, member_weights
from epochal.data.batches import ArraySource, Epochs, LazySource
from epochal.data.grouped import holdout_of_groups, numbered_groups
from epochal.data.judges import Encoded, Judges, own, shared
from epochal.data.labels import class_weights, encode_labels, numbered
from epochal.data.preprocess import Preprocessor
from epochal.data.rows import take
from epochal.data.split import holdout, latest
from epochal.errors import DataError, SettingError
from epochal.keys import Purpose, generator
from epochal.learn.device import chosen, keep_programs, wants_batches
from epochal.learn.loop import Task, Trained, TrainingState, train
from epochal.learn.setup import (
    fixed_for,
    fresh_state,
    kind_of,
    knots_of_members,
    masks_for,
    program_for,
    rule_for,
    started,
)
from epochal.model.description import Model, layer_sizes
from epochal.records import Calibration
from epochal.request import Circumstances, Fitted, Labelled
from epochal.settings import AUTO, Settings, resolved
from epochal.use.calibration import calibrated, expected_loss
from epochal.use.left_out import Opinion, mean_opinion, opinion, scores

if TYPE_CHECKING:
    from epochal.data.schema import Rows
    from epochal.records import History


# What a network and its preprocessing are made with: not to be changed when going on.
MADE_WITH = (
    "n_estimators",
    "hidden_layer_sizes",
    "activation",
    "solver",
    "max_features",
    "patch",
    "epsilon",
    "clip",
    "max_categories",
    "embedding_size",
    "n_knots",
)


class Material(NamedTuple):
    """What members are trained on."""

    preprocessor: Preprocessor
    pool: Encoded
    bags: Bags
    judges: Judges | None
    n_classes: int


def fit(
    data: Labelled,
    settings: Settings,
    how: Circumstances,
    *,
    validation: Labelled | None = None,
    classes: np.ndarray | None = None,
    earlier: Fitted | None = None,
) -> Fitted:
    """Return the fitted ensemble.

    Args:
        data: the rows to learn from.
        settings: what to do.
        how: seed, class weights, observers, device.
        validation: rows that judge every member; without them members are
            judged by the rows that they leave out, or by a part kept apart.
        classes: all classes, where the data may lack some.
        earlier: a fit to go on from: with its classes, preprocessing, weights,
            optimiser state and count of epochs.

    Raises:
        DataError: for rows or labels that cannot be learned from.
        TrainingError: if no member ever had a finite loss.
    """
    if earlier:
        settings = _going_on(settings, earlier.model.settings)
        classes = earlier.model.classes
    classes, labels, weight = _numbers(data, classes, how)
    if data.times is not None:
        # Folds would train on what came later than the rows that judge.
        settings = replace(settings, bagging=None)
    training, apart = _split(data, labels, weight, settings, how, validation)
    settings = resolved(settings, len(training), _columns(data.rows))
    preprocessor = _preprocessor(data, training, settings, earlier)
    pool = _encoded(data.rows, training, labels, weight, preprocessor)
    groups = None if data.groups is None else numbered_groups(data.groups[training])
    bags = bags_for(settings, pool.labels, how.seed, groups)
    judges: Judges | None = None
    if validation is not None:
        _, truth, given = _numbers(validation, classes, how)
        judging = _weighty(given, "sample_weight_val")
        judged = _encoded(validation.rows, judging, truth, given, preprocessor)
        judges = shared(judged, bags.members)
    elif len(apart):
        judges = shared(_encoded(data.rows, apart, labels, weight, preprocessor), bags.members)
    elif settings.early_stopping and bags.leaves_out:
        judges = own(pool, bags)
    material = Material(preprocessor, pool, bags, judges, len(classes))
    trained = _train(settings, how, material, earlier)
    calibration, among, expected = _opinions(trained, settings, material, earlier)
    left_out, out_of_bag = None, None
    if among is not None:
        left_out = np.full((len(labels), len(classes)), np.nan)
        left_out[training] = among
        # Going on, the earlier fit may have trained on what is left out now.
        optimistic = earlier is not None
        out_of_bag = scores(left_out, labels, weight, optimistic=optimistic, expected=expected)
    model = Model(
        settings=settings,
        preprocessor=preprocessor,
        classes=classes,
        members=tuple(trained.layers),
        calibration=calibration,
        history=_whole_history(trained, earlier),
        out_of_bag=out_of_bag,
        target=None,
        seed=how.seed,
        versions=versions(),
    )
    return Fitted(model, left_out, trained.state)


def versions() -> dict[str, str]:
    """Return the versions that take part in a training."""
    packages = {name: version(name) for name in ("jax", "numpy")}
    return {"epochal": epochal.__version__, "python": platform.python_version(), **packages}


def _numbers(
    data: Labelled, classes: np.ndarray | None, how: Circumstances
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the classes (those of the labels, if None are given), and each row's number and weight."""
    if classes is None:
        classes, labels = encode_labels(data.labels)
    else:
        labels = numbered(data.labels, classes)
    return classes, labels, class_weights(classes, labels, how.class_weight, data.weight)


def _split(
    data: Labelled,
    labels: np.ndarray,
    weight: np.ndarray,
    settings: Settings,
    how: Circumstances,
    validation: Labelled | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows to train on, and of those kept apart to judge."""
    # A row of weight 0 takes part in nothing: the same as if it were not there.
    present = _weighty(weight, "sample_weight")
    if settings.bagging is not None or not settings.early_stopping or validation is not None:
        return present, np.empty(0, np.int64)
    random, fraction = generator(how.seed, Purpose.HOLDOUT), settings.validation_fraction
    if data.times is not None:
        training, apart = latest(data.times[present], fraction)
    elif data.groups is not None:
        groups = numbered_groups(data.groups[present])
        training, apart = holdout_of_groups(labels[present], groups, fraction, random)
    else:
        training, apart = holdout(labels[present], fraction, random)
    return present[training], present[apart]


def _weighty(weight: np.ndarray, name: str) -> np.ndarray:
    """Return the numbers of the rows that weigh something, of which there must be one."""
    present = np.flatnonzero(weight > 0)
    if not len(present):
        raise DataError("no row has a positive weight", "at least one", f"look at {name}")
    return present


def _going_on(new: Settings, old: Settings) -> Settings:
    """Return the settings to go on with; refuse what a network that is there cannot change to."""
    chosen_before = {name: getattr(old, name) for name in MADE_WITH if getattr(new, name) == AUTO}
    new = replace(new, **chosen_before)
    changed = [name for name in MADE_WITH if getattr(new, name) != getattr(old, name)]
    # Only with the same solver is it momentum that decides about the rule.
    if changed or rule_for(new) != rule_for(old):
        changed = changed or ["momentum"]
        name = changed[0]
        raise SettingError(
            f"{name}={getattr(new, name)!r} in a training that goes on from one with "
            f"{name}={getattr(old, name)!r}",
            "the same",
            "set it back, or train anew",
        )
    return new


def _whole_history(trained: Trained, earlier: Fitted | None) -> History:
    """Return the curves from the first fit on."""
    if earlier is None:
        return trained.history
    return earlier.model.history.followed_by(trained.history)


def _preprocessor(
    data: Labelled, training: np.ndarray, settings: Settings, earlier: Fitted | None
) -> Preprocessor:
    """Return the preprocessing: of the earlier fit, or by the training rows' statistics."""
    if earlier:
        return earlier.model.preprocessor
    knots = knots_of_members(settings) if settings.embedding_size else None
    return Preprocessor.fit(
        data.rows,
        training,
        data.weight,
        epsilon=settings.epsilon,
        clip=settings.clip,
        max_categories=settings.max_categories,
        n_knots=knots,
    )


def _encoded(
    rows: Rows,
    numbers: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    preprocessor: Preprocessor,
) -> Encoded:
    """Return some of the rows, encoded: sparse ones only when a batch takes them."""
    some = take(rows, numbers)
    source: ArraySource | LazySource
    if sparse.issparse(some):
        source = LazySource(
            len(numbers), preprocessor.n_features, lambda i: preprocessor.encode(take(some, i))
        )
    else:
        source = ArraySource(preprocessor.encode(some))
    return Encoded(source, labels[numbers].astype(np.int32), weight[numbers])


def _opinions(
    trained: Trained, settings: Settings, material: Material, earlier: Fitted | None
) -> tuple[Calibration, np.ndarray | None, float | None]:
    """Return the calibration; probabilities of rows left out, and the log-loss to expect of all."""
    _, pool, bags, judges, _ = material
    members, rows = len(trained.layers), pool.source.n_rows
    plain = Calibration.none(members) if earlier is None else earlier.model.calibration
    _, labels, weight = pool
    own = judges is not None and judges.left_out is not None
    if bags.leaves_out and not own:
        said = [
            opinion(layers, bags.left_out(member), pool.source, settings.activation)
            for member, layers in enumerate(trained.layers)
        ]
    elif judges is not None and trained.said is not None and (own or settings.calibrate):
        said = [Opinion(judges.of(member), said) for member, said in enumerate(trained.said)]
        if judges.left_out is None:
            labels, weight = judges.y, judges.weights
        else:
            # A member that leaves out no row is judged by all, but has no opinion of any.
            said = [
                Opinion(judges.left_out[numbers], logits)
                if len(bags.left_out(member))
                else Opinion(numbers[:0], logits[:0])
                for member, (numbers, logits) in enumerate(said)
            ]
    else:
        return plain, None, None
    kinds = np.array([kind_of(layers) for layers in trained.layers])
    calibration = calibrated(said, kinds, labels, weight) if settings.calibrate else plain
    if not bags.leaves_out:
        return calibration, None, None
    expected = expected_loss(said, calibration, labels, weight) if settings.calibrate else None
    return (
        calibration,
        mean_opinion(said, calibration.weights, rows, calibration.sharpness),
        expected,
    )


def _columns(rows: Rows) -> int:
    """Return the number of columns of a table, or of numbers in a row of an array."""
    return int(np.prod(rows.shape[1:]))


def _train(
    settings: Settings, how: Circumstances, material: Material, earlier: Fitted | None
) -> Trained:
    """Return the trained members."""
    preprocessor, pool, bags, judges, n_classes = material
    keep_programs()
    device = chosen(how.device)
    shape = preprocessor.schema.shape
    if settings.patch is not None and len(shape) < 2:
        raise SettingError(
            f"patch={settings.patch} with rows of shape {shape}",
            "images: X of shape (rows, height, width) or (rows, height, width, channels)",
            "reshape X, or use max_features for random subsets of columns",
        )
    groups = preprocessor.input_groups(int(settings.embedding_size or 0))
    masks = masks_for(settings, groups, shape, how.seed)
    program = program_for(
        settings,
        masked=masks is not None,
        vectorised=wants_batches(device),
        smooth=preprocessor.sizes.smooth,
    )
    sizes = layer_sizes(preprocessor, settings, n_classes)
    if earlier is None:
        fresh = fresh_state(settings, program, sizes, masks, how.seed, preprocessor.sizes)
        start = TrainingState(fresh, 0)
    elif earlier.state is None:
        state = started(earlier.model.members, program, averaging=settings.averaging > 0)
        history = earlier.model.history
        start = TrainingState(state, history.epochs, state.layers, history.best_epoch)
    else:
        start = earlier.state
    task = Task(
        program=program,
        settings=settings,
        fixed=fixed_for(settings, masks, how.seed),
        epochs=Epochs(
            source=pool.source,
            labels=pool.labels,
            weights=member_weights(bags, pool.weight),
            batch_size=program.batch_size,
            seed=how.seed,
            shuffle=settings.shuffle,
        ),
        judges=judges,
        device=device,
    )
    return train(task, start, settings.max_iter, how.observers)
