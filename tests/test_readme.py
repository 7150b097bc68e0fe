"""The README's numbers are the tracked ones."""

import re

from tests.imports import ROOT

README = (ROOT / "README.md").read_text()


def test_the_table_is_the_tracked_one() -> None:
    for path, shown in re.findall(r"<!-- table: (\S+) -->\n(.*?)<!-- end -->", README, re.DOTALL):
        assert shown.strip() == (ROOT / path).read_text().strip(), path
    assert README.count("<!-- table: ") >= 1


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    assert not [picture for picture in pictures if not (ROOT / picture).is_file()]


def test_it_opens_with_the_two_commands() -> None:
    head = "\n".join(README.splitlines()[:25])
    assert "make repro" in head
    assert "make test" in head


def test_it_is_short_enough_to_read() -> None:
    assert len(README.splitlines()) <= 250
