import type { SeededRandom } from '../support/seeded-random.ts'

/** Inputs never grow beyond this, so that a campaign stays fast. */
const MAX_BYTES = 64 * 1024
// Where decoders compare, count and shift.
const EDGES = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0xfffff, 0x100000, 0x100001,
  0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
]
const TEXTS = [
  '..',
  '.',
  '/',
  '//',
  '\\',
  ':',
  '\0',
  '\n',
  '\r',
  '%2e',
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  '-',
  '=',
  '1e999',
  '-1',
  'NaN',
  'null',
  'true',
  '__proto__',
  '/p2p/',
  '/p2p-circuit',
  'TB',
  '\u001b[2J',
  'İ',
].map((text) => Buffer.from(text))

/** `bytes` with some changes, now and then with a part of `other`. */
export function mutateBytes(
  bytes: Uint8Array,
  other: Uint8Array,
  random: SeededRandom,
): Uint8Array {
  let mutant = Buffer.from(bytes)
  const changes = 1 + random.below(random.below(4) === 0 ? 12 : 3)
  for (let i = 0; i < changes; i += 1) mutant = change(mutant, other, random)
  return mutant.subarray(0, MAX_BYTES)
}

function change(
  bytes: Buffer<ArrayBuffer>,
  other: Uint8Array,
  random: SeededRandom,
): Buffer<ArrayBuffer> {
  const at = random.below(bytes.length + 1)
  const length = 1 + random.below(Math.min(64, bytes.length - at + 1))
  switch (random.below(10)) {
    case 0:
      return overwrite(bytes, at, Buffer.of(random.below(256)))
    case 1:
      return overwrite(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (1 << random.below(8))))
    case 2:
      return overwrite(bytes, at, Buffer.of((bytes[at] ?? 0) + 255 + random.below(3)))
    case 3:
      return overwrite(bytes, at, edge(random))
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 5:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(length), bytes.subarray(at)])
    case 6:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
    case 7:
      return Buffer.from(bytes.subarray(0, at))
    case 8: {
      const from = random.below(other.length + 1)
      const piece = other.subarray(from, from + 1 + random.below(64))
      return Buffer.concat([
        bytes.subarray(0, at),
        piece,
        bytes.subarray(at + random.below(2) * piece.length),
      ])
    }
    default: {
      const text = random.pick(TEXTS)
      return random.below(2) === 0
        ? overwrite(bytes, at, text)
        : Buffer.concat([bytes.subarray(0, at), text, bytes.subarray(at)])
    }
  }
}

function overwrite(bytes: Buffer<ArrayBuffer>, at: number, piece: Uint8Array): Buffer<ArrayBuffer> {
  const room = bytes.length - at
  bytes.set(piece.subarray(0, Math.max(0, room)), Math.min(at, bytes.length))
  return bytes
}

/** A number on the edge of something, in one of the widths and orders that formats use. */
function edge(random: SeededRandom): Buffer {
  const value = random.pick(EDGES)
  const bytes = Buffer.alloc(4)
  switch (random.below(4)) {
    case 0:
      bytes.writeUInt32BE(value)
      return bytes
    case 1:
      bytes.writeUInt32LE(value)
      return bytes
    case 2:
      bytes.writeUInt16LE(value & 0xffff)
      return bytes.subarray(0, 2)
    default:
      return varint(value)
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}
