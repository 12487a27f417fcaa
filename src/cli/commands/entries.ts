import { formatSize } from '../../core/sizes.ts'
import type { LoggedEntry } from '../../node/node.ts'
import { EXIT } from '../command.ts'
import type { Command } from '../command.ts'
import { columns } from '../help.ts'
import { withNode } from '../node-access.ts'

/** `swarmcache entries`. */
export const entries: Command = {
  flags: {},
  takesPaths: false,
  takesKeys: true,
  async run(call) {
    const list = await withNode(call, { join: false }, async ({ node, request }) => {
      return await node.entries(request.repository)
    })
    const keys = call.paths
    const asked = list.filter(({ key }) => keys.length === 0 || keys.includes(key))
    const text = keys.length === 0 ? describe(asked) : asked.map(describeWrite).join('\n\n')
    call.terminal.answer({ entries: asked }, text || 'No entry of this key is held here.')
    return EXIT.done
  },
}

function describe(list: readonly LoggedEntry[]): string {
  if (list.length === 0) return 'No entries are held here.'
  const rows = list.map((entry) => [
    entry.key,
    entry.scope,
    formatSize(entry.contentBytes),
    new Date(entry.created).toISOString(),
    String(entry.uses),
    entry.written.attested ? 'attested' : 'claimed',
  ])
  return columns([['KEY', 'SCOPE', 'SIZE', 'CREATED', 'USES', 'WRITER'], ...rows]).join('\n')
}

/** Who wrote an entry, and how that is known. */
function describeWrite(entry: LoggedEntry): string {
  const { written } = entry
  const { attested, issuer, reason, runId, runAttempt } = written
  const how = attested
    ? `attested by ${issuer}`
    : `the writer's word${reason === undefined ? '' : `: ${reason}`}`
  const origin = entry.origin === 'upstream' ? 'a copy of what the upstream restored' : 'a save'
  const facts: readonly [name: string, value: string | undefined][] = [
    ['scope', entry.scope],
    ['written', `${new Date(entry.created).toISOString()}, ${origin}`],
    ['source', how],
    ['repository', withNumber(written.repository, written.repositoryId)],
    ['ref', written.ref],
    ['event', written.event],
    ['workflow', written.workflow],
    ['run', runId && `${runId}${runAttempt ? `, attempt ${runAttempt}` : ''}`],
    ['commit', written.sha],
    ['actor', written.actor],
    ['peer', written.writer],
    ['content', `${formatSize(entry.contentBytes)} in ${entry.manifest}`],
    ['uses', String(entry.uses)],
  ]
  const rows = facts.flatMap(([name, value]) => (value ? [[name, value]] : []))
  return [entry.key, ...columns(rows)].join('\n')
}

function withNumber(repository: string, id: string | undefined): string {
  return id === undefined ? repository : `${repository} (${id})`
}
