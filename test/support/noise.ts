import { createCipheriv } from 'node:crypto'

/** Bytes that do not compress, the same for the same key. */
export function noise(count: number, key: string = 'noise'): Buffer {
  const cipher = createCipheriv('aes-128-ctr', key.padEnd(16, '.'), Buffer.alloc(16))
  return cipher.update(Buffer.alloc(count))
}
