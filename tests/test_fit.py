"""The whole fit: splits before statistics, honest estimates, weights, members."""

import jax
import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from epochal.config.presets import PRESETS
from epochal.config.settings import validated
from epochal.errors import DataError, SettingError
from epochal.fit import fit
from epochal.fit_types import RunConfig
from epochal.inference.predict import predict_proba
from epochal.keys import Purpose, generator_for
from epochal.loader.memory import Memory
from epochal.loader.memory_items import Shares, Storage
from epochal.loader.memory_plan import MemoryPlan
from epochal.model.persistence import load, save
from epochal.splitting.stratified import holdout
from epochal.tables.dataset import Labelled
from epochal.tables.labels import Coded, encode_labels
from epochal.tables.streaming import Streamed
from epochal.training.init import fresh_state, program_for
from epochal.training.state import TrainingState

X = np.random.default_rng(0).normal(size=(200, 4))
Y = np.where(X[:, 0] + 0.5 * np.random.default_rng(1).normal(size=200) > 0, "yes", "no")
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 6, "n_estimators": 4, "n_folds": 4}
# Without what goes beyond the classical recipe. Two groups of two members share a program.
PLAIN = {"embedding_size": None, "ema_decay": 0.0, "calibrate": False}


def fitted(rows=X, labels=Y, weight=None, seed=0, validation=None, class_weight=None, **settings):
    """Return a small fit."""
    ours = validated(PRESETS["default"], SMALL | PLAIN | settings)
    how = RunConfig(seed, class_weight)
    return fit(Labelled(rows, labels, weight), ours, how, validation=validation)


def first_weights(result):
    """Return each member's first weights."""
    return [member[0].weights for member in result.model.members]


