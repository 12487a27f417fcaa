import { SwarmCacheError } from '../core/errors.ts'

/** Reads one section, and never past its end. */
export class SectionReader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  rest(): Buffer {
    return this.#bytes
  }

  take(count: number): Buffer {
    const start = this.#advance(count)
    return this.#bytes.subarray(start, start + count)
  }

  /** Where the next `count` bytes start. */
  #advance(count: number): number {
    const start = this.#offset
    if (count > this.#bytes.length - start) throw malformed('a section ends too early')
    this.#offset = start + count
    return start
  }

  u16(max: number): number {
    const at = this.#advance(2)
    return bounded(this.#bytes[at]! | (this.#bytes[at + 1]! << 8), max)
  }

  u32(max: number): number {
    const at = this.#advance(4)
    const bytes = this.#bytes
    const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
    return bounded(low + bytes[at + 3]! * 0x1000000, max)
  }

  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    const start = this.#offset
    const first = start < this.#bytes.length ? this.#bytes[start]! : 0x80
    if (first >= 0x80) return this.#longVarint(max)
    this.#offset = start + 1
    return bounded(first, max)
  }

  #longVarint(max: number): number {
    const bytes = this.#bytes
    let value = 0
    let scale = 1
    for (let i = this.#offset; i < bytes.length && i - this.#offset < 8; i += 1) {
      const byte = bytes[i]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0) throw malformed('a number is not in its shortest form')
        this.#offset = i + 1
        return bounded(value, max)
      }
      scale *= 0x80
    }
    throw malformed('a number does not end')
  }

  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw malformed('a section has bytes left over')
  }
}

function bounded(value: number, max: number): number {
  if (value > max) throw malformed(`a number is ${value}, but at most ${max} is possible`)
  return value
}

/** ERR_INTEGRITY that blames who wrote the catalog. */
export function malformed(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_INTEGRITY', `The catalog is malformed: ${why}.`, {
    facts: { malformed: true },
  })
}
