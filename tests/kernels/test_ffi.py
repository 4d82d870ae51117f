"""The operations in C against NumPy in float64, and against what XLA does."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.kernels.ffi import INPUTS, OUTPUTS, PANEL, Operations
from epochal.kernels.library import load
from epochal.kernels.network import c_backend
from epochal.nn.backend import PLAIN
from epochal.nn.dropout import Drop, inverted
from epochal.nn.layers import ACTIVATIONS, Layer
from epochal.nn.losses import cross_entropy, cross_entropy_gradient
from epochal.training.optimizers import Hyper, fresh_moments, optimizer_step, rule_by

# Of each side less than a vector, a tile, a block, and just over one; the last are shared out.
SIDES = (1, 5, 17, 35, 64)
# A Latin square: any two sides meet in each pair of lengths.
PAIRS = [(a, b, SIDES[(i + j) % 5]) for i, a in enumerate(SIDES) for j, b in enumerate(SIDES)]
EVERY_OTHER_SIZE = sorted(set(product(SIDES, SIDES, SIDES)) - set(PAIRS))
SIZES = [*PAIRS, (300, 7, 600), (300, 1100, 30), (250, 530, 129), (40, 50, 9)]

needed = pytest.mark.skipif(not load().instruction_set, reason="the operations in C are not in use")


@pytest.fixture
def drawn(rng):
    """Return a function that draws normal numbers, float32."""
    return lambda *shape: rng.normal(size=shape).astype(np.float32)


def in_panels(matrix):
    """Return a matrix in panels, each contiguous; the last one has the remaining columns."""
    pieces = [matrix[:, left : left + PANEL].ravel() for left in range(0, matrix.shape[1], PANEL)]
    return np.concatenate(pieces).reshape(matrix.shape)


def in_rows(panels):
    """Return a matrix that is in panels, by the place of each number."""
    places = in_panels(np.arange(panels.size).reshape(panels.shape))
    matrix = np.empty(panels.shape, np.float32)
    matrix.ravel()[places.ravel()] = np.ravel(panels)
    return matrix


def close(found, wanted):
    """Compare with float64, for sums of up to a thousand products."""
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def in_programs(function, x, w):
    """Return the function as one program, which compiles sooner than several; but of large matrices, which use the pool."""
    return function if max(*x.shape, *w.shape) > max(SIDES) else jax.jit(function)


@needed
@pytest.mark.parametrize(
    ("parallel", "panels"), [(False, 0), (False, INPUTS | OUTPUTS), (True, INPUTS), (True, OUTPUTS)]
)
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"),
    [*SIZES, *(pytest.param(*size, marks=pytest.mark.long) for size in EVERY_OTHER_SIZE)],
)
def test_each_product_is_that_of_the_formula(rows, inputs, outputs, parallel, panels, drawn):
    """max(x W + b, 0), x W, g Wᵀ, xᵀ g, sums of g, with whole and broken vectors, tiles, panels."""
    x, w, b, g = drawn(rows, inputs), drawn(inputs, outputs), drawn(outputs), drawn(rows, outputs)
    ours = Operations(parallel)
    into_x, out_of_x = (in_panels, in_rows) if panels & INPUTS else (np.asarray, np.asarray)
    into_g, out_of_g = (in_panels, in_rows) if panels & OUTPUTS else (np.asarray, np.asarray)
    exact = x.astype(float) @ w

    def products(x, rows, g, w, b):
        """Return what the operations give."""
        units = [ours.dense(x, (w, b), relu=unit, panels=panels) for unit in (True, False)]
        whole = ours.dense_gradients(x, g, w, panels=panels)
        alone = ours.dense_gradients(x, g, panels=panels)
        *_, of_hidden = ours.dense_gradients(x, g, w, np.float32(2), panels=panels)
        return units, ours.product(rows, w), whole, alone, of_hidden

    units, plain, (of_weights, of_bias, of_x), alone, of_hidden = in_programs(products, x, w)(
        into_x(x), x, into_g(g), in_panels(w), b
    )

    for found, wanted in zip(units, (np.maximum(exact + b, 0), exact + b), strict=True):
        close(out_of_g(found), wanted)
    close(plain, exact)
    close(of_x, g.astype(float) @ w.T)
    close(out_of_x(of_hidden), np.where(x > 0, 2 * (g.astype(float) @ w.T), 0))
    for weights, bias in [(of_weights, of_bias), alone]:
        close(in_rows(weights), x.T.astype(float) @ g)
        close(bias, g.astype(float).sum(axis=0))


@needed
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 32), (2, 33), (40, 70), (300, 784)])
def test_a_matrix_goes_into_panels_and_back(rows, columns, drawn):
    """Each number to its place."""
    x, ours = drawn(rows, columns), Operations(parallel=True)

    np.testing.assert_array_equal(ours.to_panels(x), in_panels(x))
    np.testing.assert_array_equal(ours.to_rows(in_panels(x)), x)


@needed
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize(("number", "columns"), [(1, 1), (7, 3), (256, 784)])
def test_rows_are_those_of_their_numbers(number, columns, dtype, rng):
    """Rows of any type, repeated or not; an invalid number gives the last row."""
    table = rng.integers(0, 255, size=(50, columns)).astype(dtype)
    numbers = rng.integers(0, 50, size=number).astype(np.int32)
    ours = Operations(parallel=True)

    np.testing.assert_array_equal(ours.take_rows(table, numbers), table[numbers])
    np.testing.assert_array_equal(
        ours.take_rows(table, np.arange(7, 27, dtype=np.int32)), table[7:27]
    )
    if dtype == np.float32:
        found = ours.take_rows(table, numbers, OUTPUTS)
        np.testing.assert_array_equal(in_rows(found), table[numbers])
    over = np.array([48, 49, 50, 51, -1, 0, 1, 3], np.int32)
    np.testing.assert_array_equal(ours.take_rows(table, over), table[[48, 49, 49, 49, 49, 0, 1, 3]])
    for none in (50, -1):
        np.testing.assert_array_equal(ours.take_rows(table, np.array([none], np.int32)), table[-1:])


@needed
def test_shared_work_gives_the_same_bits(drawn):
    """Each number is summed up by one thread, in one order, however many there are."""
    x, w, b = drawn(256, 784), drawn(784, 512), drawn(512)
    found = [
        (
            ours.dense(x, (w, b), relu=True, panels=panels),
            *ours.dense_gradients(x, x @ w, w, panels=panels),
        )
        for ours in map(Operations, (False, True))
        for panels in (0, INPUTS | OUTPUTS)
    ]

    for one, other in [(0, 2), (1, 3)]:
        for a, c in zip(found[one], found[other], strict=True):
            np.testing.assert_array_equal(a, c)


@needed
def test_several_callers_at_once_get_what_each_asked_for(drawn):
    """Threads are one caller's at a time; the others compute alone."""
    sides = [(drawn(200, 100 + n), drawn(100 + n, 300)) for n in range(8)]
    wanted = [np.asarray(Operations(parallel=False).product(*pair)) for pair in sides]

    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            found = pool.map(
                lambda pair: np.asarray(Operations(parallel=True).product(*pair)), sides
            )
            for a, b in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(a, b)


