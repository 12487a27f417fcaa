import { abortable } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { freeMemory } from '../core/free-memory.ts'
import { MAX_CHUNK_BYTES, MAX_FRAME_BYTES } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import { MessageStream } from '../core/message.ts'
import type { Message } from '../core/message.ts'
import { isPeerId } from '../core/peer.ts'
import type { PeerId } from '../core/peer.ts'
import type { ChannelReceiver, ChunkChannel, OpenChannel, WatchAnswer } from './chunk-channel.ts'
import {
  decodeBits,
  decodeIds,
  encodeDigests,
  encodeIds,
  isId,
  MAX_DIGESTS,
  MAX_READERS,
  RESPONSE_LIMITS,
} from './transfer-wire.ts'

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

/** Opens channels over whatever streams `openStream` gets to a peer: of the swarm, or a lane. */
export function openStreamChannel(
  openStream: (peerId: PeerId, signal: AbortSignal) => Promise<ByteStream>,
): OpenChannel {
  return async (peerId, receiver, signal) => {
    const opening = openStream(peerId, signal)
    // A stream that opens after the wait is over belongs to nobody.
    opening.then(
      (stream) => signal.aborted && stream.abort(),
      () => {},
    )
    return new StreamChannel(peerId, await abortable(opening, signal), receiver)
  }
}

/** A channel over one stream. */
class StreamChannel implements ChunkChannel {
  readonly peerId: PeerId
  readonly #messages: MessageStream
  readonly #receiver: ChannelReceiver
  readonly #chunks = new Map<number, PendingChunk>()
  readonly #ids = new Map<Digest, number>()
  readonly #watches = new Map<number, PendingWatch>()
  readonly #manifests = new Map<number, PendingManifest>()
  #nextId = 0
  #writing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(peerId: PeerId, stream: ByteStream, receiver: ChannelReceiver) {
    this.peerId = peerId
    this.#messages = new MessageStream(stream, RESPONSE_LIMITS)
    this.#receiver = receiver
    void this.#readAll()
  }

  get receivedBytes(): number {
    return this.#messages.receivedBytes
  }

  want(chunks: readonly ChunkRef[]): void {
    for (let start = 0; start < chunks.length; start += MAX_DIGESTS) {
      const batch = chunks.slice(start, start + MAX_DIGESTS)
      const firstId = this.#nextId
      this.#nextId += batch.length
      for (const [index, chunk] of batch.entries()) {
        this.#chunks.set(firstId + index, { chunk, cancelled: false })
        this.#ids.set(chunk.digest, firstId + index)
      }
      this.#send({ want: firstId }, encodeDigests(batch.map((chunk) => chunk.digest)))
    }
  }

  cancel(digests: readonly Digest[]): void {
    const ids: number[] = []
    for (const digest of digests) {
      const id = this.#ids.get(digest)
      if (id === undefined) continue
      this.#ids.delete(digest)
      this.#chunks.get(id)!.cancelled = true
      ids.push(id)
    }
    if (ids.length > 0) this.#send({ cancel: true }, encodeIds(ids))
  }

  async watch(
    manifest: Digest,
    digests: readonly Digest[],
    signal: AbortSignal,
  ): Promise<WatchAnswer> {
    const id = this.#nextId++
    const answer = Promise.withResolvers<WatchAnswer>()
    this.#watches.set(id, { digests, answer, answered: false })
    this.#send({ have: id, watch: manifest }, encodeDigests(digests))
    return abortable(answer.promise, signal)
  }

  async manifest(
    digest: Digest,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const id = this.#nextId++
    const answer = Promise.withResolvers<Uint8Array | undefined>()
    this.#manifests.set(id, { maxBytes, bytes: undefined, received: 0, answer })
    this.#send({ manifest: digest, id })
    return abortable(answer.promise, signal)
  }

  close(): void {
    this.#end(new SwarmCacheError('ERR_CLOSED', 'The channel was closed.'), false)
  }

  #end(error: Error, tell: boolean): void {
    if (this.#closed) return
    this.#closed = true
    this.#messages.abort()
    for (const { answer } of [...this.#watches.values(), ...this.#manifests.values()]) {
      answer.promise.catch(() => {})
      answer.reject(error)
    }
    this.#chunks.clear()
    if (tell) this.#receiver.closed(error)
  }

  /** Requests go out in order; what waits here is bounded by what the asker may have in flight. */
  #send(header: Record<string, unknown>, body?: Uint8Array): void {
    this.#writing = this.#writing
      .then(() => (this.#closed ? undefined : this.#messages.write(header, body)))
      .catch((error: unknown) => {
        // A peer that refuses says so before it ends: reading finds it, or the same end.
        if (this.#chunks.size + this.#watches.size + this.#manifests.size === 0) {
          this.#end(error as Error, true)
        }
      })
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) {
        const message = await this.#messages.read()
        if (this.#closed) return
        if (message === undefined) {
          throw new SwarmCacheError('ERR_CLOSED', 'The peer ended the conversation.')
        }
        this.#take(message)
      }
    } catch (error) {
      this.#end(error as Error, true)
    }
  }

  #take({ header, body }: Message): void {
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
    } else if (cancelled) {
      freeMemory(body)
    } else {
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
    if (!Number.isSafeInteger(total) || (total as number) > pending.maxBytes || body.length === 0) {
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
