"""Serializers of the installation."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class VersionSerializer(serializers.Serializer[Any]):
    """The semantic version, and the commit or tag that runs; empty where neither is known."""

    version = serializers.CharField()
    commit = serializers.CharField(allow_blank=True)
