-- SPDX-License-Identifier: MIT
-- What wrk sends: events of different records, made before the clock starts, since wrk's thread must
-- not be what is measured. Arguments: secret, bytes of a body, number of records.

local requests = {}
local last = 0

local function event(id, bytes)
  local body = '{"model":"users","operation":"add","data":{"bladeId":"%s","email":"%s@example.com",'
    .. '"name":"Test User","handle":"%s"},"hiveId":"%s"}'
  local fill = bytes - #body:format(id, id, "", id)
  return body:format(id, id, ("x"):rep(math.max(fill, 0)), id)
end

function init(args)
  local headers = { ["Content-Type"] = "application/json", ["X-Sync-Secret"] = args[1] }
  for i = 1, tonumber(args[3]) do
    local body = event(("acc_%08d"):format(i), tonumber(args[2]))
    requests[i] = wrk.format("POST", "/convex/sync", headers, body)
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(('{"events":%d,"seconds":%.6f,"p50Ms":%.3f,"p99Ms":%.3f,"maxMs":%.3f,"refused":%d,"broken":%d}\n'):format(
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, e.status,
    e.connect + e.read + e.write + e.timeout))
end
