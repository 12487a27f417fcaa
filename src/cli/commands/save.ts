import type { SaveResult } from '../../cache/cache.ts'
import { openSession } from '../../compose.ts'
import { formatSize } from '../../core/sizes.ts'
import { EXIT } from '../command.ts'
import type { Command } from '../command.ts'
import { requireKey } from '../key-flag.ts'
import { showProgress } from '../progress.ts'
import { readConfig } from '../settings.ts'

/** `swarmcache save`. */
export const save: Command = {
  flags: {
    key: { value: 'K', help: 'the key to save under' },
    'cross-os': { help: 'share entries of Windows with other platforms' },
  },
  takesPaths: true,
  async run(call) {
    const key = requireKey(call)
    const session = await openSession(readConfig(call), { logger: call.terminal.logger })
    try {
      const result = await session.cache.save(call.paths, key, {
        crossOs: call.switches.has('cross-os'),
        signal: call.signal,
        onProgress: showProgress(call.terminal),
      })
      call.terminal.answer(result, describe(result))
      return EXIT.done
    } finally {
      await session.stop({ signal: call.signal })
    }
  },
}

function describe({ saved, reason, key, files, bytes, milliseconds }: SaveResult): string {
  if (!saved) return `Not saved: ${reason ?? `the key ${key} is taken`}`
  const sizes = `${formatSize(bytes.content)}, ${formatSize(bytes.new)} of it new, ${formatSize(bytes.stored)} stored`
  return `Saved ${key}: ${files} files, ${sizes}, ${(milliseconds / 1000).toFixed(2)} s`
}
