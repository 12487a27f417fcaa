import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Frame } from '../../src/core/chunk.ts'
import { encodeFrameFile } from '../../src/core/frame-file.ts'
import { inboxName } from '../../src/core/inbox.ts'
import type { Inbox, WrittenFrame } from '../../src/core/inbox.ts'

/** Writes frames into an inbox as a packer does, numbered from `first` on. */
export function writeFrames(inbox: Inbox, frames: readonly Frame[], first = 0): WrittenFrame[] {
  return frames.map((frame, i) => {
    const name = inboxName(inbox, first + i)
    writeFileSync(join(inbox.folder, name), Buffer.concat(encodeFrameFile(frame)))
    return { chunk: frame.chunk, name, frameBytes: frame.bytes.length }
  })
}
