"""Long-lived children for files that are read repeatedly: files stay open between calls."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable
from typing import Any, Final

from ml.storage.process_limits import Limits
from server.core.children.calls import ReaderBrokeError, broken_reader, connect_child, read_answers
from server.core.children.messages import MessageError, write_message


class _HeldChild:
    """One child. ``latest`` is the key of its last call."""

    def __init__(self, target: str, limits: Limits) -> None:
        self.latest: Hashable = None
        self.owner = os.getpid()
        self._connection = connect_child(limits)
        self._stream = self._connection.makefile("rwb")
        self._begin(target, limits)

    def _begin(self, target: str, limits: Limits) -> None:
        try:
            write_message(self._stream, (target, limits, None))
        except OSError as error:
            self.close()
            raise broken_reader() from error

    def call(self, arguments: tuple[Any, ...]) -> Any:
        """Return the result of the function; raises its error, or ReaderBrokeError."""
        try:
            write_message(self._stream, arguments)
        except (OSError, MessageError) as error:
            raise broken_reader() from error
        answers = read_answers(self._stream)
        try:
            while True:
                next(answers)
        except StopIteration as stop:
            return stop.value

    def close(self) -> None:
        """Release the child: it ends when its socket closes, or at its time limit."""
        for end in (self._stream, self._connection):
            try:
                end.close()
            except OSError:
                # What was not sent yet has no reader any more.
                continue


class HeldChildren:
    """At most ``most`` waiting children that call ``module:function``. Safe to use from several threads."""

    def __init__(self, target: str, limits: Limits, most: int) -> None:
        self._target: Final = target
        self._limits: Final = limits
        self._most: Final = most
        self._waiting: list[_HeldChild] = []
        self._lock: Final = threading.Lock()

    def call(self, key: Hashable, *arguments: Any) -> Any:
        """Return the result of the function, by the child that was last called for ``key`` where it waits.

        Raises what the function raises, and ReaderBrokeError. A child that breaks is given up; one that had
        read other files before may have broken by them, so a new one tries again.
        """
        child = self._take(key)
        is_new, child.latest = child.latest is None, key
        try:
            return self._call(child, arguments)
        except ReaderBrokeError:
            if is_new:
                raise
        child = _HeldChild(self._target, self._limits)
        child.latest = key
        return self._call(child, arguments)

    def close(self) -> None:
        """Let all waiting children go."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for child in waiting:
            child.close()

    def _call(self, child: _HeldChild, arguments: tuple[Any, ...]) -> Any:
        try:
            result = child.call(arguments)
        except ReaderBrokeError:
            child.close()
            raise
        except Exception:
            self._give_back(child)
            raise
        self._give_back(child)
        return result

    def _take(self, key: Hashable) -> _HeldChild:
        with self._lock:
            # Those of a process that was forked since are its parent's.
            self._waiting = [child for child in self._waiting if child.owner == os.getpid()]
            if self._waiting:
                same = [child for child in self._waiting if child.latest == key]
                child = same[-1] if same else self._waiting[0]
                self._waiting.remove(child)
                return child
        return _HeldChild(self._target, self._limits)

    def _give_back(self, child: _HeldChild) -> None:
        with self._lock:
            if len(self._waiting) < self._most:
                self._waiting.append(child)
                return
        child.close()
