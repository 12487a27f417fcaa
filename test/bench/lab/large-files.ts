import { createCipheriv } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const BLOCK_BYTES = 1024 * 1024

/** Endless bytes that look random and are the same in every run for the same seed. */
export class RandomBytes {
  readonly #cipher

  constructor(seed: number) {
    const key = Buffer.alloc(16)
    key.writeUInt32LE(seed)
    this.#cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  }

  next(bytes: number): Buffer {
    return this.#cipher.update(Buffer.alloc(bytes))
  }
}

/** Writes files whose blocks are by turns incompressible, hexadecimal text, and mostly zeros; no block is there twice. */
export async function writeLargeFiles(
  folder: string,
  files: number,
  bytesEach: number,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let file = 0; file < files; file += 1) {
    await pipeline(blocks(file, bytesEach), createWriteStream(join(folder, `file-${file}.bin`)))
  }
}

function* blocks(seed: number, bytes: number): Generator<Buffer> {
  const random = new RandomBytes(seed + 1)
  for (let offset = 0, turn = seed; offset < bytes; offset += BLOCK_BYTES, turn += 1) {
    const size = Math.min(BLOCK_BYTES, bytes - offset)
    yield block(random, turn % 3, size)
  }
}

function block(random: RandomBytes, kind: number, bytes: number): Buffer {
  if (kind === 0) return random.next(bytes)
  if (kind === 1)
    return Buffer.from(random.next(Math.ceil(bytes / 2)).toString('hex')).subarray(0, bytes)
  const sparse = Buffer.alloc(bytes)
  const source = random.next(Math.ceil(bytes / 8))
  for (let index = 0; index * 8 < bytes; index += 1) sparse[index * 8] = source[index]!
  return sparse
}
