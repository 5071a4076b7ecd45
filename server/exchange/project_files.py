"""Import of a project's export: each file of the ZIP goes to its slide."""

from __future__ import annotations

import shutil
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

from ml.messages import Message
from ml.storage.names import fold_name
from server.accounts.models import User
from server.annotations.policies import annotation_policy
from server.core.errors import DomainError
from server.core.files.storage import temporary_folder
from server.exchange.formats.archives import Member
from server.exchange.imports.letter_case import CaseQuestion, refuse_open_questions
from server.exchange.imports.options import ImportOptions, Target
from server.exchange.imports.preview import ClassRow, Preview
from server.exchange.imports.report import ImportReport
from server.exchange.imports.services import name_of
from server.exchange.reading import list_project_archive, read_member
from server.exchange.slide_files import SlideFile
from server.projects.models import Project
from server.slides.models import Slide
from server.slides.selectors import slides_visible_to

# Of each slide; the counts are of all rows.
MOST_ROWS: Final = 100
CONTENT, NAME = "content", "name"


@dataclass(frozen=True, slots=True)
class SlidePart:
    """The file of one slide: the criterion of its match, and the report or the refusal."""

    file: str
    slide: Slide
    matched_by: str
    report: ImportReport | None = None
    becomes_objects: bool = False
    error: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class LeftOutFile:
    """A file of the archive without a matching slide, with the reason."""

    file: str
    reason: Message


@dataclass(slots=True)
class ProjectReport:
    """Result of the import of a project's export, or of its preview."""

    slides: list[SlidePart] = field(default_factory=list)
    left_out: list[LeftOutFile] = field(default_factory=list)
    upload: str = ""
    counted: int = 0
    unlabelled: int = 0
    may_create_labels: bool = False
    classes: list[ClassRow] = field(default_factory=list)

    def ask_about_variants(self, answered: Container[str]) -> None:
        """Turn classes that differ in letter case only between the files of two slides into questions."""
        self.classes = [
            replace(row, is_question=True)
            if row.target in {Target.NEW, Target.OWN} and row.name not in answered and self._variants(row)
            else row
            for row in self.classes
        ]

    def open_questions(self) -> list[CaseQuestion]:
        """Return the classes that would be imported on a guess."""
        return [
            CaseQuestion(row.name, (*(label.name for label in row.similar), *self._variants(row)))
            for row in self.classes
            if row.is_question and row.target != Target.SKIP
        ]

    def _variants(self, row: ClassRow) -> list[str]:
        folded = fold_name(row.name)
        return [other.name for other in self.classes if other is not row and fold_name(other.name) == folded]


@dataclass(frozen=True)
class ProjectFile:
    """The export of a project, to be imported into a project."""

    actor: User
    project: Project
    file: IO[bytes]
    become: str
    options: ImportOptions

    def start_import(self) -> ProjectReport:
        """Import the file of each slide as on the slide itself.

        Raises DomainError for an invalid archive, and ClassQuestionError before anything is imported.
        """
        refuse_open_questions(self.preview().open_questions())
        return self._each(is_preview=False)

    def preview(self) -> ProjectReport:
        """Return the expected result of the import; raises DomainError for an invalid archive."""
        return self._each(is_preview=True)

    def _each(self, *, is_preview: bool) -> ProjectReport:
        annotation_policy.require(self.actor, self.project, "draw")
        self.file.seek(0)
        report = ProjectReport()
        with temporary_folder("project") as folder:
            path, part = folder / "archive", folder / "part"
            with path.open("wb") as copy:
                shutil.copyfileobj(self.file, copy, 2**20)
            members = list_project_archive(path)
            slides = slides_visible_to(self.actor).filter(project=self.project, state=Slide.State.READY)
            chosen, report.left_out = assign(members, list(slides))
            for member, slide, matched_by in chosen:
                with part.open("wb") as sink:
                    sink.writelines(read_member(path, member))
                report.slides.append(
                    self._part(report, part, member, slide, matched_by, is_preview=is_preview)
                )
        report.ask_about_variants(self.options.mapping)
        report.classes.sort(key=lambda row: (-row.count, row.name))
        return report

    def _part(
        self,
        report: ProjectReport,
        path: Path,
        member: Member,
        slide: Slide,
        matched_by: str,
        *,
        is_preview: bool,
    ) -> SlidePart:
        try:
            with path.open("rb") as file:
                part = SlideFile(
                    self.actor, slide, file, member.name, path.stat().st_size, self.become, self.options
                )
                if not is_preview:
                    result = part.start_import()
                    return SlidePart(member.name, slide, matched_by, _shortened(result))
                preview = part.preview(path)
        except DomainError as error:
            return SlidePart(member.name, slide, matched_by, error=error.detail.as_json())
        _add(report, preview)
        return SlidePart(
            member.name, slide, matched_by, _shortened(preview.report), preview.become == "objects"
        )


def assign(
    members: Sequence[Member], slides: Sequence[Slide]
) -> tuple[list[tuple[Member, Slide, str]], list[LeftOutFile]]:
    """Return each file with its slide, by content hash or else by name, and the files without a slide."""
    by_hash = {slide.sha256: slide for slide in slides}
    chosen: list[tuple[Member, Slide, str]] = []
    left_out: list[LeftOutFile] = []
    taken: dict[object, str] = {}
    for member in sorted(members, key=lambda one: one.sha256 not in by_hash):
        slide = by_hash.get(member.sha256)
        named = [slide] if slide else [one for one in slides if member.is_named_for(name_of(one))]
        if len(named) != 1 or named[0].pk in taken:
            left_out.append(LeftOutFile(member.name, _why_left_out(named, taken)))
            continue
        taken[named[0].pk] = member.name
        chosen.append((member, named[0], CONTENT if slide else NAME))
    return sorted(chosen, key=lambda one: one[1].name), left_out


def _why_left_out(named: Sequence[Slide], taken: dict[object, str]) -> Message:
    if not named:
        return Message("part_without_slide")
    if len(named) > 1:
        return Message(
            "part_of_several_slides",
            count=len(named),
        )
    return Message(
        "part_is_second",
        slide=named[0].name,
        file=taken[named[0].pk],
    )


def _shortened(report: ImportReport) -> ImportReport:
    report.rows_left_out += len(report.rows[MOST_ROWS:])
    report.rows, report.skipped = report.rows[:MOST_ROWS], report.skipped[:MOST_ROWS]
    return report


def _add(report: ProjectReport, preview: Preview) -> None:
    """Add the classes and counts of one slide."""
    report.counted += preview.counted
    report.unlabelled += preview.unlabelled
    report.may_create_labels |= preview.may_create_labels
    known = {row.name: place for place, row in enumerate(report.classes)}
    for row in preview.classes:
        place = known.get(row.name)
        if place is None:
            report.classes.append(row)
        else:
            old = report.classes[place]
            report.classes[place] = replace(
                old,
                count=old.count + row.count,
                is_question=old.is_question or row.is_question,
                similar=old.similar or row.similar,
            )
