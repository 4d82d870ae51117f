"""The operations in C against NumPy in float64, and against what XLA does."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.learn import native
from epochal.learn.dropout import Drop, inverted
from epochal.learn.kernels import PLAIN
from epochal.learn.losses import cross_entropy, cross_entropy_gradient
from epochal.learn.native import calls
from epochal.learn.native.calls import INPUTS, OUTPUTS, PANEL, Operations
from epochal.learn.network import Layer
from epochal.learn.optimizer import Hyper, fresh_moments, rule_by, updated

CPU_FLAGS = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
RANDOM = np.random.default_rng(0)
# Of each side less than a vector, a tile, a block, and just over one; the last are shared out.
SIDES = (1, 5, 17, 35, 64)
SIZES = [
    *product(SIDES, SIDES, SIDES),
    (300, 7, 600),
    (300, 1100, 30),
    (250, 530, 129),
    (40, 50, 9),
]

needed = pytest.mark.skipif(not calls.able(), reason="the operations in C are not built")


def drawn(*shape):
    """Return normal numbers, float32."""
    return RANDOM.normal(size=shape).astype(np.float32)


def in_panels(matrix):
    """Return a matrix in panels: the numbers of each in one piece, the last of what is left."""
    pieces = [matrix[:, left : left + PANEL].ravel() for left in range(0, matrix.shape[1], PANEL)]
    return np.concatenate(pieces).reshape(matrix.shape)


def in_rows(panels):
    """Return a matrix that is in panels, by the place of each number."""
    places = in_panels(np.arange(panels.size).reshape(panels.shape))
    matrix = np.empty(panels.shape, np.float32)
    matrix.ravel()[places.ravel()] = np.ravel(panels)
    return matrix


def close(found, wanted):
    """Compare with what float64 gives: sums of up to a thousand products."""
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(
    not (shutil.which("cc") and {"avx2", "fma"} <= set(CPU_FLAGS.split())),
    reason="no C compiler, or no processor that the operations are for",
)
@pytest.mark.skipif(os.environ.get("EPOCHAL_NATIVE") == "0", reason="they are not wanted")
def test_the_operations_are_built_where_there_is_a_compiler():
    """Otherwise no test here would say that an installation left them out."""
    assert calls.able()


@needed
@pytest.mark.parametrize(
    ("share", "stored"), [(False, 0), (False, INPUTS | OUTPUTS), (True, INPUTS), (True, OUTPUTS)]
)
@pytest.mark.parametrize(("rows", "inputs", "outputs"), SIZES)
def test_each_product_is_that_of_the_formula(rows, inputs, outputs, share, stored):
    """max(x W + b, 0), x W, g Wᵀ, xᵀ g, sums of g, with whole and broken vectors, tiles, panels."""
    x, w, b, g = drawn(rows, inputs), drawn(inputs, outputs), drawn(outputs), drawn(rows, outputs)
    ours = Operations(share)
    into_x, out_of_x = (in_panels, in_rows) if stored & INPUTS else (np.asarray, np.asarray)
    into_g, out_of_g = (in_panels, in_rows) if stored & OUTPUTS else (np.asarray, np.asarray)
    of = into_x(x), into_g(g)
    exact = x.astype(float) @ w
    of_weights, of_bias, of_x = ours.back(*of, in_panels(w), stored=stored)
    alone = ours.back(*of, stored=stored)
    *_, of_hidden = ours.back(*of, in_panels(w), np.float32(2), stored=stored)

    for unit, wanted in [(True, np.maximum(exact + b, 0)), (False, exact + b)]:
        found = ours.layer(of[0], in_panels(w), b, unit=unit, stored=stored)
        close(out_of_g(found), wanted)
    close(ours.product(x, in_panels(w)), exact)
    close(of_x, g.astype(float) @ w.T)
    close(out_of_x(of_hidden), np.where(x > 0, 2 * (g.astype(float) @ w.T), 0))
    for weights, bias in [(of_weights, of_bias), alone]:
        close(in_rows(weights), x.T.astype(float) @ g)
        close(bias, g.astype(float).sum(axis=0))


@needed
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 32), (2, 33), (40, 70), (300, 784)])
def test_a_matrix_goes_into_panels_and_back(rows, columns):
    """Each number to its place."""
    x, ours = drawn(rows, columns), Operations(share=True)

    np.testing.assert_array_equal(ours.in_panels(x), in_panels(x))
    np.testing.assert_array_equal(ours.in_rows(in_panels(x)), x)


@needed
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize(("number", "columns"), [(1, 1), (7, 3), (256, 784)])
def test_rows_are_those_of_their_numbers(number, columns, dtype):
    """Of any type, repeated or not; a number that is none gives the last row."""
    table = RANDOM.integers(0, 255, size=(50, columns)).astype(dtype)
    numbers = RANDOM.integers(0, 50, size=number).astype(np.int32)
    ours = Operations(share=True)

    np.testing.assert_array_equal(ours.rows(table, numbers), table[numbers])
    np.testing.assert_array_equal(ours.rows(table, np.arange(7, 27, dtype=np.int32)), table[7:27])
    if dtype == np.float32:
        found = ours.rows(table, numbers, OUTPUTS)
        np.testing.assert_array_equal(in_rows(found), table[numbers])
    over = np.array([48, 49, 50, 51, -1, 0, 1, 3], np.int32)
    np.testing.assert_array_equal(ours.rows(table, over), table[[48, 49, 49, 49, 49, 0, 1, 3]])
    for none in (50, -1):
        np.testing.assert_array_equal(ours.rows(table, np.array([none], np.int32)), table[-1:])


@needed
def test_shared_work_gives_the_same_bits():
    """Each number is summed up by one thread, in one order, however many there are."""
    x, w, b = drawn(256, 784), drawn(784, 512), drawn(512)
    found = [
        (ours.layer(x, w, b, unit=True, stored=stored), *ours.back(x, x @ w, w, stored=stored))
        for ours in map(Operations, (False, True))
        for stored in (0, INPUTS | OUTPUTS)
    ]

    for one, other in [(0, 2), (1, 3)]:
        for a, c in zip(found[one], found[other], strict=True):
            np.testing.assert_array_equal(a, c)


@needed
def test_several_callers_at_once_get_what_each_asked_for():
    """Threads are one caller's at a time; the others compute alone."""
    sides = [(drawn(200, 100 + n), drawn(100 + n, 300)) for n in range(8)]
    wanted = [np.asarray(Operations(share=False).product(*pair)) for pair in sides]

    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            found = pool.map(lambda pair: np.asarray(Operations(share=True).product(*pair)), sides)
            for a, b in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(a, b)


