-- Sends the lines of the file BENCH_REQUESTS to /graphql in turn; a line is an access token, or -, a tab and a body.
-- After BENCH_SECONDS, or BENCH_COUNT requests, each connection waits for its last answer and then falls silent: no
-- request is cut off, so the number of answers is exactly the number of requests that the server worked on.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } bench_time; int clock_gettime(int, bench_time *);")
local clock = ffi.new("bench_time")
local FOREVER = 3600000
local threads = {}

local function now()
  ffi.C.clock_gettime(1, clock)
  return tonumber(clock.s) + tonumber(clock.ns) / 1e9
end

function setup(thread) table.insert(threads, thread) end

function init()
  connections = tonumber(os.getenv("BENCH_CONNECTIONS"))
  seconds, count = tonumber(os.getenv("BENCH_SECONDS")), tonumber(os.getenv("BENCH_COUNT"))
  requests = {}
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local token, body = line:match("^(%S+)\t(.*)$")
    local headers = {["Content-Type"] = "application/json", ["Accept"] = "application/json"}
    if token ~= "-" then headers["Authorization"] = "Bearer " .. token end
    table.insert(requests, wrk.format("POST", "/graphql", headers, body))
  end
  allowed, silent, elapsed, turn = 0, 0, 0, 0
  started = now()
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

-- wrk asks each connection before each of its requests.
function delay()
  elapsed = now() - started
  if allowed < count and (elapsed < seconds or allowed < connections) then
    allowed = allowed + 1
    return 0
  end
  silent = silent + 1
  if silent == connections then
    print("all answered")
    io.flush()
  end
  return FOREVER
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'result {"requests": %d, "seconds": %f, "errors": %d, "p50_ms": %f, "p99_ms": %f}',
    summary.requests, threads[1]:get("elapsed"),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
