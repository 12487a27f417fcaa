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
export async function writeLargeFiles(folder: string, files: number, each: number): Promise<void> {
  await writeFiles(folder, files, each, (random, turn, bytes) => block(random, turn % 3, bytes))
}

/** Writes files that cannot be compressed. */
export async function writeRandomFiles(folder: string, files: number, each: number): Promise<void> {
  await writeFiles(folder, files, each, (random, _, bytes) => random.next(bytes))
}

type MakeBlock = (random: RandomBytes, turn: number, bytes: number) => Buffer

async function writeFiles(
  folder: string,
  files: number,
  bytesEach: number,
  make: MakeBlock,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let file = 0; file < files; file += 1) {
    const path = join(folder, `file-${file}.bin`)
    await pipeline(blocks(file, bytesEach, make), createWriteStream(path))
  }
}

function* blocks(seed: number, bytes: number, make: MakeBlock): Generator<Buffer> {
  const random = new RandomBytes(seed + 1)
  for (let offset = 0, turn = seed; offset < bytes; offset += BLOCK_BYTES, turn += 1) {
    yield make(random, turn, Math.min(BLOCK_BYTES, bytes - offset))
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
