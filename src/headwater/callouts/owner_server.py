"""Asks the owner's web server who may do what: each answer holds for a while, and is bounded."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from headwater.access.decision import Action
from headwater.access.outside import NoAnswerError, Question, Reply, Said
from headwater.access.outside_settings import AskSettings, WhenDown
from headwater.callouts.web_client import WebAnswer, WebClient, WebFailedError
from headwater.histogram import OF_ANSWERS_S, Histogram
from headwater.log_pace import paced_logger
from headwater.shown_text import url_without_credentials

logger = paced_logger(__name__)

_MOST_BYTES: Final = 65_536
_MOST_REMEMBERED: Final = 10_000
_OF_MEDIA: Final = frozenset({Action.PUBLISH, Action.PLAY})
_LEAST_FOR_S: Final = 1.0


@dataclass(slots=True)
class OwnerCounters:
    """What became of questions."""

    asked: int = 0
    remembered: int = 0
    failed: int = 0


class OwnerServer:
    """Sends a POST for each question; who has the same one waits for the same answer.

    Attributes:
        counters: for reading only.
        took: how many seconds each answer took.
    """

    def __init__(self, settings: AskSettings, clock: Callable[[], float]) -> None:
        self.counters = OwnerCounters()
        self.took = Histogram(OF_ANSWERS_S)
        self._settings = settings
        self._clock = clock
        self._client = WebClient(at_once=settings.at_once)
        self._replies: OrderedDict[Question, tuple[float, Reply]] = OrderedDict()
        self._asking: dict[Question, asyncio.Task[Reply]] = {}

    def remembered(self, question: Question) -> Reply | None:
        """Return what it said to the same question a short while ago; None where that is none."""
        until_s, reply = self._replies.get(question, (0.0, None))
        if reply is None or self._clock() >= until_s:
            return None
        self.counters.remembered += 1
        return reply

    async def ask(self, question: Question) -> Reply:
        """Return its answer. Raises NoAnswerError where it gives none and that refuses."""
        reply = self.remembered(question)
        if reply is not None:
            return reply
        task = self._asking.get(question)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._post(question))
            self._asking[question] = task
            task.add_done_callback(lambda _: self._asking.pop(question, None))
        try:
            # Shielded: who waits may go, but others may be waiting for the same answer.
            return await asyncio.shield(task)
        except WebFailedError:
            if self._settings.when_down is WhenDown.ALLOW and question.action in _OF_MEDIA:
                return Reply(Said.YES)
            raise NoAnswerError from None

    async def aclose(self) -> None:
        """Drop the questions that are open, and close every connection."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _post(self, question: Question) -> Reply:
        settings = self._settings
        self.counters.asked += 1
        began_s = self._clock()
        try:
            answer = await self._client.request(
                "POST",
                settings.url,
                timeout_s=settings.timeout_s,
                most_bytes=_MOST_BYTES,
                headers=_headers(settings),
                content=json.dumps(_told(question), ensure_ascii=False).encode(),
            )
            reply = _reply_in(answer)
        except WebFailedError as error:
            self.counters.failed += 1
            logger.error(
                "the owner's server did not say who may",
                extra={
                    "url": url_without_credentials(settings.url),
                    "mount": question.path,
                    "cause": str(error),
                    "until_then": settings.when_down.value,
                },
            )
            raise
        finally:
            self.took.add(self._clock() - began_s)
        self._remember(question, reply)
        return reply

    def _remember(self, question: Question, reply: Reply) -> None:
        for_s = self._settings.remember_s
        if reply.for_s is not None:
            for_s = min(for_s, reply.for_s)
        if not for_s:
            return
        self._replies[question] = (self._clock() + for_s, reply)
        self._replies.move_to_end(question)
        if len(self._replies) > _MOST_REMEMBERED:
            self._replies.popitem(last=False)


def _headers(settings: AskSettings) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if settings.token:
        headers["Authorization"] = f"Bearer {settings.token}"
    return headers


def _told(question: Question) -> dict[str, str]:
    return {
        "user": question.username,
        "password": question.password,
        "token": question.token,
        "action": question.action.value,
        "path": question.path,
        "protocol": question.protocol,
        "address": question.address,
        "query": question.query,
        "user_agent": question.user_agent,
    }


def _reply_in(answer: WebAnswer) -> Reply:
    """Return what an answer says. Raises WebFailedError for one that says nothing."""
    if answer.status == 401:
        return Reply(Said.WHO_ARE_YOU)
    if answer.status != 403 and not 200 <= answer.status < 300:
        raise WebFailedError(f"the answer has the status {answer.status}")
    said = Said.NO if answer.status == 403 else Said.YES
    value = _object_in(answer.body)
    user, for_s = value.get("user", ""), value.get("for_s")
    if not isinstance(user, str) or not user.isprintable() or len(user) > 256:
        raise WebFailedError("the answer's `user` is no printable text")
    if for_s is None:
        return Reply(said, user)
    if isinstance(for_s, bool) or not isinstance(for_s, int | float) or not for_s >= _LEAST_FOR_S:
        raise WebFailedError(f"the answer's `for_s` is no number of at least {_LEAST_FOR_S:g}")
    return Reply(said, user, min(float(for_s), 1e9))


def _object_in(body: bytes) -> dict[str, Any]:
    """Return the object of a body; a body that is none, such as `ok`, says nothing more."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
