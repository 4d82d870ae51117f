"""Encodings, told by the bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from epochal.errors import SourceError
from epochal.io.csv.encoding import refuse_wide, wide_encoding, wide_error

TEXTS = {
    "Latin letters": "age,job\n31,cook\n45,clerk\n",
    "accents": "größe,städte\r\n1,Köln\r\n",
    "Chinese": "名前,年齢\n田中,31\n佐藤,45\n" * 30,
    "pictures": "😀,b\n1,2\n" * 500,
    "one line": "age,job",
}
NAMES = {
    "utf-16-le": "UTF-16LE",
    "utf-16-be": "UTF-16BE",
    "utf-32-le": "UTF-32LE",
    "utf-32-be": "UTF-32BE",
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("cut", [0, 1, 3])
def test_wide_encodings_without_a_mark(text, encoding, cut):
    """UTF-16 and UTF-32 and their byte orders are distinguished, wherever the sample ends."""
    content = TEXTS[text].encode(encoding)
    assert wide_encoding(content[: len(content) - cut]) == NAMES[encoding]


@pytest.mark.parametrize(("encoding", "name"), [("utf-16", "UTF-16LE"), ("utf-32", "UTF-32LE")])
def test_wide_encodings_with_a_mark(encoding, name):
    """The mark of UTF-32 begins like that of UTF-16, and is not taken for it."""
    assert wide_encoding("é".encode(encoding)) == name


@pytest.mark.parametrize(
    "content",
    [
        *(text.encode() for text in TEXTS.values()),
        *(text.encode("utf-8-sig") for text in TEXTS.values()),
        "größe,b\n1,2\n".encode("latin1"),
        b"a,b\n1,\x00\n",
        b"1,\x00\n2,3\n",
        b"a\x00,b\n1,2\n",
        b"\x00" * 100,
        bytes(range(256)) * 9,
        b"",
    ],
)
def test_others_are_none_of_them(content):
    """UTF-8, one byte a letter, and NULs in values are no wide encoding."""
    assert wide_encoding(content) is None
    assert refuse_wide(content, Path("a.csv")) is None


def test_they_are_refused_by_name():
    """The message names the encoding and the command to convert it, or the line from which it holds."""
    with pytest.raises(SourceError, match="a.csv is UTF-16 text; expected UTF-8 text") as caught:
        refuse_wide("a,b\n1,2\n".encode("utf-16-be"), Path("a.csv"))
    assert "iconv -f UTF-16BE -t UTF-8" in caught.value.hint
    assert "UTF-32 text from line 7 on" in str(wide_error("UTF-32LE", Path("a.csv"), 7))
