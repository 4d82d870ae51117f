"""A fit on one page: prepare, train, summarise.

Labels become class numbers; rows are split before any statistic is computed; columns are encoded with
the statistics of the training rows; members are initialised and trained; out-of-bag predictions
calibrate and score the ensemble.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

import epochal
from epochal.checkpointing import checkpoints_of
from epochal.continuation import continued_tables
from epochal.fit_types import Fitted, RunConfig
from epochal.inference.oob import scores
from epochal.inference.oob_calibration import OutOfBagInputs, calibrated_on_oob
from epochal.loader.batches import Epochs
from epochal.loader.memory import trim_heap
from epochal.model.description import Model, layer_sizes
from epochal.nn.layers import with_target_table, without_target_table
from epochal.nn.objective import OBJECTIVES
from epochal.preparation import Prepared, prepared
from epochal.signals import stop_requests
from epochal.splitting.bagging import member_weights
from epochal.training.device import chosen, keep_programs, wants_batches
from epochal.training.init import (
    fresh_state,
    masks_for,
    member_configs,
    program_for,
    started,
    with_input_scales,
)
from epochal.training.loop import Task, Trained, train
from epochal.training.state import TrainingState

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.records import History
    from epochal.tables.dataset import Labelled


# It reads a file.
_version = cache(version)


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
        validation: validation rows of every member; without them members validate on their
            out-of-bag rows, or on a holdout.
        classes: all classes, where the data may lack some.
        earlier: a fit to continue from: with its classes, preprocessing, weights,
            optimiser state and count of epochs.

    Raises:
        DataError: for rows or labels that cannot be learned from.
        TrainingError: if no member ever had a finite loss.
    """
    # From the first batches on Ctrl-C is a request to finish, also while the result is summarised.
    with stop_requests():
        ready = prepared(data, settings, run, validation, classes, earlier)
        trained = _train(ready, earlier)
        return _summarised(ready, trained, earlier)


def _summarised(ready: Prepared, trained: Trained, earlier: Fitted | None) -> Fitted:
    """Return the model with its calibration and its out-of-bag scores and probabilities."""
    settings, run, classes, trains, material, plan = ready
    plain = None if earlier is None else earlier.model.calibration
    asked = OutOfBagInputs(
        material.pool,
        material.validation_set,
        plan.shares,
        material.preprocessor.scaling,
        few_rows=material.input_scales is not None,
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
        if plan.limit is None:
            oob_probabilities = np.full((len(trains), len(classes)), np.nan)
            oob_probabilities[np.flatnonzero(trains)[oob.rows]] = oob.mean
    model = Model(
        settings=settings,
        preprocessor=material.preprocessor,
        classes=classes,
        members=tuple(trained.layers),
        calibration=calibration,
        history=_full_history(trained, earlier),
        out_of_bag=out_of_bag,
        target=None,
        seed=run.seed,
        versions=versions(),
        parameters=run.parameters,
    )
    return Fitted(model, oob_probabilities, trained.state.restarted())


def versions() -> dict[str, str]:
    """Return the versions of the libraries that a training depends on."""
    packages = {name: _version(name) for name in ("jax", "numpy")}
    return {"epochal": epochal.__version__, "python": platform.python_version(), **packages}


def _full_history(trained: Trained, earlier: Fitted | None) -> History:
    """Return the curves from the first fit on."""
    if earlier is None:
        return trained.history
    return earlier.model.history.extended_by(trained.history)


def _train(ready: Prepared, earlier: Fitted | None) -> Trained:
    """Return the trained members."""
    settings, run, plan = ready.settings, ready.run, ready.plan
    preprocessor, pool, bags, validation_set, n_classes, tables, scales = ready.material
    keep_programs()
    device = chosen(run.device)
    groups = preprocessor.input_groups(int(settings.embedding_size or 0), n_classes)
    sizes = layer_sizes(preprocessor, settings, n_classes)
    masks = masks_for(settings, groups, preprocessor.schema.shape, sizes[1], run.seed)
    program = program_for(
        settings,
        masked=masks is not None,
        vectorised=wants_batches(device),
        coarse=preprocessor.sizes.coarse,
    )
    if tables is not None and earlier is not None:
        tables = continued_tables(tables, earlier.model.members)
    if earlier is None:
        fresh = fresh_state(settings, program, sizes, masks, run.seed, preprocessor.sizes)
        if scales is not None:
            fresh = with_input_scales(fresh, scales)
        start = TrainingState(fresh, 0)
    elif earlier.state is None:
        members = [without_target_table(layers) for layers in earlier.model.members]
        state = started(members, program, ema=settings.ema_decay > 0)
        history = earlier.model.history
        start = TrainingState(state, history.epochs, state.layers, history.best_epoch)
    else:
        start = earlier.state
    task = Task(
        program=program,
        settings=settings,
        fixed=member_configs(settings, run.seed, tables),
        epochs=Epochs(
            source=pool.source,
            labels=pool.metadata.labels,
            weights=member_weights(bags, pool.metadata.weight),
            batch_size=program.batch_size,
            seed=run.seed,
            shuffle=settings.shuffle,
            segment_bytes=plan.shares.segment,
            members=bags.members,
        ),
        validation_set=validation_set,
        scaling=preprocessor.scaling,
        device=device,
        trim_heap=None if plan.limit is None else trim_heap,
    )
    checkpoints, max_iter = checkpoints_of(ready, start, versions()), settings.max_iter
    if checkpoints is not None:
        found = checkpoints.latest(start.members.layers)
        if found is not None and found.progress is not None:
            start, max_iter = found, max_iter - (found.epoch - found.progress.first)
    trained = train(task, start, max_iter, run.observers, checkpoints)
    if checkpoints is not None:
        checkpoints.wait()
    if tables is None:
        return trained
    # Predictions are of new rows: with all labels of a member's rows.
    layers = map(with_target_table, trained.layers, tables[:, -1])
    return trained._replace(layers=list(layers))
