"""A small model, and the means to write it with something wrong."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load as from_safetensors
from safetensors.numpy import save as to_safetensors

from epochal.config.resolution import resolved
from epochal.config.settings import Settings
from epochal.model.description import Model, layer_sizes
from epochal.model.parameters import Parameters
from epochal.model.persistence import save
from epochal.nn.embedding import initial_embedding
from epochal.nn.layers import initial, with_target_table
from epochal.preprocessing.feature_layout import target_statistics_count
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.preprocessing.vocabulary import Vocabulary
from epochal.records import Calibration, History, OutOfBag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEMBERS = 2
TABLE = pa.table(
    {
        "age": [31.0, None, 52.5, 40.0],
        "smokes": [True, False, False, True],
        "city": ["Graz", "Köln", "Graz", None],
        "since": [date(2020, 2, 29), date(2021, 3, 1), date(1999, 12, 31), date(2024, 7, 4)],
    }
)


VOCABULARIES = (
    Vocabulary(("city",), words=0, names=("Graz", "Köln"), max_absent_weight=1.0),
    Vocabulary(("city",), words=1, names=("graz", "köln")),
)


def make_model(*, embedded: bool = False, **changes: Any) -> Model:
    """Return a small model of a mixed table, with some fields replaced."""
    settings = Settings(
        n_estimators=MEMBERS,
        hidden_layer_sizes=(4, 3),
        l2=0.025,
        batch_size=4,
        embedding_size=2 if embedded else None,
        n_bins=2,
        target_encoding=embedded,
    )
    settings = resolved(settings, rows=4, columns=4)
    preprocessor = Preprocessor.fit(
        TABLE,
        variance_epsilon=1e-8,
        clip=3.0,
        max_categories=64,
        sqrt_transform=embedded,
        n_bins=(2, 3) if embedded else None,
    )
    if embedded:
        preprocessor = replace(preprocessor, vocabularies=VOCABULARIES)
    classes = changes.get("classes", np.array(["maybe", "no", "yes"]))
    sizes = layer_sizes(preprocessor, settings, len(classes))
    members = [initial(sizes, "relu", seed=7, member=k) for k in range(MEMBERS)]
    if embedded:
        first = partial(initial_embedding, preprocessor.sizes, 2, seed=7, classes=len(classes))
        shape = preprocessor.sizes.entries, target_statistics_count(len(classes))
        table = np.random.default_rng(7).standard_normal(shape, np.float32)
        members = [
            with_target_table((first(member=k, fine=k == 1), *layers), table)
            for k, layers in enumerate(members)
        ]
    parts = {
        "settings": settings,
        "preprocessor": preprocessor,
        "classes": classes,
        "members": tuple(members),
        "calibration": Calibration((0.9, 1.1), (0.75, 0.25), 1.25),
        "history": History(
            training_loss=((1.1, 0.9, 0.7), (1.2, float("nan"))),
            validation_loss=((1.0, 0.8, float("inf")), ()),
            best_epoch=(2, 0),
            best_loss=(0.8, None),
            outcome=("no improvement", "time limit"),
        ),
        "out_of_bag": OutOfBag(rows=4, accuracy=0.75, log_loss=0.5, optimistic=True),
        "target": "answer",
        "seed": 7,
        "versions": {"epochal": "0.1.0", "jax": "0.10.2", "numpy": "2.3.0", "python": "3.11.9"},
        "parameters": Parameters.of(
            "best",
            {"l2": 0.025, "hidden_layer_sizes": [4, 3], "bagging": None, "tol": "auto"},
            {"maybe": 1, "no": 0.5},
            categorical_features=["city", 0],
            text_features=["since"],
            warm_start=True,
            random_state=7,
        ),
    }
    return Model(**(parts | changes))


def write_zip(path: Path, entries: list[tuple[str, bytes]], **options: Any) -> Path:
    """Return the path of a zip archive with these entries, whatever they are."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def checksums(description: bytes, weights: bytes) -> bytes:
    """Return the checksums.json that is right for this content."""
    contents = {"model.json": description, "weights.safetensors": weights}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return json.dumps(sums).encode()


def read_entries(path: Path) -> dict[str, bytes]:
    """Return the entries of a zip archive by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session")
def model() -> Model:
    """Return a small model."""
    return make_model()


@pytest.fixture(scope="session")
def build() -> Callable[..., Model]:
    """Return the maker of small models."""
    return make_model


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    """Return the path of the small model, saved."""
    path = tmp_path / "small.epochal"
    save(model, path)
    return path


@pytest.fixture
def entries(saved: Path) -> dict[str, bytes]:
    """Return the entries of the saved model by name."""
    return read_entries(saved)


@pytest.fixture
def rezip(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a zip archive of the entries it is given."""

    def write(entries: list[tuple[str, bytes]], **options: Any) -> Path:
        """Return the path of the archive."""
        return write_zip(tmp_path / "other.epochal", entries, **options)

    return write


@pytest.fixture
def forge(entries: dict[str, bytes], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the saved model changed, with checksums that are right."""

    def write(
        describe: Callable[[dict[str, Any]], Any] | bytes | None = None,
        weigh: Callable[[dict[str, np.ndarray]], Any] | bytes | None = None,
    ) -> Path:
        """Return the path of the model after `describe` and `weigh` changed its parts in place."""
        description, weights = entries["model.json"], entries["weights.safetensors"]
        if isinstance(describe, bytes):
            description = describe
        elif describe is not None:
            values = json.loads(description)
            describe(values)
            description = json.dumps(values).encode()
        if isinstance(weigh, bytes):
            weights = weigh
        elif weigh is not None:
            named = {name: array.copy() for name, array in from_safetensors(weights).items()}
            weigh(named)
            weights = to_safetensors(named)
        sums = checksums(description, weights)
        parts = [("model.json", description), ("weights.safetensors", weights)]
        return write_zip(tmp_path / "forged.epochal", [*parts, ("checksums.json", sums)])

    return write
