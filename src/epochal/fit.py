"""The whole story of a fit on one page.

Labels become numbers; rows are split before any statistic is taken; columns
are encoded by the training rows' statistics; members are set up and trained;
and what they say of the rows that they left out is gathered.
"""

from __future__ import annotations

import math
import platform
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

import epochal
from epochal.config.resolution import resolved
from epochal.config.settings import AUTO, Settings
from epochal.errors import DataError, SettingError
from epochal.fit_types import Fitted, RunConfig
from epochal.inference.oob import scores
from epochal.inference.oob_calibration import OutOfBagInputs, calibrated_on_oob
from epochal.keys import Purpose, generator
from epochal.loader.batches import Epochs
from epochal.loader.cache import PreprocessingCache
from epochal.loader.encode import Encoded, EncodingPlan, Known, encoded, thinned
from epochal.loader.validation_rows import ValidationSet, own, shared
from epochal.model.description import Model, layer_sizes, member_shapes
from epochal.nn.layers import named_parameters
from epochal.nn.objective import OBJECTIVES
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.splitting.bagging import Bags, bags_for, bytes_per_row, member_weights
from epochal.splitting.grouped import holdout_of_groups, numbered_groups
from epochal.splitting.stratified import holdout, latest
from epochal.tables.class_weights import class_weights
from epochal.tables.conversion import refuse_unwritable
from epochal.tables.label_matching import class_indices
from epochal.tables.labels import encode_labels
from epochal.tables.rows import columns_of, head_of, image_of
from epochal.tables.sample_weights import present, relative, warn_of_few
from epochal.tables.streaming import Streamed
from epochal.training.device import chosen, keep_programs, wants_batches
from epochal.training.init import (
    bins_of_members,
    fresh_state,
    masks_for,
    member_configs,
    program_for,
    rule_for,
    started,
)
from epochal.training.loop import Task, Trained, train
from epochal.training.state import TrainingState

if TYPE_CHECKING:
    from epochal.records import History
    from epochal.tables.dataset import Labelled
    from epochal.tables.rows import Rows


# It reads a file.
_version = cache(version)
# What a network and its preprocessing are made with: not to be changed when going on.
MADE_WITH = (
    "n_estimators",
    "hidden_layer_sizes",
    "activation",
    "solver",
    "max_features",
    "patch",
    "receptive_field",
    "variance_epsilon",
    "clip",
    "sqrt_transform",
    "max_categories",
    "embedding_size",
    "n_bins",
)
# How often the weights are there: as they began, as they are, with two moments, averaged, at
# their best, and those of a member at work.
COPIES = 7


class Material(NamedTuple):
    """What members are trained on."""

    preprocessor: Preprocessor
    pool: Encoded
    bags: Bags
    validation_set: ValidationSet | None
    n_classes: int


class Prepared(NamedTuple):
    """What a training takes: resolved settings, the run, the classes, which rows train, encoded rows."""

    settings: Settings
    run: RunConfig
    classes: np.ndarray
    trains: np.ndarray  # (rows,) bool
    material: Material


def fit(
    data: Labelled,
    settings: Settings,
    run: RunConfig,
    *,
    validation: Labelled | None = None,
    classes: np.ndarray | None = None,
    earlier: Fitted | None = None,
) -> Fitted:
    """Return the fitted ensemble.

    Args:
        data: the rows to learn from.
        settings: what to do.
        run: seed, class weights, observers, device.
        validation: rows that judge every member; without them members are
            judged by the rows that they leave out, or by a part kept apart.
        classes: all classes, where the data may lack some.
        earlier: a fit to go on from: with its classes, preprocessing, weights,
            optimiser state and count of epochs.

    Raises:
        DataError: for rows or labels that cannot be learned from.
        TrainingError: if no member ever had a finite loss.
    """
    prepared = _prepared(data, settings, run, validation, classes, earlier)
    trained = _train(prepared.settings, prepared.run, prepared.material, earlier)
    return _summarised(prepared, trained, earlier)


