#!lua name=triaged

-- The state of triaged: what must be atomic, as Redis functions.
--
-- Every function takes one key, the prefix of a partition ("triaged:{t:0}:"),
-- and touches only keys that begin with it, so that all of them share one hash
-- slot.  Lua does not roll back: each function checks everything first and
-- writes second.  The layout of the keys is in INTERFACES.md.
--
-- Times are milliseconds since the epoch.  Text that came from a log arrives as
-- valid UTF-8 and is only ever stored or quoted by cjson.

local DAY = 86400000
local KEEP_CLOSED = 400 * 86400 -- seconds: a year of evidence and the time to audit it
local GRACE = DAY               -- how long a group outlives its window, so that a daemon
                                -- that was stopped finds half-full windows again
local KEEP_GAPS = 1000          -- of a node, with their bounds; older ones in sums only
local KEEP_ENDED = 1000         -- streams of a node that were read to their end
local SAMPLES = 20              -- kept per incident
local TOLD_SAMPLES = 3          -- of those, in a message
local RANK = {info = 0, low = 1, medium = 2, high = 3, critical = 4}
local TELL_AGAIN = 10           -- an open incident is told again when its count grew so many times

local function fail(code, text)
  return redis.error_reply(code .. ' ' .. text)
end

-- Days since 1970-01-01 to a date (proleptic Gregorian calendar).
local function civil(days)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524)
    - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  return yoe + era * 400 + (month <= 2 and 1 or 0), month, day
end

local function rfc3339(ms)
  ms = tonumber(ms)
  local days = math.floor(ms / DAY)
  local rest = ms - days * DAY
  local y, m, d = civil(days)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', y, m, d,
    math.floor(rest / 3600000), math.floor(rest / 60000) % 60,
    math.floor(rest / 1000) % 60, rest % 1000)
end

-- cjson is not there yet while the library is loaded.
local function quote(s)
  return cjson.encode(s)
end

local function ms(n)
  return string.format('%.0f', n)
end

local function hash(flat)
  local h = {}
  for i = 1, #flat, 2 do h[flat[i]] = flat[i + 1] end
  return h
end

-- ---- incidents -------------------------------------------------------------

-- The incident ${inc} (a table of its hash) with ${samples} (JSON texts) as JSON.
local function incident_json(inc, samples)
  return string.format('{"id":%s,"number":%d,"title":%s,"severity":%s,"state":%s,"rule":%s,'
    .. '"rule_file":%s,"rule_hash":%s,"criteria":%s,"playbook":%s,"key":%s,"count":%s,'
    .. '"first_event":"%s","last_event":"%s","opened":"%s","samples":[%s]}',
    quote(inc.id), tonumber(inc.number), quote(inc.title), quote(inc.severity), quote(inc.state),
    quote(inc.rule), quote(inc.rule_file), quote(inc.rule_hash), quote(inc.criteria),
    quote(inc.playbook), inc.key, ms(tonumber(inc.count)), rfc3339(inc.first),
    rfc3339(inc.last), rfc3339(inc.opened), table.concat(samples, ','))
end

local function load_incident(P, id)
  local flat = redis.call('HGETALL', P .. 'inc:' .. id)
  if #flat == 0 then return nil end
  return hash(flat)
end

local function enqueue(P, inc, channel, install, now, node, message)
  local id = string.format('triaged_%s_%d_%d_%s', install, tonumber(inc.number), inc.seq, channel)
  local entry = string.format('{"id":%s,"channel":%s,"incident":%s,"node":%s,"seq":%d,'
    .. '"attempts":0,"created":%s,"due":0,"message":%s}', quote(id), quote(channel),
    quote(inc.id), quote(node), inc.seq, ms(now), quote(message))
  redis.call('HSET', P .. 'out', id, entry)
  return entry
end

