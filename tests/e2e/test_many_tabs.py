"""Ten tabs of one browser share one event stream: none hangs, all stay up to date."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import import_plain_slide, make_project
from tests.material import write_plain_slide

pytestmark = pytest.mark.browser

TABS = 10


@pytest.fixture(scope="module")
def project(installation):
    return make_project(installation, "Many tabs", {"Tumour": "#d55e00"})


def test_ten_tabs_load_and_stay_up_to_date(installation, visit, project, tmp_path):
    manager = visit("manager")
    manager.arrive(f"/projects/{project['id']}/jobs")
    pages = [manager.page, *(manager.new_tab() for _ in range(TABS - 1))]
    for page in pages:
        # The seventh tab used to wait for ever: a browser has six connections to one host.
        page.goto(f"/projects/{project['id']}/jobs")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_test_id("job-row")).to_have_count(0)
    write_plain_slide(tmp_path / "plain.tif", 512)
    import_plain_slide(installation, tmp_path / "plain.tif", project["id"])
    for page in pages:
        expect(page.get_by_test_id("job-row").first).to_be_visible()
