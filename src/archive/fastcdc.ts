import { hash } from 'node:crypto'

// Measured on a real node_modules (see the archive benchmark): a smaller average finds little more in
// common after an update but makes more chunks to ask for, a larger one finds less.
export const MIN_CHUNK_BYTES: number = 64 * 1024
export const AVERAGE_CHUNK_BYTES: number = 128 * 1024
export const MAX_CONTENT_CHUNK_BYTES: number = 512 * 1024

/** Changes with whatever changes where content is cut. */
export const CUT_VERSION = 1

// Normalised chunking: 19 bits must be zero before the average size and 15 after it, so that sizes
// gather around the average. The bits are high ones, in which the last 13 to 31 bytes have had their
// say, but not the highest: the first byte of a step is judged on a fingerprint shifted by one more.
const HARD_MASK = 0x7ffff000
const EASY_MASK = 0x7fff0000

const GEAR: Int32Array = gearTable()
/** The same, shifted by one: two bytes a step need one shift less. */
const GEAR_SHIFTED: Int32Array = GEAR.map((value) => value << 1)

/** 256 fixed numbers: the cuts, and with them what deduplicates, depend on each of them. */
function gearTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) =>
    hash('sha256', `swarmcache gear 1 ${byte}`, 'buffer').readInt32LE(),
  )
}

/** The fingerprint between the two halves of a search, and whether it has ended; single-threaded use. */
const found = { fingerprint: 0, isCut: false }

/**
 * Where the chunk that starts at `start` ends.
 *
 * FastCDC with a gear hash, two bytes a step (Xia et al., IEEE TPDS 2020). `end` is the end of what is
 * left to cut, or at least MAX_CONTENT_CHUNK_BYTES away.
 */
export function nextCut(bytes: Uint8Array, start: number, end: number): number {
  if (end - start <= MIN_CHUNK_BYTES) return end
  const limit = Math.min(end, start + MAX_CONTENT_CHUNK_BYTES)
  const middle = Math.min(limit, start + AVERAGE_CHUNK_BYTES)
  found.fingerprint = 0
  const place = search(bytes, start + MIN_CHUNK_BYTES, middle, HARD_MASK)
  if (found.isCut) return place
  const later = search(bytes, place, limit, EASY_MASK)
  return found.isCut ? later : limit
}

// A function of its own with one loop: as two loops in `nextCut` it runs at little more than half the rate.
function search(bytes: Uint8Array, start: number, end: number, mask: number): number {
  const gear = GEAR
  const gearShifted = GEAR_SHIFTED
  const maskShifted = mask << 1
  let fingerprint = found.fingerprint
  let i = start
  found.isCut = true
  for (; i + 1 < end; i += 2) {
    fingerprint = ((fingerprint << 2) + gearShifted[bytes[i]!]!) | 0
    if ((fingerprint & maskShifted) === 0) return i + 1
    fingerprint = (fingerprint + gear[bytes[i + 1]!]!) | 0
    if ((fingerprint & mask) === 0) return i + 2
  }
  found.fingerprint = fingerprint
  found.isCut = false
  return i
}
