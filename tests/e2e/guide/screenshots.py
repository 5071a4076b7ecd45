"""Take the pictures of the guide: the real application with real tissue, in both themes, at 1440 x 900.

``make screenshots`` starts an installation in a temporary folder and writes ``deploy/docs/pictures/*.webp``.
The tissue is CMU-1-Small-Region (CC0) of the shared data; where that is missing, a phantom takes its place.
"""

from __future__ import annotations

import io
import tempfile
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
import tifffile
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from shapely import LineString, Polygon, box
from shapely.affinity import affine_transform
from shapely.geometry import mapping

from ml.slides import write_phantom
from tests.conftest import data_folder
from tests.e2e.browser import FLAGS, Visitor, find_chromium
from tests.e2e.conftest import ROOT, Client, Installation, import_slide, make_project, wait_for

PICTURES: Final = ROOT / "deploy" / "docs" / "pictures"
MOST_BYTES: Final = 2_500_000
QUALITY: Final = 80
MPP: Final = 0.499
WIDTH: Final = 2220
HEIGHT: Final = 2967
LABELS: Final = {"Epidermis": "#0072b2", "Dermis": "#009e73", "Keratin": "#e69f00"}
# Strokes of the brush along each kind of tissue: their centres in level-0 pixels, and their width.
STROKES: Final = {
    "Epidermis": (
        [(1140, 1430), (1155, 1540), (1145, 1680)],
        [(1180, 820), (1215, 930), (1180, 1050)],
        [(1140, 1900), (1160, 2030), (1150, 2130)],
        [(640, 2640), (720, 2690), (640, 2800)],
    ),
    "Dermis": (
        [(930, 1360), (915, 1480), (900, 1560)],
        [(1000, 760), (1030, 830)],
        [(960, 2060), (1010, 2150), (980, 2340)],
        [(1520, 2060), (1590, 2130), (1520, 2290)],
    ),
    "Keratin": (
        [(1330, 1200), (1440, 1120), (1560, 1010)],
        [(1240, 1640), (1300, 1760)],
        [(1660, 1420), (1760, 1370)],
    ),
}
STROKE_WIDTH: Final = 60
# Finished regions on bare glass, so that models learn what is none of the labels.
GLASS: Final = (box(90, 1560, 500, 2300), box(80, 400, 700, 880), box(1990, 1500, 2170, 2040))


