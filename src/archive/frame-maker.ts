import { closeSync, openSync, unlinkSync, writevSync } from 'node:fs'
import { makeFrame, makeFrameSync } from '../core/chunk.ts'
import { encodeFrameFile } from '../core/frame-file.ts'
import { freeMemory } from '../core/free-memory.ts'
import type { CutChunk, NewFrame } from './segment-packer.ts'

const PRIVATE_FILE_MODE = 0o600

/** The frame of a chunk, compressed on the thread pool. */
export async function makeNewFrame(chunk: CutChunk, plain: Uint8Array): Promise<NewFrame> {
  return exactFrame(chunk, await makeFrame(plain))
}

/** The frame of a chunk, compressed at once. */
export function makeNewFrameSync(chunk: CutChunk, plain: Uint8Array): NewFrame {
  return exactFrame(chunk, makeFrameSync(plain))
}

/** The frame of a chunk in a new file; in memory if the file cannot be written. */
export function writeNewFrame(
  chunk: CutChunk,
  plain: Uint8Array,
  path: string,
  file: number,
): NewFrame {
  const bytes = makeFrameSync(plain)
  if (!isWritten(path, encodeFrameFile({ chunk, bytes }))) return exactFrame(chunk, bytes)
  const frameBytes = bytes.length
  freeMemory(bytes)
  return { ...chunk, file, frameBytes }
}

/** A frame in memory of the exact size: the compressor's buffer has room for incompressible input. */
function exactFrame({ digest, bytes }: CutChunk, roomy: Uint8Array): NewFrame {
  const frame = new Uint8Array(roomy)
  freeMemory(roomy)
  return { digest, bytes, frame, frameBytes: frame.length }
}

/** False if the disk refuses: the store, which is then given the bytes, says why. */
function isWritten(path: string, parts: readonly Uint8Array[]): boolean {
  let total = 0
  for (const part of parts) total += part.length
  let fd: number
  try {
    fd = openSync(path, 'wx', PRIVATE_FILE_MODE)
  } catch {
    return false
  }
  let written = 0
  try {
    written = writevSync(fd, parts)
  } catch {
    // It is removed below.
  } finally {
    closeSync(fd)
  }
  if (written === total) return true
  try {
    unlinkSync(path)
  } catch {
    // What is left goes with the inbox.
  }
  return false
}
