"""docs/FORMAT.md says what the files are."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load as from_safetensors

from epochal.config.settings import Settings
from epochal.model.description import FORMAT_VERSION, Model, describe, tensors, to_bytes
from epochal.model.parameters import Parameters
from epochal.model.persistence import load, save
from epochal.nn.layers import Layer, apply
from epochal.nn.losses import softmax
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.records import Calibration, History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = (Path(__file__).parents[2] / "docs" / "FORMAT.md").read_text(encoding="utf-8")


def example() -> Model:
    """Return the model of the worked example."""
    settings = Settings(
        n_estimators=1,
        hidden_layer_sizes=(2,),
        l2=0.025,
        batch_size=3,
        bagging=None,
        variance_epsilon=0.0,
        clip=None,
        max_iter=2,
        embedding_size=None,
        n_bins=8,
        ema_decay=0.0,
        calibrate=False,
        activation="relu",
        dropout=0.15,
        input_dropout=0.0,
        sqrt_transform=False,
        learning_rate_init=0.003,
        receptive_field=None,
    )
    table = pa.table({"age": [20.0, 40.0, None], "city": ["Graz", "Linz", "Wien"]})
    preprocessor = Preprocessor.fit(table, variance_epsilon=0.0, clip=None, max_categories=64)
    hidden = [[1, -1], [0, 0], [0.5, 0], [0, 0.5], [-0.5, 0]]
    output = [[-1, 1], [0.5, -0.5]]
    layers = (
        Layer(np.array(hidden, np.float32), np.array([0, 0.25], np.float32)),
        Layer(np.array(output, np.float32), np.zeros(2, np.float32)),
    )
    return Model(
        settings=settings,
        preprocessor=preprocessor,
        classes=np.array(["no", "yes"]),
        members=(layers,),
        calibration=Calibration.none(1),
        history=History(((0.7, 0.5),), ((0.75, 0.625),), (2,), (0.625,), ("reached max_iter",)),
        out_of_bag=None,
        target="buys",
        seed=7,
        versions={"epochal": "0.1.0", "jax": "0.10.2", "numpy": "2.3.5", "python": "3.11.9"},
        parameters=Parameters.of(
            "default",
            {"hidden_layer_sizes": (2,), "max_iter": 2},
            {"no": 1, "yes": 2.5},
            random_state=7,
        ),
    )


def blocks(language: str) -> list[str]:
    """Return the code blocks of one language in the document."""
    return re.findall(rf"```{language}\n(.*?)```", FORMAT, flags=re.DOTALL)


def documented() -> set[str]:
    """Return the keys and tensors that the document's tables list."""
    return set(re.findall(r"^\| `([^`]+)` \|", FORMAT, flags=re.MULTILINE))


def keys(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every key in a JSON value, as the document writes it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}.{key}" if path else key
            yield here
            yield from keys(inner, here)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, f"{path}[]")


def test_every_key_is_documented_and_no_other(build: Callable[..., Model]) -> None:
    """The tables list exactly the keys and tensors of a model with all kinds of columns."""
    model = build(embedded=True)
    described = json.loads(to_bytes(describe(model)))
    names = {re.sub(r"layer\.\d+", "layer.D", name) for name in tensors(model)}
    # This small model has no column with rare categories, and so not their key.
    rare = {"preprocessor.schema.columns[].other"}
    # Those that were chosen have the keys of settings.
    described["parameters"]["settings"] = {}
    assert documented() == {*keys(described), *names, *rare}


def test_the_example_is_what_is_written(tmp_path: Path) -> None:
    """The model.json in the document is that of the example, letter by letter."""
    save(example(), tmp_path / "example.epochal")
    with zipfile.ZipFile(tmp_path / "example.epochal") as archive:
        assert archive.read("model.json").decode() == blocks("json")[0]


def test_the_example_can_be_calculated_by_hand() -> None:
    """The features, logits and probability in the text are those of the example."""
    model, row = example(), pa.table({"age": [40.0], "city": ["Graz"]})
    x = model.preprocessor.encode(row)
    logits = apply(model.members[0], x, model.settings.activation)
    assert x.tolist() == [[1.0, 0.0, 1.0, 0.0, 0.0]]
    assert logits.tolist() == [[-1.5, 1.5]]
    assert softmax(logits)[0, 1] == pytest.approx(1 / (1 + np.exp(-3)))
    assert f"{1 / (1 + np.exp(-3)):.4f}" == "0.9526"
    assert "`x = (1, 0, 1, 0, 0)`" in FORMAT
    assert "0.9526" in FORMAT


def test_the_reader_in_the_document_reads(saved: Path, model: Model) -> None:
    """The document's twenty lines read any model and notice damage."""
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    described, arrays = names["read"](saved)
    assert described == json.loads(to_bytes(describe(model)))
    expected = tensors(load(saved))
    assert arrays.keys() == expected.keys()
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)


def test_the_reader_in_the_document_notices_damage(rezip: Any, entries: dict[str, bytes]) -> None:
    """A changed description does not pass its checksums."""
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    changed = {**entries, "model.json": entries["model.json"].replace(b"answer", b"ANSWER")}
    with pytest.raises(ValueError, match=r"model\.json"):
        names["read"](rezip(list(changed.items())))


def test_the_document_is_of_this_format() -> None:
    """The version in the title is the one that is written."""
    assert FORMAT.startswith(f"# The `.epochal` file, format {FORMAT_VERSION}\n")


def test_tensors_in_the_file_are_in_plain_order(saved: Path) -> None:
    """The file has the tensors and nothing else, least of all other metadata."""
    with zipfile.ZipFile(saved) as archive:
        content = archive.read("weights.safetensors")
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    assert header.keys() == from_safetensors(content).keys()
