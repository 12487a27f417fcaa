import type { Archive } from '../archive/archive.ts'
import { assertKeys } from '../core/cache-key.ts'
import { openFrame } from '../core/chunk.ts'
import { digestOf } from '../core/digest.ts'
import type { SignedEntry } from '../core/entry.ts'
import { decodeManifest, encodeManifest, totalBytes } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { BlobContent, BlobOptions, Blobs, RequestScope, StoredBlob, Tiers } from './cache.ts'
import { distinctChunks, orderFrames } from './entry-chunks.ts'

// Blobs have no paths; their version keeps them apart from trees that happen to have the same key.
const BLOB_VERSION = digestOf('swarmcache blob 1')

// Chunks come in any order; asking for this many at a time bounds what waits for its turn.
const WINDOW_CHUNKS = 64

/** Single blobs under keys, in the same tiers and scopes as trees; the upstream does not take part. */
export class BlobCache implements Blobs {
  readonly #tiers: Tiers
  readonly #archive: Archive
  readonly #request: RequestScope

  constructor(parts: { tiers: Tiers; archive: Archive }, options: { request: RequestScope }) {
    this.#tiers = parts.tiers
    this.#archive = parts.archive
    this.#request = options.request
  }

  async get(
    key: string,
    restoreKeys: readonly string[] = [],
    options: BlobOptions = {},
  ): Promise<StoredBlob | undefined> {
    assertKeys(key, restoreKeys)
    const { repository, readable, readRefused } = this.#request
    if (readRefused !== undefined) return undefined
    const query = { repository, scopes: readable, key, restoreKeys, version: BLOB_VERSION }
    const { match } = await this.#tiers.find(query, options)
    if (match === undefined) return undefined
    const { entry } = match
    const encoded = await this.#tiers.readManifest(entry, options)
    const { content } = decodeManifest(encoded, entry.manifest)
    return {
      key: entry.key,
      hit: match.hit,
      bytes: totalBytes(content),
      stream: (streamOptions = {}) => this.#read(entry, content, streamOptions),
    }
  }

  async put(key: string, content: BlobContent, options: BlobOptions = {}): Promise<boolean> {
    assertKeys(key)
    if (this.#request.writeRefused !== undefined) return false
    const stream = content instanceof Uint8Array ? single(content) : content
    const chunks = await this.#archive.packStream(stream, this.#tiers, options)
    const manifest = encodeManifest({ catalog: [], content: chunks })
    const digest = digestOf(manifest)
    await this.#tiers.putManifest(digest, manifest)
    return await this.#tiers.commit({
      repository: this.#request.repository,
      scope: this.#request.scope,
      key,
      version: BLOB_VERSION,
      manifest: digest,
      manifestBytes: manifest.length,
      contentBytes: totalBytes(chunks),
      created: Date.now(),
      origin: 'save',
      ...this.#request.provenance,
    })
  }

  async *#read(
    entry: SignedEntry,
    content: readonly ChunkRef[],
    options: BlobOptions,
  ): AsyncIterable<Uint8Array> {
    for (let start = 0; start < content.length; start += WINDOW_CHUNKS) {
      const window = content.slice(start, start + WINDOW_CHUNKS)
      const frames = this.#tiers.readChunks(entry, distinctChunks(window), options)
      for await (const frame of orderFrames(window, frames)) yield await openFrame(frame)
    }
  }
}

async function* single(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
