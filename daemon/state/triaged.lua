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
local KEEP_GAPS = 1000          -- of a node, with their bounds; older ones in sums only
local KEEP_RELAYED = 1000       -- entries of a node's relay that are counted
local KEEP_COUNTED = 4 * KEEP_RELAYED -- incidents of a partition's relay, of all nodes
local KEEP_ENDED = 1000         -- streams of a node that were read to their end
local KEEP_SILENCES = 400 * DAY
local MOST_SILENCES = 10000     -- also of those that are over
local MOST_HOLDING = 1000       -- silences at once
local SAMPLES = 20              -- kept per incident
local KEEP_LINES = 4096         -- groups without an incident of which lines are kept
local LINES = 8                 -- of each of them
local TURN = 500                -- ms for which a node whose commit collided goes first
local CHUNK = 2000              -- arguments of one command
local TOLD_SAMPLES = 3          -- of those, in a message
local EXPIRE_STEP = 10          -- groups that are looked at for being too old
local IDLE_STEP = 50            -- groups that go with each commit when their rule is idle
local MANY = 20                 -- groups of a call with an incident that make a storm
local OPENS, GROWN, MORE = 111, 103, 109 -- 'o', 'g' and 'm', of what a group becomes
local RANK = {info = 0, low = 1, medium = 2, high = 3, critical = 4}

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

-- ---- incidents -------------------------------------------------------------