@needed
@pytest.mark.parametrize(("rows", "units"), [(1, 1), (13, 20), (40, 100), (300, 256)])
def test_dropout_drops_the_units_that_it_drops_elsewhere(rows, units, drawn):
    """The same mask, and the same values but for the last digits."""
    x, w, b = drawn(rows, 30), drawn(30, units), drawn(units)
    drop = Drop(jnp.float32(0.3), None, jnp.uint32(12345), jnp.int32(7))
    words, scale = drop.words(2)

    of, ours = (x, (in_panels(w), b), words[1], scale), Operations(parallel=True)
    found = np.asarray(ours.dense(*of, relu=True, panels=0))
    in_panels_too = ours.dense(*of, relu=True, panels=OUTPUTS)

    wanted = inverted(jnp.maximum(x @ w + b, 0), drop.hidden, drop.word, drop.step, 1)
    np.testing.assert_array_equal(found == 0, np.asarray(wanted) == 0)
    close(found, wanted)
    np.testing.assert_array_equal(in_rows(in_panels_too), found)


@needed
def test_what_is_no_number_is_told():
    """NaN passes units and gradients, as it does in the formulas, and infinities stay."""
    x = np.array([[np.nan], [np.inf], [-np.inf], [1.0]], np.float32)
    ours = Operations(parallel=False)

    h = ours.dense(x, (np.ones((1, 1), np.float32), np.zeros(1, np.float32)), relu=True, panels=0)
    one, ones = np.ones((1, 1), np.float32), np.ones((4, 1), np.float32)
    *_, g = ours.dense_gradients(h, ones, one, np.float32(1), panels=0)

    np.testing.assert_array_equal(np.ravel(h), [np.nan, np.inf, 0, 1])
    np.testing.assert_array_equal(np.ravel(g), [1, 1, 0, 1])


