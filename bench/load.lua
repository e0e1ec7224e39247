-- The load that wrk makes, and what it saw, as one line of JSON at the end.
-- Arguments: none for GET; for POST the body, with @ID@ where each call puts its own number, and the first number.

local threads = {}
odd = 0 -- answers that were not 2xx; global, because done() reads it from each thread

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  if #args == 0 then
    -- A redirect is no page. wrk itself only counts answers from 400 up as errors.
    response = function(status)
      if status < 200 or status > 299 then odd = odd + 1 end
    end
    return
  end
  -- The head is written once: every number has as many digits, so every body has the same length.
  local number = tonumber(args[2])
  local body = args[1]:gsub("@ID@", args[2])
  local whole = wrk.format("POST", nil, nil, body)
  local from, to = whole:find(args[2], 1, true)
  local head, tail = whole:sub(1, from - 1), whole:sub(to + 1)
  request = function()
    number = number + 1
    return head .. string.format("%.0f", number) .. tail
  end
end

function done(summary, latency)
  local strange = summary.errors.status
  for _, thread in ipairs(threads) do
    strange = math.max(strange, thread:get("odd"))
  end
  io.write(string.format(
    '\nMEASURED {"answers": %d, "seconds": %.6f, "bytes": %d, "p50_ms": %.3f, "p99_ms": %.3f, "errors": '
      .. '{"connect": %d, "read": %d, "write": %d, "timeout": %d, "not 2xx": %d}}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, summary.errors.connect, summary.errors.read, summary.errors.write,
    summary.errors.timeout, strange
  ))
end
