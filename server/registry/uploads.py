"""Uploaded weights, for recipes to start from."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from django.db.models import QuerySet

from ml.messages import Message
from server.accounts.models import User
from server.audit.services import record
from server.core.errors import NotVisibleError
from server.core.files.storage import delete, new_folder, storage_path
from server.core.services import service
from server.projects.models import Project
from server.projects.selectors import projects_visible_to
from server.registry.errors import WeightsMissingError, WeightsNameTakenError
from server.registry.models import UploadedWeights
from server.registry.policies import model_version_policy
from server.registry.tensors import TensorFile, write_tensors

FOLDER: Final = "uploaded-weights"
FILE: Final = "weights.safetensors"
PREFIX: Final = "weights:"


def upload_weights(
    *, actor: User, project: Project, name: str, provenance: str, chunks: Iterable[bytes]
) -> UploadedWeights:
    """Store a safetensors file under a name; raises ContentError(``bad_weights``) or WeightsNameTakenError.

    The file is written and checked before the transaction.
    """
    model_version_policy.require(actor, project, "upload_weights")
    key = f"{FOLDER}/{uuid.uuid4().hex}"
    try:
        with new_folder(key) as folder:
            file = write_tensors(folder / FILE, chunks)
        return register_weights(
            actor=actor, project=project, name=name, provenance=provenance, key=key, file=file
        )
    except BaseException:
        delete(key)
        raise


@service
def register_weights(
    *, actor: User, project: Project, name: str, provenance: str, key: str, file: TensorFile
) -> UploadedWeights:
    """Store the row of a checked file of weights; raises WeightsNameTakenError."""
    model_version_policy.require(actor, project, "upload_weights")
    Project.objects.select_for_update().get(pk=project.pk)
    if UploadedWeights.objects.filter(project=project, name=name).exists():
        message = Message("weights_called", name=name)
        raise WeightsNameTakenError(message, field="name")
    weights = UploadedWeights.objects.create(
        project=project,
        name=name,
        provenance=provenance,
        digest=file.digest,
        size=file.size,
        tensors=file.tensors,
        storage_key=key,
        created_by=actor,
    )
    record(
        actor=actor,
        action="uploaded_weights.create",
        subject=weights,
        project=project,
        details={"name": name, "digest": file.digest, "provenance": provenance},
    )
    return weights


def uploaded_weights_visible_to(actor: User) -> QuerySet[UploadedWeights]:
    """Return the uploaded weights of all projects that the actor sees, by name."""
    return UploadedWeights.objects.filter(project__in=projects_visible_to(actor)).select_related("created_by")


def find_weights_named(project: Project, name: str) -> Path:
    """Return the file of ``weights: NAME`` in a project; raises NotVisibleError or WeightsMissingError."""
    short = name.removeprefix(PREFIX).strip()
    weights = UploadedWeights.objects.filter(project=project, name=short).first()
    if weights is None:
        message = Message("no_weights_called", name=short)
        raise NotVisibleError(message)
    path = storage_path(weights.storage_key) / FILE
    if not path.is_file():
        message = Message(
            "weights_file_missing",
            name=short,
        )
        raise WeightsMissingError(message)
    return path
