-- An MCP server that costs next to nothing: JSON answers, no sessions, both eras. Only for the benchmark's own calls.

local TEXT = "hello there, this is an echo of some words"
local TOOL = '{"name":"echo","description":"Says it again.","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}'
local RESULTS = {
  ["initialize"] = '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}',
  ["server/discover"] = '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},'
    .. '"serverInfo":{"name":"bench","version":"1"},"ttlMs":0,"cacheScope":"private"}',
  ["tools/list"] = '{"resultType":"complete","tools":[' .. TOOL .. '],"ttlMs":0,"cacheScope":"private"}',
  ["tools/call"] = '{"resultType":"complete","content":[{"type":"text","text":"' .. TEXT .. '"}],"isError":false}',
  ["ping"] = "{}",
}

local EVENT = 'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"'
  .. TEXT .. '"}}\n\n'

local function begin_stream()
  ngx.header["Content-Type"] = "text/event-stream"
end

if ngx.req.get_method() == "GET" then -- somebody who only listens, until they have had enough
  begin_stream()
  ngx.print(EVENT)
  ngx.flush(true)
  ngx.sleep(3600)
  return
end

ngx.req.read_body()
local body = ngx.req.get_body_data() or ""
local id = body:match('"id": ?(%d+)')
if not id then
  return ngx.exit(202)
end
local is_call = body:find('"method":"tools/call"', 1, true)
local tool = is_call and body:match('"name":"(%a+)"')
if tool == "stream" or tool == "slow" then -- twenty events, the last of them the answer
  begin_stream()
  for _ = 1, 19 do
    ngx.print(EVENT)
    ngx.flush(true)
    if tool == "slow" then ngx.sleep(0.01) end
  end
  ngx.print('event: message\ndata: {"jsonrpc":"2.0","id":' .. id .. ',"result":' .. RESULTS["tools/call"] .. "}\n\n")
  return
end
if tool == "large" then -- ten megabytes
  local content = '{"jsonrpc":"2.0","id":' .. id .. ',"result":{"content":[{"type":"text","text":"'
  ngx.header["Content-Length"] = #content + 10485760 + 21
  ngx.print(content)
  local piece = string.rep("x", 65536)
  for _ = 1, 160 do ngx.print(piece) end
  ngx.print('"}],"isError":false}}')
  return
end
local result = RESULTS[is_call and "tools/call" or body:match('"method": ?"([%w/]+)"') or ""]
local rest = result and '"result":' .. result or '"error":{"code":-32601,"message":"Method not found"}'
local answer = '{"jsonrpc":"2.0","id":' .. id .. "," .. rest .. "}"
ngx.header["Content-Length"] = #answer
ngx.print(answer)