-- The incident ${inc} with ${most} of its lines as JSON.
local function incident_json(inc, most)
  return string.format('{"id":%s,"number":%d,"title":%s,"severity":%s,"state":%s,"rule":%s,'
    .. '"rule_file":%s,"rule_hash":%s,"criteria":%s,"playbook":%s,"key":%s,"count":%s,'
    .. '"first_event":"%s","last_event":"%s","opened":"%s","samples":[%s]}',
    quote(inc.id), tonumber(inc.number), quote(inc.title), quote(inc.severity), quote(inc.state),
    quote(inc.rule), quote(inc.rule_file), quote(inc.rule_hash), quote(inc.criteria),
    quote(inc.playbook), inc.key, ms(tonumber(inc.count)), rfc3339(inc.first),
    rfc3339(inc.last), rfc3339(inc.opened),
    table.concat(inc.samples, ',', 1, math.min(most, #inc.samples)))
end

-- Count and times of the incident that a group has, from its head.
local function numbers_of(group)
  return struct.unpack('>i8', string.sub(group, 22, 29)),
    struct.unpack('>i8', string.sub(group, 30, 37)), struct.unpack('>i8', string.sub(group, 38, 45))
end

-- While an incident is open its count and times are in the head of its group: so an
-- event that joins changes one value.  Read them from there, if it is still so.
local function with_numbers(P, inc)
  local group = redis.call('HGET', P .. 'g:' .. inc.group, inc.field)
  if group and #group > 45 and string.sub(group, 9, 9) ~= '-'
      and struct.unpack('>I8', string.sub(group, 10, 17)) == tonumber(inc.number) then
    inc.count, inc.first, inc.last = numbers_of(group)
  end
  return inc
end

-- inc:ID is what the incident was when it opened, and its lines: values of MessagePack one
-- after the other.  The daemon packs them (state/state_incident.c).
local OPENED = {'rule', 'rule_file', 'rule_hash', 'severity', 'criteria', 'playbook', 'node',
  'group', 'field', 'title', 'key', 'opened', 'count', 'first', 'last'}

local function unpack_incident(number, text)
  local inc, values = {id = 'INC-' .. number, number = number, state = 'open', seq = 0, samples = {}},
    {cmsgpack.unpack(text)}
  for i, name in ipairs(OPENED) do inc[name] = values[i] end
  for i = #OPENED + 1, math.min(#values, #OPENED + SAMPLES) do
    inc.samples[#inc.samples + 1] = values[i]
  end
  return inc
end

-- The incident with what has changed since.
local function load_incident(P, id)
  local number = tonumber(string.match(id, '^INC%-(%d+)$'))
  local text = number and redis.call('GET', P .. 'inc:' .. id)
  if not text then return nil end
  local inc, flat = unpack_incident(number, text), redis.call('HGETALL', P .. 'inc:' .. id .. ':now')
  for i = 1, #flat, 2 do inc[flat[i]] = flat[i + 1] end
  return inc.state == 'closed' and inc or with_numbers(P, inc)
end

-- Its group will not tell them any more.
local function keep_numbers(P, id, inc)
  redis.call('HSET', P .. 'inc:' .. id .. ':now', 'count', ms(inc.count), 'first',
    ms(inc.first), 'last', ms(inc.last))
end

-- Whom to tell what a call does: ${out} gets the entries of the outbox, as HSET takes
-- them, and ${deliveries} the same for the daemon.
local function teller(channels, node)
  return {channels = channels, node = node, out = {}, deliveries = {}}
end

local function enqueue(t, inc, channel, now, message)
  local id = string.format('triaged_%s_%d_%d_%s', t.install, tonumber(inc.number), inc.seq, channel)
  local entry = string.format('{"id":%s,"channel":%s,"incident":%s,"node":%s,"seq":%d,'
    .. '"attempts":0,"created":%s,"due":0,"message":%s}', quote(id), quote(channel),
    quote(inc.id), quote(t.node), inc.seq, ms(now), quote(message))
  t.out[#t.out + 1], t.out[#t.out + 2] = id, entry
  t.deliveries[#t.deliveries + 1] = entry
end

-- Make one message of type ${what} about ${inc} for each channel that wants its severity.
-- ${who} and ${why} only for what closes or acknowledges.
local function tell(P, t, inc, what, now, who, why)
  local wanted, extra = {}, ''
  for _, channel in ipairs(t.channels) do
    if RANK[inc.severity] >= channel.least then wanted[#wanted + 1] = channel.id end
  end
  if #wanted == 0 then return end
  t.install = t.install or redis.call('HGET', P .. 'meta', 'install')
  if who then
    extra = ',"by":' .. quote(who) .. ',"message":' .. quote(why)
  end
  inc.seq = tonumber(inc.seq) + 1
  redis.call('HSET', P .. 'inc:' .. inc.id .. ':now', 'seq', inc.seq)
  local message = string.format(
    '{"type":"incident.%s","timestamp":"%s","data":{"node":%s,"incident":%s%s}}',
    what, rfc3339(now), quote(t.node), incident_json(inc, TOLD_SAMPLES), extra)
  for _, channel in ipairs(wanted) do enqueue(t, inc, channel, now, message) end
end

local function put_out(P, t)
  if #t.out > 0 then redis.call('HSET', P .. 'out', unpack(t.out)) end
  t.out = {}
end

local function history_json(now, action, by, message)
  return string.format('{"time":"%s","action":%s,"by":%s,"message":%s}', rfc3339(now),
    quote(action), quote(by), quote(message))
end

local function note(P, id, now, action, by, message)
  redis.call('RPUSH', P .. 'inc:' .. id .. ':history', history_json(now, action, by, message))
end

-- ---- groups ------------------------------------------------------------------

-- A group is a string that the daemon makes and reads (correlate/group_codec.c).  Here
-- only its head is known: 8 bytes of version, '-', 'o' (an incident is open) or 'c'
-- (it was closed by hand), 8 bytes of the incident's number, 4 of the second in which
-- it was written, and unless '-' 8 each of the incident's count, first and last time.
local VERSION, UNKNOWN = 8, '\0\0\0\0\0\0\0\0'

local function version(group)
  return group and string.sub(group, 1, VERSION) or UNKNOWN
end

local function with_number(group, number)
  return string.sub(group, 1, 9) .. struct.pack('>I8', number) .. string.sub(group, 18)
end

local NEW = 'o\0\0\0\0\0\0\0\0' -- from byte 9: its incident has no number yet

local function number_of(group)
  return struct.unpack('>I8', string.sub(group, 10, 17))
end

local function touched(group)
  return struct.unpack('>I4', string.sub(group, 18, 21))
end

-- Mark that the incident ${number} was closed; what a daemon knows of the group is
-- outdated with it, so the version is no more one that it knows.
local function close_group(key, field, number)
  local group = redis.call('HGET', key, field)
  if not group or number_of(group) ~= number then return end
  local first = (string.byte(group, 1) + 128) % 256
  redis.call('HSET', key, field,
    string.char(first) .. string.sub(group, 2, 8) .. 'c' .. string.sub(group, 10))
end

local function forget_group(P, key, field, group)
  if string.sub(group, 9, 9) == 'o' then
    local inc = load_incident(P, 'INC-' .. number_of(group))
    if inc then keep_numbers(P, inc.id, inc) end
  end
  redis.call('HDEL', key, field)
end

-- The rule has more groups than it may: of ten at random the one that was not used for
-- longest goes, rather one without an incident, and so on.  Returns how many.
local function evict(P, key, cap, most)
  local gone, over = 0, redis.call('HLEN', key) - cap
  while gone < over and gone < most do
    local some = redis.call('HRANDFIELD', key, -10, 'WITHVALUES')
    local at, least = 1, nil
    for i = 1, #some, 2 do
      local rank = touched(some[i + 1])
      if string.sub(some[i + 1], 9, 9) == 'o' then rank = rank + 4294967296 end
      if not least or rank < least then at, least = i, rank end
    end
    forget_group(P, key, some[at], some[at + 1])
    gone = gone + 1
  end
  return gone
end

-- Of some groups at random those that were not used for ${ttl} seconds go; of more, up to
-- ${most}, as long as these are many.
local function expire(P, key, ttl, now, most)
  local seen, gone = 0, 0
  repeat
    local some = redis.call('HRANDFIELD', key, -EXPIRE_STEP, 'WITHVALUES')
    gone = 0
    for i = 1, #some, 2 do
      if touched(some[i + 1]) + ttl < now then
        gone = gone + 1
        forget_group(P, key, some[i], some[i + 1])
      end
    end
    seen = seen + EXPIRE_STEP
  until seen >= most or 4 * gone < EXPIRE_STEP
end

-- Of a rule that counted nothing for so long that no group of it matters, all go, bit by
-- bit: not by EXPIRE, since what they know of open incidents has to be kept.
local function expire_rule(P, now)
  local name = redis.call('ZRANGEBYSCORE', P .. 'idle', '-inf', ms(now), 'LIMIT', 0, 1)[1]
  if not name then return end
  local key = P .. 'g:' .. name
  local some = redis.call('HRANDFIELD', key, IDLE_STEP, 'WITHVALUES')
  for i = 1, #some, 2 do forget_group(P, key, some[i], some[i + 1]) end
  if #some == 0 then redis.call('ZREM', P .. 'idle', name) end
end

-- Lines of events that are below the threshold so far, for when it is reached: of the
-- last KEEP_LINES groups only.
local function keep_lines(P, name, lines, ttl)
  local key = P .. 's:' .. name
  local n = redis.call('RPUSH', key, unpack(lines))
  if n == #lines then
    if redis.call('RPUSH', P .. 'sq', name) > KEEP_LINES then
      redis.call('DEL', P .. 's:' .. redis.call('LPOP', P .. 'sq'))
    end
  elseif n > LINES then
    redis.call('LTRIM', key, -LINES, -1)
  end
  if ttl > 0 then redis.call('EXPIRE', key, ttl) end
end

-- ${text}, an incident that opens, with those of them that are of its time before its own.
local function with_lines(P, name, text)
  local key = P .. 's:' .. name
  local lines = redis.call('LRANGE', key, 0, -1)
  if #lines == 0 then return text end
  local values, at = {cmsgpack.unpack(text)}, #OPENED
  local first, last = values[at - 1], values[at]
  for _, line in ipairs(lines) do
    local time, json = string.match(line, '^(%-?%d+) (.*)$')
    time = tonumber(time)
    if time and time >= first and time <= last then
      at = at + 1
      table.insert(values, at, json)
    end
  end
  redis.call('DEL', key)
  return cmsgpack.pack(unpack(values))
end

-- ---- commit ----------------------------------------------------------------

-- Read arguments one after the other; running out of them or a number that is
-- none raises, before anything was written.
local function reader(args)
  local at = 0
  local r = {}
  function r.rest() return #args - at end
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
  -- The next ${n}: where they begin and end.
  function r.skip(n)
    if n < 0 or n > r.rest() then error('too few arguments') end
    at = at + n
    return at - n + 1, at
  end
  return r
end

-- An incident that events of a group opened ('o'), joined ('j') or that is over ('c').
local function read_incident(r)
  return {kind = r.text(), number = r.number(), count = r.number(), first = r.number(),
    last = r.number(), at = r.number(), grown = r.number() == 1, text = r.text(), relay = r.text()}
end

-- A group with more than what it becomes.
local function read_group(r)
  local g = {bytes = r.text(), due = r.number(), lines = r.list(), incidents = {}}
  for i = 1, r.number() do g.incidents[i] = read_incident(r) end
  return g
end

-- What groups become: rule.pairs, from argument rule.from on, is what HSET takes.  Most only
-- become something else, and others mostly open an incident or have one that has grown;
-- rule.special are those that do more than the first, by their place, in rule.order.
local function read_groups(r, rule, kinds)
  local pairs_, special, order = {}, {}, {}
  for i = 1, #kinds do
    local kind, at = string.byte(kinds, i), 2 * i
    pairs_[at - 1] = r.text()
    if kind == MORE then
      special[at] = read_group(r)
      pairs_[at] = special[at].bytes
    else
      pairs_[at] = r.text()
      if kind == OPENS then
        special[at] = r.text()
      elseif kind == GROWN then
        special[at] = true
      end
    end
    if special[at] then order[#order + 1] = at end
  end
  if r.rest() ~= 0 then error('too many arguments') end
  rule.pairs, rule.from, rule.special, rule.order = pairs_, 1, special, order
end

local function read_rule(P, args)
  local r = reader(args)
  local rule = {id = r.text(), name = r.text(), cap = r.number(), ttl = r.number(),
    fresh = r.number()}
  local kinds = r.text()
  rule.key = P .. 'g:' .. rule.name
  if kinds ~= '' then
    read_groups(r, rule, kinds)
  else
    rule.pairs, rule.from, rule.order = args, #args - r.rest() + 1, {}
  end
  return rule
end

-- What of incidents waits to be written with others of its kind.
local function put_incidents(P, c)
  if #c.values > 0 then
    redis.call('MSET', unpack(c.values))
    redis.call('ZADD', P .. 'incidents', unpack(c.ids))
    c.values, c.ids = {}, {}
  end
  put_out(P, c.tell)
end

-- Give ${text} a number.
local function open_incident(P, c, text)
  local number, values, ids = c.number * c.step + c.first, c.values, c.ids
  local id, n = 'INC-' .. number, #values
  c.number = c.number + 1
  values[n + 1], values[n + 2] = P .. 'inc:' .. id, text
  ids[n + 1], ids[n + 2] = number, id
  if #c.tell.channels > 0 then
    local inc = unpack_incident(number, text)
    tell(P, c.tell, inc, 'opened', inc.opened)
  end
  if n >= CHUNK or #c.tell.out >= CHUNK then put_incidents(P, c) end
  return number
end

-- For rules that count incidents.
local function add_relayed(P, c, number, relay)
  local n = redis.call('HINCRBY', P .. 'meta', 'relay', 1) * c.step + c.first - 1
  local entry = string.format('{"id":%d,"incident":"INC-%d",%s', n, number, string.sub(relay, 2))
  redis.call('HSET', P .. 'relay:' .. c.node, n, entry)
  c.relayed[#c.relayed + 1] = entry
end

local function expire_incident(P, id)
  for _, part in ipairs({'', ':now', ':history'}) do
    redis.call('EXPIRE', P .. 'inc:' .. id .. part, KEEP_CLOSED)
  end
end

-- One that was there before is told again.
local function tell_grown(P, c, number, count, first, last)
  if #c.tell.channels == 0 then return end
  local whole = load_incident(P, 'INC-' .. number)
  if not whole or whole.state ~= 'open' then return end
  whole.count, whole.first, whole.last = count, first, last
  tell(P, c.tell, whole, 'updated', c.now)
end

-- It is over.
local function end_incident(P, c, id, inc)
  local whole, now = load_incident(P, id), c.now == 0 and inc.at or c.now
  if not whole then return end
  whole.count, whole.first, whole.last = inc.count, inc.first, inc.last
  whole.state = 'closed'
  redis.call('HSET', P .. 'inc:' .. id .. ':now', 'state', 'closed')
  note(P, id, now, 'closed', 'triaged', 'it is over: ' .. whole.criteria)
  tell(P, c.tell, whole, 'closed', now, 'triaged', 'it is over')
  expire_incident(P, id)
end

local function change_incident(P, c, g, inc)
  local id = 'INC-' .. inc.number
  if #c.ids > 0 and c.ids[1] <= inc.number then put_incidents(P, c) end
  if inc.kind == 'c' or number_of(g.bytes) ~= inc.number then keep_numbers(P, id, inc) end
  if inc.text ~= '' and redis.call('EXISTS', P .. 'inc:' .. id) == 1 then
    redis.call('APPEND', P .. 'inc:' .. id, inc.text)
  end
  if inc.kind == 'c' then
    end_incident(P, c, id, inc)
  elseif inc.grown then
    tell_grown(P, c, inc.number, inc.count, inc.first, inc.last)
  end
end

local function write_incident(P, rule, field, g, inc, c)
  if inc.kind == 'o' then
    c.latest = open_incident(P, c, with_lines(P, rule.name .. ':' .. field, inc.text))
    if string.sub(g.bytes, 9, 17) == NEW then g.number = c.latest end
    if inc.relay ~= '' then add_relayed(P, c, c.latest, inc.relay) end
    return
  end
  if inc.number == 0 then inc.number = c.latest end -- the one that was opened just before
  change_incident(P, c, g, inc)
end

-- What the group ${field} has besides its bytes.
local function write_more(P, rule, field, g, c)
  for _, inc in ipairs(g.incidents) do write_incident(P, rule, field, g, inc, c) end
  local name = rule.name .. ':' .. field
  if #g.lines > 0 then keep_lines(P, name, g.lines, rule.ttl) end
  if g.due == 0 then
    redis.call('ZREM', P .. 'due', name)
  elseif g.due > 0 then
    redis.call('ZADD', P .. 'due', ms(g.due), name)
  end
  return g.number and with_number(g.bytes, g.number) or g.bytes
end

-- All groups that may have lines, as a set: asked for once in a commit.
local function names_of_lines(P, c)
  if not c.waiting then
    c.waiting = {}
    for _, name in ipairs(redis.call('LRANGE', P .. 'sq', 0, -1)) do c.waiting[name] = true end
  end
  return c.waiting
end

-- A storm opens thousands of incidents; so these pass by quickly.
local function write_groups(P, rule, c)
  local pairs_, prefix = rule.pairs, rule.name .. ':'
  local waiting = #rule.order > MANY and names_of_lines(P, c)
  for _, at in ipairs(rule.order) do
    local field, it = pairs_[at - 1], rule.special[at]
    if it == true then
      tell_grown(P, c, number_of(pairs_[at]), numbers_of(pairs_[at]))
    elseif type(it) == 'table' then
      pairs_[at] = write_more(P, rule, field, it, c)
    else
      if not waiting or waiting[prefix .. field] then it = with_lines(P, prefix .. field, it) end
      pairs_[at] = with_number(pairs_[at], open_incident(P, c, it))
    end
  end
  put_incidents(P, c)
  redis.call('HSET', rule.key, unpack(pairs_, rule.from))
end

local function write_rule(P, rule, c)
  write_groups(P, rule, c)
  local gone = rule.fresh > 0 and evict(P, rule.key, rule.cap, 2 * rule.fresh + 16) or 0
  if gone > 0 then c.evicted[rule.id] = (c.evicted[rule.id] or 0) + gone end
  if rule.ttl > 0 and c.now > 0 and (rule.fresh > 0 or not c.looked[rule.key]) then
    c.looked[rule.key] = true
    expire(P, rule.key, rule.ttl, math.floor(c.now / 1000), math.min(1000, 2 * rule.fresh))
    redis.call('ZADD', P .. 'idle', ms(c.now + 1000 * rule.ttl), rule.name)
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

-- Is it another node's turn?  A commit that collides, and is worked out again, would
-- else collide for ever with a node that is quicker.
local function must_wait(P, node)
  local turn = redis.call('GET', P .. 'turn')
  return turn and turn ~= node
end

-- Where streams begin: for a partition that does not know of them yet.
local function write_begun(P, node, begun)
  for _, pos in ipairs(begun) do
    if redis.call('HEXISTS', P .. 'pos:' .. node, pos[1]) == 0 then
      redis.call('HSET', P .. 'begin:' .. node, pos[1], pos[2])
    end
  end
end

-- ${ended} with where the stream began, which need not be kept any longer.
local function with_begin(P, node, ended)
  local stream = cjson.decode(ended).stream
  local begin = redis.call('HGET', P .. 'begin:' .. node, stream)
  redis.call('HDEL', P .. 'begin:' .. node, stream)
  local offset = begin and string.match(begin, '^%d+')
  if not offset or offset == '0' then return ended end
  return string.sub(ended, 1, -2) .. ',"begin":' .. offset .. '}'
end

local function write_positions(P, node, positions)
  for _, pos in ipairs(positions) do
    if pos[2] == '' then
      redis.call('HDEL', P .. 'pos:' .. node, pos[1])
    else
      redis.call('HSET', P .. 'pos:' .. node, pos[1], pos[2])
    end
  end
end

-- What became of events, a day: "RULE DISPOSITION" and how many; and groups that were too
-- many.  Returns the rules of which it is the first time that day.
local function count_dispositions(P, day, counts, evicted)
  local key, first = P .. 'disp:' .. day, {}
  for i = 1, #counts, 2 do redis.call('HINCRBY', key, counts[i], ms(counts[i + 1])) end
  for rule, n in pairs(evicted) do
    if redis.call('HINCRBY', key, rule .. ' evicted', n) == n then first[#first + 1] = rule end
  end
  if #counts > 0 or next(evicted) then redis.call('EXPIRE', key, KEEP_CLOSED) end
  return first
end

-- The commit under way.  It is one transaction (MULTI) of several calls, since one of
-- them with a hundred thousand arguments would take Lua ten times as long: begin, check
-- of all groups, write of all groups, end.  What begin or a check refuses, the rest
-- passes by; nothing is written before all checks.
local commit = nil

-- FCALL triaged_begin 1 P node fence now step first nchannels {id least}... npositions {stream value}...
--   ngaps {total bytes messages json}... nended json... nrelayed id... ncounted {partition incident}...
--   nbegun {stream value}...
-- Incident n of the partition, from 0, has the number n * step + first.
-- A channel wants incidents of severity rank least and up.  now 0 is the clock of a
-- replay: an incident opens at the time of the event that completed it.
-- A position's value is "OFFSET CHECK PATH"; "" forgets the stream.  A gap is what
-- the positions pass over unexamined; ended are streams read to their end; relayed are
-- entries of the relay that are counted, counted which incidents, of other partitions' relays, with
-- this commit; begun is where streams begin, those that are
-- known do not any more.
local function begin(keys, args)
  local P, r = keys[1], reader(args)
  commit = nil
  local c = {node = r.text(), values = {}, ids = {}, evicted = {}, relayed = {},
    collisions = {}, looked = {}, positions = {}, gaps = {}, ended = {}, counted = {}, begun = {}}
  c.fence = r.number()
  c.now = r.number()
  c.step, c.first = r.number(), r.number()
  local stored = tonumber(redis.call('HGET', P .. 'fence', c.node) or '0')
  if c.fence ~= stored + 1 then
    return fail('FENCE', string.format('%d is not next after %d', c.fence, stored))
  end
  c.tell = teller(r.channels(), c.node)
  for i = 1, r.number() do c.positions[i] = {r.text(), r.text()} end
  for i = 1, r.number() do c.gaps[i] = {r.text(), r.number(), r.number(), r.text()} end
  for i = 1, r.number() do c.ended[i] = r.text() end
  c.done = r.list()
  for i = 1, r.number() do c.counted[i] = {r.text(), r.text()} end
  for i = 1, r.number() do c.begun[i] = {r.text(), r.text()} end
  if r.rest() ~= 0 then error('too many arguments') end
  c.wait = must_wait(P, c.node)
  c.number = tonumber(redis.call('GET', P .. 'seq') or '0')
  c.before = c.number
  commit = c
  return 'OK'
end

-- FCALL triaged_check 1 P name first versions field...
-- Are the groups of a rule what they were taken for?  First numbers them in the answer of
-- end.  Versions are of eight bytes each, zero of those that are not known.
local function check(keys, args)
  local c, versions = commit, args[3]
  if not c or c.wait then return 'OK' end
  if #versions ~= VERSION * (#args - 3) then error('not as many versions as groups') end
  local now = redis.call('HMGET', keys[1] .. 'g:' .. args[1], unpack(args, 4))
  for i = 1, #args - 3 do
    if version(now[i]) ~= string.sub(versions, VERSION * i - VERSION + 1, VERSION * i) then
      local at = #c.collisions
      c.collisions[at + 1], c.collisions[at + 2] = tonumber(args[2]) + i - 1, now[i] or ''
    end
  end
  return 'OK'
end

local function is_refused(c)
  return not c or c.wait or #c.collisions > 0
end

-- Entries of the relay that are counted go: at once with one partition, since what is counted here
-- cannot be lost elsewhere.
local function pass_relayed(P, c)
  local entries, passed = P .. 'relay:' .. c.node, P .. 'passed:' .. c.node
  local gone = c.done
  if c.step > 1 then
    for _, id in ipairs(c.done) do redis.call('ZADD', passed, id, id) end
    gone = redis.call('ZRANGE', passed, 0, -KEEP_RELAYED - 1)
    redis.call('ZREMRANGEBYRANK', passed, 0, -KEEP_RELAYED - 1)
  end
  for _, id in ipairs(gone) do redis.call('HDEL', entries, id) end
end

local function keep_counted(P, counted)
  local lists = {}
  for _, one in ipairs(counted) do
    local list = P .. 'counted:' .. one[1]
    lists[list] = true
    redis.call('RPUSH', list, one[2])
  end
  for list in pairs(lists) do redis.call('LTRIM', list, -KEEP_COUNTED, -1) end
end

local function write_commit(P, c)
  if c.written then return end
  c.written = true
  redis.call('DEL', P .. 'turn')
  redis.call('HSET', P .. 'fence', c.node, c.fence)
  write_begun(P, c.node, c.begun)
  for i, ended in ipairs(c.ended) do c.ended[i] = with_begin(P, c.node, ended) end
  write_positions(P, c.node, c.positions)
  keep_gaps(P, c.node, c.gaps)
  keep_last(P .. 'ended:' .. c.node, c.ended, KEEP_ENDED)
  if #c.done > 0 then pass_relayed(P, c) end
  keep_counted(P, c.counted)
end

-- FCALL triaged_write 1 P id name cap ttl fresh kinds {field group [incident | more...]}...
-- What groups become; kinds is a letter for each, or nothing if all only become something else.
local function write(keys, args)
  local c = commit
  if is_refused(c) then return 'OK' end
  local rule = read_rule(keys[1], args)
  write_commit(keys[1], c)
  write_rule(keys[1], rule, c)
  return 'OK'
end

-- FCALL triaged_end 1 P day {"rule what" n}...
-- The counts are what became of events.
-- Returns {"OK", number of the first incident that was opened, new outbox entries, rules of
-- which groups were too many for the first time that day, new entries of the relay}; or
-- {"COLLISION", {group, what it is}...} or {"WAIT"}, and nothing is changed.
local function finish(keys, args)
  local P, c, counts = keys[1], commit, {}
  commit = nil
  if not c then return fail('NOCOMMIT', 'none was begun') end
  if c.wait then return {'WAIT'} end
  if #c.collisions > 0 then
    redis.call('SET', P .. 'turn', c.node, 'PX', TURN)
    return {'COLLISION', c.collisions}
  end
  for i = 2, #args, 2 do counts[i - 1], counts[i] = args[i], tonumber(args[i + 1]) end
  write_commit(P, c)
  local first = count_dispositions(P, args[1], counts, c.evicted)
  if c.number > c.before then redis.call('SET', P .. 'seq', c.number) end
  if c.now > 0 then expire_rule(P, c.now) end
  return {'OK', c.before * c.step + c.first, c.tell.deliveries, first, c.relayed}
end

-- ---- silences: in partition 0 ------------------------------------------------

-- FCALL triaged_silence 1 P now until json
-- ${json} is an object without id, with from and until.  Returns it with id.  Those that are
-- over go after KEEP_SILENCES, or when there are too many.
local function silence(keys, args)
  local P, now, till, json = keys[1], tonumber(args[1]), tonumber(args[2]), args[3]
  if not now or not till or not json then error('too few arguments') end
  local untils, texts = P .. 'silences:until', P .. 'silences'
  local held = redis.call('ZRANGEBYSCORE', untils, '(' .. ms(now), '+inf', 'LIMIT', 0, MOST_HOLDING)
  if #held >= MOST_HOLDING then
    return fail('SILENCES', MOST_HOLDING .. ' silences hold already; end those that are not needed')
  end
  local old = redis.call('ZRANGEBYSCORE', untils, '-inf', ms(now - KEEP_SILENCES), 'LIMIT', 0, CHUNK)
  if #old == 0 and redis.call('HLEN', texts) >= MOST_SILENCES then
    old = redis.call('ZRANGE', untils, 0, 0)
  end
  if #old > 0 then
    redis.call('HDEL', texts, unpack(old))
    redis.call('ZREM', untils, unpack(old))
  end
  local id = 'SIL-' .. redis.call('HINCRBY', P .. 'meta', 'silences', 1)
  local text = '{"id":"' .. id .. '",' .. string.sub(json, 2)
  redis.call('HSET', texts, id, text)
  redis.call('ZADD', untils, ms(till), id)
  redis.call('HINCRBY', P .. 'meta', 'silences_version', 1)
  return text
end

-- FCALL triaged_unsilence 1 P id now by message
-- It ends now.  Returns it as it is then.
local function unsilence(keys, args)
  local P, id, now, by, message = keys[1], args[1], tonumber(args[2]), args[3], args[4]
  if not id or not now or not by or not message then error('too few arguments') end
  local text = redis.call('HGET', P .. 'silences', id)
  if not text then return fail('NOSILENCE', 'there is no silence ' .. id) end
  local told = cjson.decode(text)
  if told.ended or told['until'] <= now then
    return fail('STATE', id .. ' is over already')
  end
  if told.from > now then now = told.from end -- clocks of two daemons
  text = string.sub(text, 1, -2) .. string.format(',"ended":{"time":%s,"by":%s,"message":%s}}',
    ms(now), quote(by), quote(message))
  redis.call('HSET', P .. 'silences', id, text)
  redis.call('ZADD', P .. 'silences:until', ms(now), id)
  redis.call('HINCRBY', P .. 'meta', 'silences_version', 1)
  return text
end

local function silence_texts(P, ids)
  local texts = {}
  for at = 1, #ids, CHUNK do
    local some = redis.call('HMGET', P .. 'silences', unpack(ids, at, math.min(at + CHUNK - 1, #ids)))
    for _, text in ipairs(some) do texts[#texts + 1] = text or nil end
  end
  return texts
end

-- What daemons follow: {version, {text, ...}} of those that were not over at ${since}.
local function silences_since(P, since)
  local version = tonumber(redis.call('HGET', P .. 'meta', 'silences_version') or '0')
  local ids = redis.call('ZRANGEBYSCORE', P .. 'silences:until', ms(since), '+inf')
  return {version, silence_texts(P, ids)}
end

-- FCALL triaged_silences 1 P version since
-- {version}: it is still this one.
local function silences(keys, args)
  local P, known, since = keys[1], tonumber(args[1]), tonumber(args[2])
  if not known or not since then error('too few arguments') end
  local version = tonumber(redis.call('HGET', P .. 'meta', 'silences_version') or '0')
  if version == known then return {version} end
  return silences_since(P, since)
end

-- FCALL triaged_silence_list 1 P which now limit
-- which is "hold" or "all".  Those that last longest first.
local function silence_list(keys, args)
  local P, which, now, limit = keys[1], args[1], tonumber(args[2]), tonumber(args[3])
  if not which or not now or not limit then error('too few arguments') end
  local ids = redis.call('ZRANGE', P .. 'silences:until', '+inf',
    which == 'all' and '-inf' or '(' .. ms(now), 'BYSCORE', 'REV', 'LIMIT', 0, limit)
  return '[' .. table.concat(silence_texts(P, ids), ',') .. ']'
end

-- ---- the other functions ---------------------------------------------------

-- FCALL triaged_attach 1 P node install partitions known fresh relays since
-- A daemon begins or begins again: any older connection of ${node} is fenced
-- off.  ${install} names this state when it is new.  ${partitions}, of partition 0 only (0
-- for others), must be as many as it has.  ${known} is the fence that the daemon saw last; if
-- Redis has not, it has lost what it had confirmed: then what is told from here on shall
-- not look like what was told already, and ${fresh} names the state.
-- Returns {fence, positions as {stream, value}..., the node's outbox entries, the
-- streams that were read to their end, entries of the relay, install, where streams begin as
-- {stream, value}..., for each of so many ${relays} the incidents that were counted last, the
-- numbers of entries of the relay that are passed, silences as triaged_silences does; none with a
-- ${since} of -1}:
-- who put a message into the outbox has its channel and sends it.
local function attach(keys, args)
  local P, node, install, n = keys[1], args[1], args[2], tonumber(args[3])
  local known, fresh, relays, counted = tonumber(args[4]), args[5], tonumber(args[6]), {}
  local since = tonumber(args[7])
  if not node or not install or not n or not known or not fresh or not relays or not since then
    error('too few arguments')
  end
  local has = redis.call('HGET', P .. 'meta', 'partitions')
    or (redis.call('HEXISTS', P .. 'meta', 'install') == 1 and '1')
  if has and n > 0 and tonumber(has) ~= n then
    return fail('PARTITIONS', string.format('redis.partitions is %d here, but this state was begun '
      .. 'with %s; it cannot be changed', n, has))
  end
  if n > 0 then redis.call('HSET', P .. 'meta', 'partitions', n) end
  redis.call('HSETNX', P .. 'meta', 'install', install)
  if tonumber(redis.call('HGET', P .. 'fence', node) or '0') < known then
    redis.call('HSET', P .. 'meta', 'install', fresh)
  end
  local waiting = {}
  for _, entry in ipairs(redis.call('HVALS', P .. 'out')) do
    local d = cjson.decode(entry)
    if d.node == node and not d.dead then waiting[#waiting + 1] = entry end
  end
  if redis.call('GET', P .. 'turn') == node then redis.call('DEL', P .. 'turn') end
  for i = 1, relays do counted[i] = redis.call('LRANGE', P .. 'counted:' .. i - 1, 0, -1) end
  local fence = redis.call('HINCRBY', P .. 'fence', node, 1)
  return {fence, redis.call('HGETALL', P .. 'pos:' .. node), waiting,
    redis.call('LRANGE', P .. 'ended:' .. node, 0, -1),
    redis.call('HVALS', P .. 'relay:' .. node), redis.call('HGET', P .. 'meta', 'install'),
    redis.call('HGETALL', P .. 'begin:' .. node), counted,
    redis.call('ZRANGE', P .. 'passed:' .. node, 0, -1), since < 0 and {} or silences_since(P, since)}
end

-- FCALL triaged_fence 1 P node
-- Is all still as it was left?
local function fence(keys, args)
  if not args[1] then error('too few arguments') end
  return tonumber(redis.call('HGET', keys[1] .. 'fence', args[1]) or '0')
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
  local history = redis.call('LRANGE', key .. ':history', 0, -1)
  table.insert(history, 1, history_json(inc.opened, 'opened', 'triaged', inc.criteria))
  return string.format('{"incident":%s,"node":%s,"history":[%s],"deliveries":[%s]}',
    incident_json(inc, SAMPLES), quote(inc.node),
    table.concat(history, ','), table.concat(waiting, ','))
end

-- FCALL triaged_move 1 P id action by message now node nchannels {id least}...
-- Returns {the incident as show does, new outbox entries}.
local function move(keys, args)
  local P, r = keys[1], reader(args)
  local id, action, by, message = r.text(), r.text(), r.text(), r.text()
  local now, node = r.number(), r.text()
  local t = teller(r.channels(), node)
  local inc, m = load_incident(P, id), MOVES[action]
  if not inc then return fail('NOINCIDENT', 'there is no incident ' .. id) end
  if not m then return fail('NOACTION', 'there is no action ' .. action) end
  if not m.from[inc.state] then
    return fail('STATE', id .. ' is ' .. inc.state .. ' already')
  end
  inc.state = m.to
  redis.call('HSET', P .. 'inc:' .. id .. ':now', 'state', m.to)
  note(P, id, now, m.what, by, message)
  tell(P, t, inc, m.what, now, by, message)
  put_out(P, t)
  if m.to == 'closed' then
    forget_dead(P, id)
    keep_numbers(P, id, inc)
    expire_incident(P, id)
    if inc.group then close_group(P .. 'g:' .. inc.group, inc.field, tonumber(inc.number)) end
  end
  return {show(keys, args), t.deliveries}
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
  local state = redis.call('EXISTS', P .. 'inc:' .. d.incident) == 1
    and (redis.call('HGET', P .. 'inc:' .. d.incident .. ':now', 'state') or 'open')
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
      found[#found + 1] = incident_json(inc, 0)
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

-- FCALL triaged_due 1 P now limit
-- Groups that time alone changes by ${now}: {name of the rule's groups, field, group}...
local function due(keys, args)
  local P, now, limit = keys[1], args[1], tonumber(args[2])
  if not now or not limit then error('too few arguments') end
  local found = {}
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'due', '-inf', now, 'LIMIT', 0, limit)) do
    local rule, field = string.match(name, '^(.-:.-):(.*)$')
    local group = rule and redis.call('HGET', P .. 'g:' .. rule, field)
    if group then
      found[#found + 1], found[#found + 2], found[#found + 3] = rule, field, group
    else
      redis.call('ZREM', P .. 'due', name)
    end
  end
  return found
end

local function hex(bytes)
  return (string.gsub(bytes, '.', function(c) return string.format('%02x', string.byte(c)) end))
end

-- What became of the events of rule ${id} on ${day}, as JSON.
local function dispositions(P, id, day)
  local flat, found = redis.call('HGETALL', P .. 'disp:' .. day), {}
  for i = 1, #flat, 2 do
    local rule, what = string.match(flat[i], '^(%S+) (%S+)$')
    if rule == id then found[#found + 1] = quote(what) .. ':' .. flat[i + 1] end
  end
  table.sort(found)
  return quote(day) .. ':{' .. table.concat(found, ',') .. '}'
end

-- A group of the rule whose groups are ${name}, with the lines that wait for an incident; as JSON.
local function group_json(P, name, field, bytes)
  local lines = {}
  for i, line in ipairs(redis.call('LRANGE', P .. 's:' .. name .. ':' .. field, 0, -1)) do
    lines[i] = string.match(line, '^%-?%d+ (.*)$')
  end
  return string.format('{"field":"%s","bytes":"%s","lines":[%s]}', hex(field), hex(bytes),
    table.concat(lines, ','))
end

-- FCALL triaged_group 1 P name field
-- One group of a rule, if it is there: {"shown":[GROUP]}.
local function group(keys, args)
  local P, name, field = keys[1], args[1], args[2]
  if not name or not field then error('too few arguments') end
  local bytes = redis.call('HGET', P .. 'g:' .. name, field)
  return '{"shown":[' .. (bytes and group_json(P, name, field, bytes) or '') .. ']}'
end

-- FCALL triaged_rule 1 P id name limit day...
-- A rule at work: how many groups it has, up to ${limit} of them with the lines that wait
-- for an incident, and what became of its events on these days; as JSON.  An event rule has no
-- groups, and the name "".
local function rule(keys, args)
  local P, id, name, limit = keys[1], args[1], args[2], tonumber(args[3])
  if not id or not name or not limit then error('too few arguments') end
  local key, shown, days = P .. 'g:' .. name, {}, {}
  local flat = redis.call('HRANDFIELD', key, limit, 'WITHVALUES')
  for i = 1, #flat, 2 do
    shown[#shown + 1] = group_json(P, name, flat[i], flat[i + 1])
  end
  for i = 4, #args do days[#days + 1] = dispositions(P, id, args[i]) end
  return string.format('{"groups":%d,"shown":[%s],"days":{%s}}', redis.call('HLEN', key),
    table.concat(shown, ','), table.concat(days, ','))
end

redis.register_function('triaged_attach', attach)
redis.register_function('triaged_fence', fence)
redis.register_function('triaged_due', due)
redis.register_function('triaged_rule', rule)
redis.register_function('triaged_group', group)
redis.register_function('triaged_gaps', gaps)
redis.register_function('triaged_begin', begin)
redis.register_function('triaged_check', check)
redis.register_function('triaged_write', write)
redis.register_function('triaged_end', finish)
redis.register_function('triaged_move', move)
redis.register_function('triaged_delivered', delivered)
redis.register_function('triaged_show', show)
redis.register_function('triaged_silence', silence)
redis.register_function('triaged_unsilence', unsilence)
redis.register_function('triaged_silences', silences)
redis.register_function('triaged_silence_list', silence_list)
redis.register_function('triaged_list', list)
redis.register_function('triaged_outbox', outbox)
