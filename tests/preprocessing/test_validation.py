"""New rows under a model's columns: by name, by position, as numbers."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from epochal.errors import ColumnError, DataError
from epochal.preprocessing.statistics import statistics
from epochal.preprocessing.validation import block, is_plain, matched

TABLE = pa.table({"age": [31.0, None], "job": ["cook", "clerk"], "rooms": [1, 2]})
SCHEMA = statistics(TABLE, max_categories=64).schema
IMAGES = statistics(np.zeros((2, 3, 4)), max_categories=64).schema
NUMBERS = statistics(np.zeros((2, 3)), max_categories=64).schema


def test_columns_are_found_by_name():
    """The order of columns does not matter."""
    assert matched(TABLE.select(["rooms", "age", "job"]), SCHEMA).equals(TABLE)


def test_missing_columns_are_named():
    """Columns that are not there are named, with the nearest name as a hint."""
    renamed = TABLE.rename_columns(["agee", "job", "rooms"])

    with pytest.raises(ColumnError) as caught:
        matched(renamed, SCHEMA)

    assert str(caught.value) == "the data has no column 'age'.\nHint: did you mean 'agee'?"


def test_surplus_columns_are_ignored_with_one_warning():
    """Columns that the model does not have are ignored; one warning names them."""
    wider = TABLE.append_column("b", [[1, 2]]).append_column("a", [[1, 2]])

    with pytest.warns(UserWarning, match="columns 'a', 'b' ignored") as caught:
        assert matched(wider, SCHEMA).equals(TABLE)

    assert len(caught) == 1


def test_a_column_that_is_there_twice_is_refused():
    """A name must identify a column, at prediction too."""
    with pytest.raises(DataError, match="several columns 'age'"):
        matched(TABLE.append_column("age", [[1, 2]]), SCHEMA)


def test_tables_without_names_to_match_go_by_position():
    """A model of an array takes the columns of a table as they stand."""
    table = pa.table({"a": [1, 2], "b": [3, 4], "c": [5, 6]})

    assert matched(table, NUMBERS).column_names == ["x0", "x1", "x2"]
    with pytest.raises(DataError, match="X has 2 features; expected 3 features"):
        matched(table.select(["a", "b"]), NUMBERS)


def test_arrays_go_by_position():
    """A model of a table takes the columns of an array as they stand."""
    array = np.array([[31.0, 5, 1], [np.nan, 7, 2]])

    for rows in (array, sparse.csr_matrix(array)):
        table = matched(rows, SCHEMA)
        assert table.column_names == ["age", "job", "rooms"]
        assert table["age"].to_pylist() == [31, None]
        assert table["job"].to_pylist() == [5, 7]


@pytest.mark.parametrize(
    ("rows", "schema", "message"),
    [
        (np.zeros((2, 4)), NUMBERS, "X has 4 features; expected 3 features as input"),
        (np.zeros((2, 4)), SCHEMA, "X has 4 features; expected 3 features as input"),
        (np.zeros((2, 4, 3)), IMAGES, r"row of X has the shape \(4, 3\); expected \(3, 4\)"),
        (np.zeros((2, 12)), IMAGES, r"row of X has the shape \(12,\); expected \(3, 4\)"),
        (np.zeros((2, 3), complex), NUMBERS, "values of type complex128; expected numbers"),
        (np.array([["a", "b", "c"]]), NUMBERS, "values of type <U1; expected numbers"),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(rows, schema, message):
    """The error says which shape or type was found and which is expected."""
    with pytest.raises(DataError, match=message):
        matched(rows, schema)


def test_a_block_holds_the_numeric_columns():
    """Numbers stand in columns, missing ones are NaN and marked."""
    values, missing = block(TABLE, SCHEMA, 0)

    np.testing.assert_array_equal(values, [[31, 1], [np.nan, 2]])
    np.testing.assert_array_equal(missing, [[False, False], [True, False]])


def test_a_block_without_gaps_marks_none():
    """Where nothing is missing there are no marks; the caller's array is not touched."""
    array = np.ones((2, 3))

    values, missing = block(array, NUMBERS, 0)
    values += 1

    assert missing is None
    assert (array == 1).all()


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_infinity_in_an_array_is_refused_by_place(infinity, wrap):
    """Column and row of the first infinity are named, gaps or not."""
    array = np.zeros((5, 3))
    array[3, 1], array[4, 0], array[0, 0] = infinity, -infinity, np.nan

    with pytest.raises(DataError) as caught:
        block(wrap(array), NUMBERS, 100)

    assert f"Input X contains infinity: {infinity:g} in column 'x1', row 103" in str(caught.value)


def test_infinity_in_a_table_is_refused_by_name():
    """In tables the column has a name, whatever kinds stand before it."""
    table = pa.table({"age": [31.0, None], "job": ["cook", "clerk"], "rooms": [1.0, np.inf]})

    with pytest.raises(DataError, match="Input X contains infinity: inf in column 'rooms', row 1"):
        block(table, SCHEMA, 0)


def test_large_numbers_whose_sum_overflows_are_no_infinity():
    """Finite values pass, however large their sum."""
    values, missing = block(np.full((2, 3), 1e308), NUMBERS, 0)

    assert (values == 1e308).all()
    assert missing is None or not missing.any()


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((0, 3)),
        np.zeros(3),
        np.zeros((2, 4)),
        np.zeros((2, 3), complex),
        np.zeros((2, 3), object),
        np.ma.zeros((2, 3)),
        sparse.csr_matrix((2, 3)),
        [[0.0, 0.0, 0.0]],
    ],
)
def test_only_arrays_of_numbers_in_the_right_shape_are_plain(data):
    """Whatever scikit-learn would change, refuse or warn of is not plain."""
    assert is_plain(np.zeros((2, 3), np.float32), 3)
    assert is_plain(np.zeros((2, 3, 4), bool), 3)
    assert not is_plain(data, 3)
