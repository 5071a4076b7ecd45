"""Live paintings over HTTP."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.painting import selectors, services
from server.painting.pictures import read_picture
from server.painting.serializers import NewPaintingSerializer, PaintingSerializer
from server.slides.selectors import get_slide_for


class PaintingView(APIView):
    """One's own live painting of a slide."""

    @extend_schema(operation_id="get_painting", responses=PaintingSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return the newest painting of a slide for the person."""
        slide = get_slide_for(actor_of(request), slide_id)
        return Response(PaintingSerializer(selectors.get_painting_of_slide(actor_of(request), slide)).data)

    @extend_schema(
        operation_id="ask_for_painting", request=NewPaintingSerializer, responses={202: PaintingSerializer}
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Ask for the slide to be painted by the present marks; supersedes the request before."""
        slide = get_slide_for(actor_of(request), slide_id)
        form = NewPaintingSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        painting = services.ask_for_painting(actor=actor_of(request), slide=slide, **form.validated_data)
        return Response(PaintingSerializer(painting).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(operation_id="stop_painting", request=None, responses={204: None})
    def delete(self, request: Request, slide_id: UUID) -> Response:
        """Stop painting the slide."""
        slide = get_slide_for(actor_of(request), slide_id)
        painting = selectors.get_painting_of_slide(actor_of(request), slide)
        services.stop_painting(actor=actor_of(request), painting=painting)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PaintingPictureView(APIView):
    """A picture of painted cells, one pixel each."""

    @extend_schema(operation_id="get_painting_picture", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, painting_id: UUID, name: str) -> HttpResponse:
        """Return a picture: red is the number of a label (255: nothing), green its share in 254ths."""
        painting = selectors.get_painting(actor_of(request), painting_id)
        picture = read_picture(painting.pk, name)
        if picture is None:
            raise NotVisibleError
        answer = HttpResponse(picture, content_type="image/png")
        answer["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer
