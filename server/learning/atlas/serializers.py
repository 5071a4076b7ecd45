"""Serializers of the atlas."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from server.jobs.serializers import JobSerializer


class AtlasSlideSerializer(serializers.Serializer[Any]):
    """A slide with patches on the atlas; ``region`` is the URL of its crops."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    region = serializers.CharField(help_text="Add &x=&y=&width=&height=&size= for a crop.")


class AtlasPointSerializer(serializers.Serializer[Any]):
    """A patch: its square in level-0 pixels, its place on the map (-1..1), its cluster, its label."""

    slide = serializers.UUIDField()
    x = serializers.IntegerField()
    y = serializers.IntegerField()
    side = serializers.IntegerField()
    height = serializers.IntegerField(
        required=False, help_text="Where pixels are not square; else as `side`."
    )
    across = serializers.FloatField()
    down = serializers.FloatField()
    kind = serializers.IntegerField()
    label_id = serializers.UUIDField(allow_null=True)


class AtlasMapSerializer(serializers.Serializer[Any]):
    """``shown`` of the ``total`` patches on tissue, chosen evenly over each slide."""

    created_at = serializers.DateTimeField()
    is_outdated = serializers.BooleanField(
        help_text="The resolution of a slide was changed since: build it again."
    )
    kinds = serializers.IntegerField()
    shown = serializers.IntegerField()
    total = serializers.IntegerField()
    slides = AtlasSlideSerializer(many=True)
    points = AtlasPointSerializer(many=True)


class AtlasSerializer(serializers.Serializer[Any]):
    """The newest job, null before the first request, and the newest finished atlas."""

    job = JobSerializer(allow_null=True)
    map = AtlasMapSerializer(allow_null=True)