@needed
@pytest.mark.parametrize("scale", [1.0, 50.0, 1e30])
@pytest.mark.parametrize(("rows", "classes"), [(1, 2), (5, 3), (16, 10), (33, 17), (1000, 10)])
def test_losses_and_their_gradients_are_those_of_the_formula(rows, classes, scale, rng, drawn):
    """Weighted (s - y), and the cross-entropy, also of logits whose exponentials are out of range."""
    logits, weights = scale * drawn(rows, classes), np.abs(drawn(rows))
    labels = rng.integers(0, classes, size=rows).astype(np.int32)
    targets = np.eye(classes)[labels]

    gradient, losses = Operations(parallel=True).cross_entropy(logits, labels, weights)

    exact = logits.astype(float)
    close(gradient, cross_entropy_gradient(exact, targets) * weights[:, None])
    np.testing.assert_allclose(losses, cross_entropy(exact, targets), rtol=1e-5, atol=1e-6)


@needed
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_logits_that_are_no_numbers_give_losses_that_are_none(odd):
    """A logit that is not finite makes the loss and gradient of its row NaN, and of no other row."""
    logits = np.zeros((20, 3), np.float32)
    logits[4, 1] = odd
    labels, weights = np.zeros(20, np.int32), np.ones(20, np.float32)

    gradient, losses = Operations(parallel=False).cross_entropy(logits, labels, weights)

    assert np.flatnonzero(np.isnan(losses)).tolist() == [4]
    assert np.flatnonzero(np.isnan(gradient).all(axis=1)).tolist() == [4]


@needed
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (300, 100)])
def test_a_step_of_adam_is_that_of_the_rule(shape, drawn):
    """Weights, moments, L2 and rates as `optimizer_step` has them without the operations."""
    layers = (Layer(drawn(*shape), drawn(shape[1])),)
    hyper = Hyper(*map(jnp.float32, (0.01, 0.9, 0.1, 0, 0)))
    results = []
    for kernels in (PLAIN, c_backend(parallel=True)):
        one_step = jax.jit(
            lambda *of, kernels=kernels: optimizer_step(rule_by("adam", kernels), *of)
        )
        now, moments = layers, fresh_moments(layers, "adam")
        for step in range(3):
            gradient = (Layer(np.sin(now[0].weights + step), np.cos(now[0].bias)),)
            now, moments = one_step(now, gradient, moments, jnp.int32(step), hyper)
        results.append(jax.tree.leaves((now, moments)))

    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@needed
@pytest.mark.parametrize("wanted", ["nothing", "rows", "hidden values"])
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [*SIZES, (50, 300, 300), (30, 70, 12)])
def test_a_step_with_a_gradient_is_that_step_after_it(rows, inputs, outputs, wanted, drawn):
    """The same bits as the gradient first, and a step of Adam with it: of all that is handed back."""
    ours, panels = Operations(parallel=True), INPUTS | OUTPUTS
    x, g, w = drawn(rows, inputs), drawn(rows, outputs), drawn(inputs, outputs)
    figures = np.array([0.9, 0.999, 1e-8, 0.1, 0.001, 0.01, 0.2], np.float32)
    state = w, w / 9, w * w
    factor = (np.float32(2),) if wanted == "hidden values" else ()

    def both(x, g, state, figures, factor):
        """Return the results in one step, and those in two."""
        of = () if wanted == "nothing" else (state[0], *factor)
        gradient, *rest = ours.dense_gradients(x, g, *of, panels=panels)
        found = ours.fused_adam(x, g, *state, figures, *factor, wanted=bool(of), panels=panels)
        return found, (*ours.adam(*state, gradient, figures), *rest)

    results = in_programs(both, x, w)(x, g, state, figures, factor)
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


