"""Services of projects, members and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from ml.messages import Message
from ml.storage.names import fold_name
from server.audit.seen import ComparedValues, refuse_unseen
from server.audit.services import record
from server.core.errors import ConflictError, ContentError, NotVisibleError, StateError
from server.core.inputs import UNSET, FieldChanges, Unset
from server.core.services import service
from server.projects.models import Label, Membership, Project, Role
from server.projects.policies import require_administrator, require_role


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChanges(FieldChanges):
    """New name, description, or choice to map the quality of new slides."""

    name: str | Unset = UNSET
    description: str | Unset = UNSET
    map_quality: bool | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChanges(FieldChanges):
    """New name, colour, key or SNOMED code of a label."""

    name: str | Unset = UNSET
    colour: str | Unset = UNSET
    key: int | Unset | None = UNSET
    snomed: str | Unset = UNSET


@service
def create_project(*, actor: Any, name: str, description: str = "") -> Project:
    """Create a project; its creator, an administrator, becomes its manager."""
    require_administrator(actor)
    project = Project.objects.create(name=name, description=description)
    Membership.objects.create(project=project, user=actor, role=Role.MANAGER)
    record(actor=actor, action="project.create", subject=project, project=project)
    return project


@service
def change_project(*, actor: Any, project: Project, changes: ProjectChanges) -> Project:
    """Change fields of a project; see ``refuse_unseen``."""
    require_role(actor, project, Role.MANAGER)
    locked = Project.objects.select_for_update().get(pk=project.pk)
    new = changes.new_values()
    stored = {field: getattr(locked, field) for field in new}
    refuse_unseen(locked, ComparedValues(changes.seen, stored, new), actions=("project.change",))
    for field, value in new.items():
        setattr(locked, field, value)
    locked.save(update_fields=list(new))
    record(actor=actor, action="project.change", subject=locked, project=locked, details=new)
    return locked


@service
def add_member(*, actor: Any, project: Project, user: Any, role: Role) -> Membership:
    """Give a user a role; ConflictError if they have one already."""
    require_role(actor, project, Role.MANAGER)
    try:
        with transaction.atomic():
            membership = Membership.objects.create(project=project, user=user, role=role)
    except IntegrityError as error:
        message = Message("member_already", name=str(user))
        raise ConflictError(message, code="already_member") from error
    record(
        actor=actor,
        action="member.add",
        subject=membership,
        project=project,
        details={"user": user.pk, "role": role},
    )
    return membership


def _lock_member(membership: Membership) -> Membership:
    """Return the current membership, locked; changes of one project's members are serialised."""
    Project.objects.select_for_update().get(pk=membership.project_id)
    locked = Membership.objects.select_related("project", "user").filter(pk=membership.pk).first()
    if locked is None:
        raise NotVisibleError
    return locked


def _keep_one_manager(membership: Membership) -> None:
    others = Membership.objects.filter(project=membership.project, role=Role.MANAGER)
    if membership.role == Role.MANAGER and not others.exclude(pk=membership.pk).exists():
        message = Message("last_manager")
        raise StateError(message)


@service
def change_member(*, actor: Any, membership: Membership, role: Role) -> Membership:
    """Change a member's role."""
    require_role(actor, membership.project, Role.MANAGER)
    membership = _lock_member(membership)
    if role != Role.MANAGER:
        _keep_one_manager(membership)
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    record(
        actor=actor,
        action="member.change",
        subject=membership,
        project=membership.project,
        details={"before": before, "after": role},
    )
    return membership


@service
def remove_member(*, actor: Any, membership: Membership) -> None:
    """Remove a member; their work stays."""
    require_role(actor, membership.project, Role.MANAGER)
    membership = _lock_member(membership)
    _keep_one_manager(membership)
    record(
        actor=actor,
        action="member.remove",
        subject=membership,
        project=membership.project,
        details={"user": membership.user_id, "role": membership.role},
    )
    membership.delete()


def _refuse_clash(error: IntegrityError, label: dict[str, Any]) -> ConflictError:
    # SQLite names the columns, PostgreSQL the constraint (and says "Key" whatever clashes).
    if "projects_label.key" in str(error) or "projects_label_key_once" in str(error):
        message = Message("key_of_another", key=str(label.get("key")))
        return ConflictError(message, code="key_taken", field="key")
    message = Message("label_named", name=str(label.get("name")))
    return ConflictError(message, code="name_taken", field="name")


