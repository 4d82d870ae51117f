"""Descriptions and tensors that do not fit, with checksums that do."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from epochal.errors import ModelError
from epochal.model.description import describe, to_bytes
from epochal.model.persistence import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from epochal.model.description import Model


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change that sets a value: keys first, the value last."""
    *keys, last, value = path

    def change(values: dict[str, Any]) -> None:
        """Set the value."""
        for key in keys:
            values = values[key]
        values[last] = value

    return change


def drop(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change that removes a key."""
    *keys, last = path

    def change(values: dict[str, Any]) -> None:
        """Remove the key."""
        for key in keys:
            values = values[key]
        del values[last]

    return change


WRONG_DESCRIPTIONS = [
    (put("format", "other"), "describes no epochal model"),
    (drop("format"), "describes no epochal model"),
    (put("format_version", 0), "format_version is 0"),
    (put("format_version", "1"), "format_version is '1'"),
    (put("format_version", True), "format_version is True"),
    (put("format_version", 1.0), "format_version is 1.0"),
    (drop("format_version"), "format_version is None"),
    (put("surplus", 1), "unknown key 'surplus'"),
    (drop("seed"), "lacks a key; expected 'seed'"),
    (put("seed", -1), "seed is -1"),
    (put("seed", 1.5), "seed is 1.5"),
    (put("target", 3), "target is 3"),
    (put("versions", "jax", 1), r"versions\.jax is 1"),
    (put("settings", "surplus", 1), "unknown key 'surplus'"),
    (drop("settings", "dropout"), "lacks a key; expected 'dropout'"),
    (put("settings", "dropout", 2), "'dropout' parameter"),
    (put("settings", "dropout", 10**400), "invalid settings"),
    (put("settings", "activation", "exec"), "'activation' parameter"),
    (put("settings", "activation", "auto"), "settings.activation is 'auto'"),
    (put("settings", "n_bins", "auto"), "settings.n_bins is 'auto'"),
    (put("settings", "hidden_layer_sizes", "auto"), "settings.hidden_layer_sizes is 'auto'"),
    (put("settings", "embedding_size", "auto"), "settings.embedding_size is 'auto'"),
    (put("preprocessor", "schema", "missing_values", ["\ud800"]), "invalid preprocessor"),
    (put("preprocessor", "schema", "columns", 2, "categories", 0, "\ud800"), "surrogates"),
    (put("settings", "hidden_layer_sizes", [4, 2]), "layer_sizes is"),
    (put("settings", "hidden_layer_sizes", [[4], 3]), "invalid settings"),
    (put("settings", "hidden_layer_sizes", {"4": 3}), "invalid settings"),
    (put("layer_sizes", 0, 1000), "layer_sizes is"),
    (put("layer_sizes", []), "layer_sizes is"),
    (put("members", 3), r"layer\.0\.weights is float32 of shape"),
    (put("members", -2), r"layer\.0\.weights is float32 of shape"),
    (put("members", 10**30), r"layer\.0\.weights is float32 of shape"),
    (put("classes", "values", ["no", "yes"]), "layer_sizes is"),
    (put("classes", "values", ["yes", "no", "maybe"]), "not sorted"),
    (put("classes", "values", [1, "no", "yes"]), r"classes\.values"),
    (put("classes", "dtype", "int64"), "labels of type int64"),
    (put("history", "training_loss", [[1.0]]), "has 1 members; expected 2"),
    (put("history", "training_loss", 0, 0, "nan"), r"training_loss\[0\]\[0\] is 'nan'"),
    (put("history", "best_epoch", 0, 1.5), r"best_epoch\[0\] is 1.5"),
    (put("history", "best_epoch", None), "best_epoch is None"),
    (put("history", "training_loss", 0, 0, 10**400), "expected a number"),
    (put("out_of_bag", "rows", "all"), "out_of_bag"),
    (put("out_of_bag", {}), "out_of_bag"),
    (put("preprocessor", {}), "invalid preprocessor"),
    (put("preprocessor", []), "preprocessor is "),
    (put("preprocessor", "surplus", 1), "preprocessor"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_DESCRIPTIONS)
def test_a_wrong_description_is_refused(
    forge: Callable[..., Path], change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """The message names the place in model.json."""
    with pytest.raises(ModelError, match=message):
        load(forge(change))


def test_every_value_of_the_description_is_checked(
    forge: Callable[..., Path], entries: dict[str, bytes]
) -> None:
    """Any other value in any place is refused, or stored exactly."""
    described = json.loads(entries["model.json"])
    for path in places(described):
        with pytest.raises(ModelError):
            load(forge(put(*path, {"a": [None]})))
        possible = [put(*path, value) for value in (-3.5, "\0", True, [], 10**400)]
        for change in (drop(*path), *possible):
            forged = forge(change)
            with suppress(ModelError):
                read = json.loads(to_bytes(describe(load(forged))))
                assert read == described_in(forged)


def described_in(path: Path) -> Any:
    """Return the description in a model file."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("model.json"))


def places(value: object) -> list[tuple[Any, ...]]:
    """Return the paths to all values inside a JSON value."""
    keys = (
        value.keys()
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    return [(key, *rest) for key in keys for rest in [(), *places(value[key])]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "describes no epochal model"),
        (b"null", "describes no epochal model"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"format": "epochal", "format": "epochal"}', "twice"),
        (b'{"format": NaN}', "NaN is not allowed"),
        (b'{"format": -Infinity}', "-Infinity is not allowed"),
        (b'{"format": 1e999}', "too large"),
        (b'{"format": ' + b"9" * 10_000 + b"}", "no JSON"),
    ],
)
def test_text_that_is_no_strict_json_is_refused(
    forge: Callable[..., Path], text: bytes, message: str
) -> None:
    """Constants outside JSON, repeated keys, deep nesting and endless numbers are refused."""
    with pytest.raises(ModelError, match=message):
        load(forge(text))