@needed
def test_the_roots_in_a_step_of_adam_are_the_nearest_numbers():
    """Square roots of all numbers from 1 to 4, which represent all others, and of the extremes are exact."""
    figures = np.array([1, 1, 0, 1, 1, -1, 0], np.float32)  # a step is first / root(second) then
    whole = np.arange(*np.array([1, 4], np.float32).view(np.int32), dtype=np.int32)
    ends = np.array([0, np.finfo(np.float32).tiny, np.finfo(np.float32).max, np.inf], np.float32)
    for second in (*np.split(whole.view(np.float32), 8), ends):
        nothing, first = np.zeros_like(second), np.ones_like(second)

        found, *_ = Operations(parallel=True).adam(nothing, first, second, nothing, figures)

        with np.errstate(divide="ignore"):
            np.testing.assert_array_equal(found, first / np.sqrt(second))


@needed
@pytest.mark.parametrize("parallel", [False, True])
def test_steps_of_several_arrays_are_those_of_each(parallel, drawn):
    """Each with its own constants, in one operation; one of the arrays is empty."""
    ours, shapes = Operations(parallel), [(3, 5), (0, 4), (), (90, 70)]
    arrays = [tuple(drawn(*shape) for _ in range(2)) for shape in shapes]
    arrays = [(w, w / 9, w * w, g) for w, g in arrays]
    constants = np.array([0.9, 0.999, 1e-8, 0.1, 0.001, 0.01, 0.2], np.float32) * np.ones((4, 1))
    constants[:, 5] = [0.01, 0.02, 0.03, 0.04]
    constants = constants.astype(np.float32)

    together = ours.adam_steps(arrays, constants)

    for found, array, figures in zip(together, arrays, constants, strict=True):
        for a, b in zip(found, ours.adam(*array, figures), strict=True):
            np.testing.assert_array_equal(a, b)


@needed
def test_rows_in_use_are_those_with_a_weight():
    """Batch by batch; behind them the last one again; of a batch without any, the first."""
    weights = np.array([0, 1, 0, -2, 0, 0, 0, 0, 1, 1, 1, np.nan], np.float32)

    found = Operations(parallel=False).used_rows(weights, 4)

    assert found.tolist() == [[2, 1, 3, 3, 3], [1, 0, 0, 0, 0], [4, 0, 1, 2, 3]]


