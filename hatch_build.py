"""Compile the operations in C when epochal is installed, if there is a C compiler."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent / "tools"))

from compile_kernels import LIBRARY, ROOT, compiled


class Build(BuildHookInterface):  # type: ignore[type-arg]
    """The hook that the build calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile, and mark the wheel as one for this kind of machine; without, it is for all."""
        LIBRARY.unlink(missing_ok=True)
        problem = "EPOCHAL_NATIVE is 0" if os.environ.get("EPOCHAL_NATIVE") == "0" else compiled()
        if problem:
            self.app.display_warning(f"epochal is installed without its C kernels: {problem}")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(str(LIBRARY.relative_to(ROOT)))
