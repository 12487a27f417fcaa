/*
 * What a zstd frame looks like whose content did not compress: magic, descriptor, window (unless that is the
 * content), size of the content, then blocks, each with three bytes before it: last (1 bit), type (2 bits, 0 is
 * raw), size (21 bits), little endian. https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
 */
const MAGIC = 0xfd2fb528
const SINGLE_SEGMENT = 0x20
// Dictionary, checksum and the reserved bit: none of them is in our frames.
const UNUSUAL = 0x0f
const SIZE_BYTES = [1, 2, 4, 8] as const
const MAX_BLOCK_BYTES = 128 * 1024
// Exponents of windows from 128 KiB, below which blocks are smaller too, to 8 MiB, which every decoder takes.
const USUAL_WINDOWS: readonly number[] = [7, 8, 9, 10, 11, 12, 13]
// A size of four bytes, which is what `rawFrame` writes whatever the size.
const FOUR_BYTES_OF_SIZE = 0x80
const HEADER_BYTES = 9
const BLOCK_HEADER_BYTES = 3
// Nothing below reads past its end.
const MIN_BYTES = 10

/**
 * The parts of a frame that are its content as it is, in order; undefined for a frame that has to be decompressed
 * to be read, or to be found damaged.
 */
export function rawBlocks(frame: Uint8Array, plainBytes: number): Uint8Array[] | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (frame.length < MIN_BYTES || view.getUint32(0, true) !== MAGIC) return undefined
  const descriptor = view.getUint8(4)
  if ((descriptor & UNUSUAL) !== 0) return undefined
  const hasWindow = (descriptor & SINGLE_SEGMENT) === 0
  if (hasWindow && !USUAL_WINDOWS.includes(view.getUint8(5) >> 3)) return undefined
  const sizeBytes = SIZE_BYTES[descriptor >> 6]!
  if ((hasWindow && sizeBytes === 1) || sizeBytes === 8) return undefined
  const sizeAt = hasWindow ? 6 : 5
  if (contentSize(view, sizeAt, sizeBytes) !== plainBytes) return undefined
  const blocks: Uint8Array[] = []
  let left = plainBytes
  for (let at = sizeAt + sizeBytes; at + BLOCK_HEADER_BYTES <= frame.length;) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
    const size = header >> 3
    at += BLOCK_HEADER_BYTES
    if ((header & 0b110) !== 0 || size > MAX_BLOCK_BYTES || size > left) return undefined
    if (at + size > frame.length) return undefined
    blocks.push(frame.subarray(at, at + size))
    at += size
    left -= size
    if ((header & 1) === 1) return left === 0 && at === frame.length ? blocks : undefined
  }
  return undefined
}

function contentSize(view: DataView, at: number, sizeBytes: 1 | 2 | 4): number {
  if (sizeBytes === 1) return view.getUint8(at)
  return sizeBytes === 2 ? view.getUint16(at, true) + 256 : view.getUint32(at, true)
}

/** The frame of some bytes that would not compress: they are in it as they are. At most what four bytes can count. */
export function rawFrame(plain: Uint8Array): Uint8Array {
  const count = Math.max(1, Math.ceil(plain.length / MAX_BLOCK_BYTES))
  const frame = Buffer.allocUnsafe(HEADER_BYTES + count * BLOCK_HEADER_BYTES + plain.length)
  frame.writeUInt32LE(MAGIC, 0)
  frame.writeUInt8(FOUR_BYTES_OF_SIZE | SINGLE_SEGMENT, 4)
  frame.writeUInt32LE(plain.length, 5)
  for (let block = 0, at = HEADER_BYTES; block < count; block += 1) {
    const bytes = plain.subarray(block * MAX_BLOCK_BYTES, (block + 1) * MAX_BLOCK_BYTES)
    frame.writeUIntLE((bytes.length << 3) | Number(block === count - 1), at, BLOCK_HEADER_BYTES)
    frame.set(bytes, at + BLOCK_HEADER_BYTES)
    at += BLOCK_HEADER_BYTES + bytes.length
  }
  return frame
}