-- Put one message of type ${what} about ${inc} into the outbox of each channel
-- that wants its severity; the deliveries are added to ${out}.  ${who} and ${why}
-- only for human actions.
local function tell(P, inc, what, channels, now, node, samples, out, who, why)
  local install = redis.call('HGET', P .. 'meta', 'install')
  local message, extra = nil, ''
  if who then
    extra = ',"by":' .. quote(who) .. ',"message":' .. quote(why)
  end
  inc.seq = tonumber(inc.seq) + 1
  redis.call('HSET', P .. 'inc:' .. inc.id, 'seq', inc.seq)
  message = string.format('{"type":"incident.%s","timestamp":"%s","data":{"node":%s,"incident":%s%s}}',
    what, rfc3339(now), quote(node), incident_json(inc, samples), extra)
  for _, channel in ipairs(channels) do
    if RANK[inc.severity] >= channel.least then
      out[#out + 1] = enqueue(P, inc, channel.id, install, now, node, message)
    end
  end
end

local function note(P, id, now, action, by, message)
  redis.call('RPUSH', P .. 'inc:' .. id .. ':history', string.format(
    '{"time":"%s","action":%s,"by":%s,"message":%s}', rfc3339(now), quote(action), quote(by),
    quote(message)))
end

-- ---- commit ----------------------------------------------------------------

-- Read arguments one after the other; running out of them or a number that is
-- none raises, before anything was written.
local function reader(args)
  local at = 0
  local r = {}
  function r.text()
    at = at + 1
    if args[at] == nil then error('too few arguments') end
    return args[at]
  end
  function r.number()
    local n = tonumber(r.text())
    if n == nil then error('argument ' .. at .. ' is no number') end
    return n
  end
  function r.list()
    local n, list = r.number(), {}
    for i = 1, n do list[i] = r.text() end
    return list
  end
  function r.channels()
    local n, list = r.number(), {}
    for i = 1, n do list[i] = {id = r.text(), least = r.number()} end
    return list
  end
  function r.rest() return #args - at end
  return r
end

-- An entry: the events of one group.  Those in times come one by one; the rest,
-- after the entry alone has satisfied the rule, only as a count with the least
-- and greatest time.  Sample i is of event i.
local function read_entry(r)
  local e = {}
  e.group, e.count, e.within, e.rearm = r.text(), r.number(), r.number(), r.number()
  e.rest, e.rest_first, e.rest_last = r.number(), r.number(), r.number()
  e.times = {}
  for t in string.gmatch(r.text(), '%-?%d+') do e.times[#e.times + 1] = tonumber(t) end
  e.rule, e.file, e.hash = r.text(), r.text(), r.text()
  e.title, e.severity, e.criteria, e.playbook = r.text(), r.text(), r.text(), r.text()
  e.key = r.text()
  e.samples = r.list()
  if not RANK[e.severity] then error('no severity: ' .. e.severity) end
  if e.rest < 0 or #e.times < 1 then error('entry with impossible counts') end
  return e
end

-- Is there a span of ${within} around time ${t} with ${count} of the ring's times
-- in it?  Returns its first time, or nil.
local function window_around(ring, t, within, count)
  local near = {}
  for _, x in ipairs(ring) do
    if math.abs(x[1] - t) <= within then near[#near + 1] = x[1] end
  end
  if #near < count then return nil end
  table.sort(near)
  for i = 1, #near - count + 1 do
    if near[i] <= t and near[i + count - 1] >= t and near[i + count - 1] - near[i] <= within then
      return near[i]
    end
  end
  return nil
end

-- A group's state: ring = the last 2 * count events in order of arrival, each
-- {time, sample or false}; inc = the incident they opened; last = newest time.
local function load_group(P, e, groups)
  local g = groups[e.group]
  if not g then
    local packed = redis.call('GET', P .. 'g:' .. e.group)
    g = packed and cmsgpack.unpack(packed) or {ring = {}}
    groups[e.group] = g
  end
  return g
end

-- The incident that an event at ${t} joins, or nil when the group starts afresh:
-- there is none, it is closed, or the group was quiet for longer than rearm.
local function joined(P, e, g, t, incidents)
  if not g.inc then return nil end
  local inc = incidents[g.inc] or load_incident(P, g.inc)
  if inc and inc.state ~= 'closed' and t - g.last <= e.rearm then
    incidents[g.inc] = inc
    return inc
  end
  g.inc, g.ring = nil, {}
  return nil
end

-- Count ${n} events between ${first} and ${last} to ${inc}.
local function join(plan, e, inc, n, first, last)
  if not inc.entry then
    plan.order[#plan.order + 1] = inc
    inc.entry, inc.samples = e, {}
  end
  inc.count = tonumber(inc.count) + n
  inc.first = math.min(tonumber(inc.first), first)
  inc.last = math.max(tonumber(inc.last), last)
end

-- The event at ${t} completed a window that began at ${first}: an incident, with
-- the events of the ring that lie in the window.
local function open(plan, e, g, t, first)
  plan.opened = plan.opened + 1
  local number = plan.number + plan.opened
  local inc = {new = true, number = number, id = string.format('INC-%d', number), fired = t,
    count = 0, first = first, last = first, told = e.count}
  for _, x in ipairs(g.ring) do
    if x[1] >= first and x[1] <= first + e.within then
      join(plan, e, inc, 1, x[1], x[1])
      if x[2] then inc.samples[#inc.samples + 1] = x[2] end
    end
  end
  plan.incidents[inc.id] = inc
  g.inc, g.ring = inc.id, {}
  return inc
end

-- Work out what the entry does; nothing is written.  Effects are added to ${plan}.
local function plan_entry(P, e, plan)
  local g, inc = load_group(P, e, plan.groups), nil
  for i, t in ipairs(e.times) do
    inc = joined(P, e, g, t, plan.incidents)
    if inc then
      join(plan, e, inc, 1, t, t)
      inc.samples[#inc.samples + 1] = e.samples[i]
    else
      g.ring[#g.ring + 1] = {t, e.samples[i] or false}
      if #g.ring > 2 * e.count then table.remove(g.ring, 1) end
      local first = window_around(g.ring, t, e.within, e.count)
      if first then inc = open(plan, e, g, t, first) end
    end
    g.last = math.max(g.last or t, t)
  end
  if e.rest > 0 then
    if not inc then error('an entry that satisfies its rule, and no incident') end
    join(plan, e, inc, e.rest, e.rest_first, e.rest_last)
    for i = #e.times + 1, #e.samples do inc.samples[#inc.samples + 1] = e.samples[i] end
    g.last = math.max(g.last, e.rest_last)
  end
  plan.expiry[e.group] = (g.inc and e.rearm or e.within) + GRACE
end

local function write_incident(P, inc, now, node, channels, deliveries)
  local key, e = P .. 'inc:' .. inc.id, inc.entry
  if inc.new then
    if now == 0 then now = inc.fired end
    inc.state, inc.opened, inc.seq, inc.node = 'open', now, 0, node
    inc.rule, inc.rule_file, inc.rule_hash = e.rule, e.file, e.hash
    inc.title, inc.severity, inc.criteria, inc.playbook = e.title, e.severity, e.criteria, e.playbook
    inc.key = e.key
    redis.call('HSET', key, 'id', inc.id, 'number', inc.number, 'state', 'open', 'rule', inc.rule,
      'rule_file', inc.rule_file, 'rule_hash', inc.rule_hash, 'title', inc.title,
      'severity', inc.severity, 'criteria', inc.criteria, 'playbook', inc.playbook,
      'key', inc.key, 'opened', ms(now), 'node', node, 'seq', 0)
    redis.call('ZADD', P .. 'incidents', inc.number, inc.id)
    note(P, inc.id, now, 'opened', 'triaged', inc.criteria)
  end
  local have = redis.call('LLEN', key .. ':samples')
  for i = 1, math.min(#inc.samples, SAMPLES - have) do
    redis.call('RPUSH', key .. ':samples', inc.samples[i])
  end
  local grown = inc.state == 'open' and inc.count >= TELL_AGAIN * tonumber(inc.told)
  if grown then inc.told = inc.count end
  redis.call('HSET', key, 'count', ms(inc.count), 'first', ms(inc.first), 'last', ms(inc.last),
    'told', ms(tonumber(inc.told)))
  if inc.new or grown then
    tell(P, inc, inc.new and 'opened' or 'updated', channels, now, node,
      redis.call('LRANGE', key .. ':samples', 0, TOLD_SAMPLES - 1), deliveries)
  end
end

-- Append ${items} to a list that holds ${most}.
local function keep_last(key, items, most)
  for _, item in ipairs(items) do redis.call('RPUSH', key, item) end
  if #items > 0 then redis.call('LTRIM', key, -most, -1) end
end

-- The last gaps in full, all of them in sums: "SOURCE REASON" and what is summed.
local function keep_gaps(P, node, gaps)
  local items, sums = {}, P .. 'gapsums:' .. node
  for i, gap in ipairs(gaps) do
    items[i] = gap[4]
    redis.call('HINCRBY', sums, gap[1] .. ' gaps', 1)
    redis.call('HINCRBY', sums, gap[1] .. ' bytes', ms(gap[2]))
    redis.call('HINCRBY', sums, gap[1] .. ' messages', ms(gap[3]))
  end
  keep_last(P .. 'gaps:' .. node, items, KEEP_GAPS)
end

-- FCALL triaged_commit 1 P node fence now nchannels {id least}... npositions {stream value}...
--   ngaps {total bytes messages json}... nended json... nentries entry...
-- A channel wants incidents of severity rank least and up.  now 0 is the clock of a
-- replay: an incident opens at the time of the event that completed it.
-- A position's value is "OFFSET CHECK PATH"; "" forgets the stream.  A gap is what
-- the positions pass over unexamined; ended are streams read to their end.
-- Returns {opened incident ids, new outbox entries}.
local function commit(keys, args)
  local P, r = keys[1], reader(args)
  local node, fence, now = r.text(), r.number(), r.number()
  local stored = tonumber(redis.call('HGET', P .. 'fence', node) or '0')
  if fence ~= stored + 1 then
    return fail('FENCE', string.format('%d is not next after %d', fence, stored))
  end
  local channels, positions = r.channels(), {}
  for i = 1, r.number() do positions[i] = {r.text(), r.text()} end
  local gaps, ended = {}, {}
  for i = 1, r.number() do gaps[i] = {r.text(), r.number(), r.number(), r.text()} end
  for i = 1, r.number() do ended[i] = r.text() end
  local plan = {groups = {}, expiry = {}, incidents = {}, order = {}, opened = 0,
    number = tonumber(redis.call('GET', P .. 'seq') or '0')}
  for _ = 1, r.number() do plan_entry(P, read_entry(r), plan) end
  if r.rest() ~= 0 then error('too many arguments') end

  local opened, deliveries = {}, {}
  redis.call('HSET', P .. 'fence', node, fence)
  for _, pos in ipairs(positions) do
    if pos[2] == '' then
      redis.call('HDEL', P .. 'pos:' .. node, pos[1])
    else
      redis.call('HSET', P .. 'pos:' .. node, pos[1], pos[2])
    end
  end
  keep_gaps(P, node, gaps)
  keep_last(P .. 'ended:' .. node, ended, KEEP_ENDED)
  if plan.opened > 0 then redis.call('INCRBY', P .. 'seq', plan.opened) end
  for _, inc in ipairs(plan.order) do
    write_incident(P, inc, now, node, channels, deliveries)
    if inc.new then opened[#opened + 1] = inc.id end
  end
  for group, g in pairs(plan.groups) do
    redis.call('SET', P .. 'g:' .. group, cmsgpack.pack(g), 'PX', ms(plan.expiry[group]))
  end
  return {opened, deliveries}
end

-- ---- the other functions ---------------------------------------------------

-- FCALL triaged_attach 1 P node install
-- A daemon begins or begins again: any older connection of ${node} is fenced
-- off.  ${install} names this state when it is new.
-- Returns {fence, positions as {stream, value}..., the node's outbox entries, the
-- streams that were read to their end}: who put a message into the outbox has its
-- channel and sends it.
local function attach(keys, args)
  local P, node, install = keys[1], args[1], args[2]
  if not node or not install then error('too few arguments') end
  redis.call('HSETNX', P .. 'meta', 'install', install)
  local waiting = {}
  for _, entry in ipairs(redis.call('HVALS', P .. 'out')) do
    local d = cjson.decode(entry)
    if d.node == node and not d.dead then waiting[#waiting + 1] = entry end
  end
  local fence = redis.call('HINCRBY', P .. 'fence', node, 1)
  return {fence, redis.call('HGETALL', P .. 'pos:' .. node), waiting,
    redis.call('LRANGE', P .. 'ended:' .. node, 0, -1)}
end

-- Take the deliveries of an incident that were given up out of the outbox; that
-- they were stays in its history.
local function forget_dead(P, id)
  for _, entry in ipairs(redis.call('HVALS', P .. 'out')) do
    local d = cjson.decode(entry)
    if d.incident == id and d.dead then redis.call('HDEL', P .. 'out', d.id) end
  end
end

-- What may be done to an incident by hand: action -> states it may be in, the
-- state it goes to.
local MOVES = {
  ack = {from = {open = true}, to = 'acknowledged', what = 'acknowledged'},
  close = {from = {open = true, acknowledged = true}, to = 'closed', what = 'closed'},
}

-- The whole incident for people: the message's incident with all samples,
-- history and the deliveries that are not done.
local function show(keys, args)
  local P, inc = keys[1], load_incident(keys[1], args[1])
  if not inc then return fail('NOINCIDENT', 'there is no incident ' .. args[1]) end
  local key, waiting = P .. 'inc:' .. inc.id, {}
  for _, entry in ipairs(redis.call('HVALS', P .. 'out')) do
    local d = cjson.decode(entry)
    if d.incident == inc.id then
      d.message = nil
      waiting[#waiting + 1] = cjson.encode(d)
    end
  end
  return string.format('{"incident":%s,"node":%s,"history":[%s],"deliveries":[%s]}',
    incident_json(inc, redis.call('LRANGE', key .. ':samples', 0, -1)), quote(inc.node),
    table.concat(redis.call('LRANGE', key .. ':history', 0, -1), ','), table.concat(waiting, ','))
end

-- FCALL triaged_move 1 P id action by message now node nchannels {id least}...
-- Returns {the incident as show does, new outbox entries}.
local function move(keys, args)
  local P, r = keys[1], reader(args)
  local id, action, by, message = r.text(), r.text(), r.text(), r.text()
  local now, node, channels = r.number(), r.text(), r.channels()
  local inc, m = load_incident(P, id), MOVES[action]
  if not inc then return fail('NOINCIDENT', 'there is no incident ' .. id) end
  if not m then return fail('NOACTION', 'there is no action ' .. action) end
  if not m.from[inc.state] then
    return fail('STATE', id .. ' is ' .. inc.state .. ' already')
  end
  local deliveries, key = {}, P .. 'inc:' .. id
  inc.state = m.to
  redis.call('HSET', key, 'state', m.to)
  note(P, id, now, m.what, by, message)
  tell(P, inc, m.what, channels, now, node, redis.call('LRANGE', key .. ':samples', 0,
    TOLD_SAMPLES - 1), deliveries, by, message)
  if m.to == 'closed' then
    forget_dead(P, id)
    for _, part in ipairs({'', ':samples', ':history'}) do
      redis.call('EXPIRE', key .. part, KEEP_CLOSED)
    end
  end
  return {show(keys, args), deliveries}
end

-- FCALL triaged_delivered 1 P id result attempts due text now
-- One attempt has ended: result is done, retry or dead.
local function delivered(keys, args)
  local P, r = keys[1], reader(args)
  local id, result, attempts, due = r.text(), r.text(), r.number(), r.number()
  local text, now = r.text(), r.number()
  local entry = redis.call('HGET', P .. 'out', id)
  if not entry then return 0 end
  local d = cjson.decode(entry)
  local state = redis.call('HGET', P .. 'inc:' .. d.incident, 'state')
  local words = d.channel .. ': ' .. text .. ' (attempt ' .. attempts .. ', ' .. id .. ')'
  if result == 'done' then
    redis.call('HDEL', P .. 'out', id)
    if state then note(P, d.incident, now, 'notified', 'triaged', words) end
    return 1
  end
  -- The first failure and giving up are history; the attempts between are
  -- counted in the entry.
  if state and (attempts == 1 or result == 'dead') then
    note(P, d.incident, now, result == 'dead' and 'notification given up' or 'notification failed',
      'triaged', words)
  end
  if result == 'dead' and state ~= 'open' and state ~= 'acknowledged' then
    redis.call('HDEL', P .. 'out', id)
    return 1
  end
  redis.call('HSET', P .. 'out', id, string.format('{"id":%s,"channel":%s,"incident":%s,"node":%s,'
    .. '"seq":%d,"attempts":%d,"created":%s,"due":%s,"dead":%s,"error":%s,"message":%s}',
    quote(d.id), quote(d.channel), quote(d.incident), quote(d.node), d.seq, attempts,
    ms(d.created), ms(due), tostring(result == 'dead'), quote(text), quote(d.message)))
  return 1
end

-- FCALL triaged_list 1 P which limit
-- which is "open" (everything not closed) or "all".  The newest first.
local function list(keys, args)
  local P, which, limit = keys[1], args[1], tonumber(args[2])
  local found = {}
  for _, id in ipairs(redis.call('ZREVRANGE', P .. 'incidents', 0, -1)) do
    local inc = load_incident(P, id)
    if not inc then
      redis.call('ZREM', P .. 'incidents', id)
    elseif which == 'all' or inc.state ~= 'closed' then
      found[#found + 1] = incident_json(inc, {})
      if #found == limit then break end
    end
  end
  return '[' .. table.concat(found, ',') .. ']'
end

-- FCALL triaged_outbox 1 P
-- What has not been delivered, without the messages.
local function outbox(keys)
  local found = {}
  for i, entry in ipairs(redis.call('HVALS', keys[1] .. 'out')) do
    local d = cjson.decode(entry)
    d.message = nil
    found[i] = cjson.encode(d)
  end
  return '[' .. table.concat(found, ',') .. ']'
end

-- FCALL triaged_gaps 1 P node limit
-- What was not examined: sums since ever, the last ${limit} gaps, the last streams
-- read to their end, all of them the newest last.
local function gaps(keys, args)
  local P, node, limit = keys[1], args[1], tonumber(args[2])
  if not node or not limit then error('too few arguments') end
  local sums = {}
  local flat = redis.call('HGETALL', P .. 'gapsums:' .. node)
  for i = 1, #flat, 2 do
    sums[#sums + 1] = string.format('%s:%s', quote(flat[i]), flat[i + 1])
  end
  table.sort(sums)
  return string.format('{"sums":{%s},"gaps":[%s],"ended":[%s]}', table.concat(sums, ','),
    table.concat(redis.call('LRANGE', P .. 'gaps:' .. node, -limit, -1), ','),
    table.concat(redis.call('LRANGE', P .. 'ended:' .. node, -limit, -1), ','))
end

redis.register_function('triaged_attach', attach)
redis.register_function('triaged_gaps', gaps)
redis.register_function('triaged_commit', commit)
redis.register_function('triaged_move', move)
redis.register_function('triaged_delivered', delivered)
redis.register_function('triaged_show', show)
redis.register_function('triaged_list', list)
redis.register_function('triaged_outbox', outbox)
