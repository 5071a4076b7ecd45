"""The decorator of services: atomic, and refused without an audit record."""

from __future__ import annotations

import pytest

from server.audit.models import AuditRecord
from server.audit.services import record
from server.core.services import UnauditedWriteError, nothing_written, service
from server.projects.models import Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor(user_factory):
    return user_factory("mia")


def make(name, actor, *, audited=True):
    project = Project.objects.create(name=name)
    if audited:
        record(actor=actor, action="project.create", subject=project)
    return project


def test_a_write_without_a_record_is_undone_and_said(actor):
    @service
    def forget(*, actor):
        return make("forgotten", actor, audited=False)

    with pytest.raises(UnauditedWriteError, match="forget left no audit record"):
        forget(actor=actor)
    assert Project.objects.count() == 0


def test_a_write_with_a_record_stands(actor):
    @service
    def remember(*, actor):
        return make("remembered", actor)

    assert remember(actor=actor).name == "remembered"
    assert AuditRecord.objects.count() == 1


def test_an_error_undoes_the_record_too(actor):
    @service
    def stumble(*, actor):
        make("half", actor)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble(actor=actor)
    assert Project.objects.count() == AuditRecord.objects.count() == 0


def test_a_service_that_changes_nothing_says_so(actor):
    @service
    def idle(*, actor):
        nothing_written()
        return "nothing"

    assert idle(actor=actor) == "nothing"


def test_a_record_of_an_inner_service_counts_for_the_outer_one(actor):
    @service
    def inner(*, actor):
        return make("inner", actor)

    @service
    def outer(*, actor):
        return inner(actor=actor)

    assert outer(actor=actor).name == "inner"


def test_an_inner_service_that_changed_nothing_excuses_no_outer_one(actor):
    @service
    def inner(*, actor):
        nothing_written()

    @service
    def outer(*, actor):
        inner(actor=actor)
        return make("outer", actor, audited=False)

    with pytest.raises(UnauditedWriteError, match="outer"):
        outer(actor=actor)
    assert Project.objects.count() == 0


def test_an_audit_record_of_an_outer_service_does_not_count_for_an_inner_one(actor):
    @service
    def inner(*, actor):
        return make("inner", actor, audited=False)

    @service
    def outer(*, actor):
        make("outer", actor)
        return inner(actor=actor)

    with pytest.raises(UnauditedWriteError, match="inner"):
        outer(actor=actor)
    assert Project.objects.count() == 0


def test_a_failed_inner_service_leaves_no_record_for_the_outer_one(actor):
    @service
    def inner(*, actor):
        make("inner", actor)
        raise ValueError

    @service
    def outer(*, actor):
        try:
            inner(actor=actor)
        except ValueError:
            make("outer", actor, audited=False)

    with pytest.raises(UnauditedWriteError, match="outer"):
        outer(actor=actor)
    assert Project.objects.count() == AuditRecord.objects.count() == 0
