"""Uploaded weights over HTTP."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.messages import Message
from server.accounts.authentication import actor_of
from server.core.errors import TooLargeError
from server.projects.selectors import get_project_for
from server.registry.policies import model_version_policy
from server.registry.serializers import UploadedWeightsSerializer, WeightsFileSerializer
from server.registry.uploads import upload_weights, uploaded_weights_visible_to

MOST_BYTES: Final = 2 * 2**30


class UploadedWeightsView(APIView):
    """The uploaded weights of a project."""

    parser_classes = (MultiPartParser,)

    @extend_schema(operation_id="list_uploaded_weights", responses=UploadedWeightsSerializer(many=True))
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the uploaded weights by name."""
        project = get_project_for(actor_of(request), project_id)
        weights = uploaded_weights_visible_to(actor_of(request)).filter(project=project)
        return Response(UploadedWeightsSerializer(weights, many=True).data)

    @extend_schema(
        operation_id="upload_weights",
        request={"multipart/form-data": WeightsFileSerializer},
        responses={201: UploadedWeightsSerializer},
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Upload a file of weights for recipes to start from."""
        project = get_project_for(actor_of(request), project_id)
        model_version_policy.require(actor_of(request), project, "upload_weights")
        form = WeightsFileSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        if file.size > MOST_BYTES:
            message = Message(
                "weights_too_large",
                most=MOST_BYTES // 2**20,
            )
            raise TooLargeError(message, field="file")
        weights = upload_weights(
            actor=actor_of(request),
            project=project,
            name=form.validated_data["name"],
            provenance=form.validated_data["provenance"],
            chunks=file.chunks(),
        )
        return Response(UploadedWeightsSerializer(weights).data, status=status.HTTP_201_CREATED)
