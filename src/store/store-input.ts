import { isDigest } from '../core/digest.ts'
import { parseSignedEntry } from '../core/entry.ts'
import type { SignedEntry } from '../core/entry.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { MAX_CHUNK_BYTES, MAX_FRAME_BYTES } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'

/** @throws ERR_STORE if a frame of that many bytes is not of a form that can be stored. */
export function assertFrame(chunk: ChunkRef, frameBytes: number): void {
  const fits = chunk.bytes > 0 && chunk.bytes <= MAX_CHUNK_BYTES && frameBytes <= MAX_FRAME_BYTES
  if (isDigest(chunk.digest) && fits) return
  throw new SwarmCacheError(
    'ERR_STORE',
    `The chunk ${String(chunk.digest)} of ${chunk.bytes} bytes in a frame of ${frameBytes} cannot be stored: at most ${MAX_CHUNK_BYTES} and ${MAX_FRAME_BYTES} are allowed.`,
    { facts: { digest: chunk.digest } },
  )
}

/** @throws ERR_STORE if an entry is malformed, of another repository, or not signed by its writer. */
export function assertOwn(
  entry: SignedEntry,
  repository: string,
  isTrusted: (entry: SignedEntry) => boolean,
): void {
  let why: string
  if (parseSignedEntry(entry) === undefined) why = 'it is malformed'
  else if (entry.repository !== repository) why = `this is the store of ${repository}`
  else if (!isTrusted(entry)) why = 'its signature does not verify'
  else return
  throw new SwarmCacheError(
    'ERR_STORE',
    `The entry "${entry.key}" of ${entry.repository} cannot be stored: ${why}.`,
    { facts: { key: entry.key, repository: entry.repository } },
  )
}

/** True if the first writer loses its name after all: it only claimed its scope, and the other has it attested. */
export function yieldsTo(taken: SignedEntry, entry: SignedEntry): boolean {
  return taken.token === undefined && entry.token !== undefined
}
