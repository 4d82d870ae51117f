"""Headers that look wrong beside the rows below them."""

from __future__ import annotations

import pytest

from epochal.io.csv.header import (
    Record,
    findings,
    in_apostrophes,
    kind_of,
    look_like_values,
    title_hint,
)


def records(*lines):
    """Return the records of lines, each with its number."""
    return [Record(number, line.split(",")) for number, line in enumerate(lines, start=1)]


def found(*lines):
    """Return the findings for a header and the rows below it."""
    header, *rows = records(*lines)
    return list(findings(header, rows))


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("12", "number"),
        (" -1.5e3 ", "number"),
        ("1,000", "number"),
        ("2024-05-01", "date"),
        ("2024-05-01 10:00", "date"),
        ("28/01/2018", "date"),
        ("7:05", "date"),
        ("TRUE", "truth"),
        ("cook", "word"),
        ("", ""),
        ("NA", ""),
    ],
)
def test_kinds_of_cells(cell, kind):
    """A cell is a number, a date, a boolean, a word, or empty."""
    assert kind_of(cell) == kind
    assert look_like_values(["cook", cell]) == (kind in {"number", "date"})


SOUND = {
    "plain": ("age,job", "31,cook", "45,clerk", "28,cook"),
    "no rows": ("age,job",),
    "one row": ("age,job", "31,cook"),
    "index of a frame": (",age", "0,31", "1,45", "2,28"),
    "index of names": (",job", "anna,cook", "ben,clerk", "carl,cook"),
    "two indices": (",,job", "a,x,cook", "a,y,clerk", "b,x,cook", "b,y,cook"),
    "empty columns at the end": ("age,job,,", "31,cook,,", "45,clerk,,"),
    "pixels": ("0,1,2,label", "5,200,7,a", "9,8,7,b", "0,0,1,a"),
    "years": ("country,2015,2016,2017", "AT,1.5,2.5,3", "DE,2,3,4", "FR,1,1,1"),
    "years, latest first": ("2017,2016,2015", "1,2,3", "2,3,4", "1,1,1"),
    "wavelengths": ("400.5,401.9,403.1,y", ".1,.2,.3,a", ".2,.1,.4,a", ".3,.3,.3,b"),
    "frequencies": ("10,100,1000", "1,2,3", "2,3,4", "1,1,1"),
    "one year": ("country,2020", "AT,1.5", "DE,2", "FR,3"),
    "a word for missing in the first row": ("name,age,job", "a,?,x", "b,31,y", "c,45,x", "d,1,y"),
    "an unknown in the first row": ("age,size", "unknown,1.5", "31,2", "45,3", "1,4", "2,5"),
    "words only": ("first,last", "anna,gray", "ben,white", "carl,gray"),
    "booleans": ("smokes,age", "true,31", "false,45", "true,28"),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_headers(name):
    """Nothing is found in headers as people and programs write them."""
    assert found(*SOUND[name]) == []


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ("Our people", "age,job", "31,cook", "45,clerk"),
            (
                "line 1 names 1 column, and the rows below have more cells: is it a title? "
                "If line 2 has the names of the columns, type --skip-lines 1"
            ),
        ),
        (
            ("Our people", "age;job", "31;cook", "45;clerk"),
            (
                "line 1 names 1 column, and the rows below have more cells: is it a title? "
                "If line 2 has the names of the columns, type --skip-lines 1"
            ),
        ),
        (
            ("Our, long, title", "age,job", "31,cook", "45,clerk"),
            (
                "line 1 names 3 columns, and the rows below have fewer cells: is it a title? "
                "If line 2 has the names of the columns, type --skip-lines 1"
            ),
        ),
        (
            ("Our people,,", ",,", "age,job,city", "31,cook,Graz", "45,clerk,Linz", "28,cook,Graz"),
            (
                "line 1 names 1 of 3 columns: is it a title? "
                "If line 3 has the names of the columns, type --skip-lines 2"
            ),
        ),
        (
            ("Costs,", ",", "year,cost", "2015,3", "2016,4", "2017,5"),
            (
                "line 1 names 1 of 2 columns: is it a title? "
                "If line 3 has the names of the columns, type --skip-lines 2"
            ),
        ),
        (
            (",,", "age,job,city", "31,cook,Graz", "45,clerk,Linz", "28,cook,Graz"),
            (
                "line 1 names 0 of 3 columns: is it a title? "
                "If line 2 has the names of the columns, type --skip-lines 1"
            ),
        ),
        (
            ("time,speed,label", "[s],[m/s],", "1,2.5,a", "2,3.5,b", "3,4.5,a", "4,5,a"),
            (
                "line 2 holds words ([s], [m/s]) where the rows below hold numbers or dates: is it a "
                "part of the header? If line 2 has the names of the columns, type --skip-lines 1; "
                "otherwise remove it"
            ),
        ),
        (
            ("a,b", "c,d", "e,f", *["1,2"] * 7),
            (
                "lines 2 to 3 hold words (e, f) where the rows below hold numbers or dates: is it a "
                "part of the header? If line 3 has the names of the columns, type --skip-lines 2; "
                "otherwise remove it"
            ),
        ),
        (
            ("39,State-gov,77516,13,Male", "50,Private,83311,13,Male", "38,Private,2156,9,Female"),
            (
                "line 1 has values for the names of the columns (39, State-gov, 77516, 13, …): "
                "if line 1 is a row, type --no-header"
            ),
        ),
        (
            ("5.1,3.5,setosa", "4.9,3.0,setosa", "4.7,3.2,virginica"),
            (
                "line 1 has values for the names of the columns (5.1, 3.5, setosa): "
                "if line 1 is a row, type --no-header"
            ),
        ),
        (
            ("1,2,yes", "3,1,no", "4,4,yes"),
            (
                "line 1 has values for the names of the columns (1, 2, yes): "
                "if line 1 is a row, type --no-header"
            ),
        ),
        (
            ("399.1,74.3", "401.1,73.7", "403.0,72.7"),
            (
                "line 1 has values for the names of the columns (399.1, 74.3): "
                "if line 1 is a row, type --no-header"
            ),
        ),
        (
            ("2024-05-01,x1", "2024-05-02,y2", "2024-05-03,z3"),
            (
                "line 1 has values for the names of the columns (2024-05-01, x1): "
                "if line 1 is a row, type --no-header"
            ),
        ),
        (
            ("no,red,a", "yes,red,b", "no,blue,c"),
            (
                "line 1 has values for the names of the columns (no, red, a): "
                "if line 1 is a row, type --no-header"
            ),
        ),
    ],
)
def test_what_is_found(lines, sentence):
    """Titles, headers of several rows, and rows in the place of a header, each with what to type."""
    assert found(*lines) == [sentence]


