"""HistoML Level 1 (survey [9]): the annotations of a slide, as RDF/XML beside GeoJSON.

The outlines stay in the GeoJSON; each entity names its outline by UUID in ``segmentation``. The classes of
the ontology are chosen from the words of a label. What lies within a region is its component, its cell or its
cellular component. Nothing of the patient is written, though the ontology has words for it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ml.contracts import DataError
from ml.formats.rdf import RDF, read_rdf
from ml.messages import Message

HISTO: Final = (
    "https://raw.githubusercontent.com/Peiliang/HistoML/master/Specification/Level1/"
    "Ontology_Specification/HistoML-level1.owl#"
)
XSD: Final = "http://www.w3.org/2001/XMLSchema#"
OWL: Final = "http://www.w3.org/2002/07/owl#"
OBO: Final = "http://purl.obolibrary.org/obo/"
SNOMED: Final = "http://snomed.info/id/"
# The reserved domain says that nothing is to be fetched from there.
BASE: Final = "https://coverslip.invalid/annotations"
FINISHED: Final = "finished"
# The first row whose words occur in a label decides; so cells and their parts come before tissues.
CLASSES: Final = (
    (r"\b(normal|benign|non.?tumou?r)\b.*\b(nucle|mitosis|cytoplasm)", "NormalCellularComponent"),
    (r"\b(lymphocyt\w*|stromal?|immune|inflamm\w*)\b.*\b(nucle|cytoplasm)", "StromaCellularComponent"),
    (r"nucle(us|i|ar|ol)|mitos|mitotic|cytoplasm", "NeoplasticCellularComponent"),
    (r"lymphocyt|immune|inflamm|plasma cell|macrophage|fibroblast|endotheli|neutrophil|eosinophil|\btils?\b",
     "StromaCell"),
    (r"\b(normal|benign|non.?tumou?r|epithelial)\b.*\bcells?\b", "NormalCell"),
    (r"\bcells?\b", "NeoplasticCell"),
    (r"normal|benign|non.?tumou?r|healthy", "NormalEntity"),
    (r"strom|connective|fibro|desmoplas|muscle|adipose|\bfat\b", "Stroma"),
    (r"muc(us|in)|necro|debris|blood|haemorr|hemorr|keratin|pigment|calci", "Substance"),
    (r"tumou?r|carcinom|cancer|neoplas|metasta|malign|adenom|sarcom|lymphom|melanom|dysplas|gleason",
     "Tumor"),
    (r"epitheli|gland|parenchym|mucosa|crypt|acin|tubul", "Parenchyma"),
)  # fmt: skip
REFERENCES: Final = {"Cell": "CellReference", "Component": "CellularComponentReference"}
AREA, COUNT = f"{OBO}PATO_0001323", f"{OBO}PATO_0000070"
SQUARE_MICROMETRE, COUNT_UNIT = f"{OBO}UO_0010001", f"{OBO}UO_0000189"


@dataclass(frozen=True, slots=True)
class SlideFacts:
    """The facts of a slide that HistoML states.

    ``id`` is its content hash: a name given by people may name a patient. ``mpp`` is the width of a pixel in
    µm and ``mpp_y`` its height; None: as high as wide.
    """

    id: str
    width: int
    height: int
    mpp: float | None = None
    mpp_y: float | None = None
    magnification: float | None = None
    scanner: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a shape: user name, time (ISO 8601), and the model that proposed it, if any."""

    author: str = ""
    time: str = ""
    model: str = ""


def entity_class(label: str | None) -> str:
    """Return the ontology's class for a label; PhysicalEntity where its words match none."""
    words = (label or "").lower()
    return next((name for pattern, name in CLASSES if re.search(pattern, words)), "PhysicalEntity")


