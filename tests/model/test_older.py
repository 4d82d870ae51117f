"""Models of older formats are read as what they were."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from epochal.errors import ModelError
from epochal.loading import load as load_classifier
from epochal.model.description import FORMAT_VERSION
from epochal.model.older import NEW, RENAMED, upgraded
from epochal.model.parameters import Parameters
from epochal.model.persistence import load, save

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.classifier import EpochalClassifier
    from epochal.model.description import Model

# Written by a program that wrote format 5, and what that program predicted for `ROWS`.
FORMAT_5 = Path(__file__).parent / "older" / "format_5.epochal"
ROWS = pd.DataFrame({"age": [25.0, None, 58.0], "city": ["Graz", "Linz", "Graz"]})
PREDICTED = [
    [0.39951582269679164, 0.6004841773032084],
    [0.5497074673787162, 0.45029253262128377],
    [0.5916079983746358, 0.4083920016253641],
]
# Written by a program that wrote format 7.
FORMAT_7 = Path(__file__).parent / "older" / "format_7.epochal"
ROWS_7 = pd.DataFrame(
    {
        "size": [0.5, None, -1.0],
        "shop": ["S1", "S100", None],
        "title": ["North clerk 4", "South x", "East clerk"],
        "day": ["mo", "we", "th"],
    }
)
PREDICTED_7 = [
    [0.8205582181328296, 0.17944178186717052],
    [0.5196716551863159, 0.4803283448136841],
    [0.5949968912604355, 0.40500310873956435],
]


# Written by a program that wrote format 7, with words of `job` and with categories sorted by name.
FORMAT_7_TEXTS = FORMAT_5.with_name("format_7_texts.epochal")
JOBS = pd.DataFrame(
    {
        "age": [25.0, None, 58.0],
        "job": ["cook of Rom", "night clerk", None],
        "zip": [1003, 1008, 9999],
    }
)
PREDICTED_JOBS = [
    [0.105105650899018, 0.8948943491009821],
    [0.8608735216593003, 0.13912647834069963],
    [0.862179693751764, 0.13782030624823596],
]


# Files of the other formats, `format_1.epochal` and so on, written by programs that wrote these, and what
# those programs predicted for `SHOPS`: members with 4 units, from format 2 on behind vectors of length 2.
SHOPS = pd.DataFrame(
    {
        "size": [0.5, None, 4.0],
        "shop": ["east", None, "west"],
        "member": [True, False, True],
        "day": pd.to_datetime(["2024-03-01", "2025-07-09", "2024-12-24"]),
    }
)
PREDICTED_SHOPS = {
    1: [0.42570697812113995, 0.40105787594684805, 0.4794963458161736],
    2: [0.480451304553813, 0.4777918701346545, 0.45709013810350235],
    3: [0.480451304553813, 0.4777918701346545, 0.45709013810350235],
    4: [0.48045130267010344, 0.47779186769987003, 0.4570901376841235],
    6: [0.4804512367363127, 0.47779180890205564, 0.4570903042033623],
}


def predicting(
    path: Path, rows: pd.DataFrame, predicted: list[list[float]], folder: Path
) -> tuple[EpochalClassifier, EpochalClassifier]:
    """Return the classifier of an older file, and of it saved again; both predict what it did."""
    old = load_classifier(path)
    save(old.model_, folder / "again.epochal")
    again = load_classifier(folder / "again.epochal")
    np.testing.assert_allclose(old.predict_proba(rows), predicted, rtol=1e-6)
    np.testing.assert_array_equal(again.predict_proba(rows), old.predict_proba(rows))
    return old, again


@pytest.mark.parametrize("version", PREDICTED_SHOPS)
def test_a_file_of_every_older_format_predicts_what_it_did(version: int, tmp_path: Path) -> None:
    """Numbers, gaps, categories, booleans and dates; also after it was saved in the format of today."""
    first = PREDICTED_SHOPS[version]
    predicted = [[p, 1.0 - p] for p in first]
    file = FORMAT_5.with_name(f"format_{version}.epochal")

    old, _ = predicting(file, SHOPS, predicted, tmp_path)

    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("model.json"))["format_version"] == version
    assert list(old.classes_) == ["high", "low"]


def test_there_is_a_file_of_every_older_format() -> None:
    """So that a new format cannot be added without one of the format before."""
    found = {int(path.stem.split("_")[1]) for path in FORMAT_5.parent.glob("format_*.epochal")}
    assert found == set(range(1, FORMAT_VERSION))


def checksums(description: bytes, weights: bytes) -> bytes:
    """Return the checksums.json that is right for this content."""
    contents = {"model.json": description, "weights.safetensors": weights}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return json.dumps(sums).encode()


def part_of(described: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a part of a description; parts within parts stand behind dots."""
    part = described
    for step in path.split("."):
        part = part[step]
    return part


