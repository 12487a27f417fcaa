import { makeFrame } from '../../src/core/chunk.ts'
import type { Frame } from '../../src/core/chunk.ts'
import { digestOf } from '../../src/core/digest.ts'
import type { SignedEntry } from '../../src/core/entry.ts'
import { encodeManifest } from '../../src/core/manifest.ts'
import type { Store } from '../../src/store/store.ts'

export const REPOSITORY = 'octo-org/octo-repo'
export const MAIN = 'refs/heads/main'
export const VERSION: string = digestOf('a version')

/** What a save hands to a store. */
export interface Content {
  readonly frames: readonly Frame[]
  readonly manifestBytes: Uint8Array
  readonly manifest: string
  readonly contentBytes: number
}

/** Chunks of these bytes, the first of them as the catalog, with their manifest. */
export async function contentOf(plains: readonly (Uint8Array | string)[]): Promise<Content> {
  const frames = await Promise.all(
    plains.map(async (plain) => {
      const bytes = Buffer.from(plain)
      return {
        chunk: { digest: digestOf(bytes), bytes: bytes.length },
        bytes: await makeFrame(bytes),
      }
    }),
  )
  const [catalog, ...content] = frames.map((frame) => frame.chunk)
  const manifestBytes = encodeManifest({ catalog: catalog === undefined ? [] : [catalog], content })
  return {
    frames,
    manifestBytes,
    manifest: digestOf(manifestBytes),
    contentBytes: content.reduce((total, chunk) => total + chunk.bytes, 0),
  }
}

/** An entry for some content; nothing verifies its signature. */
export function entryFor(content: Content, fields: Partial<SignedEntry> = {}): SignedEntry {
  return {
    repository: REPOSITORY,
    scope: MAIN,
    key: 'linux-npm-1',
    version: VERSION,
    manifest: content.manifest,
    manifestBytes: content.manifestBytes.length,
    contentBytes: content.contentBytes,
    created: 1_000_000,
    origin: 'save',
    writer: '12D3KooWwriter',
    signature: 'c2lnbmF0dXJl',
    ...fields,
  }
}

/** Saves as a cache does: what is missing, then the manifest, then the entry. */
export async function saveTo(
  store: Store,
  content: Content,
  fields: Partial<SignedEntry> = {},
): Promise<boolean> {
  const held = await store.has(content.frames.map((frame) => frame.chunk.digest))
  for (const [index, frame] of content.frames.entries()) {
    if (held[index] !== true) await store.put(frame)
  }
  await store.putManifest(content.manifest, content.manifestBytes)
  return store.addEntry(entryFor(content, fields))
}
