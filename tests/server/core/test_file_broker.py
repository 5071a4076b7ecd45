"""Messages as files: whole or not at all, and a damaged one stops no other."""

from __future__ import annotations

import errno
import logging
import os
from queue import Empty

import pytest
from kombu import Connection

from server.core.files.broker import Channel


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "messages"
    made.mkdir()
    return made


@pytest.fixture
def channel(folder):
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder)}
    transport = f"{Channel.__module__}:Transport"
    with Connection("filesystem://", transport=transport, transport_options=options) as connection:
        yield connection.default_channel


def message(number):
    return {"body": f"job {number}", "properties": {}}


def test_messages_come_in_order_once_and_to_their_queue(channel, folder):
    for number in (1, 2):
        channel._put("io", message(number))
    channel._put("cpu", message(3))
    assert [channel._get("io")["body"] for _ in range(2)] == ["job 1", "job 2"]
    with pytest.raises(Empty):
        channel._get("io")
    assert channel._size("cpu") == 1
    assert channel._get("cpu")["body"] == "job 3"
    assert list(folder.iterdir()) == []


def test_a_message_that_waits_is_not_put_twice(channel, folder):
    job = {**message(1), "headers": {"id": "00000000-0000-0000-0000-000000000001"}}
    for _ in range(3):
        channel._put("io", job)
    channel._put("cpu", job)
    channel._put("io", {**message(2), "headers": {"id": "no uuid/../x"}})
    assert (channel._size("io"), channel._size("cpu")) == (2, 1)
    assert channel._get("io")["body"] == "job 1"
    # Taken by a worker, it may be lost.
    channel._put("io", job)
    assert channel._size("io") == 2


@pytest.mark.parametrize("content", [b"", b'{"body": "x", "prop', b"[]", b'{"other": 1}', b"\xff\x00"])
def test_a_file_that_is_no_message_is_set_aside(channel, folder, content, caplog):
    (folder / "00_damaged.io.msg").write_bytes(content)
    channel._put("io", message(1))
    with caplog.at_level(logging.ERROR):
        assert channel._get("io")["body"] == "job 1"
    assert "00_damaged.io.msg is no message" in caplog.text
    assert (folder.parent / "unreadable" / "00_damaged.io.msg").read_bytes() == content
    assert list(folder.iterdir()) == []


def test_a_full_disk_leaves_no_message_half_written(channel, folder, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            channel._put("io", message(1))
    assert list(folder.iterdir()) == []
    channel._put("io", message(2))
    assert channel._get("io")["body"] == "job 2"


def test_a_message_that_is_being_written_is_read_by_nobody(channel, folder):
    (folder / ".00_half.io.msg.0123").write_bytes(b'{"bo')
    with pytest.raises(Empty):
        channel._get("io")
    assert channel._size("io") == 0


def test_queues_need_no_table_of_bindings(channel):
    assert [tuple(row) for row in channel.get_table("io")] == [("io", "", "io")]
    assert channel.get_table("celeryev") == []


def test_the_installation_uses_this_transport():
    from server.config.celery import app

    with app.connection_for_write() as connection:
        assert isinstance(connection.default_channel, Channel)