@needed
@pytest.mark.parametrize(("rows", "units"), [(1, 1), (13, 20), (40, 100), (300, 256)])
def test_dropout_drops_the_units_that_it_drops_elsewhere(rows, units):
    """The same mask, and the same values but for the last digits."""
    x, w, b = drawn(rows, 30), drawn(30, units), drawn(units)
    drop = Drop(jnp.float32(0.3), None, jnp.uint32(12345), jnp.int32(7))
    words, scale = drop.words(2)

    of, ours = (x, in_panels(w), b, words[1], scale), Operations(share=True)
    found = np.asarray(ours.layer(*of, unit=True, stored=0))
    panels = ours.layer(*of, unit=True, stored=OUTPUTS)

    wanted = inverted(jnp.maximum(x @ w + b, 0), drop.hidden, drop.word, drop.step, 1)
    np.testing.assert_array_equal(found == 0, np.asarray(wanted) == 0)
    close(found, wanted)
    np.testing.assert_array_equal(in_rows(panels), found)


@needed
def test_what_is_no_number_is_told():
    """NaN passes units and gradients, as it does in the formulas, and infinities stay."""
    x = np.array([[np.nan], [np.inf], [-np.inf], [1.0]], np.float32)
    ours = Operations(share=False)

    h = ours.layer(x, np.ones((1, 1), np.float32), np.zeros(1, np.float32), unit=True, stored=0)
    one, ones = np.ones((1, 1), np.float32), np.ones((4, 1), np.float32)
    *_, g = ours.back(h, ones, one, np.float32(1), stored=0)

    np.testing.assert_array_equal(np.ravel(h), [np.nan, np.inf, 0, 1])
    np.testing.assert_array_equal(np.ravel(g), [1, 1, 0, 1])


@needed
@pytest.mark.parametrize("scale", [1.0, 50.0, 1e30])
@pytest.mark.parametrize(("rows", "classes"), [(1, 2), (5, 3), (16, 10), (33, 17), (1000, 10)])
def test_losses_and_their_gradients_are_those_of_the_formula(rows, classes, scale):
    """Weighted (s - y), and the cross-entropy, also of logits whose exponentials are out of range."""
    logits, weights = scale * drawn(rows, classes), np.abs(drawn(rows))
    labels = RANDOM.integers(0, classes, size=rows).astype(np.int32)
    targets = np.eye(classes)[labels]

    gradient, losses = Operations(share=True).cross_entropy(logits, labels, weights)

    exact = logits.astype(float)
    close(gradient, cross_entropy_gradient(exact, targets) * weights[:, None])
    np.testing.assert_allclose(losses, cross_entropy(exact, targets), rtol=1e-5, atol=1e-6)


@needed
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_logits_that_are_no_numbers_give_losses_that_are_none(odd):
    """A training that diverges is to be told so; the other rows stay as they are."""
    logits = np.zeros((20, 3), np.float32)
    logits[4, 1] = odd
    labels, weights = np.zeros(20, np.int32), np.ones(20, np.float32)

    gradient, losses = Operations(share=False).cross_entropy(logits, labels, weights)

    assert np.flatnonzero(np.isnan(losses)).tolist() == [4]
    assert np.flatnonzero(np.isnan(gradient).all(axis=1)).tolist() == [4]


@needed
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (300, 100)])
def test_a_step_of_adam_is_that_of_the_rule(shape):
    """Weights, moments, L2 and rates as `updated` has them without the operations."""
    layers = (Layer(drawn(*shape), drawn(shape[1])),)
    hyper = Hyper(*map(jnp.float32, (0.01, 0.9, 0.1, 0, 0)))
    results = []
    for kernels in (PLAIN, native.kernels(share=True)):
        one_step = jax.jit(lambda *of, kernels=kernels: updated(rule_by("adam", kernels), *of))
        now, moments = layers, fresh_moments(layers, "adam")
        for step in range(3):
            gradient = (Layer(np.sin(now[0].weights + step), np.cos(now[0].bias)),)
            now, moments = one_step(now, gradient, moments, jnp.int32(step), hyper)
        results.append(jax.tree.leaves((now, moments)))

    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@needed
@pytest.mark.parametrize("wanted", ["nothing", "rows", "hidden values"])
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [*SIZES[::5], *SIZES[-4:], (50, 300, 300), (30, 70, 12)]
)
def test_a_step_with_a_gradient_is_that_step_after_it(rows, inputs, outputs, wanted):
    """The same bits as the gradient first, and a step of Adam with it: of all that is handed back."""
    ours, stored = Operations(share=True), INPUTS | OUTPUTS
    x, g, w = drawn(rows, inputs), drawn(rows, outputs), drawn(inputs, outputs)
    figures = np.array([0.9, 0.999, 1e-8, 0.1, 0.001, 0.01, 0.2], np.float32)
    state = w, w / 9, w * w
    factor = (np.float32(2),) if wanted == "hidden values" else ()

    of = () if wanted == "nothing" else (w, *factor)
    gradient, *rest = ours.back(x, g, *of, stored=stored)
    found = ours.descent(x, g, *state, figures, *factor, wanted=bool(of), stored=stored)

    for a, b in zip(found, (*ours.adam(*state, gradient, figures), *rest), strict=True):
        np.testing.assert_array_equal(a, b)


@needed
def test_the_roots_in_a_step_of_adam_are_the_nearest_numbers():
    """Of every number from 1 to 4, which stand for all, and of the ends of what there is."""
    figures = np.array([1, 1, 0, 1, 1, -1, 0], np.float32)  # a step is first / root(second) then
    whole = np.arange(*np.array([1, 4], np.float32).view(np.int32), dtype=np.int32)
    ends = np.array([0, np.finfo(np.float32).tiny, np.finfo(np.float32).max, np.inf], np.float32)
    for second in (*np.split(whole.view(np.float32), 8), ends):
        nothing, first = np.zeros_like(second), np.ones_like(second)

        found, *_ = Operations(share=True).adam(nothing, first, second, nothing, figures)

        with np.errstate(divide="ignore"):
            np.testing.assert_array_equal(found, first / np.sqrt(second))


