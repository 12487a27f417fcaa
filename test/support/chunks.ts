import { createCipheriv, randomBytes } from 'node:crypto'
import { makeFrame } from '../../src/core/chunk.ts'
import { digestOf } from '../../src/core/digest.ts'
import type { Digest } from '../../src/core/digest.ts'
import { encodeManifest } from '../../src/core/manifest.ts'
import type { ChunkRef } from '../../src/core/manifest.ts'
import type { ChunkSupply, SuppliedFrame } from '../../src/transfer/transfer.ts'

/** Chunks of random content with a manifest that names them. */
export interface Content {
  readonly chunks: readonly ChunkRef[]
  readonly frames: ReadonlyMap<Digest, Uint8Array>
  readonly manifest: Uint8Array
  readonly digest: Digest
}

/** Content that does not compress; the same for the same 32 bytes of seed. */
export async function makeContent(
  count: number,
  chunkBytes: number,
  seed: Uint8Array = randomBytes(32),
): Promise<Content> {
  const cipher = createCipheriv('aes-128-ctr', seed.subarray(0, 16), seed.subarray(16, 32))
  const chunks: ChunkRef[] = []
  const frames = new Map<Digest, Uint8Array>()
  for (let i = 0; i < count; i += 1) {
    const plain = cipher.update(Buffer.alloc(chunkBytes))
    const chunk = { digest: digestOf(plain), bytes: chunkBytes }
    chunks.push(chunk)
    frames.set(chunk.digest, await makeFrame(plain))
  }
  const manifest = encodeManifest({ catalog: [], content: chunks })
  return { chunks, frames, manifest, digest: digestOf(manifest) }
}

/** Supplies some content, or the part of it that `holds` admits, and counts what it was asked for. */
export class CountingSupply implements ChunkSupply {
  readonly #content: Content | undefined
  readonly holds: (digest: Digest) => boolean
  readonly served: Digest[] = []
  asked = 0

  constructor(content?: Content, holds: (digest: Digest) => boolean = () => true) {
    this.#content = content
    this.holds = holds
  }

  async manifest(digest: Digest): Promise<Uint8Array | undefined> {
    return digest === this.#content?.digest ? this.#content.manifest : undefined
  }

  async frame(digest: Digest): Promise<SuppliedFrame | undefined> {
    this.asked += 1
    const bytes = this.holds(digest) ? this.#content?.frames.get(digest) : undefined
    if (bytes === undefined) return undefined
    this.served.push(digest)
    return { bytes }
  }

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    return digests.map((digest) => this.holds(digest) && this.#content?.frames.has(digest) === true)
  }
}
