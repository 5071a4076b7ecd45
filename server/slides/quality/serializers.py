"""Serializers of quality maps."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from server.jobs.serializers import JobSerializer
from server.slides.quality.services import (
    ARTEFACTS,
)


class QualityShareSerializer(serializers.Serializer[Any]):
    """Share of the area without glass that has one kind of artefact."""

    name = serializers.ChoiceField(choices=ARTEFACTS)
    number = serializers.IntegerField(help_text="Its value in the picture.")
    share = serializers.FloatField()


class QualityMapSerializer(serializers.Serializer[Any]):
    """A class for each cell; a cell is ``step`` by ``step_y`` level-0 pixels, from the slide's corner."""

    step = serializers.FloatField()
    step_y = serializers.FloatField()
    rows = serializers.IntegerField()
    columns = serializers.IntegerField()
    shares = QualityShareSerializer(many=True)
    is_outdated = serializers.BooleanField(
        help_text="The slide's resolution was changed since: ask for the map again."
    )
    picture = serializers.CharField(help_text="A grey PNG of class numbers, a pixel per cell.")


class QualitySerializer(serializers.Serializer[Any]):
    """The map of a slide; ``job`` is null before the first request, ``map`` until the job has ended."""

    job = JobSerializer(allow_null=True)
    map = QualityMapSerializer(allow_null=True)


class MapsStartedSerializer(serializers.Serializer[Any]):
    """Number of started jobs."""

    count = serializers.IntegerField()