SCRIPT = """
import hashlib, numpy as np
from epochal.learn.native.calls import Operations, able
assert able()
draw = np.random.default_rng(0).normal
x, w, b, g = (draw(size=s).astype(np.float32) for s in ((377, 530), (530, 345), (345,), (377, 345)))
words, figures = np.array([7, 2**23], np.uint32), np.array([0.9, 0.999, 1e-8, 0.1, 0.01, 0.1, 0.1])
ours, found = Operations(share=True), []
for stored in range(4):
    back = lambda *of: found.extend(ours.back(*of, stored=stored))
    found += [ours.layer(x, w, b, unit=True, stored=stored), ours.product(x, x.T)]
    back(x, g, w), back(x, g), back(g, x, w.T), back(x, g[:, :7], w[:, :7], np.float32(2))
    back(x, g[:, :5]), back(x, g[:, :9]), back(x, g[:, :3])
    found.append(ours.layer(x, w, b, words, np.float32(2), unit=True, stored=stored))
figures = figures.astype(np.float32)
found += ours.adam(w, w / 9, w * w, w[::-1], figures)
for few in (slice(None), slice(7)):
    mine = g[:, few], w[:, few], w[:, few] / 9, w[:, few] ** 2, figures
    found += ours.descent(x, *mine, np.float32(2), wanted=True, stored=3)
    found += ours.descent(x, *mine, wanted=False, stored=0)
found += ours.cross_entropy(g, np.arange(377, dtype=np.int32) % 345, x[:, 0])
print(hashlib.sha256(b"".join(np.asarray(a).tobytes() for a in found)).hexdigest())
"""


@needed
@pytest.mark.parametrize("threads", [1, 3, 4, 12])
@pytest.mark.parametrize("most", ["avx2", "avx512"])
def test_other_vectors_and_other_threads_give_the_same_bits(most, threads):
    """A model trained by AVX2 is the one trained by AVX-512, as far as the operations go."""
    told = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | changed,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for changed in (
            {"EPOCHAL_NATIVE": most, "EPOCHAL_NATIVE_THREADS": str(threads)},
            {"EPOCHAL_NATIVE": "", "EPOCHAL_NATIVE_THREADS": "2"},
        )
    ]

    assert told[0] == told[1]


def test_without_them_nothing_is_asked_of_xla(monkeypatch):
    """`EPOCHAL_NATIVE=0`, a missing library, and one for another machine: XLA does it all."""
    ask = calls.able.__wrapped__
    monkeypatch.setenv("EPOCHAL_NATIVE", "0")
    assert not ask()
    monkeypatch.delenv("EPOCHAL_NATIVE")
    monkeypatch.setattr(calls, "LIBRARY", Path("missing.so"))
    assert not ask()
    monkeypatch.setattr(calls, "LIBRARY", Path(__file__))
    assert not ask()


LAYOUT = """
#include "{header}"
#include "interface.h"
#define SAME(a, b, c, d) _Static_assert(offsetof(a, b) == offsetof(c, d), #b)
SAME(XLA_FFI_Buffer, data, Array, data);
SAME(XLA_FFI_Buffer, rank, Array, rank);
SAME(XLA_FFI_Buffer, dims, Array, shape);
SAME(XLA_FFI_Scalar, value, Scalar, value);
SAME(XLA_FFI_Args, size, Arrays, count);
SAME(XLA_FFI_Args, args, Arrays, arrays);
SAME(XLA_FFI_Rets, rets, Arrays, arrays);
SAME(XLA_FFI_Attrs, attrs, Attributes, values);
SAME(XLA_FFI_CallFrame, extension_start, Call, extension);
SAME(XLA_FFI_CallFrame, args, Call, arguments);
SAME(XLA_FFI_CallFrame, rets, Call, results);
SAME(XLA_FFI_CallFrame, attrs, Call, attributes);
SAME(XLA_FFI_Metadata, api_version, Metadata, version);
SAME(XLA_FFI_Metadata, traits, Metadata, traits);
SAME(XLA_FFI_Metadata_Extension, metadata, MetadataExtension, metadata);
SAME(XLA_FFI_Api_Version, major_version, Version, major);
SAME(XLA_FFI_Api_Version, minor_version, Version, minor);
_Static_assert(XLA_FFI_API_MAJOR == INTERFACE, "version");
_Static_assert(XLA_FFI_Extension_Metadata == ASKS_FOR_METADATA, "metadata");
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_the_interface_is_that_of_xla(tmp_path):
    """What is used of it lies where the header of the jaxlib that is installed says."""
    if not (calls.LIBRARY.parent / "interface.h").exists():
        pytest.skip("an installed wheel has no C files")
    header = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")
    (tmp_path / "layout.c").write_text(LAYOUT.format(header=header))

    command = ["cc", "-fsyntax-only", f"-I{calls.LIBRARY.parent}", str(tmp_path / "layout.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
