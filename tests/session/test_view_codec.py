"""A view published is the view read, and anything else is no view."""

from pathlib import Path

import pytest

from canary_cli.session.view_codec import from_bytes, publish, read_view, to_bytes, view_file
from tests.render.views import view


def test_what_is_published_is_what_is_read(tmp_path: Path) -> None:
    publish(view(), tmp_path)
    assert read_view(tmp_path) == view()
    publish(view(headline="STOPPED"), tmp_path)
    assert read_view(tmp_path) == view(headline="STOPPED")


def test_nothing_published_is_no_view(tmp_path: Path) -> None:
    assert read_view(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"account": 1}'])
def test_half_a_view_is_no_view(tmp_path: Path, content: bytes) -> None:
    view_file(tmp_path).write_bytes(content)
    assert read_view(tmp_path) is None
    with pytest.raises(ValueError, match=r"."):
        from_bytes(content)


def test_unmeasured_stays_unmeasured() -> None:
    again = from_bytes(to_bytes(view(equity=None, drawdown_pct=None, peak=None)))
    assert again.equity is None
    assert again.drawdown_pct is None
