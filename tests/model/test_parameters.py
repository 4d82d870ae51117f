"""What a fit was asked for: kept with its types, and checked when it is read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.settings import AUTO, Settings
from epochal.errors import ModelError, SettingError
from epochal.model.parameters import SHAPE, Parameters, from_json, to_json
from epochal.model.shape import check
from epochal.tables.read_as import ReadAs

WEIGHTS = {
    "texts": {"no": 1, "yes": 2.5},
    "numbers": {0: 1.0, 1: 3, -7: 0.5},
    "booleans": {True: 2.0, False: 1.0},
    "fractions": {0.0: 1.0, 2.0: 2.0},
    "of NumPy": {np.int64(3): np.float32(0.5), np.str_("a"): np.int8(2), np.bool_(True): 1},
    "balanced": "balanced",
    "none": None,
}


def returned(parameters):
    """Return parameters after a way through JSON."""
    described = json.loads(json.dumps(to_json(parameters)))
    check(described, SHAPE, "model.json: parameters")
    return from_json(described)


@pytest.mark.parametrize("name", WEIGHTS)
def test_class_weights_keep_the_types_of_labels(name):
    """1, 1.0, True and "1" are different keys in JSON, and are restored with their types."""
    weights = WEIGHTS[name]
    found = returned(Parameters.of("default", {}, weights)).to_arguments()["class_weight"]

    assert found == weights
    if isinstance(weights, dict):
        plain = [getattr(label, "item", lambda label=label: label)() for label in weights]
        assert [type(label) for label in found] == [type(label) for label in plain]


@pytest.mark.parametrize("preset", PRESETS)
def test_all_parameters_come_back(preset):
    """Chosen settings as they were chosen, all others as "auto"; columns by name and by number."""
    chosen = {"l2": np.float64(0.1), "bagging": None, "n_bins": [8, 64], "tol": AUTO}
    others = {"oob_score": True, "warm_start": True, "random_state": 3, "verbose": 2}
    columns = {"categorical_features": ["zip", np.int64(4)], "text_features": ["title"]}
    asked = Parameters.of(preset, chosen, **columns, **others)
    found = returned(asked)

    assert found == asked
    arguments = found.to_arguments()
    expected = {"l2": 0.1, "bagging": None, "n_bins": (8, 64), "preset": preset}
    assert {name: arguments.pop(name) for name in expected} == expected
    assert arguments.pop("categorical_features") == ["zip", 4]
    assert arguments.pop("text_features") == ["title"]
    assert {name: arguments.pop(name) for name in others} == others
    assert arguments.pop("class_weight") is None
    assert set(arguments.values()) == {AUTO}
    assert len(arguments) == len(vars(Settings())) - 3


def test_columns_are_found_by_name_and_by_number():
    """Those that a table does not have, as in a file that no fit wrote, are left out."""
    given = Parameters.of("default", {}, categorical_features=[1, "zap"], text_features=["c", 9])

    assert given.read_as(["a", "b", "c"]) == ReadAs(names=("b",), texts=("c",))
    assert Parameters().read_as(["a"]) == ReadAs()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fastest", {}), "'preset' parameter"),
        (("default", {"l2": -1}), "'l2' parameter"),
        (("default", {}, "even"), "'class_weight' parameter"),
        (("default", {}, 3), "'class_weight' parameter"),
        (("default", {}, {None: 1}), "a weight for None"),
        (("default", {}, {float("nan"): 1}), "a weight for nan"),
        (("default", {}, {(1, 2): 1}), r"a weight for \(1, 2\)"),
        (("default", {}, {0: "heavy"}), "weight of 0 is 'heavy'"),
        (("default", {}, {0: float("inf")}), "weight of 0 is inf"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(arguments, words):
    """Presets, settings and class weights of a user are refused by name."""
    with pytest.raises(SettingError, match=words):
        Parameters.of(*arguments)


@pytest.mark.parametrize(
    "change",
    [
        {"preset": "fastest"},
        {"settings": {"l3": 1}},
        {"settings": {"l2": -1}},
        {"class_weight": [["a", 1], ["a", 2]]},
        {"class_weight": [["a"]]},
        {"class_weight": [["a", "heavy"]]},
    ],
)
def test_what_no_saving_wrote_is_refused(change):
    """Whatever passes for JSON of the right shape, and cannot be."""
    with pytest.raises(ModelError, match=r"model\.json: (invalid )?parameters"):
        from_json(to_json(Parameters()) | change)