def test_a_later_format_is_told_from_damage(
    forge: Callable[..., Path], entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """The error for a newer format says so, even if the file differs in everything else."""
    with pytest.raises(ModelError, match=r"(?s)format 9; this epochal 0.* reads 8.*upgrade"):
        load(forge(put("format_version", 9)))
    later = json.dumps({"format": "epochal", "format_version": 9, "new": {}}).encode()
    with pytest.raises(ModelError, match="format 9"):
        load(rezip([("model.json", later), ("weights.new", b"")]))


def test_the_layout_of_the_json_does_not_matter(model: Model, forge: Callable[..., Path]) -> None:
    """Another writer may space and order the keys as it likes."""
    path = forge(lambda values: values.update(seed=values.pop("seed")))
    assert load(path) == model


def replaced(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[dict[str, Any]], None]:
    """Return a change of one tensor."""
    return lambda named: named.update({name: np.ascontiguousarray(change(named[name]))})


def at_first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return a change that sets the first number of an array."""

    def change(array: np.ndarray) -> np.ndarray:
        """Set the number."""
        array.flat[0] = value
        return array

    return change


WRONG_TENSORS = [
    (drop("layer.0.bias"), r"no tensor 'layer\.0\.bias'"),
    (put("layer.9.bias", np.zeros(1, np.float32)), r"surplus tensor 'layer\.9\.bias'"),
    (put("surplus", np.zeros(1, np.float32)), "surplus tensor 'surplus'"),
    (replaced("layer.1.weights", lambda a: a.astype(np.float64)), r"layer\.1\.weights is float64"),
    (replaced("layer.1.weights", lambda a: a.astype(np.float16)), r"layer\.1\.weights is float16"),
    (replaced("layer.1.weights", lambda a: a.view(np.int32)), r"layer\.1\.weights is int32"),
    (replaced("layer.1.weights", lambda a: a.swapaxes(1, 2)), r"of shape \(2, 3, 4\)"),
    (replaced("layer.1.weights", lambda a: a[:1]), r"of shape \(1, 4, 3\)"),
    (replaced("layer.2.weights", at_first(np.nan)), "member 0, layer\\.2\\.weights.*not finite"),
    (replaced("layer.2.bias", at_first(-np.inf)), "member 0, layer\\.2\\.bias.*not finite"),
    (drop("preprocess.mean"), "preprocessor"),
    (put("preprocess.surplus", np.zeros(3)), "preprocessor"),
    (replaced("preprocess.mean", lambda a: a[1:]), "preprocessor"),
    (replaced("preprocess.mean", lambda a: a.astype(np.float32)), "preprocessor"),
    (replaced("preprocess.scale", at_first(np.inf)), r"preprocess\.scale.*not finite"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_TENSORS)
def test_wrong_tensors_are_refused(
    forge: Callable[..., Path], change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """The message names the tensor."""
    with pytest.raises(ModelError, match=message):
        load(forge(None, change))


def safetensors(header: object, content: bytes = b"") -> bytes:
    """Return a safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        struct.pack("<Q", 2**63),
        safetensors(b"not json"),
        safetensors([]),
        safetensors({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
        safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}, bytes(4)),
        safetensors({"a": {"dtype": "XX", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(9)),
    ],
)
def test_a_damaged_safetensors_file_is_refused(forge: Callable[..., Path], content: bytes) -> None:
    """Headers that lie about sizes and types end in a model error."""
    with pytest.raises(ModelError):
        load(forge(None, content))


def test_a_million_layers_are_refused_before_they_are_laid_out(forge: Callable[..., Path]) -> None:
    """In one line, and in memory of about the size of the description."""

    def deepen(described: dict[str, Any]) -> None:
        """Describe a network that no tensors are there for."""
        described["settings"]["hidden_layer_sizes"] = [1] * 10**6
        first, *_, last = described["layer_sizes"]
        described["layer_sizes"] = [first, *[1] * 10**6, last]

    path = forge(deepen)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError) as caught:
            load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    first, *_ = str(caught.value).splitlines()
    assert "there are tensors of 3 layers; expected 1,000,001" in first
    assert len(first) < 500
    assert peak < path.stat().st_size + 50 * 2**20


def test_a_long_header_of_the_weights_is_not_read(forge: Callable[..., Path]) -> None:
    """The size that the file claims is enough to refuse it."""
    claimed = struct.pack("<Q", 4 * 2**20 + 1)
    with pytest.raises(ModelError, match="has 4,194,305 bytes; expected at most 4,194,304"):
        load(forge(None, claimed + bytes(8)))
