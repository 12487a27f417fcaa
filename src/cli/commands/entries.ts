import { formatSize } from '../../core/sizes.ts'
import type { IndexedEntry } from '../../store/store.ts'
import { EXIT } from '../command.ts'
import type { Command } from '../command.ts'
import { columns } from '../help.ts'
import { withNode } from '../node-access.ts'

/** `swarmcache entries`. */
export const entries: Command = {
  flags: {},
  takesPaths: false,
  async run(call) {
    const list = await withNode(call, { join: false }, async ({ node, request }) => {
      return await node.entries(request.repository)
    })
    call.terminal.answer({ entries: list }, describe(list))
    return EXIT.done
  },
}

function describe(list: readonly IndexedEntry[]): string {
  if (list.length === 0) return 'No entries are held here.'
  const rows = list.map((entry) => [
    entry.key,
    entry.scope,
    formatSize(entry.contentBytes),
    new Date(entry.created).toISOString(),
    String(entry.uses),
  ])
  return columns([['KEY', 'SCOPE', 'SIZE', 'CREATED', 'USES'], ...rows]).join('\n')
}
