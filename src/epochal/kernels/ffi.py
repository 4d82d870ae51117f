"""The operations in C as functions of JAX arrays; `c/handlers.c` is the other side.

All arrays are float32, except for the table of `take_rows` and numbers of rows, classes and units. A matrix
in panels has the same shape as the matrix itself but another order in memory: its first `PANEL` columns row
by row, then the next ones, at last the columns that are left. A product reads such a matrix without packing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    Array = Any  # a JAX array

# Which matrices of an operation are in panels, and that it has few outputs; `handlers.c` has the same.
INPUTS, OUTPUTS, FEW = 1, 2, 4
PANEL = 32  # columns of a panel, as in `kernels.h`
TILE_ROWS = 12  # of a register tile; so many outputs are few, beside a panel of inputs


def _panels(x: Array, gradient: Array, panels: int) -> np.int32:
    """Return the attribute `panels` of a backward pass: also whether the outputs are few."""
    few = gradient.shape[1] <= TILE_ROWS and x.shape[1] >= PANEL
    return np.int32(panels | FEW * few)


@dataclass(frozen=True)
class Operations:
    """The operations; with `parallel`, threads share the work of each."""

    parallel: bool

    def take_rows(self, table: Array, numbers: Array, panels: int = 0) -> Array:
        """Return the rows with these numbers, of the table's type, shape (numbers, columns).

        Args:
            table: shape (rows, columns).
            numbers: int32; a number that no row has stands for the last one.
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
        """Return a matrix row by row that is in panels."""
        return self._change_layout(matrix, INPUTS)

    def _change_layout(self, x: Array, panels: int) -> Array:
        """Return a matrix in the other layout; one that is no wider than a panel is the same in both."""
        if x.shape[1] <= PANEL:
            return x
        return self._call("change_layout", x.shape)(x, panels=np.int32(panels))

    def dense(
        self, x: Array, weights: Array, bias: Array, *dropout: Array, relu: bool, panels: int
    ) -> Array:
        """Return x W + b, or with `relu` max(x W + b, 0), shape (rows, outputs).

        Args:
            x: shape (rows, inputs).
            weights: shape (inputs, outputs), in panels.
            bias: shape (outputs,).
            dropout: nothing; or stream and limit, uint32 (2,), and the scale of the units that stay.
            relu: whether the layer has a ReLU unit.
            panels: `INPUTS` if x is in panels, and `OUTPUTS` if the result is.
        """
        call = self._call("dense", (x.shape[0], weights.shape[1]))
        return call(x, weights, bias, *dropout, panels=np.int32(panels), relu=np.int32(relu))

    def product(self, x: Array, weights: Array) -> Array:
        """Return x W, shape (rows, outputs), of weights in panels."""
        return self._call("dense", (x.shape[0], weights.shape[1]))(x, weights)

    def dense_gradients(
        self, x: Array, gradient: Array, *backward: Array, panels: int
    ) -> tuple[Array, ...]:
        """Return a layer's gradients: of its weights, in panels, of its biases and, if wanted, of its inputs.

        These are xᵀ g, shape (inputs, outputs); the sums of g over rows, shape (outputs,); and g Wᵀ,
        shape (rows, inputs). One operation computes them, so that XLA knows that W has been read:
        otherwise it copies W before a step of Adam changes it in place.

        Args:
            x: shape (rows, inputs).
            gradient: g, shape (rows, outputs).
            backward: nothing; or W, shape (inputs, outputs), in panels, if the gradient of x is wanted;
                or W and a scale, if x are hidden values: then g Wᵀ is multiplied by the scale where
                x > 0, is 0 elsewhere, and has the layout of x.
            panels: `INPUTS` if x is in panels, and `OUTPUTS` if g is.
        """
        outputs = gradient.shape[1]
        shapes = [(x.shape[1], outputs), (outputs,), x.shape][: 3 if backward else 2]
        call = self._call("dense_gradients", *shapes)
        return tuple(call(x, gradient, *backward, panels=_panels(x, gradient, panels)))

    def fused_adam(
        self, x: Array, gradient: Array, *state: Array, wanted: bool, panels: int
    ) -> tuple[Array, ...]:
        """Return weights and moments after a step of Adam; then the other gradients as `dense_gradients` does.

        The gradient of the weights stays in the cache, and is not written to memory.

        Args:
            x: shape (rows, inputs).
            gradient: of the outputs, shape (rows, outputs).
            state: weights, both moments and figures as for `adam`; and a scale, as for
                `dense_gradients`, if x are hidden values.
            wanted: whether the gradient of x is.
            panels: as for `dense_gradients`.
        """
        weights = state[0].shape
        shapes = [weights, weights, weights, weights[1:], x.shape][: 5 if wanted else 4]
        call = self._call("fused_adam", *shapes, in_place={2: 0, 3: 1, 4: 2})
        return tuple(call(x, gradient, *state, panels=_panels(x, gradient, panels)))

    def cross_entropy(self, logits: Array, labels: Array, weights: Array) -> tuple[Array, Array]:
        """Return weight (s - y), shape (rows, classes), and the cross-entropies, shape (rows,).

        Args:
            logits: shape (rows, classes).
            labels: the number of each row's class, int32 (rows,); both results are NaN for a row
                whose label is the number of no class.
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
            step: the gradient; and both decay rates of the moments, epsilon, what divides the
                moments, the learning rate, and the decay of the weights, shape (7,).
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
            dtype: of all of them.
            in_place: the arguments whose memory results take, by their numbers.
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