class Section:
    """A part of the slide as a slide of its own: its name, its rows, and whether it is mirrored."""

    def __init__(self, name: str, top: int, bottom: int, *, is_mirrored: bool) -> None:
        self.name, self.top, self.bottom, self.is_mirrored = name, top, bottom, is_mirrored

    def write(self, pixels: np.ndarray, folder: Path) -> Path:
        """Write the section of pixels (height, width, 3; uint8) as a tiled TIFF; return its path."""
        part = pixels[self.top : self.bottom]
        path = folder / f"{self.name}.tif"
        side = 256
        part = part[: part.shape[0] // side * side, : part.shape[1] // side * side]
        part = part[:, ::-1] if self.is_mirrored else part
        tifffile.imwrite(
            path, np.ascontiguousarray(part), photometric="rgb", tile=(side, side), compression="jpeg",
            compressionargs={"level": 90}, resolution=(1e4 / MPP, 1e4 / MPP), resolutionunit="CENTIMETER",
        )  # fmt: skip
        return path

    def outlines(self, label: str) -> list[Polygon]:
        """Return the strokes of a label inside the section, in its own pixels."""
        return self.own([LineString(line).buffer(STROKE_WIDTH / 2, quad_segs=6) for line in STROKES[label]])

    def own(self, shapes: Iterable[Polygon]) -> list[Polygon]:
        """Return the shapes inside the section, moved into its own pixels."""
        width = WIDTH // 256 * 256
        matrix = (-1, 0, 0, 1, width, -self.top) if self.is_mirrored else (1, 0, 0, 1, 0, -self.top)
        return [
            affine_transform(shape, matrix)
            for shape in shapes
            if self.top <= shape.bounds[1] and shape.bounds[3] <= self.bottom
        ]


SECTIONS: Final = (
    Section("Skin 01", 0, HEIGHT, is_mirrored=False),
    Section("Skin 02", 300, 1900, is_mirrored=True),
    Section("Skin 03", 1250, HEIGHT, is_mirrored=True),
)


def read_tissue(folder: Path) -> np.ndarray:
    """Return the pixels (height, width, 3; uint8) of the CC0 slide, or those of a phantom."""
    path = data_folder() / "slides" / "cmu-1-small-region.svs"
    if not path.exists():
        path = folder / "phantom.tif"
        write_phantom(path, width=WIDTH, height=HEIGHT, seed=7)
    return tifffile.imread(path)[..., :3]


def draw(client: Client, project: dict, section: Section, slide: str) -> None:
    """Draw the strokes of each label on a slide, and declare its bare glass finished."""
    changes = [
        {
            "op": "create", "id": str(uuid.uuid4()), "label_id": label["id"], "shape": "brush",
            "note": "", "geometry": mapping(outline),
        }
        for label in project["labels"]
        for outline in section.outlines(label["name"])
    ]  # fmt: skip
    answer = client.post(f"/slides/{slide}/annotations/batch", json={"changes": changes})
    assert answer.status_code == 200, answer.json()
    for region in section.own(GLASS):
        body = {"id": str(uuid.uuid4()), "geometry": mapping(region)}
        answer = client.post(f"/slides/{slide}/regions", json=body)
        assert answer.status_code == 201, answer.json()


class Clinic:
    """An installation with a project that has tissue, annotations and model versions with suggestions."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        self.project = make_project(installation, "Skin, layers", LABELS)
        self.address = f"/projects/{self.project['id']}"
        self.manager = installation.client("manager")
        pixels = read_tissue(folder)
        self.slides = []
        for section in SECTIONS:
            slide = import_slide(installation, section.write(pixels, folder), self.project["id"])
            draw(installation.client("annotator"), self.project, section, slide)
            self.slides.append(slide)

    def train(self, recipe: str, **config) -> str:
        """Run a round that predicts; return the model version that it made."""
        body = {"recipe": recipe, "predict": True, "config": config}
        answer = self.manager.post(f"{self.address}/rounds", json=body)
        assert answer.status_code == 201, answer.json()
        self.manager.wait_for_jobs(self.project["id"], seconds=600)
        return self.manager.get(f"{self.address}/model-versions").json()["results"][0]["id"]


class Photographer:
    """Takes each picture in both themes."""

    def __init__(self, browser, installation: Installation) -> None:
        self._people = {
            theme: Visitor(browser, installation, "manager", theme=theme) for theme in ("light", "dark")
        }
        for person in self._people.values():
            person.arrive("/")
            person.page.evaluate("() => localStorage.setItem('coverslip.guide.away', 'true')")

    def take(self, name: str, path: str, prepare: Callable[[Visitor], None]) -> None:
        """Open a page, prepare it, and write its picture."""
        for theme, person in self._people.items():
            person.page.goto(path)
            prepare(person)
            person.page.mouse.move(720, 2)
            # Pictures fade in, and messages go.
            person.page.wait_for_timeout(1500)
            with Image.open(io.BytesIO(person.page.screenshot())) as picture:
                picture.convert("RGB").save(PICTURES / f"{name}-{theme}.webp", quality=QUALITY, method=6)

    def leave(self) -> None:
        """Close the browsers; fails if a page logged an error."""
        for person in self._people.values():
            person.leave()


def see(test_id: str) -> Callable[[Visitor], None]:
    """Return a preparation that waits for an element."""
    return lambda person: expect(person.see(test_id).first).to_be_visible()


def show_title(person: Visitor) -> None:
    expect(person.page.locator("h1").first).to_be_visible()
    person.page.wait_for_timeout(1000)


def show_crops(person: Visitor) -> None:
    """Wait for the pictures of the grid that are in the window."""
    expect(person.page.locator("img").first).to_be_visible()
    person.page.wait_for_function(
        """() => [...document.images]
            .filter((image) => image.getBoundingClientRect().top < window.innerHeight)
            .every((image) => image.complete && image.naturalWidth > 0)"""
    )


def show_suggestions(person: Visitor) -> None:
    person.wait_for_slide()
    person.page.get_by_role("tab", name="Annotations").click()
    wait_for(lambda: person.rows.count() > 0)


def take_pictures(clinic: Clinic, photographer: Photographer) -> None:
    """Train as a project would, and take the picture of each screen at its time."""
    address = clinic.address
    first = clinic.train("descriptors", patch=96, stride=96)
    second = clinic.train("descriptors", patch=96, stride=96, penalty=0.1)
    photographer.take("review", f"{address}/review", show_crops)
    photographer.take("training", f"{address}/training", show_title)
    photographer.take("model", f"{address}/models/{second}?with={first}", show_title)
    photographer.take("settings", f"{address}/settings?tab=labels", show_title)
    clinic.train("paint")
    view = "?layers=suggestions&x=1180&y=1420&zoom=0.6"
    photographer.take("viewer", f"{address}/slides/{clinic.slides[0]}{view}", show_suggestions)
    photographer.take("slides", address, see("slide-card"))
    photographer.take("projects", "/", show_title)


def main() -> None:
    """Take all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "home").mkdir()
        installation = Installation(folder / "home", {})
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        try:
            installation.start()
            photographer = Photographer(browser, installation)
            take_pictures(Clinic(installation, folder), photographer)
            photographer.leave()
        finally:
            browser.close()
            installation.stop()
    size = sum(path.stat().st_size for path in PICTURES.glob("*.webp"))
    assert size < MOST_BYTES, size


if __name__ == "__main__":
    main()
