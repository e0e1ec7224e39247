// What the programs for both lines of the TypeScript SDK share: walking through a plan, whatever the client's version.

export async function run(plan, open) {
  const found = {}
  for (const visit of plan.visits) found[visit.name] = await visited(visit, open)
  console.log(JSON.stringify(found))
}

async function visited(visit, open) {
  try {
    const { client, version, call } = await open(visit)
    const { tools } = await client.listTools()
    const calls = {}
    for (const name of visit.calls) calls[name] = await called(call, name)
    const seen = { version: version(), tools: tools.length, calls }
    await client.close()
    return seen
  } catch (problem) {
    return { refused: shown(problem) }
  }
}

async function called(call, name) {
  let progress = 0
  const options = { timeout: 60_000, onprogress: () => { progress += 1 } }
  try {
    const result = await call({ name, arguments: {} }, options)
    const said = result.content.filter(part => part.type === 'text').map(part => part.text).join(' ')
    return { is_ok: !result.isError, said, progress }
  } catch (problem) {
    return { is_ok: false, said: shown(problem), progress }
  }
}

function shown(problem) {
  return `${problem.constructor.name}: ${problem.message}`
}
