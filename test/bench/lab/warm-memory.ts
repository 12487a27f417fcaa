import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

const PIECE = Buffer.alloc(1024 * 1024, 1)

/**
 * Uses so many bytes of tmpfs once, and frees them.
 *
 * A virtual machine gives memory that was free for some seconds back to its host, and the next who touches it
 * waits two to four times as long as for pages that somebody has just freed. Done before every measurement,
 * all contenders find the same memory, whoever comes first.
 */
export async function warmMemory(folder: string, bytes: number): Promise<void> {
  const path = join(folder, 'warm')
  const file = await open(path, 'wx')
  try {
    for (let written = 0; written < bytes; written += PIECE.length) await file.writeFile(PIECE)
  } finally {
    await file.close()
    await rm(path)
  }
}
