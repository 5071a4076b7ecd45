"""Export, external edit, import: the same as an edit here, and nobody's change is overwritten silently."""

from __future__ import annotations

import copy
import io
import json
import uuid
import zipfile

import pytest
from django.utils import timezone

from server.annotations.models import Annotation, Region, Revision
from server.projects.models import Label
from tests.server.exchange.test_geojson import API, export, feature, square

pytestmark = pytest.mark.django_db


def draw(client, slide, *, shape="polygon", geometry=None, label=None, note=""):
    body = {
        "id": str(uuid.uuid4()), "shape": shape, "geometry": geometry or square(), "note": note,
        "label_id": label and str(label.pk),
    }  # fmt: skip
    answer = client.post(f"{API}/slides/{slide.pk}/annotations", body, format="json")
    assert answer.status_code == 201, answer.json()
    return Annotation.objects.get(pk=body["id"])


def edit(client, annotation, **values):
    body = {"revision": Annotation.objects.get(pk=annotation.pk).revision, **values}
    assert client.patch(f"{API}/annotations/{annotation.pk}", body, format="json").status_code == 200


def send(client, slide, content, *, name="file.geojson", status=200, preview=False, **fields):
    file = io.BytesIO(content if isinstance(content, bytes) else json.dumps(content).encode())
    file.name = name
    fields = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in fields.items()}
    address = f"{API}/slides/{slide.pk}/import" + ("/preview" if preview else "")
    answer = client.post(address, {"file": file, **fields}, format="multipart")
    assert answer.status_code == status, answer.content[:1000]
    return answer.json()


def histoml(client, slide):
    answer = client.get(f"{API}/slides/{slide.pk}/export.histoml")
    return b"".join(answer.streaming_content)


