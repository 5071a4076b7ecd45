"""Files that broke a reader in ``make fuzz``: refused by a message, or read without the broken part."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from server.exchange.formats.files import read_file
from server.exchange.formats.tables import BadObjectFileError
from tests.server.exchange.rows import feature, reasons_of, shapes_of, square

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize("kind", [{"a": 1}, ["Polygon"], 5, None, True])
def test_a_type_that_is_no_text_is_no_geometry(kind):
    for item in ({"type": kind}, {"type": kind, "coordinates": []}):
        assert len(reasons_of({"type": "FeatureCollection", "features": [item, feature()]})) == 1
    cell = {**feature(), "nucleusGeometry": {**square(), "type": kind}}
    [shape] = shapes_of({"type": "FeatureCollection", "features": [cell]})
    assert shape.nucleus is None


def test_a_table_whose_names_are_no_text_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    shapes = list(shapely.to_wkb([shapely.box(0, 0, 5, 6)]))
    pq.write_table(pa.table({"geometry": shapes, "colourful": ["a"]}), path)
    content = path.read_bytes()
    assert len(list(read_file(path, path.name))) == 1
    path.write_bytes(content.replace(b"colourful", b"col\xffurful"))
    with pytest.raises(BadObjectFileError):
        list(read_file(path, path.name))
