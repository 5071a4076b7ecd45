"""Uploaded weights: on the page of models, and as a choice of recipes that build on weights."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect
from safetensors.numpy import save

from tests.e2e.conftest import make_project

pytestmark = pytest.mark.browser


def test_weights_are_uploaded_and_offered_to_a_recipe(visit, installation):
    project = make_project(installation, "Weights", {"Tumour": "#d55e00", "Stroma": "#0072b2"})["id"]
    person = visit("manager")
    person.arrive(f"/projects/{project}/models")
    expect(person.see("uploaded-weights")).to_be_visible()
    content = save({"body.0.weight": np.zeros((2, 3), np.float32)})
    file = {"name": "liver.safetensors", "mimeType": "application/octet-stream", "buffer": content}
    person.see("uploaded-weights").locator("input[type=file]").set_input_files(file)
    expect(person.see("weights-name")).to_have_value("liver")
    expect(person.see("send-weights")).to_be_disabled()
    person.see("weights-provenance").fill("Our liver study of 2024, CC BY 4.0")
    person.see("send-weights").click()
    expect(person.see("weights-row")).to_contain_text("Our liver study")

    person.page.goto(f"/projects/{project}/training")
    person.see("recipe-tasks").get_by_text("Patches", exact=True).click()
    person.see("recipe-transfer").click()
    person.see("config-source").click()
    person.page.get_by_role("option", name="weights: liver").click()
    expect(person.see("config-source")).to_have_value("weights: liver")
