"""URLs of the ``objects`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.objects import api

urlpatterns = [
    path("slides/<uuid:slide_id>/object-sets", api.ObjectSetsView.as_view(), name="object-sets"),
    path("object-sets/<uuid:set_id>", api.ObjectSetView.as_view(), name="object-set"),
    path("object-sets/<uuid:set_id>/withdrawal", api.WithdrawalView.as_view(), name="object-set-withdrawal"),
    path("heat-maps/<uuid:heat_map_id>.png", api.HeatMapPictureView.as_view(), name="heat-map-picture"),
]
