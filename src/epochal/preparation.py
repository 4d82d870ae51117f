"""The first part of a fit: labels become numbers, rows are split and encoded, memory is planned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.config.resolution import has_few_rows, is_wide, resolved
from epochal.continuation import continued
from epochal.errors import DataError, SettingError
from epochal.keys import Purpose, generator_for
from epochal.loader.cache import PreprocessingCache
from epochal.loader.encode import Encoded, EncodingPlan, RowMetadata, encoded, subsampled
from epochal.loader.input_scales import input_scales
from epochal.loader.memory import retain_freed_memory, trim_heap
from epochal.loader.memory_plan import MemoryPlan, plan_for
from epochal.loader.target_tables import max_entries, target_tables
from epochal.loader.validation_rows import ValidationSet, oob_validation_set, shared_validation_set
from epochal.nn.objective import OBJECTIVES
from epochal.planning import network_size, row_size
from epochal.preprocessing.feature_layout import target_statistics_count
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.preprocessing.statistics import Target
from epochal.preprocessing.vocabulary import warn_of_buckets
from epochal.splitting.bagging import Bags, bags_for
from epochal.splitting.grouped import holdout_of_groups, numbered_groups
from epochal.splitting.stratified import holdout, latest
from epochal.splitting.target_folds import target_folds
from epochal.tables.class_weights import class_weights
from epochal.tables.conversion import refuse_unwritable
from epochal.tables.label_matching import class_indices
from epochal.tables.labels import encode_labels
from epochal.tables.non_binary_columns import non_binary_columns
from epochal.tables.rows import columns_of, head_of, image_of, len_of
from epochal.tables.sample_weights import present, relative, warn_of_few
from epochal.tables.schema import kind_of
from epochal.tables.streaming import Streamed
from epochal.training.init import bins_of_members

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.fit_types import Fitted, RunConfig
    from epochal.tables.dataset import Labelled
    from epochal.tables.rows import Rows


class Material(NamedTuple):
    """The rows and their preprocessing, as the members train on them."""

    preprocessor: Preprocessor
    pool: Encoded
    bags: Bags
    validation_set: ValidationSet | None
    n_classes: int
    target_tables: np.ndarray | None = None  # of the members, by inner fold
    input_scales: np.ndarray | None = None  # of the members, with which features begin


class Prepared(NamedTuple):
    """The input of a training: resolved settings, run, classes, training rows, encoded rows, memory plan."""

    settings: Settings
    run: RunConfig
    classes: np.ndarray
    trains: np.ndarray  # (rows,) bool
    material: Material
    plan: MemoryPlan


def prepared(
    data: Labelled,
    settings: Settings,
    run: RunConfig,
    validation: Labelled | None,
    classes: np.ndarray | None,
    earlier: Fitted | None,
) -> Prepared:
    """Return the split and encoded rows, with the settings resolved for them."""
    if earlier:
        settings = continued(settings, earlier.model.settings)
        classes = earlier.model.classes
    with data.origin.naming_rows():
        data, classes, labels, weight = _numbers(data, classes, run)
        if data.timestamps is not None:
            # Folds would train on rows that are later than the validation rows.
            settings = replace(settings, bagging=None)
        has_weight = _has_weight(weight, settings, first=earlier is None)
        trains, holdout_rows = _split(data, labels, has_weight, settings, run, validation)
        counts = _counts(trains, holdout_rows, validation)
        settings = _resolved(settings, data.rows, counts[0])
        target = _target(data, trains, labels, len(classes), settings, run.seed)
        cache = _cache(data, trains, settings, target, run)
        preprocessor = _preprocessor(data, trains, settings, target, earlier, cache)
        metadata = RowMetadata(
            labels,
            weight,
            _numbered_among(data.groups, trains, settings),
            None if target is None or preprocessor.fold is None else target.folds,
        )
        plan = plan_for(
            network_size(preprocessor, settings, len(classes), validates=counts[1] > 0),
            row_size(data, metadata, counts, preprocessor, settings, len(classes)),
            run.memory,
        )
        _configure_heap(plan)
        parts = [trains]
        if holdout_rows is not None:
            parts.append(_validation_part(holdout_rows, preprocessor, plan))
        place = _place(cache, preprocessor, [*metadata, *parts], settings, run.seed, plan)
        pool, *held = encoded(data.rows, metadata, parts, preprocessor, place)
    _configure_heap(plan)
    objective = OBJECTIVES[settings.loss]
    bags = bags_for(
        settings, objective.strata(pool.metadata.labels), run.seed, pool.metadata.groups
    )
    if validation is not None:
        held = [_encoded_validation(validation, classes, preprocessor, run, plan)]
    validation_set: ValidationSet | None = None
    if held:
        validation_set = shared_validation_set(held[0], bags.members, plan.shares)
    elif settings.early_stopping and bags.has_oob:
        validation_set = oob_validation_set(pool, bags, plan.shares)
    tables = target_tables(
        pool, bags, preprocessor, len(classes), ordered=data.timestamps is not None
    )
    scales = None
    if earlier is None and _wants_scales(preprocessor, settings, counts[0]):
        scales = input_scales(pool, bags, preprocessor.sizes, len(classes))
    material = Material(preprocessor, pool, bags, validation_set, len(classes), tables, scales)
    return Prepared(settings, run, classes, trains, material, plan)


def _wants_scales(preprocessor: Preprocessor, settings: Settings, rows: int) -> bool:
    """Return whether features that are not informative begin with small scales; pixels of images do not."""
    schema = preprocessor.schema
    if settings.embedding_size is None or len(schema.shape) > 1:
        return False
    return has_few_rows(rows, len(schema.columns))


def _counts(
    trains: np.ndarray, holdout_rows: np.ndarray | None, validation: Labelled | None
) -> tuple[int, int]:
    """Return the number of training rows, and of holdout rows."""
    if validation is not None:
        return int(np.count_nonzero(trains)), len_of(validation.rows)
    held = 0 if holdout_rows is None else int(np.count_nonzero(holdout_rows))
    return int(np.count_nonzero(trains)), held


def _configure_heap(plan: MemoryPlan) -> None:
    """Return freed memory to the system if memory is limited; otherwise let the allocator retain it."""
    if plan.limit is None:
        retain_freed_memory()
    else:
        trim_heap()


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
    has_weight: np.ndarray,
    settings: Settings,
    run: RunConfig,
    validation: Labelled | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the masks of the training rows and of the holdout (None without one), bool (rows,)."""
    if settings.bagging is not None or not settings.early_stopping or validation is not None:
        return has_weight, None
    random, fraction = generator_for(run.seed, Purpose.HOLDOUT), settings.validation_fraction
    strata = OBJECTIVES[settings.loss].strata(labels)
    # If all rows have a weight, a slice avoids copies, which matters for very many rows.
    weighted = slice(None) if has_weight.all() else has_weight
    if data.timestamps is not None:
        validates = latest(data.timestamps[weighted], fraction)
    elif data.groups is not None:
        groups = numbered_groups(data.groups[weighted])
        validates = holdout_of_groups(strata[weighted], groups, fraction, random)
    else:
        validates = holdout(strata[weighted], fraction, random)
    holdout_rows = np.zeros_like(has_weight)
    holdout_rows[has_weight] = validates
    return has_weight & ~holdout_rows, holdout_rows if holdout_rows.any() else None


