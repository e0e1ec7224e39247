// The official TypeScript SDK, 1.x: handshake era only.

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { run } from './visits.mjs'

const plan = JSON.parse(process.argv[2])

await run(plan, async visit => {
  const client = new Client({ name: 'postern-check', version: '1.0.0' })
  const requestInit = { headers: { Authorization: `Bearer ${visit.key}` } }
  const transport = new StreamableHTTPClientTransport(new URL(visit.url), { requestInit })
  await client.connect(transport)
  return {
    client,
    version: () => transport.protocolVersion,
    call: (params, options) => client.callTool(params, undefined, options),
  }
})
