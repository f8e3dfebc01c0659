"""The parts of the registry that must be atomic, in the Lua of Redis and Valkey.

Keys of one path have one hash tag, and so have those of all nodes: each script is of one slot. A
key that is no lease, since something else has written it, is as a lease of another node.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Script:
    """A script, and the name by which a server that has run it knows it."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)


CLAIM: Final = Script("""
local node, ttl_ms, how, known = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local ready, url, public_url, keep_ms = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local channel, path, late_below = ARGV[9], ARGV[10], tonumber(ARGV[11])
local present = redis.pcall('HMGET', KEYS[1], 'node', 'epoch')
if present.err then
    return {0, '?', 0}
end
local holder, held = present[1], tonumber(present[2] or '0') or 0
if holder then
    if how == 'restore' then
        if held > known or (held == known and holder ~= node) then
            return {0, holder, held}
        end
    elseif holder ~= node and how ~= 'replace' then
        return {0, holder, held}
    end
end
local epoch
if how == 'late' then
    epoch = redis.call('HINCRBY', KEYS[2], 'late', 1)
else
    local last = tonumber(redis.call('HGET', KEYS[2], 'claimed') or '0') or 0
    if how == 'restore' then
        epoch = known
    else
        local now = redis.call('TIME')
        epoch = math.max(last + 1, now[1] * 1000 + math.floor(now[2] / 1000))
    end
    if epoch > last and epoch >= late_below then
        redis.call('HSET', KEYS[2], 'claimed', string.format('%.0f', epoch))
    end
end
redis.call('PEXPIRE', KEYS[2], keep_ms)
local shown = string.format('%.0f', epoch)
redis.call('HSET', KEYS[1], 'node', node, 'epoch', shown, 'ready', ready,
    'url', url, 'public_url', public_url)
redis.call('PEXPIRE', KEYS[1], ttl_ms)
if not (holder == node and held == epoch) then
    redis.call('PUBLISH', channel, 'up ' .. shown .. ' ' .. node .. ' ' .. path)
    if ready == '1' then
        redis.call('PUBLISH', channel, 'ready ' .. shown .. ' ' .. node .. ' ' .. path)
    end
end
return {1, node, epoch}
""")

RENEW: Final = Script("""
local lost = {}
for i = 1, #KEYS do
    local present = redis.pcall('HMGET', KEYS[i], 'node', 'epoch')
    if present.err then
        lost[#lost + 1] = i
    elseif present[1] == ARGV[1] and present[2] == ARGV[2 + i] then
        redis.call('PEXPIRE', KEYS[i], ARGV[2])
    else
        lost[#lost + 1] = present[1] and i or -i
    end
end
return lost
""")
"""Returns the numbers, from 1, of those that another has; below 0 of those that nobody has."""

MARK_READY: Final = Script("""
local present = redis.pcall('HMGET', KEYS[1], 'node', 'epoch')
if present.err or present[1] ~= ARGV[1] or present[2] ~= ARGV[2] then
    return 0
end
redis.call('HSET', KEYS[1], 'ready', '1')
redis.call('PUBLISH', ARGV[3], 'ready ' .. ARGV[2] .. ' ' .. ARGV[1] .. ' ' .. ARGV[4])
return 1
""")

RELEASE: Final = Script("""
local present = redis.pcall('HMGET', KEYS[1], 'node', 'epoch')
if present.err or present[1] ~= ARGV[1] or present[2] ~= ARGV[2] then
    return 0
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[3], 'down ' .. ARGV[2] .. ' ' .. ARGV[1] .. ' ' .. ARGV[4])
return 1
""")

BEAT: Final = Script("""
local name, life, ttl_ms, joins = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local present = redis.call('HMGET', KEYS[2], 'life', 'order')
if present[1] and present[1] ~= life then
    if joins == '0' then
        return {0, ''}
    end
    redis.call('DEL', KEYS[2])
    present[2] = false
end
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[2], ttl_ms)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now_ms))
redis.call('ZADD', KEYS[1], string.format('%.0f', now_ms + ttl_ms), name)
redis.call('PEXPIRE', KEYS[1], ttl_ms)
return {1, present[2] or ''}
""")

LEAVE: Final = Script("""
if redis.call('HGET', KEYS[2], 'life') ~= ARGV[2] then
    return 0
end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
""")

ORDER: Final = Script("""
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
redis.call('HSET', KEYS[1], 'order', ARGV[1])
return 1
""")

NODES: Final = Script("""
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local names = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.0f', now_ms), '+inf',
    'WITHSCORES')
local found = {}
for i = 1, #names, 2 do
    local record = redis.call('HGETALL', KEYS[1] .. ':' .. names[i])
    if #record > 0 then
        record[#record + 1] = 'left_ms'
        record[#record + 1] = string.format('%.0f', tonumber(names[i + 1]) - now_ms)
        found[#found + 1] = record
    end
end
return found
""")