def keyed_by_uuid(features: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the features by UUID: their own, or one derived from their content."""
    keyed = []
    for number, feature in enumerate(features):
        try:
            key = str(uuid.UUID(str(feature.get("id"))))
        except ValueError:
            key = str(
                uuid.uuid5(uuid.NAMESPACE_URL, f"{number}:{feature.get('id')}:{feature.get('geometry')}")
            )
        keyed.append({**feature, "id": key})
    return keyed


def write_histoml(
    features: Sequence[Mapping[str, Any]],
    slide: SlideFacts,
    codes: Mapping[str, str] | None = None,
    origins: Mapping[str, Origin] | None = None,
) -> str:
    """Return the RDF/XML of GeoJSON features that are keyed by UUID.

    ``codes`` maps labels to SNOMED CT numbers or to NCI Thesaurus codes (C...). Finished regions are no
    entities and stay in the GeoJSON alone. Raises DataError(``bad_geojson``) for a feature without geometry.
    """
    kept = [feature for feature in features if not _is_finished(feature)]
    shapes = [_geometry_of(feature) for feature in kept]
    kinds = [entity_class(_label_of(feature)) for feature in kept]
    document = _Document(_pixel_area(slide), codes or {}, origins or {})
    document.add("Slide", "Slide1", [*_slide_facts(slide)])
    inside = _containment(shapes, kinds)
    for number, feature in enumerate(kept):
        parts = [(link, str(kept[child]["id"])) for link, child in inside.get(number, ())]
        document.entity(feature, kinds[number], shapes[number], parts)
    return document.text()


def read_histoml(
    rdf: bytes, features: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return features with the properties of the RDF, and the outlines that it names and the GeoJSON lacks.

    Label (``displayName``) and note (``comment``) come from the RDF, outline and colour from the GeoJSON.
    A feature that the RDF does not mention stays as it is. Raises DataError(``bad_xml``).
    """
    annotated = {}
    for resource in read_rdf(rdf).values():
        for outline in resource.values.get("segmentation", ()):
            annotated[outline.strip()] = (resource.first("displayName"), resource.first("comment"))
    described = []
    for feature in features:
        key = str(feature.get("id"))
        described.append(_described(feature, *annotated.pop(key)) if key in annotated else dict(feature))
    return described, tuple(annotated)


def _described(feature: Mapping[str, Any], label: str | None, note: str | None) -> dict[str, Any]:
    given = feature.get("properties")
    properties = dict(given) if isinstance(given, Mapping) else {}
    own = properties.pop("classification", None)
    properties.pop("name", None)
    if label:
        same = isinstance(own, Mapping) and own.get("name") == label
        properties["classification"] = own if same else {"name": label}
    if note:
        properties["name"] = note
    return {**feature, "properties": properties}


def _slide_facts(slide: SlideFacts) -> Iterator[tuple[str, str, str | None]]:
    yield "id", slide.id, "string"
    yield "height", str(slide.height), "integer"
    yield "width", str(slide.width), "integer"
    if slide.magnification:
        yield "magnification", f"{slide.magnification:g}", "float"
    if slide.scanner:
        yield "scanner", slide.scanner, "string"


def _pixel_area(slide: SlideFacts) -> float | None:
    """Return µm² per pixel, None without a resolution."""
    return None if slide.mpp is None else slide.mpp * (slide.mpp if slide.mpp_y is None else slide.mpp_y)


class _Document:
    """A growing RDF/XML document; resources that others share are written once."""

    def __init__(
        self, pixel_area: float | None, codes: Mapping[str, str], origins: Mapping[str, Origin]
    ) -> None:
        self._pixel_area, self._codes, self._origins = pixel_area, codes, origins
        self._parts: list[str] = []
        self._known: set[str] = set()

    def add(self, kind: str, key: str, properties: Sequence[tuple[str, str, str | None]]) -> str:
        """Write a resource once: (property, text, XSD type), or (property, key of another) without a type."""
        if key not in self._known:
            self._known.add(key)
            lines = [f"  <histo:{kind} rdf:ID={quoteattr(key)}>"]
            lines += [f"    {_said(*item)}" for item in properties]
            self._parts.append("\n".join([*lines, f"  </histo:{kind}>"]))
        return key

    def text(self) -> str:
        """Return the whole document."""
        names = f'xmlns:rdf="{RDF}" xmlns:owl="{OWL}" xmlns:xsd="{XSD}" xmlns:histo="{HISTO}"'
        head = f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF {names} xml:base="{BASE}">\n'
        ontology = f'  <owl:Ontology rdf:about="">\n    <owl:imports rdf:resource="{HISTO[:-1]}"/>\n'
        return "\n".join([head + ontology + "  </owl:Ontology>", *self._parts, "</rdf:RDF>", ""])

    def entity(
        self, feature: Mapping[str, Any], kind: str, geometry: BaseGeometry, parts: Sequence[tuple[str, str]]
    ) -> None:
        """Write an annotated entity with its size, its parts, its code and its author."""
        key, label = str(feature["id"]), _label_of(feature)
        note = (feature.get("properties") or {}).get("name")
        properties: list[tuple[str, str, str | None]] = [("segmentation", key, "string")]
        properties += [("displayName", label, "string")] if label else []
        properties += [("comment", str(note), "string")] if note else []
        properties += [(link, f"entity-{child}", None) for link, child in parts]
        xref = self._code(self._codes.get(label or "", ""))
        properties += [("hasXref", xref, None)] if xref else []
        properties.append(("hasAttribute", self._size(key, geometry), None))
        properties += self._reference(kind, label, xref)
        properties += self._evidence(key, self._origins.get(key))
        self.add(kind, f"entity-{key}", properties)

    def _code(self, code: str) -> str | None:
        if not code:
            return None
        nci = re.fullmatch(r"(?:NCIT[:_])?(C\d+)", code)
        database, number = ("NCIT", nci[1]) if nci else ("SNOMED CT", code)
        address = f"{OBO}NCIT_{number}" if nci else f"{SNOMED}{number}"
        properties = [("db", database, "string"), ("id", number, "string"), ("uri", address, "string")]
        return self.add("UnificationXref", f"UnificationXref-{_key(number)}", properties)

    def _size(self, key: str, geometry: BaseGeometry) -> str:
        pixel = self._pixel_area
        if geometry.area > 0:
            value, what, xref = geometry.area * (pixel or 1), "Area", AREA
            unit, unit_name = (SQUARE_MICROMETRE, "square micrometer") if pixel else ("", "square pixel")
        else:
            value, what, xref, unit, unit_name = 1.0, "Count", COUNT, COUNT_UNIT, "count"
        vocabulary = self._with_uri("UnitVocabulary", unit_name, unit)
        quantity = [("hasValue", f"{value:.6g}", "float"), ("unitType", vocabulary, None)]
        quantification = self.add("Quantification", f"Quantification-{key}", quantity)
        kind = self._with_uri("UnificationXref", what, xref)
        properties = [
            ("displayName", what, "string"),
            ("hasXref", kind, None),
            ("hasQuantification", quantification, None),
        ]
        return self.add("EntityAttribute", f"EntityAttribute-{key}", properties)

    def _with_uri(self, kind: str, name: str, uri: str) -> str:
        properties = [("displayName", name, "string"), *([("uri", uri, "string")] if uri else [])]
        return self.add(kind, f"{kind}-{_key(name)}", properties)

    def _reference(self, kind: str, label: str | None, xref: str | None) -> list[tuple[str, str, str | None]]:
        if label is None:
            return []
        name = next((class_name for end, class_name in REFERENCES.items() if kind.endswith(end)), None)
        name = name or ("SubstanceReference" if kind == "Substance" else "Other_AnatomicalEntityReference")
        properties: list[tuple[str, str, str | None]] = [("displayName", label, "string")]
        properties += [("hasXref", xref, None)] if xref else []
        return [("entityReference", self.add(name, f"{name}-{_key(label)}", properties), None)]

    def _evidence(self, key: str, origin: Origin | None) -> list[tuple[str, str, str | None]]:
        if origin is None:
            return []
        who = [("displayName", origin.author, "string")] if origin.author else []
        source = self.add("Provenance", f"Provenance-{_key(origin.author or 'unknown')}", who)
        comments = [text for text in (origin.time, origin.model and f"proposed by {origin.model}") if text]
        properties: list[tuple[str, str, str | None]] = [("dataSource", source, None)]
        properties += [("comment", text, "string") for text in comments]
        return [
            ("hasEvidence", self.add("Evidence", f"Evidence-{key}", properties), None),
            ("dataSource", source, None),
        ]


def _said(name: str, text: str, kind: str | None) -> str:
    if kind is None:
        return f"<histo:{name} rdf:resource={quoteattr('#' + text)}/>"
    return f'<histo:{name} rdf:datatype="{XSD}{kind}">{_escaped(text)}</histo:{name}>'


def _escaped(text: str) -> str:
    """Return text for an element, without the characters that XML 1.0 cannot hold."""
    plain = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", text)
    return escape(plain, {"\r": "&#13;"})


def _key(text: str) -> str:
    """Return an identifier valid in XML, unique for each text."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "_", text)
    return plain if plain == text else f"{plain}-{uuid.uuid5(uuid.NAMESPACE_URL, text).hex[:8]}"


def _label_of(feature: Mapping[str, Any]) -> str | None:
    classification = (feature.get("properties") or {}).get("classification")
    name = classification.get("name") if isinstance(classification, Mapping) else classification
    return str(name) if name else None


def _is_finished(feature: Mapping[str, Any]) -> bool:
    properties = feature.get("properties") or {}
    locked = bool(properties.get("isLocked")) and properties.get("name") == FINISHED
    return locked or _label_of(feature) == FINISHED


def _geometry_of(feature: Mapping[str, Any]) -> BaseGeometry:
    try:
        geometry = shape(feature["geometry"])
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError) as error:
        message = Message(
            "feature_without_geometry",
            feature=str(feature.get("id")),
            reason=error,
        )
        raise DataError(message, code="bad_geojson") from error
    return geometry if geometry.is_valid else shapely.make_valid(geometry)


def _containment(shapes: Sequence[BaseGeometry], kinds: Sequence[str]) -> dict[int, list[tuple[str, int]]]:
    """Return by region the features within it: the link, and the number of the part.

    A part belongs to the smallest region that has its inner point and that is larger than it is.
    """
    if not shapes:
        return {}
    areas = np.array([item.area for item in shapes])
    inner = [item.representative_point() for item in shapes]
    part, region = shapely.STRtree(np.array(shapes, dtype=object)).query(inner, predicate="intersects")
    parts: dict[int, list[tuple[str, int]]] = {}
    larger = areas[region] > areas[part]
    part, region = part[larger], region[larger]
    order = np.lexsort((region, areas[region], part))
    chosen: dict[int, int] = {}
    for place in order.tolist():
        chosen.setdefault(int(part[place]), int(region[place]))
    for child, parent in chosen.items():
        parts.setdefault(parent, []).append((_link(kinds[child]), child))
    return parts


def _link(kind: str) -> str:
    if kind.endswith("CellularComponent"):
        return "hasCellularComponent"
    return "hasCell" if kind.endswith("Cell") else "hasComponent"
