"""The operations in C as functions of JAX arrays; `handlers.c` has the other side.

They are compiled when epochal is installed, if there is a C compiler, and used if the processor has
their instructions: AVX2 or AVX-512 with FMA, or NEON. `EPOCHAL_NATIVE=0` leaves all to XLA, and
`EPOCHAL_NATIVE_THREADS` says how many threads share an operation, otherwise as many as there are cores.
"""

from __future__ import annotations

import ctypes
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    Array = Any  # a JAX array

LIBRARY = Path(__file__).with_name("operations.so")
NAMES = ("rows", "panels", "layer", "back", "descent", "entropy", "adam")
# Which of a layer's arrays are in panels, and that it has few outputs; `handlers.c` says the same.
INPUTS, OUTPUTS, FEW = 1, 2, 4
PANEL = 32  # columns of a panel, as in `native.h`
MOST = 12  # outputs that are few, beside a panel of inputs: the height of a tile


@cache
def able() -> bool:
    """Return whether the operations can be used; if so, XLA knows them from now on."""
    if os.environ.get("EPOCHAL_NATIVE") == "0" or not LIBRARY.exists():
        return False
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError:  # built for another machine
        return False
    if not (library.epochal_able() and library.epochal_speaks(*_interface())):
        return False
    for name in NAMES:
        handler = jax.ffi.pycapsule(getattr(library, f"epochal_{name}"))
        jax.ffi.register_ffi_target(f"epochal_{name}", handler, platform="cpu")
    return True


def _interface() -> tuple[int, int]:
    """Return the version, major and minor, of the interface of the XLA that is installed."""
    header = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h").read_text("utf-8")
    major, minor = (
        int(re.findall(rf"#define XLA_FFI_API_{part} (\d+)", header)[0])
        for part in ("MAJOR", "MINOR")
    )
    return major, minor


def _told(x: Array, gradient: Array, stored: int) -> np.int32:
    """Return what is stored how, and whether outputs are few, of what a layer hands back."""
    few = gradient.shape[1] <= MOST and x.shape[1] >= PANEL
    return np.int32(stored | FEW * few)


@dataclass(frozen=True)
class Operations:
    """The operations, on float32 but for `rows`.

    A matrix in panels has the same shape and other places: its first columns, as many as a panel has,
    lie row by row, then the next ones, and the last panel is of those that are left. Products that
    find their matrices so need not pack them first.
    """

    share: bool  # whether threads share the work of each

    def rows(self, table: Array, numbers: Array, stored: int = 0) -> Array:
        """Return the rows of these numbers, of any type, shape (numbers, columns).

        Args:
            table: shape (rows, columns).
            numbers: int32; others than there are rows of give the last one.
            stored: `OUTPUTS` if they are to be in panels, of float32 then.
        """
        shape = len(numbers), table.shape[1]
        width, bits = np.int32(table.shape[1] * table.dtype.itemsize), np.int32(stored)
        call = self._call("rows", shape, dtype=table.dtype, stored=bits, width=width)
        return call(table, numbers)

    def in_panels(self, matrix: Array) -> Array:
        """Return a matrix in panels."""
        return self._panels(matrix, 0)

    def in_rows(self, panels: Array) -> Array:
        """Return a matrix row by row that is in panels."""
        return self._panels(panels, INPUTS)

    def _panels(self, x: Array, stored: int) -> Array:
        """Return a matrix the other way; one that is no wider than a panel is the same."""
        same = x.shape[1] <= PANEL
        return x if same else self._call("panels", x.shape, stored=np.int32(stored))(x)

    def layer(
        self, x: Array, weights: Array, bias: Array, *dropout: Array, unit: bool, stored: int
    ) -> Array:
        """Return x W + b, or max(x W + b, 0) if there is a ReLU unit, shape (rows, outputs).

        Args:
            x: shape (rows, inputs).
            weights: shape (inputs, outputs), in panels.
            bias: shape (outputs,).
            dropout: nothing, or stream and limit, uint32 (2,), and what multiplies units that stay.
            unit: whether there is one.
            stored: `INPUTS` if x is in panels, and `OUTPUTS` if the result is.
        """
        shape = x.shape[0], weights.shape[1]
        call = self._call("layer", shape, unit=np.int32(unit), stored=np.int32(stored))
        return call(x, weights, bias, *dropout)

    def product(self, x: Array, weights: Array) -> Array:
        """Return x W, shape (rows, outputs), of weights in panels."""
        shape = x.shape[0], weights.shape[1]
        return self._call("layer", shape, unit=np.int32(0), stored=np.int32(0))(x, weights)

    def back(self, x: Array, gradient: Array, *of: Array, stored: int) -> tuple[Array, ...]:
        """Return what a layer hands back: the gradients of weights, in panels, biases and, if wanted, of x.

        These are xᵀ g, shape (inputs, outputs); the sums of g over rows, shape (outputs,); and g Wᵀ,
        shape (rows, inputs). They come from one operation, which tells XLA that W has been
        read when they are there: otherwise it copies W before a step of Adam is taken in its place.

        Args:
            x: shape (rows, inputs).
            gradient: g, shape (rows, outputs).
            of: nothing; or W, shape (inputs, outputs), in panels; or W and a factor: x are hidden values
                then, and g Wᵀ is multiplied by the factor where x > 0, is 0 elsewhere, and in
                panels if x is.
            stored: `INPUTS` if x is in panels, and `OUTPUTS` if g is.
        """
        outputs = gradient.shape[1]
        shapes = [(x.shape[1], outputs), (outputs,), x.shape][: 3 if of else 2]
        call = self._call("back", *shapes, stored=_told(x, gradient, stored))
        return tuple(call(x, gradient, *of))

    def descent(
        self, x: Array, gradient: Array, *of: Array, wanted: bool, stored: int
    ) -> tuple[Array, ...]:
        """Return weights and moments after a step of Adam; as `back` the gradients of biases and, if wanted, of x.

        The gradient of the weights is used where it is computed, and written nowhere.

        Args:
            x: shape (rows, inputs).
            gradient: of the outputs, shape (rows, outputs).
            of: weights, both moments and figures, as `adam` takes them; and a factor, as for `back`, if x
                are hidden values.
            wanted: whether the gradient of x is.
            stored: as for `back`.
        """
        weights = of[0].shape
        shapes = [weights, weights, weights, weights[1:], x.shape][: 5 if wanted else 4]
        places = {2: 0, 3: 1, 4: 2}
        call = self._call("descent", *shapes, places=places, stored=_told(x, gradient, stored))
        return tuple(call(x, gradient, *of))

    def cross_entropy(self, logits: Array, labels: Array, weights: Array) -> tuple[Array, Array]:
        """Return weight (s - y), shape (rows, classes), and the cross-entropies, shape (rows,).

        Args:
            logits: shape (rows, classes).
            labels: the number of each row's class, int32 (rows,).
            weights: of the rows.
        """
        shapes = logits.shape, labels.shape, labels.shape
        gradient, sums, own = self._call("entropy", *shapes)(logits, labels, weights)
        return gradient, jnp.log(sums) - own

    def adam(self, value: Array, first: Array, second: Array, *of: Array) -> tuple[Array, ...]:
        """Return an array and its moments after a step of Adam.

        Args:
            value: the array; the moments have its shape.
            first: the running mean of the gradient.
            second: that of its square.
            of: the gradient; and both decays, the guard, what divides the moments, the rate, and how
                much of the value is taken from the move, shape (7,).
        """
        call = self._call("adam", *(value.shape,) * 3, places={0: 0, 1: 1, 2: 2})
        return tuple(call(value, first, second, *of))

    def _call(
        self,
        name: str,
        *shapes: tuple[int, ...],
        dtype: Any = jnp.float32,
        places: Any = None,
        **attributes: Any,
    ) -> Any:
        """Return a function that calls an operation, with results of the given shapes.

        Args:
            name: of the operation.
            shapes: of its results.
            dtype: of all of them.
            places: which arguments' places which results take.
            attributes: what `handlers.c` reads beside the arrays, in the order of their names.
        """
        results = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        call = jax.ffi.ffi_call(
            f"epochal_{name}",
            results[0] if len(results) == 1 else results,
            input_output_aliases=places,
        )
        return lambda *arrays: call(*arrays, share=np.int32(self.share), **attributes)