def _refuse_similar_name(project: Project, name: str, own: Label | None = None) -> None:
    """Raise ConflictError if another label in use differs from the name in letter case only."""
    Project.objects.select_for_update().get(pk=project.pk)
    labels = project.labels.filter(retired_at__isnull=True).exclude(name=name)
    for pk, other in labels.values_list("pk", "name"):
        if fold_name(other) == fold_name(name) and (own is None or pk != own.pk):
            message = Message(
                "label_letter_case",
                name=name,
                other=other,
            )
            raise ConflictError(message, field="name", similar=other)


@service
def create_label(
    *,
    actor: Any,
    project: Project,
    name: str,
    colour: str,
    key: int | None = None,
    snomed: str = "",
    allow_similar_name: bool = False,
) -> Label:
    """Add a class to the schema; ConflictError when its name or key is taken.

    A name that differs from that of another label in letter case only needs ``allow_similar_name``.
    """
    require_role(actor, project, Role.MANAGER)
    if not allow_similar_name:
        _refuse_similar_name(project, name)
    order = project.labels.count()
    try:
        with transaction.atomic():
            label = Label.objects.create(
                project=project, name=name, colour=colour.lower(), key=key, snomed=snomed, order=order
            )
    except IntegrityError as error:
        raise _refuse_clash(error, {"name": name, "key": key}) from error
    record(
        actor=actor,
        action="label.create",
        subject=label,
        project=project,
        details={"name": name, "colour": colour, "key": key, "snomed": snomed},
    )
    return label


@service
def change_label(
    *, actor: Any, label: Label, changes: LabelChanges, allow_similar_name: bool = False
) -> Label:
    """Change fields of a label; see ``refuse_unseen``. Annotations keep pointing at the label.

    ``allow_similar_name`` as in ``create_label``.
    """
    require_role(actor, label.project, Role.MANAGER)
    if not allow_similar_name and changes.name is not UNSET and changes.name != label.name:
        _refuse_similar_name(label.project, changes.name, label)
    label = Label.objects.select_for_update().get(pk=label.pk)
    after = {
        field: value.lower() if field == "colour" else value for field, value in changes.new_values().items()
    }
    before = {field: getattr(label, field) for field in after}
    values = ComparedValues(changes.seen, before, after)
    refuse_unseen(label, values, actions=("label.change", "label.retire"))
    for field, value in after.items():
        setattr(label, field, value)
    try:
        with transaction.atomic():
            label.save(update_fields=list(after))
    except IntegrityError as error:
        raise _refuse_clash(error, after) from error
    record(
        actor=actor,
        action="label.change",
        subject=label,
        project=label.project,
        details={"before": before, "after": after},
    )
    return label


@service
def reorder_labels(
    *, actor: Any, project: Project, label_ids: Sequence[UUID], seen: Sequence[UUID] | None = None
) -> None:
    """Reorder the labels in use; ContentError unless each of them is named once.

    ``seen`` is the order that the person changed, see ``refuse_unseen``.
    """
    require_role(actor, project, Role.MANAGER)
    labels = list(project.labels.select_for_update().filter(retired_at__isnull=True).order_by("order"))
    by_id = {label.pk: label for label in labels}
    if sorted(label_ids) != sorted(by_id):
        message = Message(
            "labels_changed_meanwhile",
        )
        raise ContentError(message, code="invalid_order", field="label_ids")
    stored = [label.name for label in labels]
    if seen is not None:
        was, after = ([by_id[key].name for key in ids if key in by_id] for ids in (seen, label_ids))
        values = ComparedValues({"order": was}, {"order": stored}, {"order": after})
        refuse_unseen(project, values, actions=("label.reorder",))
    for order, key in enumerate(label_ids):
        by_id[key].order = order
    Label.objects.bulk_update(labels, ["order"])
    before = [str(label.pk) for label in labels]
    after = [str(key) for key in label_ids]
    record(
        actor=actor,
        action="label.reorder",
        subject=project,
        project=project,
        details={"before": before, "after": after},
    )


@service
def retire_label(*, actor: Any, label: Label) -> Label:
    """Retire a label; existing annotations keep it."""
    require_role(actor, label.project, Role.MANAGER)
    locked = Label.objects.select_for_update().get(pk=label.pk)
    if locked.retired_at:
        message = Message("label_retired", name=locked.name)
        raise StateError(message, code="already_retired")
    locked.retired_at = timezone.now()
    locked.key = None
    locked.save(update_fields=["retired_at", "key"])
    record(actor=actor, action="label.retire", subject=locked, project=locked.project)
    return locked
