"""A file system in memory whose folder on the disk gets only what a program flushed.

``python -m tests.power_loss.disk STORE MOUNT`` mounts it until it is killed. ``fsync`` of a file keeps its
content, ``fsync`` of a folder keeps its entries, as POSIX promises and no more: a new file whose folder was
not flushed is lost, and one that was never flushed itself is empty.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mfusepy

ROOT = 0
_BLOCK = 4096


@dataclass
class Node:
    """A file or folder in memory. ``dirty`` are the spans of bytes that were not flushed."""

    number: int
    mode: int
    content: bytearray = field(default_factory=bytearray)
    entries: dict[str, Node] = field(default_factory=dict)
    dirty: list[tuple[int, int]] = field(default_factory=list)
    modified: int = field(default_factory=time.time_ns)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)


class Store:
    """The disk: ``files/NUMBER`` has the flushed content of a file, ``folders/NUMBER`` flushed entries."""

    def __init__(self, folder: Path) -> None:
        self._files, self._folders = folder / "files", folder / "folders"
        for each in (self._files, self._folders):
            each.mkdir(exist_ok=True, parents=True)
        numbers = [int(path.name) for each in (self._files, self._folders) for path in each.iterdir()]
        # A number of an earlier mount that was never flushed may be used again.
        self.numbers = itertools.count(max(numbers, default=ROOT) + 1)

    def load(self, number: int, mode: int) -> Node:
        """Return a node as it was flushed, with all that a folder holds."""
        node = Node(number, mode)
        if node.is_folder:
            path = self._folders / str(number)
            entries = json.loads(path.read_bytes()) if path.exists() else {}
            node.entries = {name: self.load(*entry) for name, entry in entries.items()}
        else:
            path = self._files / str(number)
            node.content = bytearray(path.read_bytes() if path.exists() else b"")
        return node

    def flush(self, node: Node) -> None:
        """Keep the content of a file, or the entries of a folder."""
        if node.is_folder:
            entries = {name: (entry.number, entry.mode) for name, entry in node.entries.items()}
            (self._folders / str(node.number)).write_text(json.dumps(entries))
            return
        path = self._files / str(node.number)
        with path.open("r+b" if path.exists() else "w+b") as file:
            for start, end in node.dirty:
                file.seek(start)
                file.write(node.content[start:end])
            file.truncate(len(node.content))
        node.dirty.clear()


def _is_shown(name: str) -> bool:
    """Return whether a name is none that libfuse gave a removed file while it is open."""
    return not name.startswith(".fuse_hidden")


class ForgetfulDisk(mfusepy.Operations):
    """The operations of the file system. One thread calls them."""

    use_ns = True

    def __init__(self, store: Path) -> None:
        self._store = Store(store)
        self._root = self._store.load(ROOT, stat.S_IFDIR | 0o755)
        self._open: dict[int, Node] = {}
        self._handles = itertools.count(1)

    def _find(self, path: str) -> Node:
        node = self._root
        for name in filter(None, path.split("/")):
            entry = node.entries.get(name)
            if entry is None:
                raise mfusepy.FuseOSError(errno.ENOENT)
            node = entry
        return node

    def _parent(self, path: str) -> tuple[Node, str]:
        folder, _, name = path.rpartition("/")
        return self._find(folder), name

    def _make(self, path: str, mode: int) -> Node:
        parent, name = self._parent(path)
        node = parent.entries[name] = Node(next(self._store.numbers), mode)
        return node

    def _hold(self, node: Node) -> int:
        handle = next(self._handles)
        self._open[handle] = node
        return handle

    def _node(self, path: str, handle: int | None) -> Node:
        return self._open[handle] if handle in self._open else self._find(path)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        node = self._node(path, fh)
        size = len(node.content)
        times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), node.modified)
        return {
            "st_mode": node.mode, "st_nlink": 1, "st_size": size, "st_uid": os.getuid(),
            "st_gid": os.getgid(), "st_blocks": -(-size // 512), **times,
        }  # fmt: skip

    def statfs(self, path: str) -> dict[str, int]:
        del path
        blocks = dict.fromkeys(("f_blocks", "f_bfree", "f_bavail"), 2**20)
        return {"f_bsize": _BLOCK, "f_frsize": _BLOCK, "f_namemax": 255, **blocks}

    def readdir(self, path: str, fh: int) -> list[str]:
        del fh
        return [".", "..", *filter(_is_shown, self._find(path).entries)]

    def mkdir(self, path: str, mode: int) -> int:
        self._make(path, stat.S_IFDIR | mode)
        return 0

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        del fi
        return self._hold(self._make(path, stat.S_IFREG | (mode & 0o7777)))

    def open(self, path: str, flags: int) -> int:
        node = self._find(path)
        if flags & os.O_TRUNC:
            self.truncate(path, 0)
        return self._hold(node)

    def opendir(self, path: str) -> int:
        return self._hold(self._find(path))

    def release(self, path: str, fh: int) -> int:
        del path
        self._open.pop(fh, None)
        return 0

    releasedir = release

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._node(path, fh).content[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        node = self._node(path, fh)
        end = offset + len(data)
        if offset > len(node.content):
            node.content.extend(bytes(offset - len(node.content)))
        node.content[offset:end] = data
        node.dirty.append((offset, end))
        node.modified = time.time_ns()
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        node = self._node(path, fh)
        begin = len(node.content)
        del node.content[length:]
        node.content.extend(bytes(length - len(node.content)))
        node.dirty = [(start, min(end, length)) for start, end in node.dirty if start < length]
        if length > begin:
            node.dirty.append((begin, length))
        return 0

    def unlink(self, path: str) -> int:
        parent, name = self._parent(path)
        del parent.entries[name]
        return 0

    def rmdir(self, path: str) -> int:
        if any(map(_is_shown, self._find(path).entries)):
            raise mfusepy.FuseOSError(errno.ENOTEMPTY)
        return self.unlink(path)

    def rename(self, old: str, new: str) -> int:
        node = self._find(old)
        target, name = self._parent(new)
        if name in target.entries and any(map(_is_shown, target.entries[name].entries)):
            raise mfusepy.FuseOSError(errno.ENOTEMPTY)
        self.unlink(old)
        target.entries[name] = node
        return 0

    def chmod(self, path: str, mode: int) -> int:
        node = self._find(path)
        node.mode = stat.S_IFMT(node.mode) | (mode & 0o7777)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        del path, uid, gid
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        self._find(path).modified = times[1] if times else time.time_ns()
        return 0

    def flush(self, path: str, fh: int) -> int:
        """Close a file, which flushes nothing."""
        del path, fh
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        del datasync
        self._store.flush(self._node(path, fh))
        return 0

    fsyncdir = fsync


if __name__ == "__main__":
    mfusepy.FUSE(ForgetfulDisk(Path(sys.argv[1])), sys.argv[2], foreground=True, nothreads=True)
