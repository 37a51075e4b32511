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
local KEEP_ENDED = 1000         -- streams of a node that were read to their end
local SAMPLES = 20              -- kept per incident
local KEEP_LINES = 4096         -- groups without an incident of which lines are kept
local LINES = 8                 -- of each of them
local TURN = 500                -- ms for which a node whose commit collided goes first
local CHUNK = 500               -- arguments of one command
local TOLD_SAMPLES = 3          -- of those, in a message
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

-- While an incident is open its count and times are in the head of its group: so an
-- event that joins changes one value.  Read them from there, if it is still so.
local function with_numbers(P, inc)
  local group = inc.group and redis.call('HGET', P .. 'g:' .. inc.group, inc.field)
  if group and #group > 45 and string.sub(group, 9, 9) ~= '-'
      and struct.unpack('>I8', string.sub(group, 10, 17)) == tonumber(inc.number) then
    inc.count = struct.unpack('>i8', string.sub(group, 22, 29))
    inc.first = struct.unpack('>i8', string.sub(group, 30, 37))
    inc.last = struct.unpack('>i8', string.sub(group, 38, 45))
  end
  return inc
end

local function load_incident(P, id)
  local flat = redis.call('HGETALL', P .. 'inc:' .. id)
  if #flat == 0 then return nil end
  local inc = hash(flat)
  return inc.state == 'closed' and inc or with_numbers(P, inc)
end

