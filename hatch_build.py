"""Compile the operations in C when epochal is installed, if there is a C compiler."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/epochal/learn/native")
# Numbers are rounded and added as the code says, so that every compiler gives the same bits.
FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]


class Build(BuildHookInterface):  # type: ignore[type-arg]
    """The hook that the build calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile, and say that the wheel is for this kind of machine; without, it is for all."""
        library = Path(self.root) / FOLDER / "operations.so"
        library.unlink(missing_ok=True)
        problem = compiled(Path(self.root) / FOLDER, library)
        if problem:
            self.app.display_warning(f"epochal trains without its operations in C: {problem}")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(str(FOLDER / "operations.so"))


def compiled(folder: Path, library: Path) -> str:
    """Compile the C files of a folder as a library; return what was in the way, or nothing."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if os.environ.get("EPOCHAL_NATIVE") == "0":
        return "EPOCHAL_NATIVE is 0"
    if not shutil.which(compiler[0]):
        return f"there is no C compiler {compiler[0]!r}"
    command = [
        *compiler,
        *FLAGS,
        "-fPIC",
        "-shared",
        *sorted(map(str, folder.glob("*.c"))),
        "-pthread",
        "-o",
        str(library),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stderr.strip() if done.returncode else ""