def _has_weight(weight: np.ndarray, settings: Settings, *, first: bool) -> np.ndarray:
    """Return the mask of rows with a positive weight, bool (rows,); refuse one row, and warn of few.

    A row of weight 0 has no effect. A continued training (not the `first` fit) may have few rows, since
    it uses the statistics of the first.
    """
    has_weight = present(weight, "sample_weight")
    number = int(np.count_nonzero(has_weight))
    if number < 2 and (first or settings.bagging is not None):
        found = (
            "one row only has a positive weight" if len(has_weight) > 1 else "there is one row only"
        )
        raise DataError(found, "at least two rows to learn from")
    if first:
        warn_of_few(number, stacklevel=5)
    return has_weight


def _numbered_among(
    groups: np.ndarray | None, trains: np.ndarray, settings: Settings
) -> np.ndarray | None:
    """Return the group numbers of the training rows (0 for others); None if bags do not need groups."""
    if groups is None or settings.bagging is None:
        return None
    if trains.all():
        return numbered_groups(groups)
    numbers = np.zeros(len(trains), np.int32)
    numbers[trains] = numbered_groups(groups[trains])
    return numbers


def _target_folds(data: Labelled, trains: np.ndarray, seed: int) -> np.ndarray:
    """Return the fold of every row that target statistics leave out, uint8 (rows,)."""
    random, folds = generator_for(seed, Purpose.TARGET_FOLDS), np.zeros(len(trains), np.uint8)
    # Of very many rows there should be no copies.
    some = slice(None) if trains.all() else trains
    groups = None if data.groups is None else numbered_groups(data.groups[some])
    timestamps = None if data.timestamps is None else data.timestamps[some]
    folds[some] = target_folds(int(np.count_nonzero(trains)), random, groups, timestamps)
    return folds


