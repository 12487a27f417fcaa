import { createHash } from 'node:crypto'
import {
  constants,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import type { ZstdOptions } from 'node:zlib'
import { promisify } from 'node:util'
import { digestOf } from './digest.ts'
import { freeMemory } from './free-memory.ts'
import { MAX_CHUNK_BYTES } from './manifest.ts'
import type { ChunkRef } from './manifest.ts'
import { rawBlocks } from './raw-blocks.ts'
import { SwarmCacheError } from './errors.ts'

/** The tiers that bytes can come from, nearest first. */
export type Tier = 'memory' | 'disk' | 'shared' | 'peers' | 'upstream'

/** Plain bytes by the tier they came from. */
export type BytesByTier = Record<Tier, number>

/** Where a frame lies on this machine: `bytes` of them from `position` in a file. */
export interface FramePlace {
  readonly path: string
  readonly position: number
  readonly bytes: number
}

/** A chunk as it is stored and sent: one zstd frame. It is not trusted until `openFrame` has checked it. */
export interface Frame {
  readonly chunk: ChunkRef
  /** Empty if `place` says where they are. */
  readonly bytes: Uint8Array
  /**
   * Set only for a reader that asked for it, together with `settle`: one that cannot read the file, or finds
   * something else in it, settles the frame as not good, and it comes again, with its bytes if need be.
   */
  readonly place?: FramePlace
  /**
   * Set where nobody has opened the frame yet: whoever does says here whether it was good. Until then it is
   * neither kept nor served to others; a bad one is fetched from somebody else and comes again.
   */
  readonly settle?: (good: boolean) => void
}

/** A frame with the tier that supplied it, and the peer if one did. */
export interface SourcedFrame extends Frame {
  readonly tier: Tier
  readonly peer?: string
  /** True if nobody else has `bytes`: who gets them may free their memory when through with them. */
  readonly isOwned?: boolean
}

/** A frame's bytes as a store gives them. */
export type StoredFrame = Pick<SourcedFrame, 'bytes' | 'tier' | 'isOwned'>

// Level 1 compresses 400 MiB/s a core where 3 does 280, for 12 % larger frames; a LAN is not the bottleneck.
const LEVEL = 1
// zstd's frame header and block overhead, and the least that node:zlib accepts as an output step.
const MIN_OUTPUT_BYTES = 512
// Buffers of one size find the place of the one before, where many sizes fragment the heap of a thread.
const SYNC_OUTPUT_BYTES = 512 * 1024

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** No bytes from any tier. */
export function noBytes(): BytesByTier {
  return { memory: 0, disk: 0, shared: 0, peers: 0, upstream: 0 }
}

/** The frame of some plain bytes; compressed on the thread pool. */
export async function makeFrame(plain: Uint8Array): Promise<Uint8Array> {
  return compress(plain, compression(plain))
}

/** What `makeFrame` gives, at once on the calling thread: for worker threads. */
export function makeFrameSync(plain: Uint8Array): Uint8Array {
  return zstdCompressSync(plain, compression(plain))
}

function compression(plain: Uint8Array): ZstdOptions {
  // Room for all output at once: collecting it in the default 16 KiB steps costs a fifth of the rate.
  return {
    chunkSize: plain.length + (plain.length >> 8) + MIN_OUTPUT_BYTES,
    pledgedSrcSize: plain.length,
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
  }
}

function decompression(chunk: ChunkRef, outputBytes = MIN_OUTPUT_BYTES): ZstdOptions {
  // One byte more than the output: a step that is filled to the brim makes zlib take another.
  return { chunkSize: Math.max(chunk.bytes, outputBytes) + 1, maxOutputLength: chunk.bytes }
}

/**
 * The plain bytes of a frame, checked against its digest and size.
 *
 * @throws ERR_INTEGRITY if the frame is not what `chunk` names; never allocates more than `chunk.bytes`.
 */
export async function openFrame(frame: Frame): Promise<Uint8Array> {
  const { chunk, bytes } = frame
  let plain: Uint8Array
  try {
    plain = await decompress(bytes, decompression(chunk))
  } catch (cause) {
    throw damaged(frame, 'it does not decompress to its size', cause)
  }
  checkPlain(frame, plain)
  return plain
}

/**
 * What `openFrame` gives, at once on the calling thread: for worker threads, which drop it soon, since it
 * may be part of a larger buffer.
 */
export function openFrameSync(frame: Frame): Uint8Array {
  const { chunk, bytes } = frame
  let plain: Uint8Array
  try {
    plain = zstdDecompressSync(bytes, decompression(chunk, SYNC_OUTPUT_BYTES))
  } catch (cause) {
    throw damaged(frame, 'it does not decompress to its size', cause)
  }
  checkPlain(frame, plain)
  return plain
}

/**
 * Checks a frame as `openFrameSync` does, for who does not want the plain bytes.
 *
 * @throws ERR_INTEGRITY as that does.
 */
export function checkFrameSync(frame: Frame): void {
  const { chunk, bytes } = frame
  // What did not compress, as most of what is large, is hashed where it lies.
  const blocks = rawBlocks(bytes, chunk.bytes)
  if (blocks === undefined) {
    freeMemory(openFrameSync(frame))
    return
  }
  const [only] = blocks
  const digest =
    only !== undefined && blocks.length === 1
      ? digestOf(only)
      : blocks.reduce((hash, block) => hash.update(block), createHash('sha256')).digest('hex')
  if (digest !== chunk.digest) throw damaged(frame, 'its digest does not match')
}

/** @throws ERR_INTEGRITY if `plain` is not what `chunk` names. */
function checkPlain(frame: Frame, plain: Uint8Array): void {
  const { chunk } = frame
  if (plain.length !== chunk.bytes) throw damaged(frame, `it has ${plain.length} bytes`)
  if (digestOf(plain) !== chunk.digest) throw damaged(frame, 'its digest does not match')
}

/** ERR_INTEGRITY; who supplied the frame is not to blame for it if `isMalformed` says so of the error. */
function damaged(frame: Frame, why: string, cause?: unknown): SwarmCacheError {
  const { chunk } = frame
  const bytes = bytesOfDigest(frame)
  if (bytes !== undefined) {
    return new SwarmCacheError(
      'ERR_INTEGRITY',
      `The chunk ${chunk.digest} has ${bytes} bytes, but its manifest says ${chunk.bytes}.`,
      { cause, facts: { digest: chunk.digest, malformed: true } },
    )
  }
  return new SwarmCacheError(
    'ERR_INTEGRITY',
    `The chunk ${chunk.digest} of ${chunk.bytes} bytes is damaged: ${why}.`,
    { cause, facts: { digest: chunk.digest } },
  )
}

/** How many bytes a frame holds if they are those that its digest names, whatever size was told. */
function bytesOfDigest({ chunk, bytes }: Frame): number | undefined {
  try {
    const plain = zstdDecompressSync(bytes, decompression({ ...chunk, bytes: MAX_CHUNK_BYTES }))
    return digestOf(plain) === chunk.digest ? plain.length : undefined
  } catch {
    return undefined
  }
}
