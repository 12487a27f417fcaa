import { DIGEST_BYTES, digestOf } from './digest.ts'
import type { Digest } from './digest.ts'
import { SwarmCacheError } from './errors.ts'

/** A piece of content by name: `bytes` is its plain size. */
export interface ChunkRef {
  readonly digest: Digest
  readonly bytes: number
}

/** What an entry holds: chunk lists, in order, of the catalog (empty for a single blob) and the content. */
export interface Manifest {
  readonly catalog: readonly ChunkRef[]
  readonly content: readonly ChunkRef[]
}

/** No chunk is larger than this when plain; a frame may be `MAX_FRAME_BYTES` at most. */
export const MAX_CHUNK_BYTES: number = 1024 * 1024
/** zstd's bound for incompressible input of MAX_CHUNK_BYTES, rounded up. */
export const MAX_FRAME_BYTES: number = MAX_CHUNK_BYTES + 8192
/** A manifest of 64 MiB names about 1.8 million chunks, some 200 GB at the usual chunk size. */
export const MAX_MANIFEST_BYTES: number = 64 * 1024 * 1024

const MAGIC = 0x73636d31 // "scm1"
const HEADER_BYTES = 12
const REF_BYTES = DIGEST_BYTES + 4

/**
 * Bytes of a manifest, whose digest names it.
 *
 * Layout, big endian: u32 magic, u32 number of catalog chunks, u32 number of content chunks, then for
 * each chunk, catalog first, 32 bytes of digest and u32 plain size.
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const refs = [...manifest.catalog, ...manifest.content]
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + refs.length * REF_BYTES)
  bytes.writeUInt32BE(MAGIC, 0)
  bytes.writeUInt32BE(manifest.catalog.length, 4)
  bytes.writeUInt32BE(manifest.content.length, 8)
  let offset = HEADER_BYTES
  for (const ref of refs) {
    bytes.write(ref.digest, offset, 'hex')
    bytes.writeUInt32BE(ref.bytes, offset + DIGEST_BYTES)
    offset += REF_BYTES
  }
  return bytes
}

/**
 * The manifest that `bytes` encode, after checking that they are what `digest` names.
 *
 * @throws ERR_INTEGRITY if the digest, the layout or a size is wrong.
 */
export function decodeManifest(bytes: Uint8Array, digest: Digest): Manifest {
  if (digestOf(bytes) !== digest) throw damaged(digest, 'its digest does not match')
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.length < HEADER_BYTES || view.readUInt32BE(0) !== MAGIC) {
    throw damaged(digest, 'it does not start like one')
  }
  const catalogCount = view.readUInt32BE(4)
  const contentCount = view.readUInt32BE(8)
  if (view.length !== HEADER_BYTES + (catalogCount + contentCount) * REF_BYTES) {
    throw damaged(digest, 'its length does not match its counts')
  }
  const refs: ChunkRef[] = []
  for (let offset = HEADER_BYTES; offset < view.length; offset += REF_BYTES) {
    const size = view.readUInt32BE(offset + DIGEST_BYTES)
    if (size === 0 || size > MAX_CHUNK_BYTES) throw damaged(digest, `a chunk claims ${size} bytes`)
    refs.push({ digest: view.toString('hex', offset, offset + DIGEST_BYTES), bytes: size })
  }
  return { catalog: refs.slice(0, catalogCount), content: refs.slice(catalogCount) }
}

/** Plain bytes of a list of chunks. */
export function totalBytes(chunks: readonly ChunkRef[]): number {
  let total = 0
  for (const chunk of chunks) total += chunk.bytes
  return total
}

function damaged(digest: Digest, why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_INTEGRITY', `The manifest ${digest} is damaged: ${why}.`, {
    facts: { digest },
  })
}
