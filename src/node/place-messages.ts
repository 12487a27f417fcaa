import { isAbsolute, join, normalize, relative } from 'node:path'
import type { FollowedPiece } from '../cache/cache.ts'
import type { FramePlace, SourcedFrame, Tier } from '../core/chunk.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { MAX_FRAME_BYTES } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { Message } from '../core/message.ts'
import {
  TIERS,
  decodeJson,
  encodeJson,
  readChunk,
  readFrame,
  readSource,
} from './control-protocol.ts'

/** A frame in a file of the node's home, as it crosses the control socket. */
export interface PlacedFrame {
  /** Index of the chunk in the request. */
  readonly frame: number
  /** Relative to the home, whose path may be another one where the client runs. */
  readonly path: string
  readonly position: number
  readonly bytes: number
  readonly tier: string
  readonly peer?: string
  /** The number under which the client settles it. */
  readonly unopened: number
}

// What a writing thread takes at once, and no longer than nobody notices: a message a frame would cost both
// sides more than the frame itself.
const MESSAGE_FRAME_BYTES = 512 * 1024
const MAX_FRAMES = 256
const MAX_WAIT_MS = 2

/** Collects places for messages of many. */
export class PlaceMessages {
  readonly #write: (body: Uint8Array) => Promise<void>
  #waiting: PlacedFrame[] = []
  #waitingBytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor(write: (body: Uint8Array) => Promise<void>) {
    this.#write = write
  }

  /** Resolves when the next may be added. */
  async add(frame: PlacedFrame): Promise<void> {
    this.#waiting.push(frame)
    this.#waitingBytes += frame.bytes
    const isFull = this.#waiting.length >= MAX_FRAMES || this.#waitingBytes >= MESSAGE_FRAME_BYTES
    if (isFull) await this.flush()
    // Where the client has gone, the session hears of it.
    else this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), MAX_WAIT_MS)
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waitingBytes = 0
    const frames = this.#waiting
    this.#waiting = []
    if (frames.length > 0) await this.#write(encodeJson(frames))
  }
}

/**
 * The frames of a message, with the numbers under which they are settled.
 *
 * @throws ERR_FRAME for one that nobody asked for, or that is not in the home.
 */
export function readPlaces(
  body: Uint8Array,
  chunks: readonly ChunkRef[],
  home: string,
): { readonly frame: SourcedFrame; readonly number: number }[] {
  const frames = decodeJson(body)
  if (!Array.isArray(frames)) throw misplaced()
  return frames.map((given: Partial<Record<keyof PlacedFrame, unknown>> | null) => {
    const unopened = given?.unopened
    if (!isCount(unopened, Number.MAX_SAFE_INTEGER)) throw misplaced()
    const place = readPlace(given, home)
    const frame = { ...readSource(given ?? {}, chunks), bytes: new Uint8Array(), place }
    return { frame, number: unopened }
  })
}

/** A piece of an archive as the header and body of a message; its place is relative to `home`. */
export function encodePiece(
  { chunk, bytes, place, tier, peer, archiveBytes }: FollowedPiece,
  home: string,
): { readonly header: Record<string, unknown>; readonly body: Uint8Array } {
  const placed = place && { ...place, path: relative(home, place.path) }
  return { header: { ...chunk, tier, peer, archiveBytes, place: placed }, body: bytes }
}

/** What `encodePiece` made. @throws ERR_FRAME if it is malformed, or its place is not in the home. */
export function readPiece(message: Message, home: string): FollowedPiece {
  const { tier, peer, archiveBytes, place } = message.header
  if (!TIERS.includes(tier) || !isCount(archiveBytes, Number.MAX_SAFE_INTEGER)) throw misplaced()
  const frame =
    place === undefined
      ? readFrame(message)
      : { chunk: readChunk(message.header), bytes: message.body, place: readPlace(place, home) }
  const piece = { ...frame, tier: tier as Tier, archiveBytes }
  return typeof peer === 'string' ? { ...piece, peer } : piece
}

function readPlace(value: unknown, home: string): FramePlace {
  const { path, position, bytes } = (value ?? {}) as Partial<Record<keyof FramePlace, unknown>>
  if (typeof path !== 'string' || !isInside(path)) throw misplaced()
  if (!isCount(position, Number.MAX_SAFE_INTEGER) || !isCount(bytes, MAX_FRAME_BYTES)) {
    throw misplaced()
  }
  return { path: join(home, path), position, bytes }
}

function isInside(path: string): boolean {
  return !path.includes('\0') && !isAbsolute(path) && !normalize(path).startsWith('..')
}

function isCount(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= max
}

function misplaced(): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', 'The node named a file that is not one of its frames.')
}
