"""The version of the application, over HTTP."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib import metadata

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.config.serializers import VersionSerializer


@cache
def running_commit() -> str:
    """Return ``COVERSLIP_COMMIT``, which images set, else the tag or commit of the checkout, else nothing."""
    if settings.COMMIT:
        return str(settings.COMMIT)
    command = ["git", "-C", str(settings.ROOT), "describe", "--tags", "--always"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603 - fixed
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


class VersionView(APIView):
    """The running version: people name it when they report a problem."""

    @extend_schema(operation_id="get_version", responses=VersionSerializer)
    def get(self, request: Request) -> Response:
        """Return the version and the commit."""
        del request
        return Response({"version": metadata.version("coverslip"), "commit": running_commit()})
