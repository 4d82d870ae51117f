"""The C files: by a driver in C, with failing memory, beside forks; their bits; their headers."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from epochal.kernels import library
from epochal.kernels.library import instruction_sets, load

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from compile_kernels import FLAGS, SOURCES, compiled, compiler

needs_compiler = pytest.mark.skipif(
    not (compiler() and SOURCES.is_dir()), reason="no C compiler, or no C files"
)
in_use = pytest.mark.skipif(not load().instruction_set, reason="the operations in C are not in use")
# The operations allocate by functions of the driver, which can fail.
ALLOCATE = ["-Dposix_memalign=fuzz_memalign", "-Dcalloc=fuzz_calloc"]


def ran(command, **environment):
    """Return the output of a program; fail with its error output."""
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """Return the program that calls the operations through their handlers."""
    program = tmp_path_factory.mktemp("driver") / "fuzz"
    sources = [*sorted(SOURCES.glob("*.c")), Path(__file__).with_name("fuzz.c")]
    command = [*compiler(), *FLAGS, "-O1", *ALLOCATE, f"-I{SOURCES}", *sources, "-pthread", "-lm"]
    ran([*command, "-o", program])
    return program


@needs_compiler
@in_use
@pytest.mark.parametrize("threads", [1, 3])
def test_operations_are_their_formulas(driver, threads):
    """At random shapes, with several callers at once; arrays end where their memory does; all sets have one digest."""
    printed = ran([driver, "calls", threads, 3, 6, 1]).splitlines()

    assert len(printed) >= 1
    assert all(line.endswith("3 callers, 6 rounds, 0 refused") for line in printed)
    assert len({line.split()[2] for line in printed}) == 1


@needs_compiler
@in_use
def test_memory_that_is_not_there_is_an_error(driver):
    """Only the operation fails: the process and the thread pool keep working."""
    *_, last = ran([driver, "memory", 3, 3, 10, 1]).splitlines()

    assert int(last.split()[-2]) > 0  # how many were refused


@needs_compiler
@in_use
@pytest.mark.parametrize("forks", [200, pytest.param(10_000, marks=pytest.mark.long)])
def test_forks_beside_operations_do_not_hang(driver, forks):
    """Each child has its own pool, whatever the threads of its parent were doing."""
    for line in ran([driver, "fork", 3, 2, forks, 1]).splitlines():
        assert f"{forks} rounds" in line


MEMORY = """
#include <stdlib.h>
static int failing;
void epochal_fail(int now) { failing = now; }
int checked_memalign(void **start, size_t alignment, size_t size) {
  if (failing) return 12;
  *start = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  return *start ? 0 : 12;
}
"""
TRAINS = """
import ctypes, sys
from pathlib import Path
import numpy as np
from epochal import EpochalClassifier
from epochal.kernels import library

library.LIBRARY = Path(sys.argv[1])
x = np.random.default_rng(0).normal(size=(300, 40))
y = x[:, 0] > 0

def fitted(*, failing):
    ctypes.CDLL(sys.argv[1]).epochal_fail(failing)
    model = EpochalClassifier(preset="classic", hidden_layer_sizes=(300,), max_iter=2)
    return model.fit(x, y)

try:
    fitted(failing=True)
except MemoryError as error:
    print(error)
print(len(fitted(failing=False).classes_))
"""


@needs_compiler
@in_use
def test_a_training_without_memory_ends_with_a_hint(tmp_path):
    """As Python's own error, after which the next training works."""
    (tmp_path / "memory.c").write_text(MEMORY)
    built = tmp_path / "operations.so"
    more = f"-Dposix_memalign=checked_memalign {tmp_path / 'memory.c'}".split()
    assert not compiled(built, *more)

    first, hint, last = ran([sys.executable, "-c", TRAINS, built]).splitlines()

    assert first.startswith("there is too little memory (RESOURCE_EXHAUSTED")
    assert hint.startswith("Hint: smaller hidden_layer_sizes")
    assert last == "2"


REFUSED = """
#include "xla_ffi.h"
const char *epochal_instruction_sets(void) { return "none"; }
int epochal_load(const char *name, int threads) { return name && threads; }
static XLA_FFI_Error *answer(XLA_FFI_CallFrame *frame) {
  XLA_FFI_Metadata *metadata = ((XLA_FFI_Metadata_Extension *)frame->extension_start)->metadata;
  metadata->api_version.major_version = 0;
  metadata->api_version.minor_version = 999;
  return NULL;
}
#define HANDLER(name) XLA_FFI_Error *epochal_##name(XLA_FFI_CallFrame *frame) { return answer(frame); }
"""
ASKS = """
import sys
from pathlib import Path
import jax.numpy as jnp
from epochal.kernels import library

library.LIBRARY = Path(sys.argv[1])
state = library.load()
print(state.instruction_set, state.problem.split(" (")[0], "pip install" in state.hint)
print(jnp.ones(3).sum())
"""


