/** OpenSeadragon with Annotorious as its own guide sets it up, on a slide of one plain tile. */
import { createOSDAnnotator } from "@annotorious/openseadragon";
import OpenSeadragon from "openseadragon";

const COLOURS = ["#d55e00", "#0072b2", "#009e73"];

function annotationOf({ label, points }, number) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const bounds = { minX: Math.min(...xs), minY: Math.min(...ys), maxX: Math.max(...xs), maxY: Math.max(...ys) };
  const id = `shape-${number}`;
  return {
    id,
    bodies: [{ id: `${id}-label`, annotation: id, purpose: "tagging", value: String(label) }],
    target: { annotation: id, selector: { type: "POLYGON", geometry: { points, bounds } } },
  };
}

window.start = (side, shapes) =>
  new Promise((resolve) => {
    const viewer = OpenSeadragon({
      element: document.getElementById("viewer"),
      tileSources: { width: side, height: side, tileSize: 512, minLevel: 0, maxLevel: Math.ceil(Math.log2(side)), getTileUrl: () => "tile.jpg" },
      drawer: "canvas",
      showNavigationControl: false,
      immediateRender: false,
      maxZoomPixelRatio: 8,
      visibilityRatio: 0.3,
    });
    viewer.addHandler("open", () => {
      const style = (annotation) => {
        const colour = COLOURS[Number(annotation.bodies[0].value)];
        return { fill: colour, fillOpacity: 0.15, stroke: colour, strokeWidth: 2, strokeOpacity: 1 };
      };
      const annotator = createOSDAnnotator(viewer, { drawingEnabled: false, style });
      const began = performance.now();
      annotator.setAnnotations(shapes.map(annotationOf), true);
      window.viewer = viewer;
      requestAnimationFrame(() => resolve(performance.now() - began));
    });
  });

window.goTo = (x, y, zoom) => {
  const { viewport } = window.viewer;
  viewport.zoomTo(viewport.imageToViewportZoom(zoom), undefined, true);
  viewport.panTo(viewport.imageToViewportCoordinates(new OpenSeadragon.Point(x, y)), true);
};

window.panBy = (dx, dy) => {
  const { viewport } = window.viewer;
  viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(-dx, -dy), true), true);
};
