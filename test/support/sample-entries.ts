import { randomBytes } from 'node:crypto'
import { makeFrame } from '../../src/core/chunk.ts'
import type { Frame } from '../../src/core/chunk.ts'
import { digestOf } from '../../src/core/digest.ts'
import type { Entry, EntryQuery, SignedEntry } from '../../src/core/entry.ts'
import { encodeManifest } from '../../src/core/manifest.ts'
import { createPeerKey, signEntry } from '../../src/identity/identity.ts'

export const REPOSITORY = 'octo/app'
export const MAIN = 'refs/heads/main'
export const VERSION_A: string = digestOf('version a')

/** An entry that is not yet signed, with all it names. */
export interface Sample {
  readonly entry: Omit<Entry, 'writer'>
  readonly manifest: Uint8Array
  readonly frames: readonly Frame[]
}

/** Random content under `key`: `count` chunks of `bytes` each, the first of them as catalog. */
export async function makeSample(
  key: string,
  options: { count?: number; bytes?: number; created?: number; scope?: string } = {},
): Promise<Sample> {
  const { count = 3, bytes = 1000, created = Date.now(), scope = MAIN } = options
  const frames = await Promise.all(
    Array.from({ length: count }, async () => {
      const plain = randomBytes(bytes)
      return { chunk: { digest: digestOf(plain), bytes }, bytes: await makeFrame(plain) }
    }),
  )
  const refs = frames.map((frame) => frame.chunk)
  const manifest = encodeManifest({ catalog: refs.slice(0, 1), content: refs.slice(1) })
  const entry = {
    repository: REPOSITORY,
    scope,
    key,
    version: VERSION_A,
    manifest: digestOf(manifest),
    manifestBytes: manifest.length,
    contentBytes: (count - 1) * bytes,
    created,
    origin: 'save' as const,
  }
  return { entry, manifest, frames }
}

/** Asks for `key` in the main branch of the sample repository. */
export function askFor(key: string, more: Partial<EntryQuery> = {}): EntryQuery {
  return {
    repository: REPOSITORY,
    scopes: [MAIN],
    key,
    restoreKeys: [],
    version: VERSION_A,
    ...more,
  }
}

/** Signs as a writer of its own. */
export function createSigner(): (entry: Omit<Entry, 'writer'>) => SignedEntry {
  const key = createPeerKey()
  return (entry) => signEntry(entry, key)
}
