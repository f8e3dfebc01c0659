"""The registry in Redis or Valkey. Needs the extra `cluster`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, Sentinel, SSLConnection
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import NoScriptError, RedisClusterException, RedisError, ResponseError

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import (
    LATE_EPOCHS,
    Ask,
    BeatAnswer,
    Lease,
    News,
    NodeRecord,
    Refused,
)
from headwater.cluster.registry.registry import LEASE_TTL_S, RegistryGone
from headwater.cluster.registry.scripts import (
    BEAT,
    CLAIM,
    LEAVE,
    MARK_READY,
    NODES,
    ORDER,
    RELEASE,
    RENEW,
    Script,
)
from headwater.cluster.registry.server_url import ServerUrl, Shape
from headwater.log_pace import paced_logger
from headwater.shown_text import shown, without_credentials

logger = paced_logger(__name__)

_DEADLINE_S: Final = 2.0
"""Of each answer. A beat that fails is followed by another before a lease ends."""
_MOST_CONNECTIONS: Final = 8
_RENEWED_AT_ONCE: Final = 500
"""Leases that one script renews: Redis does nothing else meanwhile, for about a millisecond."""
_EPOCHS_KEPT_MS: Final = 86_400_000
_DEAF_AFTER_S: Final = 5.0
"""A connection that news come on is asked so often whether it is still there."""
_SCANNED_AT_ONCE: Final = 500

_Call = tuple[Script, Sequence[str], Sequence[object]]


class RedisRegistry:
    """Leases as keys with a time to live, and the news of them by PUBLISH.

    All of its keys begin with the name of the cluster, so that several may share one server.
    """

    unreached: Final = False
    """Nobody stands between."""

    def __init__(self, url: ServerUrl, cluster_name: str, *, ttl_s: float = LEASE_TTL_S) -> None:
        self._url = url
        self._name = cluster_name
        self._ttl_ms = round(ttl_s * 1000)
        self._channel = f"{cluster_name}:events"
        self._nodes_key = f"{cluster_name}:{{nodes}}"
        self._client: Any = _client(url)
        self._listens = 0

    async def join(self, record: NodeRecord) -> None:
        """Enter a node, in place of an earlier process of the same name."""
        await self._run([self._beat_call(record, joins=True)])

    async def leave(self, name: str, life: str) -> None:
        """Remove a node that ends."""
        await self._run([(LEAVE, [self._nodes_key, self._node_key(name)], [name, life])])

    async def beat(self, record: NodeRecord, tenures: Sequence[Tenure]) -> BeatAnswer:
        """Renew a node and all it holds in one pipeline, and hear of the other nodes."""
        groups = list(self._groups(tenures))
        calls: list[_Call] = [self._beat_call(record, joins=False), self._nodes_call()]
        for group in groups:
            keys = [self._lease_key(each.path) for each in group]
            epochs = [each.epoch for each in group]
            calls.append((RENEW, keys, [record.name, self._ttl_ms, *epochs]))
        (known, order), nodes, *renewed = await self._run(calls)
        lost: list[Tenure] = []
        missing: list[Tenure] = []
        for group, numbers in zip(groups, renewed, strict=True):
            for number in numbers:
                (lost if number > 0 else missing).append(group[abs(number) - 1])
        return BeatAnswer(
            not known, order == "drain", tuple(lost), tuple(missing), _nodes_of(nodes)
        )

    async def claim(self, node: NodeRecord, asks: Sequence[Ask]) -> list[Tenure | Refused]:
        """Have paths for a node, each or not, in one pipeline."""
        answers = await self._run([self._claim_call(node, ask) for ask in asks])
        return [
            Tenure(ask.path, holder, epoch) if granted else Refused(holder, epoch)
            for ask, (granted, holder, epoch) in zip(asks, answers, strict=True)
        ]

    async def mark_ready(self, tenure: Tenure) -> bool:
        """Note that a path is filled, and tell of it; False where the tenure is lost."""
        return await self._by_holder(MARK_READY, tenure)

    async def release(self, tenure: Tenure) -> bool:
        """End a tenure, and tell of it; one of another epoch is left alone, and False returned."""
        return await self._by_holder(RELEASE, tenure)

    async def look_up(self, paths: Sequence[str]) -> dict[str, Lease | None]:
        """Return who has each of the paths, asked for in one pipeline."""
        pipe = self._pipeline()
        for path in paths:
            pipe.hmget(self._lease_key(path), _LEASE_FIELDS)
        with _gone():
            found = await _in_time(pipe.execute(raise_on_error=False))
            records = [_fields_of(path, each) for path, each in zip(paths, found, strict=True)]
        return {path: _lease_of(path, each) for path, each in zip(paths, records, strict=True)}

    async def tell(self, news: News) -> None:
        """Tell all nodes something."""
        with _gone():
            await _in_time(self._client.publish(self._channel, news.to_text()))

    async def listen(self, on_news: Callable[[News], None], on_begun: Callable[[], None]) -> None:
        """Hear what is told, until cancelled. Raises RegistryGone."""
        client = self._client if self._url.shape is not Shape.CLUSTER else self._one_of_many()
        pubsub = client.pubsub()
        try:
            with _gone():
                await _in_time(pubsub.subscribe(self._channel))
                asked = False
                while True:
                    message = await _in_time(
                        pubsub.get_message(timeout=_DEAF_AFTER_S), _DEAF_AFTER_S + _DEADLINE_S
                    )
                    if message is None and asked:
                        raise RegistryGone("the connection that news come on is dead")
                    asked = message is None
                    if message is None:
                        await _in_time(pubsub.ping())
                    elif message["type"] == "subscribe":
                        on_begun()
                    elif message["type"] == "message":
                        news = News.of(message["data"])
                        if news is not None:
                            on_news(news)
        finally:
            with contextlib.suppress(RedisError, RedisClusterException, OSError):
                await pubsub.aclose()
            if client is not self._client:
                with contextlib.suppress(RedisError, RedisClusterException, OSError):
                    await client.aclose()

    def _one_of_many(self) -> Redis:
        """Return a client of one server of a Redis Cluster, which passes on the news of all.

        Of another one each time: one that is gone does not end the news.
        """
        self._listens += 1
        hosts = self._url.hosts
        return _single(replace(self._url, hosts=(hosts[self._listens % len(hosts)],)))

    async def nodes(self) -> tuple[NodeRecord, ...]:
        """Return all nodes that live."""
        [found] = await self._run([self._nodes_call()])
        return _nodes_of(found)

    async def leases(self) -> AsyncIterator[Lease]:
        """Yield all leases, some of which may come or go meanwhile."""
        prefix = f"{self._name}:{{m:"
        with _gone():
            keys = self._client.scan_iter(match=_glob(prefix) + "*}", count=_SCANNED_AT_ONCE)
            paths = [key[len(prefix) : -1] async for key in keys]
        for first in range(0, len(paths), _SCANNED_AT_ONCE):
            found = await self.look_up(paths[first : first + _SCANNED_AT_ONCE])
            for lease in found.values():
                if lease is not None:
                    yield lease

    async def order_drain(self, name: str, *, drain: bool) -> bool:
        """Order a node to drain, or to serve again; False where there is no such node."""
        order = "drain" if drain else "serve"
        [known] = await self._run([(ORDER, [self._node_key(name)], [order])])
        return bool(known)

    async def close(self) -> None:
        """Let go of all connections."""
        with contextlib.suppress(RedisError, RedisClusterException, OSError, TimeoutError):
            await _in_time(self._client.aclose())

    # -- keys and calls

    def _lease_key(self, path: str) -> str:
        return f"{self._name}:{{m:{path}}}"

    def _node_key(self, name: str) -> str:
        return f"{self._nodes_key}:{name}"

    def _beat_call(self, record: NodeRecord, *, joins: bool) -> _Call:
        keys = [self._nodes_key, self._node_key(record.name)]
        head = [record.name, record.life, self._ttl_ms, int(joins)]
        return BEAT, keys, [*head, *record.to_fields()]

    def _claim_call(self, node: NodeRecord, ask: Ask) -> _Call:
        lease = self._lease_key(ask.path)
        claim = [node.name, self._ttl_ms, ask.how.value, ask.epoch, int(ask.ready)]
        shown = [node.url, node.public_url, _EPOCHS_KEPT_MS, self._channel, ask.path, LATE_EPOCHS]
        return CLAIM, [lease, lease + ":epochs"], [*claim, *shown]

    def _nodes_call(self) -> _Call:
        return NODES, [self._nodes_key], []

    def _groups(self, tenures: Sequence[Tenure]) -> Iterator[Sequence[Tenure]]:
        """Yield tenures that one script may renew: of a Redis Cluster, those of one slot."""
        groups: dict[int, list[Tenure]] = {0: list(tenures)}
        if self._url.shape is Shape.CLUSTER:
            groups = {}
            for tenure in tenures:
                slot = key_slot(self._lease_key(tenure.path).encode())
                groups.setdefault(slot, []).append(tenure)
        for group in groups.values():
            for first in range(0, len(group), _RENEWED_AT_ONCE):
                yield group[first : first + _RENEWED_AT_ONCE]

    async def _by_holder(self, script: Script, tenure: Tenure) -> bool:
        arguments = [tenure.holder, tenure.epoch, self._channel, tenure.path]
        [done] = await self._run([(script, [self._lease_key(tenure.path)], arguments)])
        return bool(done)

    async def _run(self, calls: Sequence[_Call]) -> list[Any]:
        """Run scripts in one pipeline; a server that does not know one of them gets them whole."""
        with _gone():
            try:
                answers: list[Any] = await _in_time(self._piped(calls, known=True))
            except NoScriptError:
                answers = await _in_time(self._piped(calls, known=False))
            return answers

    async def _piped(self, calls: Sequence[_Call], *, known: bool) -> list[Any]:
        pipe = self._pipeline()
        for script, keys, arguments in calls:
            # By their names: redis-py has no `evalsha` in the pipeline of a Redis Cluster.
            name, which = ("EVALSHA", script.sha) if known else ("EVAL", script.text)
            pipe.execute_command(name, which, len(keys), *keys, *arguments)
        answers: list[Any] = await pipe.execute()
        return answers

    def _pipeline(self) -> Any:
        if self._url.shape is Shape.CLUSTER:
            return self._client.pipeline()
        return self._client.pipeline(transaction=False)


_NO_LEASE: Final = "WRONGTYPE"
_LEASE_FIELDS: Final = ("node", "epoch", "url", "public_url", "ready")


def _fields_of(path: str, found: Any) -> Sequence[str | None]:
    """Return what the registry has of a lease. Raises the error that it answered with."""
    if isinstance(found, ResponseError) and str(found).startswith(_NO_LEASE):
        # One such key must not hide the others.
        logger.warning("a key of the registry is no lease", extra={"mount": path})
        return [None] * len(_LEASE_FIELDS)
    if isinstance(found, Exception):
        raise found
    fields: Sequence[str | None] = found
    return fields


def _lease_of(path: str, record: Sequence[str | None]) -> Lease | None:
    node, epoch, url, public_url, ready = record
    if node is None or epoch is None:
        return None
    try:
        tenure = Tenure(path, node, int(epoch))
    except ValueError:
        logger.warning("a lease is not understood", extra={"mount": path, "node": shown(node)})
        return None
    return Lease(tenure, url or "", public_url or "", ready == "1")


def _nodes_of(found: Sequence[Sequence[str]]) -> tuple[NodeRecord, ...]:
    """Return the records that can be read: one that cannot must not hide all others."""
    records: list[NodeRecord] = []
    for flat in found:
        told = dict(zip(flat[::2], flat[1::2], strict=True))
        try:
            records.append(NodeRecord.of(told))
        except ValueError as error:
            extra = {"node": shown(told.get("name", "")), "cause": shown(str(error))}
            logger.warning("a node's record is not understood", extra=extra)
    return tuple(sorted(records, key=lambda each: each.name))


def _glob(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "*?[]^-\\" else letter for letter in text)


async def _in_time(work: Any, within_s: float = _DEADLINE_S) -> Any:
    async with asyncio.timeout(within_s):
        return await work


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise RegistryGone(f"no answer within {_DEADLINE_S:g} s") from None
    except (RedisError, RedisClusterException, OSError) as error:
        raise RegistryGone(
            shown(without_credentials(str(error)) or type(error).__name__)
        ) from error


def _client(url: ServerUrl) -> Any:
    common = _common(url)
    match url.shape:
        case Shape.SENTINEL:
            sentinel = Sentinel(  # type: ignore[no-untyped-call]
                list(url.hosts), socket_timeout=_DEADLINE_S, socket_connect_timeout=_DEADLINE_S
            )
            return sentinel.master_for(url.service, db=url.database, ssl=url.tls, **common)
        case Shape.CLUSTER:
            nodes = [ClusterNode(host, port) for host, port in url.hosts]
            return RedisCluster(startup_nodes=nodes, ssl=url.tls, **common)
        case Shape.SINGLE:
            return _single(url)


def _single(url: ServerUrl) -> Redis:
    connection: type[Any] = Connection
    where: dict[str, Any] = {}
    if url.socket_path:
        connection = UnixDomainSocketConnection
        where["path"] = url.socket_path
    else:
        where["host"], where["port"] = url.hosts[0]
        connection = SSLConnection if url.tls else Connection
    pool = BlockingConnectionPool(
        max_connections=_MOST_CONNECTIONS,
        timeout=_DEADLINE_S,
        connection_class=connection,
        db=url.database,
        **where,
        **_common(url),
    )
    return Redis.from_pool(pool)


def _common(url: ServerUrl) -> dict[str, Any]:
    return {
        "username": url.username or None,
        "password": url.password or None,
        "decode_responses": True,
        # A value that is no UTF-8 must not break the answers behind it.
        "encoding_errors": "backslashreplace",
        "socket_timeout": _DEADLINE_S,
        "socket_connect_timeout": _DEADLINE_S,
        # A connection that the server has closed meanwhile is made anew, once.
        "retry": Retry(NoBackoff(), 1),
    }
