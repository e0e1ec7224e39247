// The official TypeScript client, 2.x.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { run } from './visits.mjs'

const plan = JSON.parse(process.argv[2])
const modes = { legacy: 'legacy', auto: 'auto', '2026-07-28': { pin: '2026-07-28' } }

await run(plan, async visit => {
  const client = new Client({ name: 'postern-check', version: '1.0.0' }, { versionNegotiation: { mode: modes[plan.mode] } })
  const requestInit = { headers: { Authorization: `Bearer ${visit.key}` } }
  const transport = new StreamableHTTPClientTransport(new URL(visit.url), { requestInit })
  await client.connect(transport)
  return {
    client,
    version: () => client.getNegotiatedProtocolVersion(),
    call: (params, options) => client.callTool(params, options),
  }
})
