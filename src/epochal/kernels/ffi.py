"""The C operations as functions of JAX arrays, through XLA's FFI; `c/handlers.c` is the other side.

All arrays are float32, except the table of `take_rows` and the numbers of rows, classes and units. A
matrix in panels has the shape of the matrix but another order in memory: its first `PANEL` columns row by
row, then the next `PANEL` columns, and so on; the last panel may be narrower. A product reads such a matrix
without packing it.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Operations:
    """The operations; with `parallel`, threads divide the work of each."""

    parallel: bool

    def take_rows(self, table: Array, numbers: Array, panels: int = 0) -> Array:
        """Return the rows with these numbers, of the table's type, shape (numbers, columns).

        Args:
            table: shape (rows, columns).
            numbers: int32; a number without a row means the last row.
            panels: `OUTPUTS` for rows in panels, of a table of float32.
        """
        shape = len(numbers), table.shape[1]
        row_bytes = np.int32(table.shape[1] * table.dtype.itemsize)
        call = self._call("take_rows", shape, dtype=table.dtype)
        return call(table, numbers, panels=np.int32(panels), row_bytes=row_bytes)

    def to_panels(self, matrix: Array) -> Array:
        """Return a matrix in panels."""
        return self._change_layout(matrix, 0)

    def to_rows(self, matrix: Array) -> Array:
        """Return a matrix in panels as a matrix in row order."""
        return self._change_layout(matrix, INPUTS)

    def _change_layout(self, x: Array, panels: int) -> Array:
        """Return a matrix in the other layout; a matrix of one panel is the same in both."""
        if x.shape[1] <= PANEL:
            return x
        return self._call("change_layout", x.shape)(x, panels=np.int32(panels))

    def unit(
        self, x: Array, weights: Array, bias: Array, *dropout: Array, activation: str, panels: int
    ) -> tuple[Array, Array]:
        """Return f(x W + b) after dropout, and x W + b, both of shape (rows, outputs), in panels.

        Args:
            x: shape (rows, inputs).
            weights: shape (inputs, outputs), in panels.
            bias: shape (outputs,).
            dropout: as for `dense`.
            activation: the name of f, which is neither ReLU nor the identity.
            panels: `INPUTS` if x is in panels.
        """
        shape = x.shape[0], weights.shape[1]
        call = self._call("dense", shape, shape)
        numbers = {"panels": panels | OUTPUTS, "activation": ACTIVATIONS.index(activation)}
        attributes = {name: np.int32(number) for name, number in numbers.items()}
        return tuple(call(x, weights, bias, *dropout, **attributes))

    def dense(
        self, x: Array, weights: Array, bias: Array, *dropout: Array, relu: bool, panels: int
    ) -> Array:
        """Return x W + b, or with `relu` max(x W + b, 0), shape (rows, outputs).

        Args:
            x: shape (rows, inputs).
            weights: shape (inputs, outputs), in panels.
            bias: shape (outputs,).
            dropout: empty; or stream and limit, uint32 (2,), and the scale of the units not dropped.
            relu: whether the layer has a ReLU unit.
            panels: `INPUTS` if x is in panels, and `OUTPUTS` if the result is.
        """
        call = self._call("dense", (x.shape[0], weights.shape[1]))
        return call(x, weights, bias, *dropout, panels=np.int32(panels), relu=np.int32(relu))

    def product(self, x: Array, weights: Array) -> Array:
        """Return x W, shape (rows, outputs), for weights in panels."""
        return self._call("dense", (x.shape[0], weights.shape[1]))(x, weights)

    def dense_gradients(
        self, x: Array, gradient: Array, *backward: Array, panels: int, activation: str = "relu"
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
            activation: the name of the hidden unit.
        """
        outputs = gradient.shape[1]
        shapes = [(x.shape[1], outputs), (outputs,), x.shape][: 3 if backward else 2]
        call = self._call("dense_gradients", *shapes)
        return tuple(call(x, gradient, *backward, **_attributes(x, gradient, panels, activation)))

    def fused_adam(
        self,
        x: Array,
        gradient: Array,
        *state: Array,
        wanted: bool,
        panels: int,
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
            activation: as for `dense_gradients`.
        """
        weights = state[0].shape
        shapes = [weights, weights, weights, weights[1:], x.shape][: 5 if wanted else 4]
        call = self._call("fused_adam", *shapes, in_place={2: 0, 3: 1, 4: 2})
        return tuple(call(x, gradient, *state, **_attributes(x, gradient, panels, activation)))

    def cross_entropy(self, logits: Array, labels: Array, weights: Array) -> tuple[Array, Array]:
        """Return weight (s - y), shape (rows, classes), and the cross-entropies, shape (rows,).

        Args:
            logits: shape (rows, classes).
            labels: the number of each row's class, int32 (rows,); both results are NaN for a row
                whose label is no class number.
            weights: of the rows.
        """
        shapes = logits.shape, labels.shape, labels.shape
        call = self._call("cross_entropy", *shapes)
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
        call = self._call("adam", *(weights.shape,) * 3, in_place={0: 0, 1: 1, 2: 2})
        return tuple(call(weights, first, second, *step))

    def _call(
        self,
        name: str,
        *shapes: tuple[int, ...],
        dtype: Any = jnp.float32,
        in_place: dict[int, int] | None = None,
    ) -> Any:
        """Return a function that calls an operation with arrays and attributes.

        Args:
            name: of the operation.
            shapes: of its results.
            dtype: of the results.
            in_place: the number of the result that overwrites an argument, by the number of the argument.
        """
        results = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        call = jax.ffi.ffi_call(
            f"epochal_{name}",
            results[0] if len(results) == 1 else results,
            input_output_aliases=in_place,
        )
        return lambda *arrays, **attributes: call(
            *arrays, parallel=np.int32(self.parallel), **attributes
        )