def _prepared(
    data: Labelled,
    settings: Settings,
    run: RunConfig,
    validation: Labelled | None,
    classes: np.ndarray | None,
    earlier: Fitted | None,
) -> Prepared:
    """Return the encoded rows, split, and the settings resolved for them."""
    if earlier:
        settings = _going_on(settings, earlier.model.settings)
        classes = earlier.model.classes
    with data.origin.naming_rows():
        data, classes, labels, weight = _numbers(data, classes, run)
        if data.timestamps is not None:
            # Folds would train on rows that are later than the validation rows.
            settings = replace(settings, bagging=None)
        weighs = _weighty(weight, settings, first=earlier is None)
        trains, holdout_rows = _split(data, labels, weighs, settings, run, validation)
        settings = _resolved(settings, data.rows, int(np.count_nonzero(trains)))
        cache = _cache(data, trains, settings, run)
        preprocessor = _preprocessor(data, trains, settings, earlier, cache)
        known = Known(labels, weight, _numbered_among(data.groups, trains, settings))
        networks = _networks_bytes(preprocessor, settings, len(classes))
        run = replace(run, memory=run.memory.reserve(networks, _known_bytes(data, known, settings)))
        run.memory.manage_heap()
        parts = (
            [trains]
            if holdout_rows is None
            else [trains, _validation_part(holdout_rows, preprocessor, run)]
        )
        place = _place(cache, preprocessor, [*known, *parts], settings, run)
        pool, *held = encoded(data.rows, known, parts, preprocessor, place)
    run.memory.manage_heap()
    objective = OBJECTIVES[settings.loss]
    bags = bags_for(settings, objective.strata(pool.known.labels), run.seed, pool.known.groups)
    if validation is not None:
        held = [_encoded_validation(validation, classes, preprocessor, run)]
    validation_set: ValidationSet | None = None
    if held:
        validation_set = shared(held[0], bags.members, run.memory.validation)
    elif settings.early_stopping and bags.has_oob:
        validation_set = own(pool, bags, run.memory.validation)
    material = Material(preprocessor, pool, bags, validation_set, len(classes))
    return Prepared(settings, run, classes, trains, material)


def _summarised(prepared: Prepared, trained: Trained, earlier: Fitted | None) -> Fitted:
    """Return the model with its calibration and its out-of-bag scores and probabilities."""
    settings, run, classes, trains, material = prepared
    plain = None if earlier is None else earlier.model.calibration
    asked = OutOfBagInputs(
        material.pool, material.validation_set, run.memory, material.preprocessor.scaling
    )
    calibration, oob = calibrated_on_oob(trained, settings, material.bags, asked, plain)
    oob_probabilities, out_of_bag = None, None
    if oob is not None:
        # A continued training may have trained on rows that are out of bag now.
        out_of_bag = scores(
            oob.mean,
            oob.labels,
            oob.weight,
            OBJECTIVES[settings.loss],
            optimistic=earlier is not None,
            expected=oob.expected,
        )
        if run.memory.limit is None:
            oob_probabilities = np.full((len(trains), len(classes)), np.nan)
            oob_probabilities[np.flatnonzero(trains)[oob.rows]] = oob.mean
    model = Model(
        settings=settings,
        preprocessor=material.preprocessor,
        classes=classes,
        members=tuple(trained.layers),
        calibration=calibration,
        history=_whole_history(trained, earlier),
        out_of_bag=out_of_bag,
        target=None,
        seed=run.seed,
        versions=versions(),
        parameters=run.parameters,
    )
    return Fitted(model, oob_probabilities, trained.state.restarted())


def versions() -> dict[str, str]:
    """Return the versions that take part in a training."""
    packages = {name: _version(name) for name in ("jax", "numpy")}
    return {"epochal": epochal.__version__, "python": platform.python_version(), **packages}