def _resolved(settings: Settings, rows: Rows | Streamed, count: int) -> Settings:
    """Return the settings resolved for the training rows; refuse patches of rows that are no images."""
    image, columns = image_of(rows), columns_of(rows)
    if not columns:
        raise DataError("there is no column to learn from", "at least one beside the target")
    if is_wide(columns) and not image:
        # Binary columns have no vectors, however many they are.
        columns = non_binary_columns(rows)
    settings = resolved(settings, count, columns, image)
    for name in ("patch", "receptive_field"):
        if getattr(settings, name) is not None and not image:
            raise SettingError(
                f"{name}={getattr(settings, name)} with rows of shape {head_of(rows).shape[1:]}",
                "images: X of shape (rows, height, width) or (rows, height, width, channels)",
                "reshape X, or give an IDX or .npy file of images; max_features is for tables",
            )
    return settings


def _cache(
    data: Labelled,
    trains: np.ndarray,
    settings: Settings,
    target: Target | None,
    run: RunConfig,
) -> PreprocessingCache | None:
    """Return the cache of this fit's preprocessing; None without a folder or a digest of the data."""
    rows, folder = data.rows, run.memory.folder
    if folder is None or not isinstance(rows, Streamed) or rows.digest is None:
        return None
    columns = rows.head.schema.to_string() if isinstance(rows.head, pa.Table) else rows.head.shape
    return PreprocessingCache.of(
        folder,
        rows.digest(),
        columns,
        trains,
        data.weight,
        _statistics_of(settings),
        *(target or ()),
    )


def _target(
    data: Labelled,
    trains: np.ndarray,
    labels: np.ndarray,
    classes: int,
    settings: Settings,
    seed: int,
) -> Target | None:
    """Return what target statistics are made from; None if there are to be none."""
    head = head_of(data.rows)
    if (
        not settings.target_encoding
        or settings.embedding_size is None
        or not isinstance(head, pa.Table)
        or all(kind_of(field.type, field.name) != "category" for field in head.schema)
    ):
        return None
    folds = _target_folds(data, trains, seed)
    most = max_entries(target_statistics_count(classes))
    ordered = data.timestamps is not None
    return Target(labels, folds, classes, most, ordered=ordered, read_as=data.read_as)


def _statistics_of(settings: Settings) -> dict[str, Any]:
    """Return the settings of the statistics, as arguments of `Preprocessor.fit`."""
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
    target: Target | None,
    earlier: Fitted | None,
    cache: PreprocessingCache | None,
) -> Preprocessor:
    """Return the preprocessing of the earlier fit, or else that of the training rows."""
    if earlier:
        return earlier.model.preprocessor

    def make() -> Preprocessor:
        """Return the preprocessing with the statistics of the training rows."""
        arguments = _statistics_of(settings)
        made = Preprocessor.fit(
            data.rows, data.weight, trains, **arguments, target=target, csv=data.csv
        )
        warn_of_buckets(made.vocabularies)
        return made

    return make() if cache is None else cache.preprocessor(make)


def _place(
    cache: PreprocessingCache | None,
    preprocessor: Preprocessor,
    of_rows: list[Any],
    settings: Settings,
    seed: int,
    plan: MemoryPlan,
) -> EncodingPlan:
    """Return the plan of the encoded rows; its cache key covers everything that they depend on."""
    random = generator_for(seed, Purpose.DISK_ORDER) if settings.shuffle else None
    if cache is not None:
        # A continued training has the preprocessing of the earlier fit, whatever the settings.
        made_of = [preprocessor.to_dict(), *preprocessor.arrays().values(), *of_rows]
        shares = [str(value) for value in plan.shares]
        cache = cache.with_key(seed, settings.shuffle, shares, *made_of)
    return EncodingPlan(plan, random, cache)


def _validation_part(part: np.ndarray, preprocessor: Preprocessor, plan: MemoryPlan) -> np.ndarray:
    """Return the mask of the validation rows of a part, a subset if memory is limited."""
    if plan.limit is None:
        return part
    row_bytes = plan.shares.validation_row or 4 * preprocessor.n_features
    return subsampled(part, row_bytes, plan.shares.validation)


def _encoded_validation(
    validation: Labelled,
    classes: np.ndarray,
    preprocessor: Preprocessor,
    run: RunConfig,
    plan: MemoryPlan,
) -> Encoded:
    """Return the encoded rows of the user's validation set."""
    with validation.origin.naming_rows():
        _, _, truth, given = _numbers(validation, classes, run)
        part = _validation_part(present(given, "sample_weight_val"), preprocessor, plan)
        place = EncodingPlan(plan.in_memory)
        (held,) = encoded(validation.rows, RowMetadata(truth, given), [part], preprocessor, place)
    return held
