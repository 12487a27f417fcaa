import type { Frame, FramePlace } from '../core/chunk.ts'
import { FRAME_HEADER_BYTES, encodeFrameFile } from '../core/frame-file.ts'
import { MAX_FRAME_BYTES } from '../core/manifest.ts'
import type { DigestFolder } from './digest-folder.ts'
import { removeQuietly } from './digest-folder.ts'
import type { Room } from './room.ts'
import type { SpaceLedger } from './space-ledger.ts'
import type { AsideFrame } from './store.ts'
import type { Turn } from './turn.ts'

/** What putting frames aside works with. */
export interface FrameAsideParts {
  readonly chunks: DigestFolder
  readonly ledger: SpaceLedger
  readonly room: Room
  readonly turn: Turn
  readonly isClosed: () => boolean
}

/** Writes a frame to a file that counts against the bound of the store, and is none of its chunks yet. */
export async function putFrameAside(
  parts: FrameAsideParts,
  frame: Frame,
  signal: AbortSignal | undefined,
): Promise<AsideFrame> {
  const { chunks, ledger, room, turn, isClosed } = parts
  const { digest } = frame.chunk
  const pieces = encodeFrameFile(frame)
  const bytes = FRAME_HEADER_BYTES + frame.bytes.length
  await room.reserve(bytes, signal)
  let path: string
  try {
    path = turn.step(() => chunks.writeAside(digest, pieces))
  } catch (error) {
    ledger.release(bytes)
    throw error
  }
  let isAside = true
  const drop = (): void => {
    if (!isAside) return
    isAside = false
    removeQuietly(path)
    ledger.release(bytes)
  }
  const keep = async (): Promise<void> => {
    // Another call may have brought the same chunk meanwhile.
    if (!isAside || isClosed() || chunks.hold(digest)) {
      drop()
      return
    }
    isAside = false
    let isKept = false
    try {
      chunks.adopt(digest, path)
      isKept = true
    } finally {
      if (isKept) ledger.wrote(bytes, 1)
      else ledger.release(bytes)
    }
  }
  return { place: framePlace(path, bytes), keep, drop }
}

/** Where the frame is in a chunk file of `fileBytes`; of one that is too short or too long, what could be one. */
export function framePlace(path: string, fileBytes: number): FramePlace {
  const bytes = Math.min(Math.max(0, fileBytes - FRAME_HEADER_BYTES), MAX_FRAME_BYTES)
  return { path, position: FRAME_HEADER_BYTES, bytes }
}