@pytest.mark.parametrize(
    ("lines", "hint"),
    [
        (("Title", "", "age,job", "31,cook", "45,clerk"), "--skip-lines 2"),
        (("Title, long", "age,job,city", "1,2,3", "4,5,6"), "--skip-lines 1"),
        (("age,job", "31,cook,x", "45,clerk,y"), ""),
        (("age,job", "31,cook", "45,clerk,y"), ""),
        (("Title", "age,job", "31,cook", "45"), ""),
        (("age",), ""),
    ],
)
def test_titles_with_fewer_cells(lines, hint):
    """The first row of words from which on all rows are equally long may be the header."""
    header, *rows = records(*lines)
    assert hint in title_hint(header, rows)
    assert bool(hint) == bool(title_hint(header, rows))


def test_apostrophes_for_quotes():
    """A column whose every value is between apostrophes is named; one value without is enough for none."""
    rows = records("1,'a'", "2,'b'", "3,'c'")
    (sentence,) = in_apostrophes(["n", "s"], rows)
    assert sentence.startswith("column 's' has apostrophes around its values ('a')")
    assert list(in_apostrophes(["n", "s"], [*rows, *records("4,d")])) == []
    assert list(in_apostrophes(["n", "s"], rows[:2])) == []


def test_a_name_may_be_a_value_of_its_column():
    """Below a padded title, also below two, the names are found although "c" is a value of column c."""
    rows = [f"{'no' if n % 2 else 'yes'},{n}.5,{n},{'abc'[n % 3]}" for n in range(9)]
    for titles in (["Report of 2024,,,"], ["Report of 2024,,,", "made by us,,,"]):
        (sentence,) = found(*titles, "y,x1,x2,c", *rows)
        assert f"type --skip-lines {len(titles)}" in sentence
