"""Reader of the subset of RDF/XML (W3C, 2014) that HistoML uses: nodes with types, links and literals."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

from ml.contracts import DataError
from ml.formats.markup import parse_xml
from ml.messages import Message

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML: Final = "http://www.w3.org/XML/1998/namespace"
DEEPEST: Final = 50


@dataclass(slots=True)
class Resource:
    """One resource: its types, its literals and its links, by the local name of the property."""

    types: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """Return a literal of the property; None without one."""
        return next(iter(self.values.get(name, ())), None)


def read_rdf(content: bytes) -> dict[str, Resource]:
    """Return the resources of an RDF/XML document by address; raises DataError(``bad_xml``).

    Types and properties go by their local names, since HistoML was published at more than one address.
    """
    root = parse_xml(content)
    if root.tag != f"{{{RDF}}}RDF":
        message = Message("xml_not_rdf", root=local_name(root.tag))
        raise DataError(message, code="bad_xml")
    reading = _Reading(root.get(f"{{{XML}}}base", ""))
    for element in root:
        reading.node(element, 0)
    return reading.resources


def local_name(tag: str) -> str:
    """Return the part of a name after its namespace."""
    return tag.rsplit("}", 1)[-1].rsplit("#", 1)[-1]


class _Reading:
    def __init__(self, base: str) -> None:
        self.resources: dict[str, Resource] = {}
        self._base = base
        self._unnamed = (f"_:unnamed{number}" for number in itertools.count())

    def node(self, element: Element, depth: int) -> str:
        """Read one resource and those nested in it; return its address."""
        if depth > DEEPEST:
            message = Message("rdf_too_deep", most=DEEPEST)
            raise DataError(message, code="bad_xml")
        address = self._address(element) or next(self._unnamed)
        resource = self.resources.setdefault(address, Resource())
        if element.tag != f"{{{RDF}}}Description":
            resource.types.add(local_name(element.tag))
        for name, value in _plain_attributes(element):
            resource.values.setdefault(name, []).append(value)
        for item in element:
            self._property(resource, item, depth)
        return address

    def _property(self, resource: Resource, item: Element, depth: int) -> None:
        name = local_name(item.tag)
        target = self._target(item)
        if target is None and len(item):
            for child in item:
                resource.links.setdefault(name, []).append(self.node(child, depth + 1))
        elif target is None:
            resource.values.setdefault(name, []).append(item.text or "")
        elif item.tag == f"{{{RDF}}}type":
            resource.types.add(local_name(target))
        else:
            resource.links.setdefault(name, []).append(target)

    def _address(self, element: Element) -> str | None:
        about, own = element.get(f"{{{RDF}}}about"), element.get(f"{{{RDF}}}ID")
        if about is not None:
            return self._resolve(about)
        if own is not None:
            return self._resolve(f"#{own}")
        blank = element.get(f"{{{RDF}}}nodeID")
        return None if blank is None else f"_:{blank}"

    def _target(self, item: Element) -> str | None:
        resource, blank = item.get(f"{{{RDF}}}resource"), item.get(f"{{{RDF}}}nodeID")
        if resource is not None:
            return self._resolve(resource)
        return None if blank is None else f"_:{blank}"

    def _resolve(self, reference: str) -> str:
        try:
            return urljoin(self._base, reference)
        except ValueError as error:
            message = Message(
                "rdf_bad_address",
                address=reference[:100],
            )
            raise DataError(message, code="bad_xml") from error


def _plain_attributes(element: Element) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if not name.startswith((f"{{{RDF}}}", f"{{{XML}}}")):
            yield local_name(name), value