@needs_compiler
def test_an_xla_that_refuses_the_version_is_no_harm(tmp_path):
    """JAX still has its CPU backend, XLA does the work, and the reason is reported."""
    handlers = "\n".join(f"HANDLER({name})" for name in library.OPERATIONS)
    (tmp_path / "refused.c").write_text(REFUSED + handlers)
    built = tmp_path / "refused.so"
    ran([*compiler(), "-shared", "-fPIC", f"-I{SOURCES}", tmp_path / "refused.c", "-o", built])

    state, value = ran([sys.executable, "-c", ASKS, built], EPOCHAL_NATIVE="").splitlines()

    assert state == "None XLA does not accept the operations in C True"
    assert value == "3.0"


OFFSETS = """
#include <stdio.h>
#include "xla_ffi.h"
#define SHOW(type, field) printf(#type "." #field " %zu\\n", offsetof(type, field));
#define SIZE(type) printf(#type " %zu\\n", sizeof(type));
int main(void) {
  SHOW(XLA_FFI_Extension_Base, type) SHOW(XLA_FFI_Metadata_Extension, metadata)
  SHOW(XLA_FFI_Metadata, api_version) SHOW(XLA_FFI_Metadata, traits)
  SHOW(XLA_FFI_Api_Version, major_version) SHOW(XLA_FFI_Api_Version, minor_version)
  SHOW(XLA_FFI_Error_Create_Args, message) SHOW(XLA_FFI_Error_Create_Args, errc)
  SHOW(XLA_FFI_Api, XLA_FFI_Error_Create)
  SHOW(XLA_FFI_Buffer, data) SHOW(XLA_FFI_Buffer, rank) SHOW(XLA_FFI_Buffer, dims)
  SHOW(XLA_FFI_Scalar, dtype) SHOW(XLA_FFI_Scalar, value)
  SHOW(XLA_FFI_ByteSpan, ptr) SHOW(XLA_FFI_ByteSpan, len)
  SHOW(XLA_FFI_Args, size) SHOW(XLA_FFI_Args, args) SHOW(XLA_FFI_Rets, size) SHOW(XLA_FFI_Rets, rets)
  SHOW(XLA_FFI_Attrs, size) SHOW(XLA_FFI_Attrs, types) SHOW(XLA_FFI_Attrs, names)
  SHOW(XLA_FFI_Attrs, attrs) SHOW(XLA_FFI_CallFrame, extension_start) SHOW(XLA_FFI_CallFrame, api)
  SHOW(XLA_FFI_CallFrame, stage) SHOW(XLA_FFI_CallFrame, args) SHOW(XLA_FFI_CallFrame, rets)
  SHOW(XLA_FFI_CallFrame, attrs) SIZE(XLA_FFI_Args) SIZE(XLA_FFI_Rets) SIZE(XLA_FFI_Buffer)
  printf("%d %d %d %d %d %d %d\\n", XLA_FFI_API_MAJOR, XLA_FFI_Extension_Metadata,
         XLA_FFI_Error_Code_INVALID_ARGUMENT, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED,
         XLA_FFI_DataType_S32, XLA_FFI_AttrType_SCALAR, XLA_FFI_ExecutionStage_EXECUTE);
  fprintf(stderr, "%d\\n", XLA_FFI_API_MINOR);
}
"""


@needs_compiler
def test_our_header_has_the_layout_of_xlas(tmp_path):
    """That of the jaxlib that is installed; the same names, so that one can stand for the other."""
    (tmp_path / "offsets.c").write_text(OFFSETS)
    printed = []
    for more in ([f"-I{jax.ffi.include_dir()}"], ["-DEPOCHAL_OWN_FFI_HEADER"]):
        command = [*compiler(), *more, f"-I{SOURCES}", tmp_path / "offsets.c", "-o"]
        ran([*command, tmp_path / "offsets"])
        printed.append(ran([tmp_path / "offsets"]))

    assert "XLA_FFI_Buffer.data" in printed[0]
    assert printed[0] == printed[1]


