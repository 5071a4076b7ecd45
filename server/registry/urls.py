"""URLs of the ``registry`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.registry import api, weights_api

PROJECT = "projects/<uuid:project_id>"
VERSION = "model-versions/<uuid:version_id>"

urlpatterns = [
    path("recipes", api.RecipesView.as_view(), name="recipes"),
    path(f"{PROJECT}/model-versions", api.ModelVersionsView.as_view(), name="model-versions"),
    path(f"{PROJECT}/weights", weights_api.UploadedWeightsView.as_view(), name="weights"),
    path(f"{PROJECT}/model-versions/roll-back", api.RollBackView.as_view(), name="roll-back"),
    path(VERSION, api.ModelVersionView.as_view(), name="model-version"),
    path(f"{VERSION}/promote", api.PromoteView.as_view(), name="promote"),
    path(f"{VERSION}/keep", api.KeepView.as_view(), name="keep"),
]