def _numbers(
    data: Labelled, classes: np.ndarray | None, run: RunConfig
) -> tuple[Labelled, np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows with relative weights, the classes, and the class number and weight of each row.

    Without given classes, they are those of the labels.
    """
    if classes is None:
        classes, labels = encode_labels(data.labels, data.label_source)
        # Neither a model nor predictions could be written.
        refuse_unwritable(classes.tolist(), "the label of class {}")
    else:
        labels = class_indices(classes, data.labels, data.label_source)
    if data.weight is not None:
        data = replace(data, weight=relative(data.weight))
    weight = class_weights(classes, labels, run.class_weight, data.weight)
    return data, classes, labels, weight if run.class_weight is None else relative(weight)


def _split(
    data: Labelled,
    labels: np.ndarray,
    weighs: np.ndarray,
    settings: Settings,
    run: RunConfig,
    validation: Labelled | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return which rows train, and which are kept apart to judge, if some are; bool (rows,)."""
    if settings.bagging is not None or not settings.early_stopping or validation is not None:
        return weighs, None
    random, fraction = generator(run.seed, Purpose.HOLDOUT), settings.validation_fraction
    strata = OBJECTIVES[settings.loss].strata(labels)
    # All of them, where all weigh something: of very many rows there should be no copies.
    some = slice(None) if weighs.all() else weighs
    if data.timestamps is not None:
        validates = latest(data.timestamps[some], fraction)
    elif data.groups is not None:
        groups = numbered_groups(data.groups[some])
        validates = holdout_of_groups(strata[some], groups, fraction, random)
    else:
        validates = holdout(strata[some], fraction, random)
    holdout_rows = np.zeros_like(weighs)
    holdout_rows[weighs] = validates
    return weighs & ~holdout_rows, holdout_rows if holdout_rows.any() else None


def _weighty(weight: np.ndarray, settings: Settings, *, first: bool) -> np.ndarray:
    """Return which rows have a positive weight, bool (rows,); refuse one row, and warn of few.

    A row of weight 0 is as if it were not there. A later fit on few rows, which is not the
    `first`, uses the statistics of the first.
    """
    weighs = present(weight, "sample_weight")
    number = int(np.count_nonzero(weighs))
    if number < 2 and (first or settings.bagging is not None):
        found = "one row only has a positive weight" if len(weighs) > 1 else "there is one row only"
        raise DataError(found, "at least two rows to learn from")
    if first:
        warn_of_few(number, stacklevel=5)
    return weighs


def _numbered_among(
    groups: np.ndarray | None, trains: np.ndarray, settings: Settings
) -> np.ndarray | None:
    """Return the numbers of the training rows' groups, if bags are of whole ones; 0 for the other rows."""
    if groups is None or settings.bagging is None:
        return None
    if trains.all():
        return numbered_groups(groups)
    numbers = np.zeros(len(trains), np.int32)
    numbers[trains] = numbered_groups(groups[trains])
    return numbers


def _resolved(settings: Settings, rows: Rows | Streamed, count: int) -> Settings:
    """Return the settings for so many training rows; refuse parts of rows that are no images."""
    image, columns = image_of(rows), columns_of(rows)
    if not columns:
        raise DataError("there is no column to learn from", "at least one beside the target")
    settings = resolved(settings, count, columns, image)
    for name in ("patch", "receptive_field"):
        if getattr(settings, name) is not None and not image:
            raise SettingError(
                f"{name}={getattr(settings, name)} with rows of shape {head_of(rows).shape[1:]}",
                "images: X of shape (rows, height, width) or (rows, height, width, channels)",
                "reshape X, or give an IDX or .npy file of images; max_features is for tables",
            )
    return settings


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


def _cache(
    data: Labelled, trains: np.ndarray, settings: Settings, run: RunConfig
) -> PreprocessingCache | None:
    """Return where this fit's preparation is kept, if a folder is named and the data have a digest."""
    rows, folder = data.rows, run.memory.folder
    if folder is None or not isinstance(rows, Streamed) or rows.digest is None:
        return None
    columns = rows.head.schema.to_string() if isinstance(rows.head, pa.Table) else rows.head.shape
    return PreprocessingCache.of(
        folder, rows.digest(), columns, trains, data.weight, _statistics_of(settings)
    )


def _place(
    cache: PreprocessingCache | None,
    preprocessor: Preprocessor,
    of_rows: list[Any],
    settings: Settings,
    run: RunConfig,
) -> EncodingPlan:
    """Return where encoded rows are put; they are kept by all that decides what is where."""
    deal = generator(run.seed, Purpose.STORE) if settings.shuffle else None
    if cache is not None:
        # Going on, the preprocessing is the earlier fit's, and not what the settings say.
        made_of = [preprocessor.to_dict(), *preprocessor.arrays().values(), *of_rows]
        cache = cache.with_key(run.seed, settings.shuffle, run.memory.shares, *made_of)
    return EncodingPlan(run.memory, deal, cache)


def _statistics_of(settings: Settings) -> dict[str, Any]:
    """Return what the settings say of statistics, as arguments of `Preprocessor.fit`."""
    return {
        "variance_epsilon": settings.variance_epsilon,
        "clip": settings.clip,
        "sqrt_transform": settings.sqrt_transform,
        "max_categories": settings.max_categories,
        "n_bins": bins_of_members(settings) if settings.embedding_size else None,
    }


def _preprocessor(
    data: Labelled,
    trains: np.ndarray,
    settings: Settings,
    earlier: Fitted | None,
    cache: PreprocessingCache | None,
) -> Preprocessor:
    """Return the preprocessing: of the earlier fit, or by the training rows' statistics."""
    if earlier:
        return earlier.model.preprocessor

    def make() -> Preprocessor:
        """Return the preprocessing by the statistics of the training rows."""
        return Preprocessor.fit(
            data.rows, data.weight, trains, **_statistics_of(settings), csv=data.csv
        )

    return make() if cache is None else cache.preprocessor(make)


def _networks_bytes(preprocessor: Preprocessor, settings: Settings, classes: int) -> int:
    """Return about how much memory the members take while they train."""
    shapes = member_shapes(preprocessor, settings, classes)
    weights = sum(math.prod(shape) for shape in named_parameters(shapes).values())
    return 4 * COPIES * settings.n_estimators * weights


def _known_bytes(data: Labelled, known: Known, settings: Settings) -> int:
    """Return how much memory takes what is known of rows, and who trains on which."""

    def held(*arrays: np.ndarray | None) -> int:
        """Return the bytes of arrays: one number stands for weights that are all the same."""
        there = {id(of): of for of in arrays if of is not None and of.strides != (0,)}
        return sum(of.nbytes for of in there.values())

    # As it came and as it is used, and once more in the order of encoded rows; two flags.
    used = held(*known) + held(*known, data.weight, data.groups, data.timestamps)
    return used + len(known.labels) * (2 + bytes_per_row(settings))


def _validation_part(part: np.ndarray, preprocessor: Preprocessor, run: RunConfig) -> np.ndarray:
    """Return which rows of a part judge: of a limited memory they may take some."""
    if run.memory.limit is None:
        return part
    return thinned(part, preprocessor.n_features, run.memory.validation)


def _encoded_validation(
    validation: Labelled, classes: np.ndarray, preprocessor: Preprocessor, run: RunConfig
) -> Encoded:
    """Return the rows that were given to judge, encoded."""
    with validation.origin.naming_rows():
        _, _, truth, given = _numbers(validation, classes, run)
        part = _validation_part(present(given, "sample_weight_val"), preprocessor, run)
        known = Known(truth, given)
        (held,) = encoded(validation.rows, known, [part], preprocessor, EncodingPlan(run.memory))
    return held


def _train(
    settings: Settings, run: RunConfig, material: Material, earlier: Fitted | None
) -> Trained:
    """Return the trained members."""
    preprocessor, pool, bags, validation_set, n_classes = material
    keep_programs()
    device = chosen(run.device)
    groups = preprocessor.input_groups(int(settings.embedding_size or 0))
    sizes = layer_sizes(preprocessor, settings, n_classes)
    masks = masks_for(settings, groups, preprocessor.schema.shape, sizes[1], run.seed)
    program = program_for(
        settings,
        masked=masks is not None,
        vectorised=wants_batches(device),
        coarse=preprocessor.sizes.coarse,
    )
    if earlier is None:
        fresh = fresh_state(settings, program, sizes, masks, run.seed, preprocessor.sizes)
        start = TrainingState(fresh, 0)
    elif earlier.state is None:
        state = started(earlier.model.members, program, ema=settings.ema_decay > 0)
        history = earlier.model.history
        start = TrainingState(state, history.epochs, state.layers, history.best_epoch)
    else:
        start = earlier.state
    task = Task(
        program=program,
        settings=settings,
        fixed=member_configs(settings, run.seed),
        epochs=Epochs(
            source=pool.source,
            labels=pool.known.labels,
            weights=member_weights(bags, pool.known.weight),
            batch_size=program.batch_size,
            seed=run.seed,
            shuffle=settings.shuffle,
            segment_bytes=run.memory.segment,
            members=bags.members,
        ),
        validation_set=validation_set,
        scaling=preprocessor.scaling,
        device=device,
        manage_heap=None if run.memory.limit is None else run.memory.manage_heap,
    )
    return train(task, start, settings.max_iter, run.observers)
