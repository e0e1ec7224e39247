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

ngx.req.read_body()
local body = ngx.req.get_body_data() or ""
local id = body:match('"id": ?(%d+)')
if not id then
  return ngx.exit(202)
end
local is_call = body:find('"method":"tools/call"', 1, true)
local result = RESULTS[is_call and "tools/call" or body:match('"method": ?"([%w/]+)"') or ""]
local rest = result and '"result":' .. result or '"error":{"code":-32601,"message":"Method not found"}'
local answer = '{"jsonrpc":"2.0","id":' .. id .. "," .. rest .. "}"
ngx.header["Content-Length"] = #answer
ngx.print(answer)
