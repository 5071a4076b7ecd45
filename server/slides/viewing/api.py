"""Resolution of slides over HTTP."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.slides.selectors import get_slide_for
from server.slides.serializers import SlideSerializer
from server.slides.viewing.services import read_resolution_again


class ResolutionView(APIView):
    """Resolution stated by the file of a slide."""

    @extend_schema(operation_id="read_resolution", request=None, responses=SlideSerializer)
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Read the resolution again, as slides imported by an earlier version keep their old reading."""
        actor = actor_of(request)
        read_resolution_again(actor=actor, slide=get_slide_for(actor, slide_id))
        return Response(SlideSerializer(get_slide_for(actor, slide_id)).data)