def older(described: dict[str, Any], version: int) -> dict[str, Any]:
    """Return a description as an older format had it."""
    old = json.loads(json.dumps(described))
    old["format_version"] = version
    for later in range(FORMAT_VERSION, version, -1):
        for path, names in RENAMED.get(later, {}).items():
            part = part_of(old, path)
            for before, after in names.items():
                if after in part:
                    part[before] = part.pop(after)
        for path, keys in NEW.get(later, {}).items():
            part = part_of(old, path)
            for name in keys:
                del part[name]
    if version < 5:
        del old["parameters"]
    if version == 1:
        del old["calibration"]
    return old


def file_of(
    described: dict[str, Any], entries: dict[str, bytes], rezip: Callable[..., Path]
) -> Path:
    """Return a model file with this description."""
    description, weights = json.dumps(described).encode(), entries["weights.safetensors"]
    sums = checksums(description, weights)
    names = ("model.json", "weights.safetensors", "checksums.json")
    return rezip(list(zip(names, (description, weights, sums), strict=True)))


def before_5(model: Model) -> Model:
    """Return the model read from an older format, which has only resolved settings."""
    preprocessor = dataclasses.replace(model.preprocessor, relative_epsilon=False)
    known = {
        name: value for name, value in vars(model.settings).items() if name != "target_encoding"
    }
    parameters = Parameters.of("default", known, random_state=model.seed)
    return dataclasses.replace(model, preprocessor=preprocessor, parameters=parameters)


