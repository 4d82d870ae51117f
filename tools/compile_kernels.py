"""Compile the C kernels. Installation does it (hatch_build.py), and so can you: `python tools/compile_kernels.py`.

The compiler is `$CC`, or `cc`. An argument is the file to write, if it is not the package's own.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "epochal" / "kernels" / "c"
LIBRARY = SOURCES.parent / "operations.so"
# Numbers are rounded and added as the code says, so that every compiler gives the same bits.
FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]


def xla_include() -> Path | None:
    """Return the folder of XLA's own headers, if jaxlib is installed beside this Python.

    A build in isolation does not import jaxlib, but has the folder that it is installed in.
    """
    for folder in (*sys.path, sysconfig.get_path("platlib")):
        include = Path(folder) / "jaxlib" / "include"
        if (include / "xla" / "ffi" / "api" / "c_api.h").exists():
            return include
    return None


def compiler() -> list[str]:
    """Return the command of the C compiler, or nothing if there is none."""
    command = shlex.split(os.environ.get("CC", "cc"))
    return command if command and shutil.which(command[0]) else []


def compiled(library: Path = LIBRARY, *more: str, pool: Path = SOURCES / "thread_pool.c") -> str:
    """Compile the kernels as a library; return what was in the way, or nothing.

    Args:
        library: the file to write.
        more: further arguments of the compiler.
        pool: the file that divides work among threads.
    """
    if not compiler():
        return f"there is no C compiler {os.environ.get('CC', 'cc')!r}"
    include = xla_include()
    command = [
        *compiler(),
        *FLAGS,
        *([f"-I{include}"] if include else []),
        "-fPIC",
        "-shared",
        *(str(path) for path in sorted(SOURCES.glob("*.c")) if path.name != "thread_pool.c"),
        str(pool),
        *more,
        "-pthread",
        "-o",
        str(library),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stderr.strip() if done.returncode else ""


if __name__ == "__main__":
    sys.exit(compiled(Path(sys.argv[1]) if len(sys.argv) > 1 else LIBRARY) or None)
