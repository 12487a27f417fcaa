import { closeSync, openSync, readSync } from 'node:fs'
import { openFrame } from '../core/chunk.ts'
import type { FramePlace } from '../core/chunk.ts'
import { digestOf } from '../core/digest.ts'
import { rawBlocks } from '../core/raw-blocks.ts'
import type { FollowedPiece } from './cache.ts'

/**
 * The plain bytes of a piece, checked; undefined if the file where it should lie does not have it.
 *
 * @throws ERR_INTEGRITY if it came with its bytes and they are not what its chunk names.
 */
export async function openPiece(piece: FollowedPiece): Promise<Uint8Array | undefined> {
  const { chunk, place } = piece
  const bytes = place === undefined ? piece.bytes : readPlace(place)
  if (bytes === undefined) return undefined
  // What did not compress lies in its frame as it is.
  const [only, ...others] = rawBlocks(bytes, chunk.bytes) ?? []
  if (only !== undefined && others.length === 0 && digestOf(only) === chunk.digest) return only
  try {
    return await openFrame({ chunk, bytes })
  } catch (error) {
    if (place === undefined) throw error
    return undefined
  }
}

/** What was written a moment ago is in memory: to read it at once costs less than to wait for a thread. */
function readPlace({ path, position, bytes }: FramePlace): Uint8Array | undefined {
  try {
    const file = openSync(path, 'r')
    try {
      const content = Buffer.allocUnsafe(bytes)
      return readSync(file, content, 0, bytes, position) === bytes ? content : undefined
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}
