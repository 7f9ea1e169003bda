"""What fh.js records, from a page with a strict policy to the inbox."""

import pytest

from tests.widget.conftest import Shop

pytestmark = pytest.mark.browser
PERSON = {"pageviews": "off", "vitals": "off"}
"""Attributes of a tag that leave only what a test does."""


def test_one_tag_records_a_visit_and_what_the_page_reports(shop: Shop) -> None:
    shop.visit(vitals="off")
    shop.call("track", "bought", {"price": 3})
    view, bought = shop.left("$pageview", "bought")
    assert (view["url"], view["path"], view["title"]) == (
        f"{shop.site.address}/lamps", "/lamps", "The page /lamps",
    )  # fmt: skip
    assert bought.properties["price"] == 3
    assert (bought["library"], bought["locale"]) == ("firsthand 0.1.0", "en-US")
    assert view["distinct_id"] == bought["distinct_id"]
    assert view["client_session"] == bought["client_session"]
    assert view["id"].version == bought["id"].version == 7
