import type { Digest } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { MAX_CHUNK_BYTES, MAX_FRAME_BYTES } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { Message } from '../core/message.ts'
import { isPeerId } from '../core/peer.ts'
import type { PeerId } from '../core/peer.ts'
import type { ChannelReceiver, WatchAnswer } from './chunk-channel.ts'
import { decodeBits, decodeIds, isId, MAX_READERS } from './transfer-wire.ts'

// What a frame may be larger than its chunk: zstd's bound for input that does not compress.
const FRAME_OVERHEAD_BYTES = MAX_FRAME_BYTES - MAX_CHUNK_BYTES

interface PendingChunk {
  readonly chunk: ChunkRef
  cancelled: boolean
}

interface PendingWatch {
  readonly digests: readonly Digest[]
  readonly answer: PromiseWithResolvers<WatchAnswer>
  answered: boolean
}

interface PendingManifest {
  readonly maxBytes: number
  bytes: Uint8Array | undefined
  received: number
  readonly answer: PromiseWithResolvers<Uint8Array | undefined>
}

/** What one channel has asked for, held against what comes. */
export class PendingAnswers {
  readonly #receiver: Pick<ChannelReceiver, 'frame' | 'missing' | 'gained'>
  readonly #chunks = new Map<number, PendingChunk>()
  readonly #ids = new Map<Digest, number>()
  readonly #watches = new Map<number, PendingWatch>()
  readonly #manifests = new Map<number, PendingManifest>()

  constructor(receiver: Pick<ChannelReceiver, 'frame' | 'missing' | 'gained'>) {
    this.#receiver = receiver
  }

  get isEmpty(): boolean {
    return this.#chunks.size + this.#watches.size + this.#manifests.size === 0
  }

  /** Bytes of chunks that may still come, wanted or not. */
  get owedBytes(): number {
    let bytes = 0
    for (const { chunk } of this.#chunks.values()) bytes += chunk.bytes
    return bytes
  }

  addChunks(firstId: number, chunks: readonly ChunkRef[]): void {
    for (const [index, chunk] of chunks.entries()) {
      this.#chunks.set(firstId + index, { chunk, cancelled: false })
      this.#ids.set(chunk.digest, firstId + index)
    }
  }

  /** The ids of those chunks that were wanted. */
  cancel(digests: readonly Digest[]): number[] {
    const ids: number[] = []
    for (const digest of digests) {
      const id = this.#ids.get(digest)
      if (id === undefined) continue
      this.#ids.delete(digest)
      this.#chunks.get(id)!.cancelled = true
      ids.push(id)
    }
    return ids
  }

  async addWatch(id: number, digests: readonly Digest[]): Promise<WatchAnswer> {
    const answer = Promise.withResolvers<WatchAnswer>()
    this.#watches.set(id, { digests, answer, answered: false })
    return await answer.promise
  }

  async addManifest(id: number, maxBytes: number): Promise<Uint8Array | undefined> {
    const answer = Promise.withResolvers<Uint8Array | undefined>()
    this.#manifests.set(id, { maxBytes, bytes: undefined, received: 0, answer })
    return await answer.promise
  }

  /** Nothing more will come. */
  end(error: Error): void {
    for (const { answer } of [...this.#watches.values(), ...this.#manifests.values()]) {
      answer.promise.catch(() => {})
      answer.reject(error)
    }
    this.#chunks.clear()
  }

  /** @throws ERR_FRAME for what was not asked for, ERR_LIMIT if the peer is busy. */
  take({ header, body }: Message): void {
    if (header['busy'] === true) {
      throw new SwarmCacheError('ERR_LIMIT', 'The peer serves too many others already.')
    }
    if (header['cancelled'] === true) return this.#takeCancelled(body)
    const { id } = header
    if (!isId(id)) throw violation('an answer has no id')
    const pending = this.#chunks.get(id)
    if (pending !== undefined) this.#takeChunk(id, pending, header, body)
    else if (this.#watches.has(id)) this.#takeWatch(id, header, body)
    else if (this.#manifests.has(id)) this.#takeManifest(id, header, body)
    else throw violation('it sent what was not asked for')
  }

  #takeChunk(id: number, pending: PendingChunk, header: Message['header'], body: Uint8Array): void {
    const { chunk, cancelled } = pending
    this.#chunks.delete(id)
    if (!cancelled) this.#ids.delete(chunk.digest)
    if (header['missing'] === true) {
      if (!cancelled) this.#receiver.missing(chunk)
    } else if (body.length === 0 || body.length > chunk.bytes + FRAME_OVERHEAD_BYTES) {
      throw violation(`it sent ${body.length} bytes for a chunk of ${chunk.bytes}`)
    } else {
      // One that was cancelled too late may still be of use.
      this.#receiver.frame(chunk, body)
    }
  }

  #takeCancelled(body: Uint8Array): void {
    for (const id of decodeIds(body) ?? []) {
      if (this.#chunks.get(id)?.cancelled !== true) throw violation('it cancelled what is wanted')
      this.#chunks.delete(id)
    }
  }

  #takeWatch(id: number, header: Message['header'], body: Uint8Array): void {
    const watch = this.#watches.get(id)!
    const { digests, answer } = watch
    if (!watch.answered) {
      const held = header['have'] === true ? decodeBits(body, digests.length) : undefined
      if (held === undefined) throw violation('it did not say what it has')
      watch.answered = true
      // A peer answers one watch after the other, and tells of the last only.
      for (const old of this.#watches.keys()) {
        if (old < id) this.#watches.delete(old)
      }
      const { fetching } = header
      answer.resolve({
        held,
        readers: parseReaders(header['readers']),
        fetching: fetching === true,
      })
      return
    }
    const positions = header['gained'] === true ? decodeIds(body) : undefined
    if (positions?.every((position) => position < digests.length) !== true) {
      throw violation('it did not say what it got')
    }
    this.#receiver.gained(positions.map((position) => digests[position]!))
  }

  #takeManifest(id: number, header: Message['header'], body: Uint8Array): void {
    const pending = this.#manifests.get(id)!
    if (header['missing'] === true) {
      this.#manifests.delete(id)
      pending.answer.resolve(undefined)
      return
    }
    const total = header['manifestBytes']
    const isSize = Number.isSafeInteger(total) && (total as number) > 0
    if (!isSize || (total as number) > pending.maxBytes || body.length === 0) {
      throw violation('the size of its manifest is wrong')
    }
    pending.bytes ??= new Uint8Array(total as number)
    if (pending.bytes.length !== total || pending.received + body.length > pending.bytes.length) {
      throw violation('its manifest is longer than it said')
    }
    pending.bytes.set(body, pending.received)
    pending.received += body.length
    if (pending.received < pending.bytes.length) return
    this.#manifests.delete(id)
    pending.answer.resolve(pending.bytes)
  }
}

function parseReaders(value: unknown): PeerId[] {
  return Array.isArray(value) ? value.slice(0, MAX_READERS).filter(isPeerId) : []
}

function violation(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', `The peer broke the transfer protocol: ${why}.`)
}
