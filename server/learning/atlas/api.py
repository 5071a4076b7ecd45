"""The atlas of a project, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.jobs.serializers import JobSerializer
from server.learning.atlas.serializers import AtlasSerializer
from server.learning.atlas.services import (
    atlases_visible_to,
    is_outdated,
    labels_at,
    read_atlas,
    slides_of_atlas,
    start_atlas,
)
from server.learning.models import Atlas
from server.projects.selectors import get_project_for
from server.slides.tiles.grants import issue_grant, region_address


class AtlasView(APIView):
    """The atlas of a project."""

    @extend_schema(operation_id="get_atlas", responses=AtlasSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        """Return the newest finished atlas, and the progress of the newest job."""
        project = get_project_for(actor_of(request), project_id)
        return Response(_described(request, project))

    @extend_schema(operation_id="build_atlas", request=None, responses={202: AtlasSerializer})
    def post(self, request: Request, project_id: UUID) -> Response:
        """Start an atlas of the current slides."""
        project = get_project_for(actor_of(request), project_id)
        start_atlas(actor=actor_of(request), project=project)
        return Response(_described(request, project), status=status.HTTP_202_ACCEPTED)


def _described(request: Request, project: Any) -> dict[str, Any]:
    rows = atlases_visible_to(actor_of(request)).filter(project=project).order_by("-created_at")
    newest, made = rows.first(), rows.exclude(storage_key="").first()
    return {
        "job": JobSerializer(newest.job, context={"request": request}).data if newest else None,
        "map": _map(request, made) if made else None,
    }


def _map(request: Request, atlas: Atlas) -> dict[str, Any]:
    slides = slides_of_atlas(actor_of(request), atlas.project)
    document = read_atlas(atlas)
    # Patches of slides that were deleted since are left out.
    points = [point for point in document["points"] if point["slide"] in slides]
    labels = labels_at(actor_of(request), points)
    points = [{**point, "label_id": label} for point, label in zip(points, labels, strict=True)]
    present = {point["slide"] for point in points}
    return {
        "created_at": atlas.created_at,
        "is_outdated": is_outdated(atlas, slides.values()),
        "kinds": document["kinds"],
        "shown": len(points),
        "total": atlas.total,
        "points": points,
        "slides": [
            {
                "id": pk,
                "name": slide.name,
                "region": region_address(slide.sha256, issue_grant(slide.sha256)[0]),
            }
            for pk, slide in slides.items()
            if pk in present
        ],
    }