def test_statistics_come_from_training_rows_only():
    """Validation rows do not enter means and variances, whether held out or given."""
    held = fitted(bagging=None, validation_fraction=0.3).model
    given = fitted(bagging=None, validation=Labelled(X + 1000, Y)).model
    apart = holdout(encode_labels(Y)[1], 0.3, generator_for(0, Purpose.HOLDOUT))

    assert apart.sum() == 60
    np.testing.assert_allclose(held.preprocessor.mean, X[~apart].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(given.preprocessor.mean, X.mean(axis=0), rtol=1e-12)


def test_out_of_bag_probabilities_come_from_members_that_left_the_row_out():
    """Each row's probabilities are those of the member whose fold it is in."""
    result = fitted()
    alone = [predict_proba(result.model, X, member) for member in range(4)]
    oob_probabilities = result.oob_probabilities

    assert np.isfinite(oob_probabilities).all()
    nearest = np.stack([np.abs(one - oob_probabilities).max(axis=1) for one in alone])
    assert (nearest.min(axis=0) < 1e-6).all()
    counts = np.bincount(nearest.argmin(axis=0), minlength=4)
    assert counts.tolist() == [50, 50, 50, 50]


def test_out_of_bag_scores_are_not_optimistic_in_a_first_fit():
    """No row selects the checkpoint that predicts it, with any validation set."""
    assert not fitted().model.out_of_bag.optimistic
    assert not fitted(early_stopping=False).model.out_of_bag.optimistic
    assert not fitted(validation=Labelled(X, Y)).model.out_of_bag.optimistic
    assert not fitted(bagging="bootstrap").model.out_of_bag.optimistic
    assert fitted(bagging=None).model.out_of_bag is None


def test_fewer_members_than_folds_leave_rows_without_an_estimate():
    """Rows that every member trained on have NaN out-of-bag probabilities and are not scored."""
    result = fitted(n_estimators=2, n_folds=4)

    assert np.isnan(result.oob_probabilities).any(axis=1).sum() == 100
    assert result.model.out_of_bag.rows == 100


@pytest.mark.parametrize("bagging", ["folds", "bootstrap", None])
def test_members_do_not_depend_on_how_many_there_are(bagging):
    """The first two of four members are the two of an ensemble of two, bit for bit."""
    two, four = (fitted(bagging=bagging, n_estimators=n) for n in (2, 4))

    for few, many in zip(first_weights(two), first_weights(four), strict=False):
        np.testing.assert_array_equal(few, many)
    assert not np.array_equal(*first_weights(two))


def test_a_weight_of_two_is_the_row_twice():
    """With full batches, a weight of 2 trains like the row twice, up to rounding."""
    full = {
        "bagging": None,
        "early_stopping": False,
        "shuffle": False,
        "dropout": 0.0,
        "batch_size": 10**6,
        "solver": "sgd",
        "learning_rate_init": 0.5,
        "max_iter": 20,
    }
    weight = np.where(np.arange(200) < 50, 2.0, 1.0)
    doubled = np.r_[np.arange(50), np.arange(200)]
    weighted = fitted(weight=weight, **full)
    repeated = fitted(X[doubled], Y[doubled], **full)
    plain = fitted(**full)

    for one, other, neither in zip(
        first_weights(weighted), first_weights(repeated), first_weights(plain), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
        assert not np.allclose(one, neither, rtol=1e-3, atol=1e-4)


def test_a_weight_of_zero_is_as_if_the_row_were_not_there():
    """Rows of weight 0 take no part in splits, statistics or steps: the bits are the same."""
    weight = np.where(np.arange(200) < 150, 1.0, 0.0)
    weighted, removed = fitted(weight=weight), fitted(X[:150], Y[:150])

    for one, other in zip(first_weights(weighted), first_weights(removed), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.isnan(weighted.oob_probabilities[150:]).all()


def test_the_scale_of_weights_does_not_matter():
    """Weights of 3 everywhere train as no weights, to rounding."""
    plain, tripled = fitted(), fitted(weight=np.full(200, 3.0))

    for one, other in zip(first_weights(plain), first_weights(tripled), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_class_weights_multiply_row_weights():
    """A class weight of 2 is a row weight of 2 on that class's rows."""
    by_class = fitted(class_weight={"yes": 2.0, "no": 1.0})
    by_row = fitted(weight=np.where(Y == "yes", 2.0, 1.0))

    for one, other in zip(first_weights(by_class), first_weights(by_row), strict=True):
        # The moments follow row weights alone, so means differ a little.
        assert np.abs(one - other).max() < 0.1
    assert not np.array_equal(first_weights(by_class)[0], first_weights(fitted())[0])


def test_sparse_rows_train_as_dense_ones(rng):
    """A CSR matrix gives the bits of the same rows as an array."""
    dense = X * (rng.random(X.shape) < 0.3)
    one, other = fitted(dense), fitted(sparse.csr_matrix(dense))

    for mine, theirs in zip(first_weights(one), first_weights(other), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_feature_subsets_and_patches_blind_members(rng):
    """With subsets or patches, each member has zero weights on the inputs outside of its mask."""
    images = rng.normal(size=(60, 6, 5))
    labels = np.tile(["a", "b"], 30)
    half = fitted(max_features=0.5)
    crop = fitted(images, labels, patch=(3, 2))

    for weights in first_weights(half):
        assert (~weights.any(axis=1)).sum() == 2
    seen = [weights.any(axis=1).reshape(6, 5) for weights in first_weights(crop)]
    assert all(mask.sum() == 6 for mask in seen)
    assert len({mask.tobytes() for mask in seen}) > 1


@pytest.mark.parametrize("name", ["patch", "receptive_field"])
def test_a_patch_of_a_table_is_refused(name):
    """Patches and receptive fields need images, and the error says so."""
    with pytest.raises(SettingError, match=f"{name}=.*images"):
        fitted(**{name: (2, 2)})


def test_units_see_their_part_of_an_image_and_no_more(rng):
    """After a training a unit has weights where it saw something, a rectangle, and nowhere else."""
    images = rng.normal(size=(60, 6, 5))
    labels = np.tile(["a", "b"], 30)
    trained = fitted(images, labels, receptive_field=(3, 2))
    seen = [weights.reshape(6, 5, -1) != 0 for weights in first_weights(trained)]

    for member in seen:
        assert member.any(axis=(0, 1)).all()
        high, wide = member.any(axis=1).sum(axis=0), member.any(axis=0).sum(axis=0)
        assert (member.sum(axis=(0, 1)) == high * wide).all()
        assert (high.max(), wide.max()) == (3, 2)
    assert not np.array_equal(seen[0], seen[1])


def test_going_on_with_another_seed_keeps_what_units_see(rng):
    """A continued training has the receptive fields of the first one, with any new seed."""
    images = rng.normal(size=(60, 6, 5))
    labels = np.tile(["a", "b"], 30)
    ours = validated(PRESETS["default"], SMALL | PLAIN | {"receptive_field": (3, 2)})
    first = fit(Labelled(images, labels), ours, RunConfig(0))
    second = fit(Labelled(images, labels), ours, RunConfig(1), earlier=first)

    for one, other in zip(first_weights(first), first_weights(second), strict=True):
        assert not np.array_equal(one, other)
        np.testing.assert_array_equal(one != 0, other != 0)


def test_going_on_keeps_preprocessing_and_state():
    """A fit that continues an earlier one trains as if there had been no interruption."""
    ours = validated(PRESETS["default"], SMALL | {"early_stopping": False})
    ours = validated(ours, {"n_folds": 2})
    how = RunConfig(0)
    first = fit(Labelled(X, Y), ours, how)
    second = fit(Labelled(X, Y), ours, how, earlier=first)
    whole = fit(Labelled(X, Y), validated(ours, {"max_iter": 12}), how)

    for one, other in zip(second.model.members, whole.model.members, strict=True):
        for mine, its in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            np.testing.assert_array_equal(mine, its)
    assert second.state.epoch == 12


def test_rows_without_weight_alone_are_refused():
    """If every row weighs nothing there is nothing to learn."""
    with pytest.raises(DataError, match="positive weight"):
        fitted(weight=np.zeros(200))


@pytest.mark.parametrize("rows", [2, 3, 5])
@pytest.mark.parametrize("bagging", ["folds", "bootstrap", None])
def test_tiny_tables_train(rows, bagging):
    """A handful of rows trains without an error, whatever the bagging."""
    labels = np.array(["a", "b"] * 3)[:rows]
    probabilities = predict_proba(fitted(X[:rows], labels, bagging=bagging).model, X[:rows])

    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_classes_that_no_row_has():
    """Classes may be named beforehand; they get a probability like any other."""
    classes, _ = encode_labels(np.array(["no", "perhaps", "yes"]))
    ours = validated(PRESETS["default"], SMALL | PLAIN)
    result = fit(Labelled(X, Y), ours, RunConfig(0), classes=classes)

    assert predict_proba(result.model, X).shape == (200, 3)


def mixed(rows=160):
    """Return a table with columns of every kind, and labels that depend on a single value."""
    random = np.random.default_rng(5)
    job = random.choice(["clerk", "cook", "judge", "smith"], rows)
    age = random.integers(20, 60, rows).astype(float)
    age[::9] = np.nan
    pay = random.exponential(size=rows)
    labels = np.where((job == "cook") ^ (pay > 1), "yes", "no")
    return pa.table({"job": job, "age": age, "pay": pay, "smokes": pay > 2}), labels


def test_the_default_recipe_learns_a_mixed_table(tmp_path):
    """A calibrated ensemble with embeddings and both variants learns, and is saved bit for bit."""
    rows, labels = mixed()
    settings = validated(PRESETS["default"], {"n_estimators": 4, "n_folds": 2, "max_iter": 40})
    model = fit(Labelled(rows, labels), settings, RunConfig(0)).model
    probabilities = predict_proba(model, rows)
    save(model, tmp_path / "mixed.epochal")

    assert (model.classes[probabilities.argmax(axis=1)] == labels).mean() > 0.9
    assert [float(member[0].numeric.fine) for member in model.members] == [0, 0, 1, 1]
    again = predict_proba(load(tmp_path / "mixed.epochal"), rows)
    np.testing.assert_array_equal(again, probabilities)


def test_both_routes_of_prediction_agree_on_embedded_rows(monkeypatch):
    """NumPy and the compiled program give the same probabilities, to float32 rounding."""
    rows, labels = mixed()
    settings = validated(PRESETS["default"], {"n_estimators": 4, "n_folds": 2, "max_iter": 5})
    model = fit(Labelled(rows, labels), settings, RunConfig(0)).model
    direct = predict_proba(model, rows)
    monkeypatch.setattr("epochal.inference.routes.SMALL", 0)

    np.testing.assert_allclose(predict_proba(model, rows), direct, rtol=1e-4, atol=1e-6)


def test_a_table_of_categories_alone_is_learned():
    """Without a number no unit may be dead from the beginning."""
    rows, labels = mixed()
    settings = validated(PRESETS["default"], {"n_estimators": 2, "n_folds": 2, "max_iter": 40})
    jobs = rows.select(["job"])
    model = fit(Labelled(jobs, np.where(labels == "yes", 1, 0)), settings, RunConfig(0)).model
    found = predict_proba(model, jobs)[:, 1]
    cooks = rows["job"].to_numpy(zero_copy_only=False) == "cook"

    assert abs(found[cooks].mean() - found[~cooks].mean()) > 0.05


def test_a_wide_table_is_scaled_and_not_embedded():
    """With more columns than the first layer should have inputs, vectors have no room."""
    wide = np.random.default_rng(0).normal(size=(60, 600))
    settings = validated(PRESETS["default"], {"n_estimators": 2, "n_folds": 2, "max_iter": 2})
    model = fit(Labelled(wide, np.arange(60) % 2), settings, RunConfig(0)).model

    assert model.settings.embedding_size == 0
    assert model.settings.sqrt_transform is True
    assert model.settings.input_dropout == 0.1
    assert model.settings.receptive_field is None
    assert model.layer_sizes[0] == 600
    assert model.members[0][0].plain.shape == (600,)


def test_images_of_bytes_and_of_numbers_from_0_to_1_are_the_same():
    """What holds the pixels, and in which unit, makes no difference to the probabilities."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60, 30, 20), dtype=np.uint8)
    small = {"n_estimators": 2, "n_folds": 2, "max_iter": 2, "variance_epsilon": 0.0}
    settings = validated(PRESETS["default"], small)
    told = [
        predict_proba(fit(Labelled(rows, np.arange(60) % 2), settings, RunConfig(0)).model, rows)
        for rows in (images, images / 255)
    ]

    np.testing.assert_allclose(*told, atol=1e-4)


def test_rows_of_a_group_never_judge_a_member_that_trained_on_others_of_it():
    """Copies of a row share their fold, so that labels by lot are not learned by heart."""
    random = np.random.default_rng(3)
    rows = np.repeat(random.normal(size=(60, 8)), 5, axis=0)
    labels, groups = np.repeat(random.integers(2, size=60), 5), np.repeat(np.arange(60), 5)
    learner = {"hidden_layer_sizes": (64,), "max_iter": 60, "dropout": 0.0, "l2": 0.0}
    settings = validated(PRESETS["default"], SMALL | PLAIN | learner)
    apart = fit(Labelled(rows, labels, groups=groups), settings, RunConfig(0))
    mixed = fit(Labelled(rows, labels), settings, RunConfig(0))

    assert apart.model.out_of_bag.accuracy < 0.65
    assert mixed.model.out_of_bag.accuracy > 0.9


def test_groups_validate_whole_without_bagging():
    """The holdout consists of whole groups, as the column means show for groups of equal rows."""
    groups = np.repeat(np.arange(40), 5)
    rows = np.repeat(2.0 ** np.arange(40), 5)[:, None]
    settings = validated(PRESETS["default"], SMALL | PLAIN | {"bagging": None})
    result = fit(Labelled(rows, Y, groups=groups), settings, RunConfig(0))
    total = result.model.preprocessor.mean[0] * 180 / 5

    assert total == int(total)
    assert int(total).bit_count() == 36


def test_the_latest_rows_judge_all_members():
    """With timestamps, statistics are of the earlier rows, and no member leaves rows out."""
    timestamps = np.random.default_rng(0).permutation(200)
    settings = validated(PRESETS["default"], SMALL | PLAIN | {"validation_fraction": 0.2})
    model = fit(Labelled(X, Y, timestamps=timestamps), settings, RunConfig(0)).model

    expected = X[timestamps < 160].mean(axis=0)
    np.testing.assert_allclose(model.preprocessor.mean, expected, rtol=1e-12)
    assert model.out_of_bag is None
    assert model.settings.bagging is None


# Rows on disk, of which 25 of four features are in memory together, and 200 validate.
TIGHT = Shares(Storage.DISK, buffer=25 * 16, validation=200 * 16, segment=6 * 16)


@pytest.fixture
def _rows_on_disk(monkeypatch):
    """Let rows be on disk wherever memory is limited."""
    monkeypatch.setattr(
        "epochal.preparation.plan_for",
        lambda network, rows, memory: MemoryPlan(
            memory.limit, None, Shares() if memory.limit is None else TIGHT
        ),
    )


GIGABYTE = Memory(10**9)


def bounded(rows=X, labels=Y, memory=GIGABYTE, seed=0, **settings):
    """Return a small fit in so much memory."""
    ours = validated(PRESETS["default"], SMALL | PLAIN | settings)
    return fit(Labelled(rows, labels), ours, RunConfig(seed, memory=memory))


def as_stream(rows):
    """Return rows that are read when they are needed."""

    def read(size):
        """Yield the rows, `size` at a time."""
        return (rows[start : start + size] for start in range(0, len(rows), size))

    return Streamed(len(rows), rows[:0], read)


@pytest.mark.usefixtures("_rows_on_disk")
@pytest.mark.parametrize(
    "more", [{}, {"bagging": None}, {"bagging": None, "early_stopping": False}]
)
def test_rows_on_disk_train_the_same_model_as_rows_in_memory(more):
    """In one order the members are the same, bit for bit, wherever the rows are."""
    more = more | {"labels": np.where(X[:, 0] > 0, "yes", "no"), "shuffle": False}
    in_memory, on_disk = fitted(**more), bounded(**more)

    for mine, its in zip(in_memory.model.members, on_disk.model.members, strict=True):
        assert all(
            a.tobytes() == b.tobytes()
            for x, y in zip(mine, its, strict=True)
            for a, b in zip(x, y, strict=True)
        )
    np.testing.assert_allclose(
        in_memory.model.history.training_loss, on_disk.model.history.training_loss, rtol=1e-5
    )
    assert (
        first_weights(fitted(seed=1, **more))[0].tobytes() != first_weights(in_memory)[0].tobytes()
    )


@pytest.mark.usefixtures("_rows_on_disk")
@pytest.mark.parametrize("more", [{}, {"early_stopping": False}])
def test_bytes_train_as_the_same_numbers_do(more, rng):
    """Images of bytes give the model of the same images as numbers, to rounding, wherever they are."""
    images = rng.integers(0, 256, (200, 2, 2), dtype=np.uint8)
    labels = np.where(images[:, 1, 1] > 127, "light", "dark")
    as_bytes, as_numbers = (
        fitted(rows, labels, shuffle=False, **more) for rows in (images, images.astype(np.float64))
    )
    on_disk = bounded(images, labels, shuffle=False, **more)

    for one, same, near in zip(*map(first_weights, (as_bytes, on_disk, as_numbers)), strict=True):
        assert one.tobytes() == same.tobytes()
        np.testing.assert_allclose(one, near, atol=1e-4)
    ours, theirs = as_bytes.model.out_of_bag, as_numbers.model.out_of_bag
    assert ours.log_loss == pytest.approx(theirs.log_loss, rel=1e-4)


def test_streamed_rows_train_the_same_model_as_arrays():
    """Rows that are read piece by piece, with coded labels, are rows like others."""
    values, codes = np.unique(Y, return_inverse=True)
    streamed = bounded(as_stream(X), Coded(values, codes.astype(np.uint8)), GIGABYTE)
    whole = fitted()

    assert streamed.model.classes.tolist() == whole.model.classes.tolist()
    assert [w.tobytes() for w in first_weights(streamed)] == [
        w.tobytes() for w in first_weights(whole)
    ]
    assert streamed.model.out_of_bag == whole.model.out_of_bag
    assert streamed.oob_probabilities is None


@pytest.mark.usefixtures("_rows_on_disk")
def test_rows_sorted_by_class_are_learned_from_disk():
    """Blocks are fair samples: rows that come sorted are learned as well as in any order."""
    order = np.argsort(Y, kind="stable")
    new = np.random.default_rng(1).normal(size=(2000, 4))
    truth = 1 / (1 + np.exp(-1.7 * new[:, 0] / 0.5))

    def error(result):
        """Return how far the probabilities of new rows are from the true ones, on average."""
        return np.abs(predict_proba(result.model, new)[:, 1] - truth).mean()

    how = {"bagging": None, "early_stopping": False}
    sorted_on_disk = error(bounded(X[order], Y[order], max_iter=20, **how))

    assert sorted_on_disk < 1.2 * error(fitted(max_iter=20, **how))
    assert sorted_on_disk < 0.5 * error(bounded(X[order], Y[order], max_iter=1, **how))


@pytest.mark.usefixtures("_rows_on_disk")
def test_validation_rows_of_a_limited_memory_are_thinned():
    """A validation set need not fit into memory: then a subset of it validates."""
    ours = validated(PRESETS["default"], SMALL | PLAIN | {"bagging": None})
    how = RunConfig(0, memory=GIGABYTE)
    given = fit(Labelled(X, Y), ours, how, validation=Labelled(np.tile(X, (9, 1)), np.tile(Y, 9)))

    assert np.isfinite(given.model.history.best_loss[0])


def test_chunks_in_order_train_the_same_model_as_all_rows():
    """With fixed moments, epochs over chunks of whole batches equal one epoch over all rows."""
    one = validated(
        PRESETS["classic"],
        {"batch_size": 20, "hidden_layer_sizes": (8,), "max_iter": 1, "shuffle": False}
        | {"early_stopping": False, "momentum": 0.9},
    )
    whole = fit(Labelled(X, Y), one, RunConfig(0))
    program = program_for(one, masked=False)
    fresh = TrainingState(fresh_state(one, program, (4, 8, 2), None, 0), 0)
    going = whole._replace(state=fresh)
    for rows in np.split(np.arange(200), [60, 80, 180]):
        going = fit(Labelled(X[rows], Y[rows]), one, RunConfig(0), earlier=going)

    for mine, its in zip(going.model.members[0], whole.model.members[0], strict=True):
        assert mine.weights.tobytes() == its.weights.tobytes()
        assert mine.bias.tobytes() == its.bias.tobytes()
    assert (
        whole.model.members[0][0].weights.tobytes() != fresh.members.layers[0].weights[0].tobytes()
    )
