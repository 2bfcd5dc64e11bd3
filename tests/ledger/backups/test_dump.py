"""Reading a dump as it streams, in whatever pieces it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.errors import BackupError
from canary_cli.ledger.backups.dump import DumpFacts, ShadowDump, lines_of

DUMP = rb"""-- MariaDB dump
DROP TABLE IF EXISTS `a`;
CREATE TABLE `a` (
  `t` text,
  CONSTRAINT `a_ibfk_1` FOREIGN KEY (`t`) REFERENCES `b` (`t`)
);
LOCK TABLES `a` WRITE;
/*!40000 ALTER TABLE `a` DISABLE KEYS */;
INSERT INTO `a` VALUES
('INSERT INTO `b` VALUES\n(1)'),
('CREATE TABLE `x`');
UNLOCK TABLES;
CREATE TABLE `b` (
  `t` text
);
INSERT INTO `b` VALUES
('1');
INSERT INTO `b` VALUES
('2');
-- Dump completed on 2026-02-22 10:00:00
"""


@given(st.integers(1, 200))
def test_rows_are_counted_in_whatever_pieces_they_come(size: int):
    facts = DumpFacts("mariadb")
    for start in range(0, len(DUMP), size):
        facts.add(DUMP[start : start + size])
    tables = facts.finish()
    assert {name: table.rows for name, table in tables.items()} == {"a": 2, "b": 2}


@given(st.integers(1, 200))
def test_every_name_becomes_a_shadow_and_no_row_is_touched(size: int):
    dump = ShadowDump(lines_of(DUMP[start : start + size] for start in range(0, len(DUMP), size)), "canary", "_s_")
    text = b"".join(dump)
    rows = [line for line in DUMP.splitlines() if line.startswith(b"(")]
    assert [line for line in text.splitlines() if line.startswith(b"(")] == rows
    heads = b"\n".join(line for line in text.splitlines() if not line.startswith(b"("))
    assert heads.count(b"`_s_") == text.count(b"`_s_") == 10
    assert b"`a`" not in heads
    assert b"`b`" not in heads
    assert dump.rows == {"a": 2, "b": 2}


def test_rows_that_share_a_line_are_not_counted():
    dump = ShadowDump([b"INSERT INTO `a` VALUES (1),(2);\n", b"-- Dump completed\n"], "canary", "_s_")
    assert list(dump)
    assert dump.rows == {"a": None}


def test_only_our_schema_is_taken_of_many():
    lines = [b"USE `x`;\n", b"CREATE TABLE `a` (\n", b"(1);\n", b"USE `canary`;\n", b"CREATE TABLE `b` (\n",
             b"INSERT INTO `b` VALUES\n", b"(2);\n", b"-- Dump completed\n"]  # fmt: skip
    dump = ShadowDump(lines, "canary", "_s_")
    assert [line for line in dump if line.startswith((b"(", b"CREATE"))] == [b"CREATE TABLE `_s_b` (\n", b"(2);\n"]
    assert dump.rows == {"b": 1}


@pytest.mark.parametrize("code", [b"DELIMITER ;;\n", b"/*!50001 CREATE VIEW `v` AS SELECT 1 */;\n"])
def test_stored_code_is_refused(code: bytes):
    with pytest.raises(BackupError, match="triggers, views or routines"):
        list(ShadowDump([code, b"-- Dump completed\n"], "canary", "_s_"))


def test_a_dump_without_its_last_line_is_cut_short():
    facts = DumpFacts("mariadb")
    facts.add(DUMP[:-45])
    with pytest.raises(BackupError, match="cut short"):
        facts.finish()
    with pytest.raises(BackupError, match="cut short"):
        list(ShadowDump(lines_of([DUMP[:-45]]), "canary", "_s_"))
