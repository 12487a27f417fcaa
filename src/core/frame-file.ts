import { crc32 } from 'node:zlib'
import type { Digest } from './digest.ts'
import { MAX_CHUNK_BYTES, MAX_FRAME_BYTES } from './manifest.ts'
import type { Frame } from './chunk.ts'

/*
 * A chunk on disk, big endian: u32 magic, u32 plain bytes, u32 frame bytes, u32 CRC-32, then the frame.
 * The CRC covers the digest that names the file, the three fields before it, and the frame, so that damage,
 * a cut and a file under another's name are all noticed without opening the frame.
 */
const MAGIC = 0x73636631 // "scf1"
/** What a chunk file has before its frame. */
export const FRAME_HEADER_BYTES = 16
const CRC_OFFSET = 12

/** No chunk file is larger. */
export const MAX_FRAME_FILE_BYTES: number = FRAME_HEADER_BYTES + MAX_FRAME_BYTES

/** What a chunk file holds. */
export interface FrameFile {
  readonly plainBytes: number
  readonly frame: Uint8Array
}

/** Header and frame, to be written one after the other. */
export function encodeFrameFile({ chunk, bytes }: Frame): Uint8Array[] {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
  header.writeUInt32BE(MAGIC, 0)
  header.writeUInt32BE(chunk.bytes, 4)
  header.writeUInt32BE(bytes.length, 8)
  header.writeUInt32BE(checksum(chunk.digest, header, bytes), CRC_OFFSET)
  return [header, bytes]
}

/** The frame in a chunk file, or why it is damaged. */
export function decodeFrameFile(digest: Digest, file: Uint8Array): FrameFile | string {
  if (file.length < FRAME_HEADER_BYTES) return `it has ${file.length} bytes, less than its header`
  const header = Buffer.from(file.buffer, file.byteOffset, FRAME_HEADER_BYTES)
  if (header.readUInt32BE(0) !== MAGIC) return 'it does not start like a chunk'
  const plainBytes = header.readUInt32BE(4)
  if (plainBytes === 0 || plainBytes > MAX_CHUNK_BYTES) return `it claims ${plainBytes} plain bytes`
  const frame = file.subarray(FRAME_HEADER_BYTES)
  const claimed = header.readUInt32BE(8)
  if (frame.length !== claimed) return `its frame has ${frame.length} bytes instead of ${claimed}`
  if (header.readUInt32BE(CRC_OFFSET) !== checksum(digest, header, frame)) {
    return 'its checksum does not match'
  }
  return { plainBytes, frame }
}

function checksum(digest: Digest, header: Buffer, frame: Uint8Array): number {
  return crc32(frame, crc32(header.subarray(0, CRC_OFFSET), crc32(digest)))
}
