import { open } from 'node:fs/promises'
import { errorMessage } from '../core/errors.ts'

// Enough to see what happened; a step's log is not the place for more.
const MAX_BYTES = 64 * 1024

/** The last lines of a log file; the reason if it cannot be read. */
export async function readTail(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    const start = Math.max(0, size - MAX_BYTES)
    const bytes = Buffer.alloc(size - start)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
    const text = bytes.toString('utf8', 0, bytesRead).trimEnd()
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1)
  } catch (error) {
    return `It cannot be read: ${errorMessage(error)}`
  }
}
