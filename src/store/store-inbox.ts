import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { SwarmCacheError } from '../core/errors.ts'
import { FRAME_HEADER_BYTES } from '../core/frame-file.ts'
import { isInboxName } from '../core/inbox.ts'
import type { Inbox, WrittenFrame } from '../core/inbox.ts'
import type { DigestFolder } from './digest-folder.ts'
import { removeFile } from './disk-layout.ts'
import type { Room } from './room.ts'
import type { SpaceLedger } from './space-ledger.ts'
import { assertFrame } from './store-input.ts'
import type { Turn } from './turn.ts'

/** What an inbox works with. */
export interface StoreInboxParts {
  /** Of files being written, on the file system of the chunks. */
  readonly folder: string
  readonly chunks: DigestFolder
  readonly ledger: SpaceLedger
  readonly room: Room
  readonly turn: Turn
  readonly assertOpen: () => void
}

/** Chunk files that another process or thread has written, taken over without reading them. */
export class StoreInbox implements Inbox {
  readonly folder: string
  readonly prefix: string = randomUUID()
  readonly #parts: StoreInboxParts

  constructor(parts: StoreInboxParts) {
    this.folder = parts.folder
    this.#parts = parts
  }

  async take(frames: readonly WrittenFrame[]): Promise<void> {
    for (const frame of frames) {
      this.#parts.assertOpen()
      await this.#parts.turn.pass()
      await this.#takeOne(frame)
    }
  }

  async #takeOne({ chunk, name, frameBytes }: WrittenFrame): Promise<void> {
    assertFrame(chunk, frameBytes)
    if (!isInboxName(name)) {
      throw new SwarmCacheError('ERR_STORE', 'A file to be taken over has no valid name.')
    }
    const { chunks, ledger, room, turn, folder } = this.#parts
    const path = join(folder, name)
    if (turn.step(() => chunks.hold(chunk.digest))) {
      removeFile(path)
      return
    }
    const bytes = FRAME_HEADER_BYTES + frameBytes
    await room.reserve(bytes)
    let isTaken = false
    try {
      turn.step(() => chunks.take(chunk.digest, path, bytes))
      isTaken = true
    } finally {
      if (isTaken) ledger.wrote(bytes, 1)
      else ledger.release(bytes)
    }
  }
}
