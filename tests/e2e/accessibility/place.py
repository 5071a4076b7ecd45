"""A project in which every page has content."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tifffile

from tests.e2e.conftest import ROOT, Client, Installation, import_slide, make_project, wait_for
from tests.material import write_plain_slide

# Yellow and black are the labels whose badges and text are easiest to get wrong.
LABELS = {"Carcinoma": "#d55e00", "Normal": "#f0e442", "Necrosis": "#1b1b1b"}
MARKS = (
    ((1120, 1120), (2688, 1792), (3136, 2240)),
    ((2464, 448), (448, 2464), (3808, 448)),
)


def square(x: float, y: float, side: float) -> dict:
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def draw(client: Client, slide: str, marks: Iterable[tuple[dict, Iterable]], side: float) -> None:
    """Draw squares: for each label the places of their upper left corners."""
    changes = [
        {
            "op": "create",
            "id": str(uuid.uuid4()),
            "label_id": label["id"],
            "shape": "rectangle",
            "geometry": square(*place, side),
            "note": "",
        }
        for label, places in marks
        for place in places
    ]
    answer = client.post(f"/slides/{slide}/annotations/batch", json={"changes": changes})
    assert answer.status_code == 200, answer.json()


class Place:
    """A project in which every page has content."""

    def __init__(self, installation: Installation, data: Path) -> None:
        self.installation = installation
        project = make_project(installation, "Accessible", LABELS)
        self.project = project["id"]
        self.slide = import_slide(installation, data / "slides" / "colorectal-mosaic.tif", self.project)
        self.manager = installation.client("manager")
        draw(self.manager, self.slide, zip(project["labels"][:2], MARKS, strict=True), side=440)
        for _ in range(2):
            body = {"recipe": "descriptors", "predict": True}
            answer = self.manager.post(f"/projects/{self.project}/rounds", json=body)
            assert answer.status_code == 201, answer.json()
            self.manager.wait_for_jobs(self.project)
        answer = self.manager.post(f"/projects/{self.project}/atlas")
        assert answer.status_code in (201, 202), answer.json()
        self.manager.wait_for_jobs(self.project)
        versions = self.manager.get(f"/projects/{self.project}/model-versions").json()["results"]
        self.version = versions[0]["id"]

    def pages(self, role: str) -> list[str]:
        """List the addresses that this role may open, the slide's last."""
        project = f"/projects/{self.project}"
        settings = [f"{project}/settings?tab={tab}" for tab in ("general", "labels", "members", "export")]
        preferences = [f"/preferences?tab={tab}" for tab in ("look", "keys", "password", "tokens")]
        paths = ["/", *preferences, "/no-such-page", project, f"{project}/models", f"{project}/jobs"]
        paths += [f"{project}/models/{self.version}", f"{project}/atlas"]
        if role in ("reviewer", "manager"):
            paths += [f"{project}/review", f"{project}/review?view=slide"]
        if role == "manager":
            paths += [f"{project}/training", *settings]
        return [*paths, f"{project}/slides/{self.slide}"]


SIDE = 1024
# Left edges of the suggestions, squares of 120 px in one row.
LEFTS = (200, 600)
TOP = 500
# The upper left corner of a shape beside them.
SHAPE = (400, 750)


def features(*names: str) -> bytes:
    """Return a GeoJSON file with a small square for each name of a class."""
    rows = [
        {
            "type": "Feature",
            "geometry": square(left, TOP, 120),
            "properties": {"classification": {"name": name}, "measurements": {"score": 0.7}},
        }
        for name, left in zip(names, LEFTS, strict=True)
    ]
    return json.dumps({"type": "FeatureCollection", "features": rows}).encode()


class Desk:
    """A project with a slide of each kind from which a dialog opens."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        self.project = make_project(installation, "Dialogs", LABELS)
        self._write_slides(folder)
        slides = self._import(folder)
        self.plain, self.channels = slides["plain"], slides["channels"]
        # For a test that leaves shapes behind.
        self.section = slides["serial-section"]
        manager = installation.client("manager")
        draw(manager, self.plain, [(self.project["labels"][0], [SHAPE])], side=100)
        assert manager.put("/dwell").status_code == 200
        files = {"file": ("cells.geojson", features("Carcinoma", "Normal"))}
        answer = manager.post(f"/slides/{self.plain}/import", files=files, data={"become": "objects"})
        assert answer.status_code == 202, answer.json()
        answer = manager.post(
            f"/slides/{self.plain}/registrations", json={"moving_id": slides["serial-section"]}
        )
        assert answer.status_code == 202, answer.json()
        wait_for(lambda: not manager.jobs(project=self.project["id"], state=["queued", "running"]))

    @staticmethod
    def _write_slides(folder: Path) -> None:
        write_plain_slide(folder / "plain.tif", SIDE)
        # Another resolution is another file.
        write_plain_slide(folder / "serial-section.tif", SIDE, mpp=0.5)
        tiled = {"tile": (256, 256)}
        planes = np.full((2, 512, 512), 1000, np.uint16)
        names = {"axes": "CYX", "Channel": {"Name": ["DAPI", "CD3"]}}
        tifffile.imwrite(
            folder / "channels.ome.tif", planes, ome=True, photometric="minisblack", metadata=names, **tiled
        )
        with tifffile.TiffWriter(folder / "sections.ome.tif", ome=True) as tiff:
            for number, name in enumerate(("section A", "section B")):
                pixels = np.full((512, 512 + 16 * number, 3), 200, np.uint8)
                tiff.write(pixels, photometric="rgb", metadata={"Name": name}, **tiled)

    def _import(self, folder: Path) -> dict[str, str]:
        """Import the slides of a folder without the jobs that follow; return their ids by name."""
        project = self.project["id"]
        command = [sys.executable, "manage.py", "import_slides", str(folder), "--project", project]
        environment = self.installation._environment
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        admin = self.installation.client("admin")

        def imported() -> list[dict] | None:
            rows = admin.get(f"/projects/{project}/slides").json()["results"]
            return rows if all(row["state"] in ("ready", "failed") for row in rows) else None

        rows = wait_for(imported)
        for job in admin.jobs(project=project):
            if job["state"] in ("queued", "running"):
                admin.post(f"/jobs/{job['id']}/cancel")
        return {row["name"].split(".")[0]: row["id"] for row in rows}
