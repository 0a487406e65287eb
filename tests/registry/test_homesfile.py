"""A spreadsheet of homes: all of it, or nothing and a list of what to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from registry.homesfile import HomesFileError, read_homes


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "homes.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_a_row_becomes_a_home_with_its_gateways_and_contacts(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "home,gateway,area,zone,resident_name,contact1_name,contact1_relation,contact1_phone,contact1_has_key,"
        "contact2_name,contact2_phone\n"
        "h-1,gw-1 gw-2,見本町,,見本 花子,見本 太郎,長男,000-1,はい,見本 次郎,000-2\n"
        "h-2,,,Europe/London,,,,,,,\n",
        "utf-8-sig",
    )
    (first, gateways), (second, none) = read_homes(file, "Asia/Tokyo")
    assert (first.id, first.alias, first.zone, first.area) == ("h-1", "h-1", "Asia/Tokyo", "見本町")
    assert [(c.name, c.has_key) for c in first.contacts] == [("見本 太郎", True), ("見本 次郎", False)]
    assert gateways == ["gw-1", "gw-2"]
    assert (second.zone, second.contacts, none) == ("Europe/London", (), [])


def test_every_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "home,gateway,zone,alias,contact1_name\nh 1,,,,\nh-2,a/b,,,\nh-3,,Mars/Olympus,,\nh-3,,,,\n"
        f"h-5,,,{'x' * 81},\nh-6,,,,no phone\nh-7,,,,,too many\n",
    )
    with pytest.raises(HomesFileError) as error:
        read_homes(file, "Asia/Tokyo")
    said = str(error.value)
    for line in (2, 3, 4, 5, 6, 7, 8):
        assert f"line {line}: " in said
    assert "'h-3' stands in line 4 already" in said
    assert "7 mistakes" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [("name\nx\n", "'name' is not known"), ("gateway\nx\n", "no column 'home'"), ("", "no column 'home'"),
     ('home\n"x', "is not CSV")],
)  # fmt: skip
def test_a_file_that_is_no_table_of_homes_says_so(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_homes(write(tmp_path, content), "Asia/Tokyo")


def test_a_file_in_another_encoding_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_homes(write(tmp_path, "home,area\nh-1,見本町\n", "shift_jis"), "Asia/Tokyo")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_homes(tmp_path / "none.csv", "Asia/Tokyo")
