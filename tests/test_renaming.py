"""Names of a column may be renamed: a whole fit depends on which rows share a name, not on what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from epochal import EpochalClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.model.description import Model

NAMED = ["shop", "town", "colour"]
QUICK: dict[str, Any] = {"n_estimators": 4, "n_folds": 4, "max_iter": 4, "random_state": 0}
ROWS = 1500


def rows_of(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Return two columns of many names, one of few, one of numbers, and classes that pairs decide."""
    shop, town, colour = (rng.integers(n, size=ROWS) for n in (90, 80, 4))
    named = {"shop": shop, "town": town, "colour": colour}
    frame = pd.DataFrame({name: [f"n{n:03d}" for n in numbers] for name, numbers in named.items()})
    frame.loc[::11, "town"] = None
    labels = (shop % 2 + colour % 2) % 2 + (town % 2) * (rng.random(ROWS) < 0.8)
    return frame.assign(age=rng.normal(size=ROWS)), labels


def renamed(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the rows with other names in another order, one for each."""
    result = frame.copy()
    for column in NAMED:
        old = frame[column].dropna().unique()
        new = [f"{'xyz'[number % 3]}{number}" for number in rng.permutation(len(old))]
        result[column] = frame[column].map(dict(zip(old, new, strict=True)))
    return result


def categorical(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with names as categories of pandas, in the order of their names."""
    return frame.astype(dict.fromkeys(NAMED, "category"))


def strings(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with names as they are."""
    return frame


def order_of(model: Model) -> list[list[str]]:
    """Return the categories of each column, as the model stores them."""
    return [list(column.categories) for column in model.preprocessor.schema.columns]


@pytest.mark.parametrize("holder", [strings, categorical])
@pytest.mark.parametrize("preset", ["fast", "classic"])
def test_other_names_give_the_same_predictions(
    rng: np.random.Generator, preset: str, holder: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    """With another name for each, in another order, nothing changes beyond rounding."""
    settings = QUICK | {"preset": preset, "categorical_features": NAMED}
    frame, labels = rows_of(rng)
    other = renamed(frame, rng)
    # The order of names is another one, and so is that of the categories of pandas.
    assert frame["shop"].argsort().tolist() != other["shop"].argsort().tolist()
    one = EpochalClassifier(**settings).fit(frame, labels)
    two = EpochalClassifier(**settings).fit(holder(other), labels)

    names = dict(zip(frame["shop"], other["shop"], strict=True))
    mapped = [names[name] for name in order_of(one.model_)[0]]
    assert mapped == order_of(two.model_)[0]
    found = two.predict_proba(other)
    np.testing.assert_allclose(found, one.predict_proba(frame), rtol=1e-5, atol=1e-5)
    assert np.ptp(found, axis=0).min() > 0.05
    vocabularies = [
        [(v.columns, v.words, len(v.names)) for v in model.model_.preprocessor.vocabularies]
        for model in (one, two)
    ]
    assert vocabularies[0] == vocabularies[1]
    # A pair of columns is among them, where there are target statistics.
    assert any(len(columns) == 2 for columns, _, _ in vocabularies[0]) is (preset == "fast")
