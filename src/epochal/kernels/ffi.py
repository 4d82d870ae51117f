"""The C operations as functions of JAX arrays, through XLA's FFI; `c/handlers.c` is the other side.

All arrays are float32, except the table of `take_rows` and the numbers of rows, classes and units. A
matrix in panels has the shape of the matrix but another order in memory: its first `PANEL` columns row by
row, then the next `PANEL` columns, and so on; the last panel may be narrower. A product reads such a matrix
without packing it.

Operations on the rows of a batch can be limited to some of them (`used`, a row of `used_rows`). Then the
arrays have only these, as if they were shorter, and what is behind them is unspecified.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from epochal.kernels.library import ACTIVATIONS, PANEL

if TYPE_CHECKING:
    Array = Any  # a JAX array

# Flags of an operation: which matrices are in panels, and few outputs; the same as in `handlers.c`.
INPUTS, OUTPUTS, FEW = 1, 2, 4
TILE_ROWS = (
    12  # rows of a register tile; at most as many outputs are few, if the inputs fill a panel
)


def _attributes(x: Array, gradient: Array, panels: int, activation: str) -> dict[str, np.int32]:
    """Return the attributes of a backward pass, with the flag for few outputs."""
    few = gradient.shape[1] <= TILE_ROWS and x.shape[1] >= PANEL
    number = ACTIVATIONS.index(activation)
    return {"panels": np.int32(panels | FEW * few), "activation": np.int32(number)}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Repeats:
    """Blocks of columns that rows have in common, as rows with one level of a category have its vector.

    `array` is int32: the number of the first block of each category, and behind the last; of each row and
    category the number of its block; and a row of each block.
    """

    array: Array
    first: int = field(metadata={"static": True})  # the first column of the first category
    width: int = field(metadata={"static": True})  # of each category


@dataclass(frozen=True)
class Operations:
    """The operations; with `parallel`, threads divide the work of each."""

    parallel: bool

    def used_rows(self, weights: Array, batch_size: int) -> Array:
        """Return which rows of each batch are in use: those whose weight is not 0.

        The shape is (batches, 1 + batch size), int32: how many they are, then the place of each in its batch.
        The last one is repeated; of a batch without any, the first row is in use.
        """
        shape = len(weights) // batch_size, 1 + batch_size
        return self._call("used_rows", shape, dtype=jnp.int32)(weights)

    def repeats(
        self, x: Array, codes: slice, levels: int, place: tuple[int, int], used: Array | None = None
    ) -> Repeats:
        """Return which rows have the same codes.

        Args:
            x: encoded rows.
            codes: the columns of the codes.
            levels: codes are below this number.
            place: in the inputs of the first layer, the first column of the first category, and the width of
                each.
            used: see above.
        """
        count = codes.stop - codes.start
        shape = (count + 1 + 2 * count * x.shape[0],)
        call = self._call("repeats", shape, dtype=jnp.int32, used=used)
        return Repeats(call(x, first=np.int32(codes.start), levels=np.int32(levels)), *place)

    def take_rows(
        self, table: Array, numbers: Array, panels: int = 0, used: Array | None = None
    ) -> Array:
        """Return the rows with these numbers, of the table's type, shape (numbers, columns).

        Args:
            table: shape (rows, columns).
            numbers: int32; a number without a row means the last row.
            panels: `OUTPUTS` for rows in panels, of a table of float32.
            used: None, or how many of the numbers have a row in the result.
        """
        shape = len(numbers), table.shape[1]
        row_bytes = np.int32(table.shape[1] * table.dtype.itemsize)
        call = self._call("take_rows", shape, dtype=table.dtype, used=used)
        return call(table, numbers, panels=np.int32(panels), row_bytes=row_bytes)

    def to_panels(self, matrix: Array, used: Array | None = None) -> Array:
        """Return a matrix in panels."""
        return self._change_layout(matrix, 0, used)

    def to_rows(self, matrix: Array) -> Array:
        """Return a matrix in panels as a matrix in row order."""
        return self._change_layout(matrix, INPUTS)

    def _change_layout(self, x: Array, panels: int, used: Array | None = None) -> Array:
        """Return a matrix in the other layout; a matrix of one panel is the same in both."""
        if x.shape[1] <= PANEL:
            return x
        return self._call("change_layout", x.shape, used=used)(x, panels=np.int32(panels))

    def unit(
        self,
        x: Array,
        layer: tuple[Array, Array],
        *dropout: Array,
        activation: str,
        panels: int,
        used: Array | None = None,
    ) -> tuple[Array, Array]:
        """Return f(x W + b) after dropout, and x W + b, both of shape (rows, outputs), in panels.

        Args:
            x: shape (rows, inputs).
            layer: as for `dense`.
            dropout: as for `dense`.
            activation: the name of f, which is neither ReLU nor the identity.
            panels: `INPUTS` if x is in panels.
            used: see above.
        """
        weights, bias = layer
        shape = x.shape[0], weights.shape[1]
        call = self._call("dense", shape, shape, used=used)
        numbers = {"panels": panels | OUTPUTS, "activation": ACTIVATIONS.index(activation)}
        attributes = {name: np.int32(number) for name, number in numbers.items()}
        return tuple(call(x, weights, bias, *dropout, **attributes))

    def dense(
        self,
        x: Array,
        layer: tuple[Array, Array],
        *dropout: Array,
        relu: bool,
        panels: int,
        used: Array | None = None,
        repeats: Repeats | None = None,
    ) -> Array:
        """Return x W + b, or with `relu` max(x W + b, 0), shape (rows, outputs).

        Args:
            x: shape (rows, inputs).
            layer: weights, shape (inputs, outputs), in panels, and bias, shape (outputs,).
            dropout: empty; or stream and limit, uint32 (2,), and the scale of the units not dropped.
            relu: whether the layer has a ReLU unit.
            panels: `INPUTS` if x is in panels, and `OUTPUTS` if the result is.
            used: see above; dropout depends on the places of the rows.
            repeats: of x, whose blocks are multiplied once; None if there are none.
        """
        call = self._call("dense", (x.shape[0], layer[0].shape[1]), used=used, repeats=repeats)
        return call(x, *layer, *dropout, panels=np.int32(panels), relu=np.int32(relu))

    def product(self, x: Array, weights: Array) -> Array:
        """Return x W, shape (rows, outputs), for weights in panels."""
        return self._call("dense", (x.shape[0], weights.shape[1]))(x, weights)

    def dense_gradients(
        self,
        x: Array,
        gradient: Array,
        *backward: Array,
        panels: int,
        used: Array | None = None,
        activation: str = "relu",
    ) -> tuple[Array, ...]:
        """Return a layer's gradients: of its weights, in panels, of its biases and, if wanted, of its inputs.

        These are xᵀ g, shape (inputs, outputs); the sums of g over rows, shape (outputs,); and g Wᵀ,
        shape (rows, inputs). One operation computes all, so that XLA knows that W has been read: otherwise
        it copies W before a step of Adam overwrites it.

        Args:
            x: shape (rows, inputs).
            gradient: g, shape (rows, outputs).
            backward: empty; or W, shape (inputs, outputs), in panels, if the gradient of x is wanted;
                or W and a scale, if x are hidden values: then g Wᵀ is multiplied by the scale where
                x > 0, is 0 elsewhere, and has the layout of x. With another unit f than ReLU there are,
                instead of the scale, the arguments of f, with the layout of x, and those of dropout,
                as for `dense`: then g Wᵀ is multiplied by the mask, the scale, and the derivative of f.
            panels: `INPUTS` if x is in panels, and `OUTPUTS` if g is.
            used: see above.
            activation: the name of the hidden unit.
        """
        outputs = gradient.shape[1]
        shapes = [(x.shape[1], outputs), (outputs,), x.shape][: 3 if backward else 2]
        call = self._call("dense_gradients", *shapes, used=used)
        return tuple(call(x, gradient, *backward, **_attributes(x, gradient, panels, activation)))

    def fused_adam(  # noqa: PLR0913  (XLA calls one operation with all of this)
        self,
        x: Array,
        gradient: Array,
        *state: Array,
        wanted: bool,
        panels: int,
        used: Array | None = None,
        repeats: Repeats | None = None,
        activation: str = "relu",
    ) -> tuple[Array, ...]:
        """Return weights and moments after a step of Adam, then the other gradients of `dense_gradients`.

        The gradient of the weights stays in the processor's cache and is not written to memory.

        Args:
            x: shape (rows, inputs).
            gradient: of the outputs, shape (rows, outputs).
            state: weights, both moments and constants as for `adam`; and, if x are hidden values, what
                follows the weights in `dense_gradients`.
            wanted: whether the gradient of x is computed.
            panels: as for `dense_gradients`.
            used: see above.
            repeats: of x, or None. The gradient of a block is that of all rows that have it, and stands in
                one of them; the others have 0.
            activation: as for `dense_gradients`.
        """
        weights = state[0].shape
        shapes = [weights, weights, weights, weights[1:], x.shape][: 5 if wanted else 4]
        call = self._call(
            "fused_adam", *shapes, in_place={2: 0, 3: 1, 4: 2}, used=used, repeats=repeats
        )
        return tuple(call(x, gradient, *state, **_attributes(x, gradient, panels, activation)))

    def embed(
        self,
        shape: tuple[int, int],
        x: Array,
        *parameters: Array,
        folds: int,
        used: Array | None = None,
    ) -> Array:
        """Return what the first layer gets of rows, by `nn/embedding.py`.

        Args:
            shape: of the result.
            x: encoded rows, shape (rows, features).
            parameters: of the embedding: slope, offset, increments, bin vectors, whether bins are fine,
                levels, scale, plain; and with target statistics their tables, shape (folds entries,
                statistics), the scales of names and of words, and log(1 + n) for n words.
            folds: how many tables there are.
            used: see above.
        """
        return self._call("embed", shape, used=used)(x, *parameters, folds=np.int32(folds))

    def embedding_gradients(
        self,
        shapes: list[tuple[int, ...]],
        *arrays: Array,
        folds: int,
        used: Array | None = None,
    ) -> tuple[Array, ...]:
        """Return the gradients of the learned parameters of `embed`, in the order of these.

        Args:
            shapes: of the parameters that are learned.
            arrays: x; the gradient of the result of `embed`; and the parameters.
            folds: as for `embed`.
            used: see above.
        """
        call = self._call("embedding_gradients", *shapes, used=used)
        return tuple(call(*arrays, folds=np.int32(folds)))

    def cross_entropy(
        self, logits: Array, labels: Array, weights: Array, used: Array | None = None
    ) -> tuple[Array, Array]:
        """Return weight (s - y), shape (rows, classes), and the cross-entropies, shape (rows,).

        Args:
            logits: shape (rows, classes).
            labels: the number of each row's class, int32 (rows,); both results are NaN for a row
                whose label is no class number.
            weights: of the rows.
            used: see above, of the logits and the gradient. Labels, weights and cross-entropies are those of
                the whole batch; rows that are not in use have a cross-entropy of 0.
        """
        shapes = logits.shape, labels.shape, labels.shape
        call = self._call("cross_entropy", *shapes, used=used)
        gradient, exponential_sums, logits_of_labels = call(logits, labels, weights)
        return gradient, jnp.log(exponential_sums) - logits_of_labels

    def adam(self, weights: Array, first: Array, second: Array, *step: Array) -> tuple[Array, ...]:
        """Return an array and its moments after a step of Adam.

        Args:
            weights: the array; the moments have its shape.
            first: the running mean of the gradient.
            second: that of its square.
            step: the gradient; and the constants, shape (7,): both decay rates of the moments, epsilon,
                both bias corrections, the learning rate, and the decay of the weights.
        """
        *gradient, constants = step
        (stepped,) = self.adam_steps([(weights, first, second, *gradient)], constants)
        return stepped

    def adam_steps(
        self, arrays: list[tuple[Array, ...]], constants: Array
    ) -> list[tuple[Array, ...]]:
        """Return each array and its moments after a step of Adam, all in one operation.

        Args:
            arrays: of each the array, both moments and the gradient.
            constants: of each those of `adam`, shape (arrays, 7).
        """
        shapes = [part.shape for array in arrays for part in array[:3]]
        in_place = {4 * n + k: 3 * n + k for n in range(len(arrays)) for k in range(3)}
        call = self._call("adam", *shapes, in_place=in_place)
        after = call(*(part for array in arrays for part in array), constants)
        return [tuple(after[start : start + 3]) for start in range(0, len(after), 3)]

    def _call(
        self,
        name: str,
        *shapes: tuple[int, ...],
        dtype: Any = jnp.float32,
        in_place: dict[int, int] | None = None,
        used: Array | None = None,
        repeats: Repeats | None = None,
    ) -> Any:
        """Return a function that calls an operation with arrays and attributes.

        Args:
            name: of the operation.
            shapes: of its results.
            dtype: of the results.
            in_place: the number of the result that overwrites an argument, by the number of the argument.
            used: the rows in use, or None.
            repeats: of the rows, or None.
        """
        results = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        call = jax.ffi.ffi_call(
            f"epochal_{name}",
            results[0] if len(results) == 1 else results,
            input_output_aliases=in_place,
        )
        limited = () if used is None else (used,)
        own = {"parallel": np.int32(self.parallel), "used": np.int32(len(limited))}
        if repeats is not None:
            limited = (repeats.array, *limited)
            own |= {"first": np.int32(repeats.first), "repeats": np.int32(repeats.width)}
        return lambda *arrays, **attributes: call(*arrays, *limited, **own, **attributes)