BITS = """
import hashlib, sys
import numpy as np
from epochal.kernels.library import load
from epochal.kernels.ffi import Operations

state = load()

def drawn(rows, columns):
    number = np.arange(rows * columns, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(rows)
    mixed = (number ^ (number >> np.uint64(15))) * np.uint64(2246822519) % np.uint64(2**32)
    return ((mixed >> np.uint64(8)).astype(np.float32) / 2**22 - 2).reshape(rows, columns)

x, w, g = drawn(377, 530), drawn(530, 345), drawn(377, 345)
b, words = drawn(1, 345)[0], np.array([7, 2**23], np.uint32)
figures = np.array([0.9, 0.999, 1e-8, 0.1, 0.01, 0.1, 0.1], np.float32)
ours, found = Operations(parallel=True), []
for panels in range(4):
    back = lambda *of: found.extend(ours.dense_gradients(*of, panels=panels))
    found += [ours.dense(x, (w, b), relu=True, panels=panels), ours.product(x, x.T)]
    back(x, g, w), back(x, g), back(g, x, w.T), back(x, g[:, :7], w[:, :7], np.float32(2))
    back(x, g[:, :5]), back(x, g[:, :9]), back(x, g[:, :3])
    found.append(ours.dense(x, (w, b), words, np.float32(2), relu=True, panels=panels))
found += ours.adam(w, w / 8, w * w, w[::-1], figures)
for few in (slice(None), slice(7)):
    layer = g[:, few], w[:, few], w[:, few] / 8, w[:, few] ** 2, figures
    found += ours.fused_adam(x, *layer, np.float32(2), wanted=True, panels=3)
    found += ours.fused_adam(x, *layer, wanted=False, panels=0)
table, scales = drawn(9, 16).reshape(3, 3, 16), drawn(5, 16)
codes = np.abs(x[:, :1]) * 3 // 1
rows = np.concatenate([x[:, :5], np.abs(x[:, 5:11]), codes, codes], axis=1)
of = table[:, 0], table[:, 1], table[:, :2], table, np.float32(1), drawn(7, 16), scales, b[:2]
found.append(ours.embed((377, 82), rows, *of, folds=1))
shapes = [part.shape for part in of if part.ndim]
found += ours.embedding_gradients(shapes, rows, w[:377, :82], *of, folds=1)
columns = np.arange(16) + 16 * codes.astype(int)
part = np.concatenate([x[:, :9], np.take(w[0], columns), x[:, :30]], axis=1)
repeats = ours.repeats(rows, slice(11, 12), 7, (9, 16))
first = w[:55, :130]
found.append(ours.dense(part, (first, b[:130]), relu=True, panels=2, repeats=repeats))
layer = first, first / 8, first**2, figures
found += ours.fused_adam(part, g[:, :130], *layer, wanted=True, panels=2, repeats=repeats)
found.append(ours.cross_entropy(g, np.arange(377, dtype=np.int32) % 345, x[:, 0])[0])
units = []
for unit in ("logistic", "silu", "tanh", "selu"):
    h, z = ours.unit(x, (w, b), words, np.float32(2), activation=unit, panels=0)
    units += [h, z, *ours.unit(x, (w, b), activation=unit, panels=1)]
    state_of = x[:345, :41], x[:345, 41:82], x[:345, 82:123] ** 2, figures
    of = dict(panels=1, activation=unit)
    units += ours.dense_gradients(h, g[:, :41], state_of[0], z, words, np.float32(2), **of)
    units += ours.fused_adam(h, g[:, :41], *state_of, z, wanted=True, **of)
digests = (
    hashlib.sha256(b"".join(np.asarray(a).tobytes() for a in of)).hexdigest()
    for of in (found, units)
)
print(state.instruction_set, state.threads, *digests)
"""
# On every machine, by every compiler, with every instruction set and number of threads.
DIGEST = "aac99c327593ba4df3710b967ce69cb77f37ef867bde1fcabdaf0ba5c8c1d14d"
# The same of hidden units other than ReLU.
UNITS = "987de53f77b2bda00fffa16e7a81cda4b8b24c2b87b0d336a900a3522a19126b"


@in_use
@pytest.mark.parametrize("threads", [1, 3, 12])
@pytest.mark.parametrize("name", ["avx2", "avx512", "neon"])
def test_every_instruction_set_and_number_of_threads_gives_these_bits(name, threads):
    """A model trained by AVX2 is the one trained by AVX-512, as far as the operations go."""
    if name not in instruction_sets(ctypes.CDLL(str(library.LIBRARY))):
        pytest.skip(f"this processor has no {name}")

    printed = ran(
        [sys.executable, "-c", BITS], EPOCHAL_NATIVE=name, EPOCHAL_NATIVE_THREADS=str(threads)
    )

    assert printed.split() == [name, str(threads), DIGEST, UNITS]


# A thread that the system has not run yet still blocks every signal, as the C library starts it
# so. The threads of the pool sleep half a millisecond after the product.
SIGNALS = """
import os
import time
from pathlib import Path
import numpy as np
from epochal.kernels.library import load
from epochal.kernels.ffi import Operations

def product(parallel):
    side = np.ones((600, 600), np.float32)
    Operations(parallel=parallel).product(side, side).block_until_ready()

load()
product(False)
before = set(os.listdir("/proc/self/task"))
product(True)
for thread in set(os.listdir("/proc/self/task")) - before:
    file, until = Path("/proc/self/task", thread, "status"), time.monotonic() + 60
    while "State:\\tS" not in (status := file.read_text()) and time.monotonic() < until:
        time.sleep(0.001)
    print(int(status.split("SigBlk:")[1].split()[0], 16))
"""


@in_use
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system has no /proc")
def test_the_threads_of_the_pool_leave_signals_to_others():
    """Ctrl-C and timers are for the main thread; a fault in the thread itself is still one."""
    masks = [
        int(line)
        for line in ran([sys.executable, "-c", SIGNALS], EPOCHAL_NATIVE_THREADS="3").split()
    ]

    def blocked(number):
        return [mask >> (number - 1) & 1 for mask in masks]

    assert len(masks) == 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1, signal.SIGCHLD):
        assert blocked(number) == [1, 1]
    assert blocked(signal.SIGSEGV) == [0, 0]
