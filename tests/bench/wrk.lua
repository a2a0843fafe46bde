-- SPDX-License-Identifier: MIT
-- What wrk sends: events of different records, made before the clock starts, since wrk's thread
-- must not be what is measured. Arguments: secret, bytes of a body, number of records, events a
-- second (0: as many as there are answers), and, to stop after so many answers, their number and
-- the status that each should have.

local ffi = require("ffi")
ffi.cdef([[
  struct timespec { long sec; long nsec; };
  int clock_gettime(int clock, struct timespec *now);
]])

local requests = {}
local last = 0
local threads = {}

local function seconds()
  local now = ffi.new("struct timespec")
  ffi.C.clock_gettime(1, now) -- CLOCK_MONOTONIC
  return tonumber(now.sec) + tonumber(now.nsec) / 1e9
end

local function event(id, bytes)
  local body = '{"model":"users","operation":"add","data":{"bladeId":"%s","email":"%s@example.com",'
    .. '"name":"Test User","handle":"%s"},"hiveId":"%s"}'
  local fill = bytes - #body:format(id, id, "", id)
  return body:format(id, id, ("x"):rep(math.max(fill, 0)), id)
end

-- To look at answers costs wrk much: only where it is asked for.
local function stop_after(answers, wanted)
  local came, right, started = 0, 0, seconds()
  response = function(status)
    came = came + 1
    if came <= answers and status == wanted then right = right + 1 end
    if came == answers then
      wrk.thread:set("took", seconds() - started)
      wrk.thread:set("right", right)
      wrk.thread:stop()
      io.write("enough\n")
      io.flush()
    end
  end
end

-- Each request has a time to be sent at; who is late goes at once. wrk counts in milliseconds, so
-- some go together.
local function send_at_rate(rate)
  local next_at
  delay = function()
    local now = seconds()
    next_at = (next_at or now) + 1 / rate
    return math.max(0, math.floor((next_at - now) * 1000))
  end
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  local headers = { ["Content-Type"] = "application/json", ["X-Sync-Secret"] = args[1] }
  for i = 1, tonumber(args[3]) do
    local body = event(("acc_%08d"):format(i), tonumber(args[2]))
    requests[i] = wrk.format("POST", "/convex/sync", headers, body)
  end
  if tonumber(args[4]) > 0 then send_at_rate(tonumber(args[4])) end
  if args[5] then stop_after(tonumber(args[5]), tonumber(args[6])) end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency, _)
  local e = summary.errors
  local thread = threads[1]
  io.write(('{"events":%d,"seconds":%.6f,"p50Ms":%.3f,"p99Ms":%.3f,"maxMs":%.3f,'):format(
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3))
  io.write(('"refused":%d,"broken":%d,"acceptS":%.6f,"accepted":%d}\n'):format(
    e.status, e.connect + e.read + e.write + e.timeout,
    thread:get("took") or 0, thread:get("right") or 0))
end