@needed
@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(("columns", "classes"), [(20, 3), (70, 40)])
def test_operations_on_rows_in_use_give_the_bits_of_those_rows(columns, classes, parallel, drawn):
    """As among all rows of the batch, whose other rows have the gradient 0; sums are those of all rows."""
    x, w, b, g = drawn(90, columns), drawn(columns, classes), drawn(classes), drawn(90, classes)
    labels, weights = np.arange(90, dtype=np.int32) % classes, drawn(90)
    weights[np.arange(90) % 5 < 2] = g[np.arange(90) % 5 < 2] = 0
    ours, words, scale = Operations(parallel), np.array([7, 2**23], np.uint32), np.float32(2)
    (used,) = ours.used_rows(weights, 90)
    kept = np.asarray(used[1 : 1 + used[0]])

    def compact(matrix):
        """Return the rows in use, and NaN behind them."""
        return np.concatenate([matrix[kept], np.full((90 - len(kept), matrix.shape[1]), np.nan)])

    few_x, few_g = (compact(matrix).astype(np.float32) for matrix in (x, g))
    hidden = [
        np.asarray(ours.dense(rows, (in_panels(w), b), words, scale, relu=True, panels=0, used=of))
        for rows, of in ((few_x, used), (x, None))
    ]
    few, every = (
        ours.dense_gradients(*rows, in_panels(w), panels=0, used=of)
        for rows, of in (((few_x, few_g), used), ((x, g), None))
    )
    of_few, losses = ours.cross_entropy(compact(g).astype(np.float32), labels, weights, used)
    of_every, all_losses = ours.cross_entropy(g, labels, weights)

    assert len(kept) == 54
    np.testing.assert_array_equal(hidden[0][:54], hidden[1][kept])
    for a, b in zip(few[:2], every[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(few[2][:54], np.asarray(every[2])[kept])
    np.testing.assert_array_equal(of_few[:54], np.asarray(of_every)[kept])
    np.testing.assert_array_equal(losses, np.where(weights == 0, 0, all_losses))
    np.testing.assert_array_equal(ours.take_rows(x, used[1:], used=used)[:54], x[kept])


@needed
def test_repeats_number_the_levels_of_each_category():
    """In the order of the first row that has each; rows that are not in use count for nothing."""
    codes = np.array([[9, 2, 5], [9, 0, 5], [9, 2, 3], [9, 1, 3]], np.float32)

    repeats = Operations(parallel=False).repeats(
        codes, slice(1, 3), 6, (7, 8), np.array([3, 0, 1, 3, 3], np.int32)
    )

    starts, numbers, rows = np.split(np.asarray(repeats.array), [3, 11])
    assert starts.tolist() == [0, 2, 4]
    assert numbers[:6].reshape(3, 2).tolist() == [[0, 2], [1, 2], [0, 3]]
    assert rows[:4].tolist() == [0, 1, 0, 2]
    assert (repeats.first, repeats.width) == (7, 8)


@needed
def test_repeats_that_do_not_fit_are_refused(drawn):
    """Blocks beyond the columns, or nothing beside them."""
    ours, codes = Operations(parallel=False), np.zeros((40, 2), np.float32)
    w, b = drawn(20, 15), drawn(15)
    for place in ((5, 8), (0, 10), (-1, 8)):
        repeats = ours.repeats(codes, slice(0, 2), 1, place)
        with pytest.raises(jax.errors.JaxRuntimeError, match="sizes of repeats that do not fit"):
            ours.dense(drawn(40, 20), (w, b), relu=False, panels=0, repeats=repeats)
    with pytest.raises(jax.errors.JaxRuntimeError, match="sizes of repeats that do not fit"):
        ours.repeats(codes, slice(1, 3), 1, (0, 8))


@needed
def test_more_rows_in_use_than_there_are_is_refused(drawn):
    """Their places would be read beyond the memory."""
    used = np.array([4, 0, 1, 2], np.int32)
    with pytest.raises(jax.errors.JaxRuntimeError, match="more rows in use than there are"):
        Operations(parallel=False).take_rows(drawn(3, 4), used[1:], used=used)


@needed
def test_steps_without_constants_are_refused(drawn):
    """Constants for fewer arrays than there are would be read beyond their memory."""
    w = drawn(3, 4)
    with pytest.raises(jax.errors.JaxRuntimeError, match="too many or too few arrays"):
        Operations(parallel=False).adam_steps([(w, w, w, w)] * 2, np.ones(7, np.float32))


@needed
def test_a_label_that_is_no_class_makes_its_row_nan():
    """Losses and gradients of that row only, so that a training ends by itself; no memory is touched."""
    draw = np.random.default_rng(0)
    logits, weights = draw.normal(size=(40, 5)).astype(np.float32), np.ones(40, np.float32)
    labels = draw.integers(0, 5, size=40).astype(np.int32)
    ours, bad = Operations(parallel=False), {3: -1, 7: 5, 20: 2**31 - 1, 39: -(2**31)}
    good_gradient, good_losses = map(np.asarray, ours.cross_entropy(logits, labels, weights))
    for row, label in bad.items():
        labels[row] = label

    gradient, losses = map(np.asarray, ours.cross_entropy(logits, labels, weights))

    assert np.flatnonzero(np.isnan(losses)).tolist() == list(bad)
    assert np.flatnonzero(np.isnan(gradient).all(axis=1)).tolist() == list(bad)
    others = np.setdiff1d(np.arange(40), list(bad))
    np.testing.assert_array_equal(gradient[others], good_gradient[others])
    np.testing.assert_array_equal(losses[others], good_losses[others])


@needed
def test_arrays_without_a_number_are_refused():
    """What would be computed from nothing is an error of XLA, not a read beyond the memory."""
    with pytest.raises(jax.errors.JaxRuntimeError, match="an argument is empty"):
        Operations(parallel=False).take_rows(np.ones((0, 3), np.float32), np.zeros(2, np.int32))


@needed
def test_no_rows_give_no_rows():
    """A result without a number needs no computation."""
    empty = np.ones((0, 3), np.float32)

    assert Operations(parallel=True).product(empty, np.ones((3, 2), np.float32)).shape == (0, 2)


@needed
@pytest.mark.parametrize("seed", range(12))
def test_every_operation_is_its_formula_at_random_shapes(seed):
    """Any sides, layouts and threads, in one go through XLA."""
    draw = np.random.default_rng(seed)
    rows, inputs, outputs = (int(n) for n in draw.choice([3, 11, 31, 32, 33, 70, 150, 530], 3))
    panels, ours = int(draw.integers(4)), Operations(parallel=bool(draw.integers(2)))

    def normal(*shape):
        return draw.normal(size=shape).astype(np.float32)

    x, w, g, b = (
        normal(rows, inputs),
        normal(inputs, outputs),
        normal(rows, outputs),
        normal(outputs),
    )
    into_x, out_of_x = (in_panels, in_rows) if panels & INPUTS else (np.asarray, np.asarray)
    into_g, out_of_g = (in_panels, in_rows) if panels & OUTPUTS else (np.asarray, np.asarray)
    first, second = normal(inputs, outputs), 1 + normal(inputs, outputs) ** 2
    figures = np.array([0.9, 0.999, 1e-8, 0.1, 0.001, 0.01, 0.2], np.float32)
    numbers, labels = draw.integers(0, rows, size=40), draw.integers(0, outputs, size=rows)

    hidden = ours.dense(into_x(x), (in_panels(w), b), relu=True, panels=panels)
    state = in_panels(w), in_panels(first), in_panels(second)
    w_after, m_after, v_after, of_b, of_x = ours.fused_adam(
        into_x(x), into_g(g), *state, figures, np.float32(2), wanted=True, panels=panels
    )
    _, losses = ours.cross_entropy(g, labels.astype(np.int32), np.ones(rows, np.float32))

    exact_x, exact_g = x.astype(float), g.astype(float)
    gradient = exact_x.T @ exact_g
    m, v = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
    step = m / 0.1 / (np.sqrt(v / 0.001) + 1e-8)
    close(out_of_g(hidden), np.maximum(exact_x @ w + b, 0))
    np.testing.assert_allclose(in_rows(m_after), m, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(in_rows(v_after), v, rtol=1e-3, atol=1e-3)
    close(in_rows(w_after), w - 0.01 * (step + 0.2 * w))
    close(of_b, exact_g.sum(axis=0))
    close(out_of_x(of_x), np.where(x > 0, 2 * (exact_g @ w.T), 0))
    close(losses, cross_entropy(exact_g, np.eye(outputs)[labels]))
    np.testing.assert_array_equal(ours.take_rows(x, numbers.astype(np.int32)), x[numbers])
    np.testing.assert_array_equal(ours.to_rows(ours.to_panels(x)), x)


@needed
@pytest.mark.parametrize("name", ["logistic", "silu", "tanh", "selu"])
def test_a_unit_and_its_chain_rule_are_their_formulas(name, drawn):
    """The unit after its argument, and the gradient through dropout and the unit's derivative."""
    x, w, b, g, v = drawn(30, 20), drawn(20, 70), drawn(70), drawn(30, 5), drawn(70, 5)
    words, scale = np.array([7, 2**22], np.uint32), np.float32(2)
    ours = Operations(parallel=True)
    unit = ACTIVATIONS[name]

    h, z = ours.unit(x, (in_panels(w), b), activation=name, panels=0)
    dropped, _ = ours.unit(x, (in_panels(w), b), words, scale, activation=name, panels=0)
    *_, of_h = ours.dense_gradients(
        h, g, in_panels(v), z, words, scale, panels=INPUTS, activation=name
    )

    argument = x @ w + b
    kept = in_rows(dropped) != 0
    assert 0.5 < kept.mean() < 0.9
    close(in_rows(z), argument)
    close(in_rows(h), unit(argument.astype(np.float64)))
    close(in_rows(dropped), np.where(kept, 2 * unit(argument.astype(np.float64)), 0))
    derivative = jax.vmap(jax.vmap(jax.grad(unit)))(jnp.asarray(argument))
    close(in_rows(of_h), np.where(kept, 2 * (g @ v.T) * derivative, 0))
