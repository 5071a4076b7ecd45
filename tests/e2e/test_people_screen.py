"""Accounts at the screen, unknown addresses, and the navigation of the preferences."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PASSWORD, make_project

pytestmark = pytest.mark.browser

NEW = "another long password"


@pytest.fixture(scope="module")
def project(installation) -> str:
    return make_project(installation, "People", {"Tumour": "#d55e00"})["id"]


@pytest.fixture
def newcomer(installation) -> str:
    """An account that no other test uses; return its user name."""
    name = f"person-{uuid.uuid4().hex[:8]}"
    body = {"username": name, "display_name": f"Person {name[-4:]}", "password": PASSWORD}
    assert installation.client("admin").post("/users", json=body).status_code == 201
    return name


def sign_in(page: Page, username: str, password: str) -> None:
    page.goto("/")
    page.get_by_test_id("sign-in-username").fill(username)
    page.get_by_test_id("sign-in-password").fill(password)
    page.get_by_test_id("sign-in-submit").click()


def change(page: Page, current: str, new: str, repeat: str | None = None) -> None:
    for field, text in (("current", current), ("new", new), ("repeat", new if repeat is None else repeat)):
        page.get_by_test_id(f"password-{field}").fill(text)
    page.get_by_test_id("password-change").click()


def row(admin, username: str):
    return admin.see("user-row").filter(has_text=username)


def test_a_person_changes_the_own_password(visit, newcomer):
    person = visit(newcomer)
    person.sign_in("/preferences?tab=password")
    change(person.page, PASSWORD, NEW, "something else")
    expect(person.page.get_by_text("The two passwords differ.")).to_be_visible()
    change(person.page, "not it at all", NEW)
    expect(person.page.get_by_text("The current password is wrong.")).to_be_visible()
    change(person.page, PASSWORD, "password")
    expect(person.page.get_by_text("This password is too common.")).to_be_visible()
    change(person.page, PASSWORD, NEW)
    expect(person.page.get_by_text("Password changed.")).to_be_visible()
    expect(person.see("password-current")).to_have_value("")
    person.page.reload()
    expect(person.see("user-menu")).to_be_visible()
    person.complaints.clear()  # the refusals above


def test_an_administrator_resets_a_password_and_the_person_must_change_it(visit, newcomer):
    admin = visit("admin")
    admin.arrive("/preferences?tab=users")
    admin.page.get_by_placeholder("Search").fill(newcomer)
    row(admin, newcomer).get_by_test_id("account-actions").click()
    admin.see("account-reset").click()
    admin.see("reset-confirm").click()
    once = admin.see("one-time-password").inner_text()
    admin.press("Escape")
    expect(admin.see("one-time-password")).to_be_visible()
    person = visit(newcomer)
    sign_in(person.page, newcomer, once)
    expect(person.page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    person.page.goto("/preferences")
    expect(person.page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    change(person.page, once, NEW)
    expect(person.see("user-menu")).to_be_visible()


def test_a_deactivated_person_is_signed_out_and_can_come_back(visit, newcomer):
    person = visit(newcomer)
    person.sign_in()
    admin = visit("admin")
    admin.arrive("/preferences?tab=users")
    admin.page.get_by_placeholder("Search").fill(newcomer)
    row(admin, newcomer).get_by_test_id("account-actions").click()
    admin.see("account-deactivate").click()
    admin.page.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
    expect(row(admin, newcomer).get_by_test_id("account-state")).to_have_text("Deactivated")
    person.page.goto("/")
    expect(person.see("sign-in-username")).to_be_visible()
    sign_in(person.page, newcomer, PASSWORD)
    expect(person.page.get_by_text("User name or password is wrong.")).to_be_visible()
    row(admin, newcomer).get_by_test_id("account-actions").click()
    admin.see("account-reactivate").click()
    expect(row(admin, newcomer).get_by_test_id("account-state")).to_have_text("Active")
    sign_in(person.page, newcomer, PASSWORD)
    expect(person.see("user-menu")).to_be_visible()
    person.complaints.clear()  # the refused sign-in


def test_a_token_shows_its_access_and_its_end(visit, newcomer):
    person = visit(newcomer)
    person.sign_in("/preferences?tab=tokens")
    for name, access in (("nightly export", "Read only"), ("scanner", "Read and write")):
        person.see("token-name").fill(name)
        person.see("token-scope").click()
        person.page.get_by_role("option", name=access).click()
        person.see("token-create").click()
        row = person.see("token-row").filter(has_text=name)
        expect(row).to_contain_text(access)
        expect(row).to_contain_text("not yet")
    expect(person.see("token-row")).to_have_count(2)


def test_members_show_who_is_deactivated(visit, installation, newcomer):
    admin = installation.client("admin")
    project = make_project(installation, "Members", {})["id"]
    [person] = admin.get("/users", params={"search": newcomer}).json()["results"]
    body = {"user_id": person["id"], "role": "reviewer"}
    assert admin.post(f"/projects/{project}/members", json=body).status_code == 201
    assert admin.post(f"/accounts/{person['id']}/deactivate").status_code == 200
    manager = visit("manager")
    manager.arrive(f"/projects/{project}/settings?tab=members")
    row = manager.see("member-row").filter(has_text=newcomer)
    expect(row.get_by_test_id("member-inactive")).to_have_text("Deactivated")
    expect(manager.see("member-inactive")).to_have_count(1)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404), ("/projects/x", 404), ("/projects/{project}/nothing", 404),
        ("/projects/{unknown}", 200), ("/projects/{unknown}/review", 200),
        ("/projects/{project}/slides/{unknown}", 200), ("/projects/{project}/models/{unknown}", 200),
    ],
)  # fmt: skip
def test_an_unknown_address_is_a_page_with_a_way_back(visit, project, path, status):
    manager = visit("manager")
    manager.arrive("/")
    answer = manager.page.goto(path.format(project=project, unknown=uuid.uuid4()))
    assert answer is not None
    assert answer.status == status
    expect(manager.see("not-found")).to_be_visible()
    assert manager.page.url.endswith(path.split("/")[-1].format(project=project, unknown="")[:8])
    if "{project}" in path:
        manager.see("not-found-project").click()
        expect(manager.page).to_have_url(re.compile(f"/projects/{project}$"))
    else:
        manager.see("not-found-home").click()
        expect(manager.page).to_have_url(re.compile("/$"))
    manager.complaints.clear()  # the unknown address


def test_preferences_keep_the_navigation_of_the_project(visit, project):
    manager = visit("manager")
    manager.arrive(f"/projects/{project}")
    manager.see("user-menu").click()
    manager.page.get_by_role("menuitem", name="Preferences").click()
    expect(manager.page.get_by_role("heading", name="Preferences")).to_be_visible()
    expect(manager.see("nav-models").first).to_be_visible()
    manager.see("nav-slides").first.click()
    expect(manager.page).to_have_url(re.compile(f"/projects/{project}$"))
    manager.page.goto("/")
    expect(manager.see("nav-models")).to_have_count(0)
