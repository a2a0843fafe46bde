-- SPDX-License-Identifier: MIT
-- One client that asks after the server's health, a millisecond after each answer: an answer is as
-- late as the turn of the loop that it had to wait for.

request = function()
  return wrk.format("GET", "/healthz")
end

delay = function()
  return 1
end

done = function(summary, latency, _)
  local e = summary.errors
  local form = '{"answers":%d,"p50Ms":%.3f,"p999Ms":%.3f,"maxMs":%.3f,"refused":%d,"broken":%d}\n'
  io.write(form:format(
    summary.requests,
    latency:percentile(50) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3,
    e.status, e.connect + e.read + e.write + e.timeout))
end
