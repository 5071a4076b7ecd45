"""Access to tiles, and their cost. Without the ``db`` fixture any use of the ORM fails the test."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from tests.server.slides.tiles.tile_material import ask, ask_async, colourful, store, write_jpeg_tiff

SHA = "a" * 64


@pytest.fixture
def application(settings):
    from server.slides.tiles.application import TileApplication

    return TileApplication(slides=4, memory=1 << 20, threads=2)


@pytest.fixture
def slide(settings, tmp_path):
    path = tmp_path / "slide.tif"
    write_jpeg_tiff(path, colourful(600, 900), photometric="ycbcr")
    return store(path, tmp_path / "drawn")


def granted(sha256: str, place: str, more: str = "") -> str:
    from server.slides.tiles.grants import issue_grant

    return f"/tiles/{sha256}/{place}?grant={issue_grant(sha256)[0]}{more}"


def test_a_tile_with_its_headers(application, slide):
    answer = ask(application, granted(slide.sha256, "2/0/0.jpg"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["x-accel-expires"].startswith("@")


def test_head_answers_without_a_body(application, slide):
    answer = ask(application, granted(slide.sha256, "2/0/0.jpg"), method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_tiles_cannot_be_written(application, slide):
    answer = ask(application, granted(slide.sha256, "2/0/0.jpg"), method="POST")
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_grants_that_are_refused(application, slide, settings):
    from server.slides.tiles.grants import issue_grant, sign

    good, _ = issue_grant(slide.sha256)
    expiry, mac = good.split(".")
    wrong = {
        "none": "",
        "another slide's": issue_grant(SHA)[0],
        "lapsed": sign(slide.sha256, 1_000_000_000),
        "before 1970": f"-{good}",
        "longer life": f"zzzzzz.{mac}",
        "other signature": f"{expiry}.{mac[:-1]}{'A' if mac[-1] != 'A' else 'B'}",
        "too long": good + "A" * 100,
        "not ascii": "%C3%A4." + mac,
        "expiry with a space": f"%20{good}",
    }
    for name, grant in wrong.items():
        answer = ask(application, f"/tiles/{slide.sha256}/2/0/0.jpg?grant={grant}")
        assert answer.status == 403, name
        assert b"grant_refused" in answer.body
    settings.SECRET_KEY = "another secret of another installation"
    assert ask(application, f"/tiles/{slide.sha256}/2/0/0.jpg?grant={good}").status == 403


def test_a_grant_lapses_while_it_is_remembered(application, slide, monkeypatch):
    from server.slides.tiles import grants

    address = granted(slide.sha256, "2/0/0.jpg")
    assert ask(application, address).status == 200
    later = grants.time.time() + 7200
    monkeypatch.setattr(grants.time, "time", lambda: later)
    assert ask(application, address).status == 403


@pytest.mark.parametrize(
    "place",
    [
        "../../../etc/passwd", "2/0/..%2f0.jpg", "2/0/0.png", "2/-1/0.jpg", "2/0/0.jpg/", "2/0x0/0.jpg",
        "2/0/99999999.jpg", "2/٣/0.jpg", "slide.json", "content/slide.tif", "", "2/0/0.jpg\n",
    ],
)  # fmt: skip
def test_addresses_that_are_no_tile(application, slide, place):
    assert ask(application, granted(slide.sha256, place)).status == 404


@pytest.mark.parametrize("name", ["A" * 64, "..", "a" * 63, "a" * 65, "%2e%2e", "slides/" + "a" * 57])
def test_content_that_is_no_hash(application, settings, name):
    assert ask(application, granted(name, "0/0/0.jpg")).status == 404


@pytest.mark.parametrize("place", ["0/1/0.jpg", "2/4/0.jpg", "2/0/3.jpg", "3/0/0.jpg"])
def test_places_outside_the_slide(application, slide, place):
    assert ask(application, granted(slide.sha256, place)).status == 404


def test_style_and_source_of_a_client_change_nothing(application, slide):
    plain = ask(application, granted(slide.sha256, "1/0/0.jpg"))
    more = '&style={"function":{"name":"os.system"}}&source=test&encoding=PNG&frame=1'
    assert ask(application, granted(slide.sha256, "1/0/0.jpg", more)).body == plain.body


@pytest.mark.parametrize("channels", ["", "0:ff0000:0:9"])
def test_an_ordinary_slide_has_no_channels_to_choose(application, slide, channels):
    answer = ask(application, granted(slide.sha256, "1/0/0.jpg", f"&channels={channels}"))
    assert answer.status == 422
    assert b"invalid_channels" in answer.body


def test_a_revalidation_opens_nothing(application, settings, monkeypatch):
    from server.slides.tiles import application as tiles

    def fail(*_):
        raise AssertionError("a 304 has opened the slide")

    monkeypatch.setattr(tiles.OpenedSlide, "by_content", fail)
    from server.slides.tiles.request import read_request

    address = granted(SHA, "2/1/1.jpg")
    path, _, query = address.partition("?")
    wanted, _ = read_request(path, query.encode())
    answer = ask(application, address, headers={"If-None-Match": f"W/{wanted.etag.decode()}"})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == wanted.etag.decode()
    lapsed = f"/tiles/{SHA}/2/1/1.jpg?grant=1.x"
    assert ask(application, lapsed, headers={"If-None-Match": wanted.etag.decode()}).status == 403


def test_a_slide_that_is_not_there(application, settings):
    assert ask(application, granted(SHA, "0/0/0.jpg")).status == 404


def test_entity_tags_tell_places_and_channels_apart(application, slide):
    first = ask(application, granted(slide.sha256, "2/0/0.jpg"))
    second = ask(application, granted(slide.sha256, "2/1/0.jpg"))
    assert first.headers["etag"] != second.headers["etag"]
    again = ask(
        application, granted(slide.sha256, "2/0/0.jpg"), headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status == 304


def test_misses_at_the_same_time_are_drawn_once(application, slide, monkeypatch):
    from server.slides.tiles import opened

    drawn, begun, go_on = [], threading.Event(), threading.Event()
    draw = opened.OpenedSlide.tile

    def slowly(self, *place):
        drawn.append(place)
        begun.set()
        assert go_on.wait(10)
        return draw(self, *place)

    monkeypatch.setattr(opened.OpenedSlide, "tile", slowly)

    async def ask_many():
        edge = granted(slide.sha256, "2/3/2.jpg")
        asking = [asyncio.create_task(ask_async(application, edge)) for _ in range(12)]
        await asyncio.to_thread(begun.wait, 10)
        # Whoever leaves must not take the tile away from the others.
        asking[0].cancel()
        go_on.set()
        return await asyncio.gather(*asking[1:])

    answers = asyncio.run(ask_many())
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len(drawn) == 1
    # And now it is in memory.
    ask(application, granted(slide.sha256, "2/3/2.jpg"))
    assert len(drawn) == 1


def test_memory_is_bounded_and_holds_no_copy_of_stored_tiles(settings, slide):
    from server.slides.tiles.application import TileApplication

    application = TileApplication(slides=1, memory=20_000, threads=1)
    assert ask(application, granted(slide.sha256, "2/0/0.jpg")).status == 200
    assert len(application._bodies) == 0
    for size in range(40, 400, 20):
        crop = granted(slide.sha256, "region.jpg", f"&x=0&y=0&width=500&height=500&size={size}")
        assert ask(application, crop).status == 200
    assert 0 < application._bodies.weight <= 20_000


def test_a_web_process_reads_no_file_of_a_stranger(application, slide, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a web process read a stranger's file")

    for reader in (
        "tifffile.TiffFile.__init__", "openslide.OpenSlide.__init__", "simplejpeg.decode_jpeg",
        "server.slides.tiles.drawing.SlidePixels.__init__",
    ):  # fmt: skip
        monkeypatch.setattr(reader, refuse)
    for place in ("2/0/0.jpg", "2/3/2.jpg", "1/0/0.jpg", "0/0/0.jpg"):
        assert ask(application, granted(slide.sha256, place)).status == 200
    crop = granted(slide.sha256, "region.jpg", "&x=0&y=0&width=500&height=500&size=99")
    assert ask(application, crop).status == 200


def crash(*_arguments):
    """End the process as a crashed native reader does."""
    os.abort()


def test_a_tile_that_breaks_its_reader_is_refused_alone(application, slide, monkeypatch):
    from ml.storage.process_limits import Limits
    from server.core.children.held import HeldChildren
    from server.slides.tiles import opened

    edge, crop = (
        granted(slide.sha256, place, more)
        for place, more in (("2/3/2.jpg", ""), ("region.jpg", "&x=0&y=0&width=500&height=500&size=99"))
    )
    with monkeypatch.context() as patched:
        patched.setattr(opened, "_drawing", HeldChildren(f"{__name__}:crash", Limits(), 1))
        refused = ask(application, edge)
        assert (refused.status, b"breaks_reader" in refused.body) == (422, True)
        assert ask(application, granted(slide.sha256, "2/0/0.jpg")).status == 200
    assert ask(application, edge).status == ask(application, crop).status == 200


def test_open_slides_are_bounded(settings, tmp_path):
    from server.slides.tiles.application import TileApplication

    application = TileApplication(slides=2, memory=0, threads=1)
    for number in range(4):
        path = tmp_path / f"{number}.tif"
        write_jpeg_tiff(path, colourful(300 + number, 300), photometric="ycbcr")
        manifest = store(path, tmp_path / f"drawn{number}")
        assert ask(application, granted(manifest.sha256, "0/0/0.jpg")).status == 200
    assert len(application._slides) == 2


def test_a_deleted_slide_is_noticed(application, slide, monkeypatch):
    from server.core.files import storage
    from server.slides.tiles import opened

    assert ask(application, granted(slide.sha256, "2/0/0.jpg")).status == 200
    storage.delete(f"slides/{slide.sha256}")
    monkeypatch.setattr(opened, "_TRUSTED_SECONDS", 0.0)
    assert ask(application, granted(slide.sha256, "2/0/0.jpg")).status == 404


@pytest.mark.parametrize(
    "query",
    [
        "x=0&y=0&width=0&height=10", "x=0&y=0&width=10", "x=-1&y=0&width=10&height=10",
        "x=0&y=0&width=20000&height=10", "x=0&y=0&width=10&height=10&size=5000",
        "x=899&y=0&width=10&height=10", "x=1e3&y=0&width=10&height=10",
    ],
)  # fmt: skip
def test_crops_that_cannot_be(application, slide, query):
    answer = ask(application, granted(slide.sha256, "region.jpg", f"&{query}"))
    assert answer.status == 400
    assert b"invalid_region" in answer.body


class Shelf:
    """An in-memory substitute of Redis."""

    def __init__(self):
        self.held, self.asked = {}, []

    async def get(self, name):
        self.asked.append(name)
        return self.held.get(name)

    async def put(self, name, body):
        self.held[name] = body


def test_drawn_tiles_are_shared_between_processes(settings, slide, monkeypatch):
    from server.slides.tiles import opened
    from server.slides.tiles.application import TileApplication

    shelf = Shelf()
    edge, whole = granted(slide.sha256, "2/3/2.jpg"), granted(slide.sha256, "2/0/0.jpg")
    first = TileApplication(slides=1, memory=1 << 20, threads=1, shared=shelf)
    body = ask(first, edge).body
    assert list(shelf.held.values()) == [body]
    ask(first, whole)
    assert len(shelf.asked) == 1, "a stored tile went to the shared cache"

    def fail(*_):
        raise AssertionError("drawn although another process had it")

    monkeypatch.setattr(opened.OpenedSlide, "tile", fail)
    second = TileApplication(slides=1, memory=1 << 20, threads=1, shared=shelf)
    assert ask(second, edge).body == body


def test_a_real_redis_keeps_tiles(settings, slide):
    import os
    import uuid

    from redis.exceptions import RedisError

    from server.slides.tiles.shared import SharedTiles

    address = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")

    async def there_and_back() -> bytes | None:
        shared = SharedTiles(f"{address}/6")
        name = f"test.{uuid.uuid4()}"
        try:
            await shared._redis.ping()
            assert await shared.get(name) is None
            await shared.put(name, b"a tile")
            cached = await shared.get(name)
            assert 0 < await shared._redis.ttl(f"coverslip:tile:{name}") <= 7 * 24 * 3600
            await shared._redis.delete(f"coverslip:tile:{name}")
            return cached
        finally:
            await shared.close()

    try:
        assert asyncio.run(there_and_back()) == b"a tile"
    except (RedisError, OSError):
        if os.environ.get("CI"):
            raise
        pytest.skip("Redis does not answer")


def test_a_redis_that_is_gone_does_no_harm(settings, slide, caplog):
    from server.slides.tiles.application import TileApplication
    from server.slides.tiles.shared import SharedTiles

    shared = SharedTiles("redis://127.0.0.1:1/0")
    application = TileApplication(slides=1, memory=0, threads=1, shared=shared)
    for _ in range(3):
        assert ask(application, granted(slide.sha256, "2/3/2.jpg")).status == 200
    assert caplog.text.count("does not answer") == 1