def test_a_model_of_format_1_is_read(
    model: Model, entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """Its networks and columns are those that were written, and its mean is plain."""
    old = older(json.loads(entries["model.json"]), 1)
    read = load(file_of(old, entries, rezip))

    assert read.preprocessor == before_5(model).preprocessor
    assert read.calibration.weights == (0.5, 0.5)
    assert read.calibration.exponent == 1.0
    np.testing.assert_array_equal(read.members[1][0].weights, model.members[1][0].weights)


def test_a_model_of_format_2_is_read(
    model: Model, entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """It predicts as it did: no roots, no inputs dropped, and its calibration as it was."""
    read = load(file_of(older(json.loads(entries["model.json"]), 2), entries, rezip))

    assert read.preprocessor.roots == ()
    assert read.settings.input_dropout == 0
    assert read.settings.sqrt_transform is False
    assert read.calibration == model.calibration
    assert read.preprocessor == before_5(model).preprocessor


def test_a_model_of_format_3_is_read(
    model: Model, entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """Its units saw everything, and all else is as it was."""
    read = load(file_of(older(json.loads(entries["model.json"]), 3), entries, rezip))

    assert read.settings.receptive_field is None
    assert read == before_5(model)


def test_a_model_of_format_4_is_read(
    model: Model, entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """Its ε was in the unit of the data, and is stored so; its scales, and so its features, stay."""
    read = load(file_of(older(json.loads(entries["model.json"]), 4), entries, rezip))

    assert model.preprocessor.relative_epsilon
    assert not read.preprocessor.relative_epsilon
    ages = pa.table({"age": [3.5, None], "smokes": [True, None], "city": ["Graz", "x"]})
    rows = ages.append_column("since", [["2020-02-29", None]])
    assert read.preprocessor.encode(rows).tobytes() == model.preprocessor.encode(rows).tobytes()
    assert read == before_5(model)
    schema = read.preprocessor.schema
    assert schema.missing_values == ("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
    assert schema.strip is True


def test_a_model_of_format_5_is_read(
    model: Model, entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """Its keys have other names; everything that they hold is as it was."""
    old = older(json.loads(entries["model.json"]), 5)

    assert {"epsilon", "averaging", "n_knots", "square_roots"} <= old["settings"].keys()
    parameters = dataclasses.replace(model.parameters, text_features=None)
    assert load(file_of(old, entries, rezip)) == dataclasses.replace(model, parameters=parameters)


def test_a_file_of_format_5_predicts_as_it_did(tmp_path: Path) -> None:
    """Settings and parameters have their new names, and a file saved again predicts the same bits."""
    old, _ = predicting(FORMAT_5, ROWS, PREDICTED, tmp_path)

    chosen = {"variance_epsilon": 1e-6, "ema_decay": 0.5, "n_bins": (2, 3), "sqrt_transform": True}
    for name, value in chosen.items():
        assert getattr(old, name) == getattr(old.settings_, name) == value
    assert old.model_.preprocessor.variance_epsilon == 1e-6


def test_a_file_of_format_7_predicts_as_it_did(tmp_path: Path) -> None:
    """Unknown names have one entry, without statistics."""
    old, _ = predicting(FORMAT_7, ROWS_7, PREDICTED_7, tmp_path)

    assert [v.buckets for v in old.model_.preprocessor.vocabularies] == [0, 0]


def test_buckets_in_format_7_are_refused() -> None:
    """They are a key of a later format."""
    described = {"preprocessor": {"vocabularies": [{"columns": ["job"], "buckets": 3}]}}
    found = upgraded(described | {"format_version": 7}, 8)

    assert found["preprocessor"]["vocabularies"] == [{}]
    described = {"preprocessor": {"vocabularies": ["job"]}, "format_version": 7}
    assert upgraded(described, 8)["preprocessor"]["vocabularies"] == ["job"]


def test_texts_of_format_7_predict_as_they_did(tmp_path: Path) -> None:
    """No column was said to be a text; categories keep their order, also in a file saved again."""
    old, again = predicting(FORMAT_7_TEXTS, JOBS, PREDICTED_JOBS, tmp_path)

    assert (old.categorical_features, old.text_features) == (["zip"], None)
    assert [v.words for v in old.model_.preprocessor.vocabularies] == [1]
    assert again.model_.preprocessor.schema.columns[2].categories == ("1000", "1002", "1004")


def test_a_newer_name_among_older_parameters_is_refused(
    entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """A parameter that has the name of a later format in a file of an older one is no setting."""
    old = older(json.loads(entries["model.json"]), 5)
    old["parameters"]["settings"] = {"n_bins": 8}

    with pytest.raises(ModelError, match=r"model\.json: n_bins is a key of a newer format"):
        load(file_of(old, entries, rezip))


@pytest.mark.parametrize("version", range(1, 5))
def test_parameters_in_an_older_format_are_refused(
    version: int, entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """Files of older formats do not have the parameters as given."""
    described = json.loads(entries["model.json"])
    forged = older(described, version) | {"parameters": described["parameters"]}

    with pytest.raises(ModelError, match=r"model\.json\.parameters"):
        load(file_of(forged, entries, rezip))


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION))
def test_a_newer_key_in_an_older_format_is_refused(
    version: int, entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """A file of an older format that has newer keys is damaged."""
    newest = {**json.loads(entries["model.json"]), "format_version": version}
    forged = file_of(newest, entries, rezip)

    with pytest.raises(ModelError, match=r"model\.json"):
        load(forged)
