"""URLs of the ``projects`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.projects import api

PROJECT = "projects/<uuid:project_id>"

urlpatterns = [
    path("projects", api.ProjectsView.as_view(), name="projects"),
    path(PROJECT, api.ProjectView.as_view(), name="project"),
    path(f"{PROJECT}/members", api.MembersView.as_view(), name="members"),
    path(f"{PROJECT}/members/<uuid:membership_id>", api.MemberView.as_view(), name="member"),
    path(f"{PROJECT}/labels", api.LabelsView.as_view(), name="labels"),
    path(f"{PROJECT}/labels/order", api.LabelOrderView.as_view(), name="label-order"),
    path(f"{PROJECT}/labels/<uuid:label_id>", api.LabelView.as_view(), name="label"),
    path(
        f"{PROJECT}/labels/<uuid:label_id>/retire",
        api.RetireLabelView.as_view(),
        name="retire-label",
    ),
]