def edited_histoml(content, change):
    """Return the archive with its features changed by ``change(feature)``."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(parts["annotations.geojson"])
    for item in document["features"]:
        change(item)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("annotations.rdf", parts["annotations.rdf"])
        archive.writestr("annotations.geojson", json.dumps(document))
    return sink.getvalue()


def counts(result):
    return {key: result[key] for key in ("created", "updated", "already_there", "conflicts")}


EDITS = {
    "shape": lambda item: item.update(geometry=square(side=70)),
    "note": lambda item: item["properties"].update(name="corrected"),
    "class": lambda item: item["properties"].update(classification={"name": "Stroma"}),
    "no class": lambda item: item["properties"].pop("classification"),
    "shape and note": lambda item: item.update(
        geometry=square(5, 5), properties={**item["properties"], "name": "moved"}
    ),
}


@pytest.mark.parametrize("what", sorted(EDITS))
def test_an_edit_elsewhere_is_an_update_with_a_revision(what, mia, slide, project, label_factory):
    label_factory(project, "Stroma")
    annotation = draw(mia, slide, label=label_factory(project, "Tumour"), note="first")
    [exported] = export(mia, slide)
    EDITS[what](exported)
    result = send(mia, slide, [exported])
    assert counts(result) == {"created": 0, "updated": 1, "already_there": 0, "conflicts": 0}
    assert [(row["outcome"], row["id"]) for row in result["rows"]] == [("updated", str(annotation.pk))]
    row = Annotation.objects.get()
    assert (row.pk, row.revision) == (annotation.pk, 2)
    [again] = export(mia, slide)
    for key in ("geometry", "properties"):
        exported[key].pop("metadata", None)
        again[key].pop("metadata", None)
    # The area follows the outline.
    exported["properties"].pop("measurements")
    again["properties"].pop("measurements")
    exported["properties"].get("classification", {}).pop("color", None)
    again["properties"].get("classification", {}).pop("color", None)
    assert again == exported
    # The same file again changes nothing: it is an earlier revision whose content is here.
    assert send(mia, slide, [exported])["already_there"] == 1
    assert Annotation.objects.get().revision == 2


def test_an_update_by_import_is_on_record_and_can_be_undone(mia, slide):
    annotation = draw(mia, slide)
    [exported] = export(mia, slide)
    exported["geometry"] = square(side=70)
    send(mia, slide, [exported])
    revisions = mia.get(f"{API}/annotations/{annotation.pk}/revisions").json()["results"]
    assert [(each["number"], each["change"]) for each in revisions] == [(1, "created"), (2, "edited")]
    edit(mia, annotation, geometry=revisions[0]["geometry"])
    assert Annotation.objects.get().geometry == square()


def test_a_note_changed_in_histoml_is_an_update(mia, slide):
    annotation = draw(mia, slide)
    content = edited_histoml(histoml(mia, slide), lambda item: item.update(geometry=square(side=70)))
    result = send(mia, slide, content, name="slide.zip")
    assert counts(result) == {"created": 0, "updated": 1, "already_there": 0, "conflicts": 0}
    assert Annotation.objects.get().pk == annotation.pk
    assert Annotation.objects.get().geometry == square(side=70)


def test_a_stale_file_does_not_overwrite_a_colleague(mia, rob, slide):
    annotation = draw(mia, slide, note="first")
    [exported] = export(mia, slide)
    edit(rob, annotation, note="reviewed")
    exported["properties"]["name"] = "from QuPath"
    result = send(mia, slide, [exported])
    assert counts(result) == {"created": 0, "updated": 0, "already_there": 0, "conflicts": 1}
    assert result["rows"][0]["reason"]["text"] == "Rob changed it here after the export."
    assert Annotation.objects.get().note == "reviewed"
    chosen = send(mia, slide, [exported], conflicts="file")
    assert chosen["updated"] == 1
    assert (Annotation.objects.get().note, Annotation.objects.get().revision) == ("from QuPath", 3)


def test_changes_of_different_fields_here_and_in_the_file_are_both_kept(mia, rob, slide):
    annotation = draw(mia, slide, note="first")
    [exported] = export(mia, slide)
    edit(rob, annotation, note="reviewed")
    exported["geometry"] = square(side=70)
    assert send(mia, slide, [exported])["updated"] == 1
    kept = Annotation.objects.get()
    assert (kept.note, kept.geometry, kept.revision) == ("reviewed", square(side=70), 3)


def test_a_file_may_be_edited_and_imported_twice(mia, slide):
    draw(mia, slide)
    [exported] = export(mia, slide)
    exported["geometry"] = square(side=70)
    assert send(mia, slide, [exported])["updated"] == 1
    exported["properties"]["name"] = "a second thought"
    assert counts(send(mia, slide, [exported])) == {
        "created": 0, "updated": 1, "already_there": 0, "conflicts": 0,
    }  # fmt: skip
    kept = Annotation.objects.get()
    assert (kept.note, kept.geometry) == ("a second thought", square(side=70))


def test_a_stale_file_that_was_not_edited_changes_nothing(mia, rob, slide):
    annotation = draw(mia, slide)
    exported = export(mia, slide)
    edit(rob, annotation, geometry=square(side=90))
    result = send(mia, slide, exported)
    assert counts(result) == {"created": 0, "updated": 0, "already_there": 1, "conflicts": 0}
    assert "earlier revision" in result["rows"][0]["reason"]["text"]
    assert Annotation.objects.get().geometry == square(side=90)


@pytest.mark.parametrize(("editor", "outcome"), [("mia", "updated"), ("rob", "conflicts")])
def test_without_a_revision_only_own_edits_are_replaced(editor, outcome, request, mia, slide):
    annotation = draw(mia, slide)
    [exported] = export(mia, slide)
    edit(request.getfixturevalue(editor), annotation, note="meanwhile")
    del exported["properties"]["metadata"]
    exported["geometry"] = square(side=70)
    assert send(mia, slide, [exported])[outcome] == 1


def test_an_annotator_does_not_change_what_others_drew_by_a_file(mia, ann, slide):
    draw(mia, slide, note="of the manager")
    exported = export(ann, slide)
    exported[0]["geometry"] = square(side=70)
    own = feature(square(300))
    result = send(ann, slide, [*exported, own])
    assert (result["updated"], result["created"]) == (0, 1)
    assert "Somebody else drew this" in result["skipped"][0]["reason"]["text"]
    assert Annotation.objects.get(note="of the manager").geometry == square()


def test_a_shape_deleted_here_stays_deleted_unless_the_person_chooses(mia, rob, slide):
    annotation = draw(mia, slide)
    exported = export(mia, slide)
    assert rob.delete(f"{API}/annotations/{annotation.pk}?revision=1").status_code == 204
    result = send(mia, slide, exported)
    assert (result["conflicts"], result["created"]) == (1, 0)
    assert result["rows"][0]["reason"]["text"] == "Rob deleted it here after the export."
    assert send(mia, slide, exported, conflicts="file")["created"] == 1
    assert Annotation.objects.get().deleted_at is None


def test_a_shape_deleted_elsewhere_stays_and_is_counted(mia, slide):
    draw(mia, slide)
    draw(mia, slide, geometry=square(300))
    draw(mia, slide, geometry=square(500))
    exported = export(mia, slide)
    assert send(mia, slide, exported[:1])["missing"] == 2
    assert send(mia, slide, exported)["missing"] == 0
    assert send(mia, slide, [feature(square(600))])["missing"] == 0
    assert Annotation.objects.filter(deleted_at__isnull=True).count() == 4


def test_equal_outlines_with_other_notes_or_authors_are_two(mia, slide, project, slide_factory):
    rows = [feature(square(), name="first reader"), feature(square(), name="second reader")]
    assert send(mia, slide, rows)["created"] == 2
    assert send(mia, slide, rows)["already_there"] == 2
    assert {row.note for row in Annotation.objects.all()} == {"first reader", "second reader"}


def test_the_same_shape_twice_in_one_file_is_named(mia, slide):
    result = send(mia, slide, [feature(square(), name="a"), feature(square(), name="a")])
    assert counts(result) == {"created": 1, "updated": 0, "already_there": 1, "conflicts": 0}
    assert [row["reason"] and row["reason"]["text"] for row in result["rows"]] == [
        None,
        "The same shape is in the file twice.",
    ]


def test_two_shapes_with_the_id_of_one_annotation_are_not_lost(mia, slide):
    annotation = draw(mia, slide)
    [exported] = export(mia, slide)
    copied = copy.deepcopy(exported)
    copied["geometry"] = square(400)
    result = send(mia, slide, [copied, exported])
    assert counts(result) == {"created": 1, "updated": 0, "already_there": 1, "conflicts": 0}
    assert Annotation.objects.get(pk=annotation.pk).geometry == square()


def test_a_file_of_qupath_is_updated_by_its_next_save(mia, slide):
    rows = [{**feature(square()), "id": str(uuid.uuid4())}, {**feature(square(300)), "id": str(uuid.uuid4())}]
    assert send(mia, slide, rows)["created"] == 2
    rows[0]["geometry"] = square(side=80)
    assert counts(send(mia, slide, rows)) == {"created": 0, "updated": 1, "already_there": 1, "conflicts": 0}


def test_the_export_of_one_slide_comes_to_another_and_is_updated_there(mia, project, slide, slide_factory):
    draw(mia, slide)
    twin = slide_factory(project, "twin", width=1000, height=800)
    exported = export(mia, slide)
    assert send(mia, twin, exported)["created"] == 1
    assert send(mia, twin, exported)["already_there"] == 1
    exported[0]["geometry"] = square(side=70)
    assert send(mia, twin, exported)["updated"] == 1
    assert Annotation.objects.get(slide=slide).geometry == square()


def test_rings_that_begin_elsewhere_are_the_same_shape(mia, slide):
    draw(mia, slide)
    [exported] = export(mia, slide)
    ring = exported["geometry"]["coordinates"][0][:-1]
    turned = [*ring[2:], *ring[:2], ring[2]]
    exported["geometry"]["coordinates"] = [turned[::-1]]
    assert send(mia, slide, [exported])["already_there"] == 1


RETIRE = ("geojson", "histoml")


@pytest.mark.parametrize("way", RETIRE)
@pytest.mark.parametrize("taken", [False, True])
def test_a_retired_label_is_matched_to_itself(way, taken, mia, slide, project, label_factory):
    label = label_factory(project, "Tumour")
    draw(mia, slide, label=label)
    label.retired_at = timezone.now()
    label.save()
    if taken:
        label_factory(project, "Tumour")
    before = Label.objects.count()
    content = json.dumps(export(mia, slide)).encode() if way == "geojson" else histoml(mia, slide)
    name = "a.geojson" if way == "geojson" else "a.zip"
    result = send(mia, slide, content, name=name, create_labels="true")
    assert counts(result) == {"created": 0, "updated": 0, "already_there": 1, "conflicts": 0}
    assert Label.objects.count() == before


def test_a_retired_label_stays_when_the_shape_moves_and_on_another_slide(
    mia, slide, project, slide_factory, label_factory
):
    label = label_factory(project, "Tumour")
    draw(mia, slide, label=label)
    label.retired_at = timezone.now()
    label.save()
    exported = export(mia, slide)
    exported[0]["geometry"] = square(side=70)
    assert send(mia, slide, exported, create_labels="true")["updated"] == 1
    twin = slide_factory(project, "twin", width=1000, height=800)
    result = send(mia, twin, [feature(square(), classification="Tumour")], create_labels="true")
    assert (result["created"], result["labels_created"]) == (1, [])
    assert set(Annotation.objects.values_list("label", flat=True)) == {label.pk}


def test_a_renamed_label_is_matched_to_itself(mia, slide, project, label_factory):
    label = label_factory(project, "Tumor")
    draw(mia, slide, label=label)
    exported = export(mia, slide)
    label.name = "Tumour"
    label.save()
    result = send(mia, slide, exported, create_labels="true")
    assert (result["already_there"], result["labels_created"]) == (1, [])
    # Another class in the file is another label.
    exported[0]["properties"]["classification"] = {"name": "Stroma"}
    assert send(mia, slide, exported, create_labels="true")["labels_created"] == ["Stroma"]


def declare(client, slide, geometry):
    body = {"id": str(uuid.uuid4()), "geometry": geometry}
    assert client.post(f"{API}/slides/{slide.pk}/regions", body, format="json").status_code == 201


def test_a_finished_region_comes_back_as_one(mia, project, slide, slide_factory):
    declare(mia, slide, square(side=200))
    exported = export(mia, slide)
    assert counts(send(mia, slide, exported))["already_there"] == 1
    exported[0]["geometry"] = square(side=300)
    assert send(mia, slide, exported)["updated"] == 1
    assert send(mia, slide, exported)["already_there"] == 1
    assert [row.geometry for row in Region.objects.filter(revoked_at__isnull=True)] == [square(side=300)]
    assert Annotation.objects.count() == 0


def test_a_finished_region_that_was_revoked_here_is_a_conflict(mia, slide):
    declare(mia, slide, square(side=200))
    exported = export(mia, slide)
    assert mia.delete(f"{API}/regions/{Region.objects.get().pk}").status_code == 204
    assert send(mia, slide, exported)["conflicts"] == 1
    assert send(mia, slide, exported, conflicts="file")["created"] == 1
    assert Region.objects.filter(revoked_at__isnull=True).count() == 1


def test_an_edit_between_the_plan_and_the_write_is_a_conflict(mia, rob, slide, monkeypatch):
    """The plan is made again when somebody changed an annotation meanwhile."""
    from server.exchange.imports import services

    annotation = draw(mia, slide)
    [exported] = export(mia, slide)
    exported["geometry"] = square(side=70)
    plan_import = services.plan_import
    plans = []

    def interrupted(*arguments):
        plans.append(plan_import(*arguments))
        if len(plans) == 1:
            edit(rob, annotation, geometry=square(side=90))
        return plans[-1]

    monkeypatch.setattr(services, "plan_import", interrupted)
    assert send(mia, slide, [exported])["conflicts"] == 1
    assert len(plans) == 2
    assert Revision.objects.filter(annotation=annotation).count() == 2