-- Its group will not tell them any more.
local function keep_numbers(P, inc)
  redis.call('HSET', P .. 'inc:' .. inc.id, 'count', ms(inc.count), 'first', ms(inc.first),
    'last', ms(inc.last))
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
  local wanted = {}
  for _, channel in ipairs(channels) do
    if RANK[inc.severity] >= channel.least then wanted[#wanted + 1] = channel.id end
  end
  if #wanted == 0 then return end
  local install = redis.call('HGET', P .. 'meta', 'install')
  local message, extra = nil, ''
  if who then
    extra = ',"by":' .. quote(who) .. ',"message":' .. quote(why)
  end
  inc.seq = tonumber(inc.seq) + 1
  redis.call('HSET', P .. 'inc:' .. inc.id, 'seq', inc.seq)
  message = string.format('{"type":"incident.%s","timestamp":"%s","data":{"node":%s,"incident":%s%s}}',
    what, rfc3339(now), quote(node), incident_json(inc, samples), extra)
  for _, channel in ipairs(wanted) do
    out[#out + 1] = enqueue(P, inc, channel, install, now, node, message)
  end
end

-- A storm opens thousands of incidents with the same words.
local noted = {}

local function note(P, id, now, action, by, message)
  local n = noted
  if n.now ~= now or n.action ~= action or n.by ~= by or n.message ~= message then
    n = {now = now, action = action, by = by, message = message}
    n.text = string.format('{"time":"%s","action":%s,"by":%s,"message":%s}', rfc3339(now),
      quote(action), quote(by), quote(message))
    noted = n
  end
  redis.call('RPUSH', P .. 'inc:' .. id .. ':history', n.text)
end

-- ---- groups ------------------------------------------------------------------

-- A group is a string that the daemon makes and reads (correlate/group_codec.c).  Here
-- only its head is known: 8 bytes of version, '-', 'o' (an incident is open) or 'c'
-- (it was closed by hand), 8 bytes of the incident's number, 4 of the second in which
-- it was written, and unless '-' 8 each of the incident's count, first and last time.
local function version(group)
  return group and string.sub(group, 1, 8) or ''
end

local function with_number(group, number)
  return string.sub(group, 1, 9) .. struct.pack('>I8', number) .. string.sub(group, 18)
end

local function touched(group)
  return struct.unpack('>I4', string.sub(group, 18, 21))
end

-- Mark that the incident ${number} was closed; what a daemon knows of the group is
-- outdated with it, so the version is no more one that it knows.
local function close_group(key, field, number)
  local group = redis.call('HGET', key, field)
  if not group or struct.unpack('>I8', string.sub(group, 10, 17)) ~= number then return end
  local first = (string.byte(group, 1) + 128) % 256
  redis.call('HSET', key, field,
    string.char(first) .. string.sub(group, 2, 8) .. 'c' .. string.sub(group, 10))
end

local function forget_group(P, key, field, group)
  if string.sub(group, 9, 9) == 'o' then
    local inc = load_incident(P, string.format('INC-%d', struct.unpack('>I8', string.sub(group, 10, 17))))
    if inc then keep_numbers(P, inc) end
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

-- Of some groups at random those that were not used for ${ttl} seconds go.
local function expire(P, key, ttl, now, most)
  local some = redis.call('HRANDFIELD', key, -most, 'WITHVALUES')
  for i = 1, #some, 2 do
    if touched(some[i + 1]) + ttl < now then forget_group(P, key, some[i], some[i + 1]) end
  end
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

-- Those of them that lie between ${first} and ${last}; they are the incident's now.
local function take_lines(P, name, first, last)
  local key, found = P .. 's:' .. name, {}
  for _, line in ipairs(redis.call('LRANGE', key, 0, -1)) do
    local time, json = string.match(line, '^(%-?%d+) (.*)$')
    time = tonumber(time)
    if time and time >= first and time <= last then found[#found + 1] = json end
  end
  redis.call('DEL', key)
  return found
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

-- An incident that events of a group opened ('o'), joined ('j') or that is over ('c').
local function read_incident(r)
  local inc = {kind = r.text(), number = r.number(), count = r.number(), first = r.number(),
    last = r.number(), at = r.number(), grown = r.number() == 1, samples = r.list()}
  if inc.kind == 'o' then inc.title, inc.key, inc.relay = r.text(), r.text(), r.text() end
  return inc
end

-- A group: what it becomes, and what else is to be done about it.
local function read_group(r)
  local g = {field = r.text(), bytes = r.text()}
  if r.number() == 0 then return g end
  g.due, g.lines, g.incidents = r.number(), r.list(), {}
  for i = 1, r.number() do g.incidents[i] = read_incident(r) end
  return g
end

local function read_rule(P, r)
  local rule = {id = r.text(), file = r.text(), hash = r.text(), severity = r.text(),
    criteria = r.text(), playbook = r.text(), name = r.text(), cap = r.number(), ttl = r.number(),
    fresh = r.number(), groups = {}}
  if not RANK[rule.severity] then error('no severity: ' .. rule.severity) end
  rule.key = P .. 'g:' .. rule.name
  while r.rest() > 0 do rule.groups[#rule.groups + 1] = read_group(r) end
  return rule
end

local function open_incident(P, rule, g, inc, c)
  local key = P .. 'inc:' .. inc.id
  inc.state, inc.seq, inc.node, inc.severity = 'open', 0, c.node, rule.severity
  inc.opened = c.now == 0 and inc.at or c.now
  inc.rule, inc.rule_file, inc.rule_hash = rule.id, rule.file, rule.hash
  inc.criteria, inc.playbook = rule.criteria, rule.playbook
  redis.call('HSET', key, 'id', inc.id, 'number', inc.number, 'state', 'open', 'rule', rule.id,
    'rule_file', rule.file, 'rule_hash', rule.hash, 'title', inc.title,
    'severity', rule.severity, 'criteria', rule.criteria, 'playbook', rule.playbook,
    'key', inc.key, 'opened', ms(inc.opened), 'node', c.node, 'seq', 0,
    'group', rule.name, 'field', g.field, 'count', ms(inc.count), 'first', ms(inc.first),
    'last', ms(inc.last))
  redis.call('ZADD', P .. 'incidents', inc.number, inc.id)
  note(P, inc.id, inc.opened, 'opened', 'triaged', rule.criteria)
  if inc.relay ~= '' then
    local n = redis.call('HINCRBY', P .. 'meta', 'relay', 1) * c.step + c.first - 1
    local entry = string.format('{"id":%d,"incident":%s,%s', n, quote(inc.id), string.sub(inc.relay, 2))
    redis.call('HSET', P .. 'relay:' .. c.node, n, entry)
    c.relayed[#c.relayed + 1] = entry
  end
end

local function expire_incident(P, id)
  for _, part in ipairs({'', ':samples', ':history'}) do
    redis.call('EXPIRE', P .. 'inc:' .. id .. part, KEEP_CLOSED)
  end
end

local function write_incident(P, rule, g, inc, c)
  local what = inc.kind == 'o' and 'opened' or inc.grown and 'updated' or nil
  if inc.kind == 'o' then
    c.opened[#c.opened + 1] = inc.number
    inc.id = string.format('INC-%d', inc.number)
    local name = rule.name .. ':' .. g.field
    local lines = take_lines(P, name, inc.first, inc.last)
    for _, line in ipairs(inc.samples) do lines[#lines + 1] = line end
    inc.samples = lines
    open_incident(P, rule, g, inc, c)
  else
    inc.id = string.format('INC-%d', inc.number)
  end
  local key = P .. 'inc:' .. inc.id
  if inc.kind ~= 'o' then keep_numbers(P, inc) end
  if #inc.samples > 0 then
    redis.call('RPUSH', key .. ':samples', unpack(inc.samples, 1, math.min(#inc.samples, SAMPLES)))
  end
  if inc.kind == 'c' then
    local why = 'it is over: ' .. rule.criteria
    redis.call('HSET', key, 'state', 'closed')
    note(P, inc.id, c.now == 0 and inc.at or c.now, 'closed', 'triaged', why)
    what = 'closed'
    expire_incident(P, inc.id)
  end
  if not what or #c.channels == 0 then return end
  local whole = inc
  if inc.kind ~= 'o' then
    whole = load_incident(P, inc.id)
    if whole then whole.count, whole.first, whole.last = inc.count, inc.first, inc.last end
  end
  if not whole or (what == 'updated' and whole.state ~= 'open') then return end
  tell(P, whole, what, c.channels, c.now == 0 and inc.at or c.now, c.node,
    redis.call('LRANGE', key .. ':samples', 0, TOLD_SAMPLES - 1), c.deliveries,
    inc.kind == 'c' and 'triaged' or nil, 'it is over')
end

-- What a group has besides its bytes.
local function write_more(P, rule, g, c)
  local name = rule.name .. ':' .. g.field
  for _, inc in ipairs(g.incidents) do
    if inc.kind == 'o' then
      inc.number = c.number * c.step + c.first
      c.number = c.number + 1
      if string.sub(g.bytes, 9, 17) == 'o\0\0\0\0\0\0\0\0' then c.last = inc.number end
    elseif inc.number == 0 then
      inc.number = c.number -- the one that was opened just before
    end
    write_incident(P, rule, g, inc, c)
  end
  if c.last then
    g.bytes, c.last = with_number(g.bytes, c.last), nil
  end
  if #g.lines > 0 then keep_lines(P, name, g.lines, rule.ttl) end
  if g.due == 0 then
    redis.call('ZREM', P .. 'due', name)
  elseif g.due > 0 then
    redis.call('ZADD', P .. 'due', ms(g.due), name)
  end
end

local function write_rule(P, rule, c)
  local pairs_ = {}
  for _, g in ipairs(rule.groups) do
    if g.incidents then write_more(P, rule, g, c) end
    pairs_[#pairs_ + 1] = g.field
    pairs_[#pairs_ + 1] = g.bytes
    if #pairs_ >= CHUNK then
      redis.call('HSET', rule.key, unpack(pairs_))
      pairs_ = {}
    end
  end
  if #pairs_ > 0 then redis.call('HSET', rule.key, unpack(pairs_)) end
  local gone = rule.fresh > 0 and evict(P, rule.key, rule.cap, 2 * rule.fresh + 16) or 0
  if gone > 0 then
    c.evicted[#c.evicted + 1] = rule.id
    c.evicted[#c.evicted + 1] = gone
  end
  if rule.ttl > 0 and c.now > 0 then
    expire(P, rule.key, rule.ttl, math.floor(c.now / 1000), math.min(1000, 5 + 2 * rule.fresh))
    redis.call('EXPIRE', rule.key, rule.ttl)
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

-- What became of events, a day: "RULE DISPOSITION" and how many.
local function count_dispositions(P, day, counts)
  local key = P .. 'disp:' .. day
  for _, count in ipairs(counts) do redis.call('HINCRBY', key, count[1], ms(count[2])) end
  if #counts > 0 then redis.call('EXPIRE', key, KEEP_CLOSED) end
end

-- The commit under way.  It is one transaction (MULTI) of several calls, since one of
-- them with a hundred thousand arguments would take Lua ten times as long: begin, check
-- of all groups, write of all groups, end.  What begin or a check refuses, the rest
-- passes by; nothing is written before all checks.
local commit = nil

-- FCALL triaged_begin 1 P node fence now step first nchannels {id least}... npositions {stream value}...
--   ngaps {total bytes messages json}... nended json... nrelayed id... nbegun {stream value}...
-- Incident n of the partition, from 0, has the number n * step + first.
-- A channel wants incidents of severity rank least and up.  now 0 is the clock of a
-- replay: an incident opens at the time of the event that completed it.
-- A position's value is "OFFSET CHECK PATH"; "" forgets the stream.  A gap is what
-- the positions pass over unexamined; ended are streams read to their end; relayed are
-- entries of the relay that are now counted; begun is where streams begin, those that are
-- known do not any more.
local function begin(keys, args)
  local P, r = keys[1], reader(args)
  commit = nil
  local c = {node = r.text(), opened = {}, deliveries = {}, evicted = {}, relayed = {},
    collisions = {}, positions = {}, gaps = {}, ended = {}, begun = {}}
  c.fence = r.number()
  c.now = r.number()
  c.step, c.first = r.number(), r.number()
  local stored = tonumber(redis.call('HGET', P .. 'fence', c.node) or '0')
  if c.fence ~= stored + 1 then
    return fail('FENCE', string.format('%d is not next after %d', c.fence, stored))
  end
  c.channels = r.channels()
  for i = 1, r.number() do c.positions[i] = {r.text(), r.text()} end
  for i = 1, r.number() do c.gaps[i] = {r.text(), r.number(), r.number(), r.text()} end
  for i = 1, r.number() do c.ended[i] = r.text() end
  c.done = r.list()
  for i = 1, r.number() do c.begun[i] = {r.text(), r.text()} end
  if r.rest() ~= 0 then error('too many arguments') end
  c.wait = must_wait(P, c.node)
  c.number = tonumber(redis.call('GET', P .. 'seq') or '0')
  c.before = c.number
  commit = c
  return 'OK'
end

-- FCALL triaged_check 1 P rule name first {field version}...
-- Are the groups of a rule what they were taken for?  rule and first number them in
-- the answer of end.
local function check(keys, args)
  local c = commit
  if not c or c.wait then return 'OK' end
  local rule, key, first, fields = tonumber(args[1]), keys[1] .. 'g:' .. args[2], tonumber(args[3]), {}
  for i = 4, #args, 2 do fields[#fields + 1] = args[i] end
  local now = redis.call('HMGET', key, unpack(fields))
  for i = 1, #fields do
    if version(now[i]) ~= args[3 + 2 * i] then
      local n = #c.collisions
      c.collisions[n + 1], c.collisions[n + 2], c.collisions[n + 3] = rule, first + i - 1, now[i] or ''
    end
  end
  return 'OK'
end

local function is_refused(c)
  return not c or c.wait or #c.collisions > 0
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
  if #c.done > 0 then redis.call('HDEL', P .. 'relay:' .. c.node, unpack(c.done)) end
end

-- FCALL triaged_write 1 P id file hash severity criteria playbook name cap ttl fresh group...
local function write(keys, args)
  local c = commit
  if is_refused(c) then return 'OK' end
  local rule = read_rule(keys[1], reader(args))
  write_commit(keys[1], c)
  write_rule(keys[1], rule, c)
  return 'OK'
end

-- FCALL triaged_end 1 P day {"rule what" n}...
-- The counts are what became of events.
-- Returns {"OK", numbers of opened incidents, new outbox entries, rules whose groups were
-- too many and how many went, new entries of the relay}; or {"COLLISION", {rule, group,
-- what it is}...} or {"WAIT"}, and nothing is changed.
local function finish(keys, args)
  local P, c, counts = keys[1], commit, {}
  commit = nil
  if not c then return fail('NOCOMMIT', 'none was begun') end
  if c.wait then return {'WAIT'} end
  if #c.collisions > 0 then
    redis.call('SET', P .. 'turn', c.node, 'PX', TURN)
    return {'COLLISION', c.collisions}
  end
  for i = 2, #args, 2 do counts[#counts + 1] = {args[i], tonumber(args[i + 1])} end
  write_commit(P, c)
  count_dispositions(P, args[1], counts)
  if c.number > c.before then redis.call('SET', P .. 'seq', c.number) end
  return {'OK', c.opened, c.deliveries, c.evicted, c.relayed}
end

-- ---- the other functions ---------------------------------------------------

-- FCALL triaged_attach 1 P node install partitions known fresh
-- A daemon begins or begins again: any older connection of ${node} is fenced
-- off.  ${install} names this state when it is new.  ${partitions}, of partition 0 only (0
-- for others), must be as many as it has.  ${known} is the fence that the daemon saw last; if
-- Redis has not, it has lost what it had confirmed: then what is told from here on shall
-- not look like what was told already, and ${fresh} names the state.
-- Returns {fence, positions as {stream, value}..., the node's outbox entries, the
-- streams that were read to their end, entries of the relay that are not counted yet, install, where
-- streams begin as {stream, value}...}:
-- who put a message into the outbox has its channel and sends it.
local function attach(keys, args)
  local P, node, install, n = keys[1], args[1], args[2], tonumber(args[3])
  local known, fresh = tonumber(args[4]), args[5]
  if not node or not install or not n or not known or not fresh then error('too few arguments') end
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
  local fence = redis.call('HINCRBY', P .. 'fence', node, 1)
  return {fence, redis.call('HGETALL', P .. 'pos:' .. node), waiting,
    redis.call('LRANGE', P .. 'ended:' .. node, 0, -1),
    redis.call('HVALS', P .. 'relay:' .. node), redis.call('HGET', P .. 'meta', 'install'),
    redis.call('HGETALL', P .. 'begin:' .. node)}
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
    keep_numbers(P, inc)
    expire_incident(P, id)
    if inc.group then close_group(P .. 'g:' .. inc.group, inc.field, tonumber(inc.number)) end
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
redis.register_function('triaged_list', list)
redis.register_function('triaged_outbox', outbox)
