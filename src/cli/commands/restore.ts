import type { RestoreResult } from '../../cache/cache.ts'
import { openSession } from '../../compose.ts'
import { formatSize } from '../../core/sizes.ts'
import { countPeers } from '../../core/transfer-line.ts'
import { EXIT } from '../command.ts'
import type { Command } from '../command.ts'
import { requireKey } from '../key-flag.ts'
import { showProgress } from '../progress.ts'
import { readConfig } from '../settings.ts'

/** `swarmcache restore`. */
export const restore: Command = {
  flags: {
    key: { value: 'K', help: 'the key to restore' },
    'restore-key': { value: 'P', many: true, help: 'prefix to fall back to; repeat for more' },
    'lookup-only': { help: 'look for an entry without restoring it' },
    'fail-on-miss': { help: 'exit 1 if nothing is found' },
    'cross-os': { help: 'share entries of Windows with other platforms' },
  },
  takesPaths: true,
  async run(call) {
    const restoreKeys = call.lists['restore-key'] ?? []
    const key = requireKey(call, restoreKeys)
    const lookupOnly = call.switches.has('lookup-only')
    const session = await openSession(readConfig(call), { logger: call.terminal.logger })
    try {
      const result = await session.cache.restore(call.paths, key, restoreKeys, {
        lookupOnly,
        crossOs: call.switches.has('cross-os'),
        signal: call.signal,
        onProgress: showProgress(call.terminal),
      })
      call.terminal.answer(result, describe(result, lookupOnly))
      return result.hit === 'miss' && call.switches.has('fail-on-miss') ? EXIT.failed : EXIT.done
    } finally {
      await session.stop({ signal: call.signal })
    }
  },
}

function describe(result: RestoreResult, lookupOnly: boolean): string {
  const { hit, key, matchedKey, files, skipped, bytes, peers } = result
  if (hit === 'miss') return `Not found: ${key}`
  const found = `${matchedKey}${hit === 'exact' ? '' : ` (for ${key})`}`
  if (lookupOnly) return `Found: ${found}`
  const sources = Object.entries(bytes)
    .filter(([, count]) => count > 0)
    .map(
      ([tier, count]) => `${formatSize(count)} from ${tier === 'peers' ? countPeers(peers) : tier}`,
    )
  const inPlace = skipped === 0 ? '' : ` (${skipped} in place already)`
  const details = [`${files} files${inPlace}`, ...sources, seconds(result)]
  return `Restored ${found}: ${details.join(', ')}`
}

function seconds({ milliseconds }: RestoreResult): string {
  return `${(milliseconds / 1000).toFixed(2)} s`
}
