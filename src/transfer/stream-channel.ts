import { abortable, withDeadline } from '../async/deadline.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { Digest } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { freeMemory } from '../core/free-memory.ts'
import type { ChunkRef } from '../core/manifest.ts'
import { MessageStream } from '../core/message.ts'
import type { Message } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type {
  ChannelReceiver,
  ChunkChannel,
  OpenChannel,
  WatchAnswer,
  Watched,
} from './chunk-channel.ts'
import { PendingAnswers } from './pending-answers.ts'
import type { RestingLanes } from './resting-lanes.ts'
import type { Priority } from './transfer.ts'
import { encodeDigests, encodeIds, MAX_DIGESTS, RESPONSE_LIMITS } from './transfer-wire.ts'

// Below the time after which the other side ends what is idle.
const RESTING_MS = 45_000
// To keep a stream, what is still on its way has to be taken in; a new one costs less than much of that.
const MAX_OWED_BYTES = 1024 * 1024
const REST_MS = 3000
// Ids have 32 bits, and none is used twice on a stream.
const MAX_USED_IDS = 2 ** 31
// A kept stream that is silent for so long may have died unnoticed; a slow peer answers on the next one as well.
const FIRST_ANSWER_MS = 1000
const RENEW_MS = 3000
// Waits are counted in steps: one during which this process was held up counts as one, however long it took.
const STEP_MS = 250

/** One stream on which conversations follow each other. */
export interface Talk {
  readonly messages: MessageStream
  /** False if it ends with the conversation. */
  readonly mayRest: boolean
  nextId: number
  /** While it rests: the next message, or the end of the stream. */
  coming?: Promise<Message | undefined>
}

/** How channels get their streams. */
export interface StreamChannelParts {
  /** A stream to a peer: of the swarm, or a lane. */
  readonly openStream: (peerId: PeerId, signal: AbortSignal) => Promise<ByteStream>
  /** Where streams rest between two channels; without it each channel has one of its own. */
  readonly resting?: RestingLanes<Talk>
  /** True for a stream that is worth keeping; asked when it has been opened. */
  readonly mayRest?: (stream: ByteStream) => boolean
}

/** Opens channels over streams, over one that rests if there is one. */
export function openStreamChannel(parts: StreamChannelParts): OpenChannel {
  return async (peerId, receiver, signal) => {
    signal.throwIfAborted()
    const talk = parts.resting?.take(peerId) ?? (await openTalk(parts, peerId, signal))
    return new StreamChannel(parts, peerId, receiver, talk)
  }
}

async function openTalk(
  { openStream, mayRest }: StreamChannelParts,
  peerId: PeerId,
  signal: AbortSignal,
): Promise<Talk> {
  const opening = openStream(peerId, signal)
  // A stream that opens after the wait is over belongs to nobody.
  opening.then(
    (stream) => signal.aborted && stream.abort(),
    () => {},
  )
  const stream = await abortable(opening, signal)
  return {
    messages: new MessageStream(stream, RESPONSE_LIMITS),
    mayRest: mayRest?.(stream) === true,
    nextId: 0,
  }
}

/**
 * A channel over one stream at a time: the one it was given, and if that had rested and fails before any answer, a
 * new one.
 */
class StreamChannel implements ChunkChannel {
  readonly peerId: PeerId
  readonly #parts: StreamChannelParts
  readonly #receiver: ChannelReceiver
  readonly #pending: PendingAnswers
  readonly #ending = new AbortController()
  #talk: Talk
  /** What was asked on a stream that had rested, until something is answered there. */
  #unanswered: { header: Record<string, unknown>; body: Uint8Array | undefined }[] | undefined
  #isRenewing = false
  #earlierBytes: number
  /** Of frames whose sender waits for word of them, and has none yet. */
  #takenBytes = 0
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #restId: number | undefined
  #closed = false

  constructor(parts: StreamChannelParts, peerId: PeerId, receiver: ChannelReceiver, talk: Talk) {
    this.#parts = parts
    this.peerId = peerId
    this.#receiver = receiver
    this.#pending = new PendingAnswers(receiver)
    this.#talk = talk
    this.#earlierBytes = -talk.messages.receivedBytes
    if (talk.coming !== undefined) {
      this.#unanswered = []
      this.#abortAfter(FIRST_ANSWER_MS)
    }
    void this.#run()
  }

  get receivedBytes(): number {
    return this.#earlierBytes + this.#talk.messages.receivedBytes
  }

  want(chunks: readonly ChunkRef[], priority: Priority = 'usual'): void {
    for (let start = 0; start < chunks.length; start += MAX_DIGESTS) {
      const batch = chunks.slice(start, start + MAX_DIGESTS)
      const firstId = this.#takeIds(batch.length)
      this.#pending.addChunks(firstId, batch)
      const header = priority === 'usual' ? { want: firstId } : { want: firstId, background: true }
      this.#ask(header, encodeDigests(batch.map((chunk) => chunk.digest)))
    }
  }

  cancel(digests: readonly Digest[]): void {
    const ids = this.#pending.cancel(digests)
    if (ids.length > 0) this.#ask({ cancel: true }, encodeIds(ids))
  }

  async watch({ manifest, digests, grows }: Watched, signal: AbortSignal): Promise<WatchAnswer> {
    const id = this.#takeIds(1)
    const answer = this.#pending.addWatch(id, digests)
    const header = { have: id, watch: manifest }
    this.#ask(grows ? { ...header, grows } : header, encodeDigests(digests))
    return await abortable(answer, signal)
  }

  async manifest(
    digest: Digest,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const id = this.#takeIds(1)
    const answer = this.#pending.addManifest(id, maxBytes)
    this.#ask({ manifest: digest, id })
    return await abortable(answer, signal)
  }

  close(): void {
    if (this.#closed) return
    const mayRest =
      this.#talk.mayRest &&
      this.#unanswered === undefined &&
      this.#talk.nextId < MAX_USED_IDS &&
      this.#pending.owedBytes <= MAX_OWED_BYTES
    this.#leave(new SwarmCacheError('ERR_CLOSED', 'The channel was closed.'))
    if (!mayRest) {
      this.#talk.messages.abort()
      return
    }
    this.#restId = this.#takeIds(1)
    this.#abortAfter(REST_MS)
    this.#write({ rest: this.#restId }, undefined)
  }

  abort(): void {
    if (!this.#closed)
      this.#end(new SwarmCacheError('ERR_CLOSED', 'The channel was closed.'), false)
  }

  #takeIds(count: number): number {
    const first = this.#talk.nextId
    this.#talk.nextId += count
    return first
  }

  #end(error: Error, tell: boolean): void {
    if (this.#closed) return
    this.#leave(error)
    this.#talk.messages.abort()
    if (tell) this.#receiver.closed(error)
  }

  /** The receiver has heard the last of it. */
  #leave(error: Error): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#pending.end(error)
    this.#ending.abort(error)
  }

  #abortAfter(milliseconds: number): void {
    const { messages } = this.#talk
    let leftMs = milliseconds
    this.#timer = setInterval(() => {
      leftMs -= STEP_MS
      if (leftMs > 0) return
      clearInterval(this.#timer)
      messages.abort()
    }, STEP_MS)
  }

  #ask(header: Record<string, unknown>, body?: Uint8Array): void {
    if (this.#closed) return
    this.#unanswered?.push({ header, body })
    if (!this.#isRenewing) this.#write(header, body)
  }

  /** Requests go out in order; what waits here is bounded by what the asker may have in flight. */
  #write(header: Record<string, unknown>, body: Uint8Array | undefined): void {
    const { messages } = this.#talk
    this.#writing = this.#writing
      .then(() => (this.#isOver(messages) ? undefined : messages.write(header, body)))
      .catch((error: unknown) => {
        // A peer that refuses says so before it ends: reading finds it, or the same end.
        const isDead = !this.#isOver(messages) && this.#unanswered === undefined
        if (isDead && this.#pending.isEmpty) this.#end(error as Error, true)
      })
  }

  #isOver(messages: MessageStream): boolean {
    return messages !== this.#talk.messages || (this.#closed && this.#restId === undefined)
  }

  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#readAll(this.#talk)
        return
      } catch (error) {
        clearInterval(this.#timer)
        this.#talk.messages.abort()
        if (!this.#closed && (await this.#renew())) continue
        this.#talk.messages.abort()
        this.#end(error as Error, true)
        return
      }
    }
  }

  /** Takes what comes until the channel is closed, and after that until the stream may rest. */
  async #readAll(talk: Talk): Promise<void> {
    for (;;) {
      const reading = talk.coming ?? talk.messages.read()
      talk.coming = undefined
      const message = await reading
      if (this.#closed && this.#restId === undefined) return
      if (message === undefined) {
        throw new SwarmCacheError('ERR_CLOSED', 'The peer ended the conversation.')
      }
      if (this.#restId === undefined) {
        this.#answered()
        const { header, body } = message
        const bytes = body.length
        this.#pending.take(message)
        if (header['paced'] === true) this.#tellTaken(bytes)
      } else if (message.header['rested'] === true && message.header['id'] === this.#restId) {
        clearInterval(this.#timer)
        this.#rest(talk)
        return
      } else {
        freeMemory(message.body)
      }
    }
  }

  /** What comes in one turn of the event loop is told in one message. */
  #tellTaken(bytes: number): void {
    this.#takenBytes += bytes
    if (this.#takenBytes > bytes) return
    setImmediate(() => {
      const taken = this.#takenBytes
      this.#takenBytes = 0
      this.#ask({ taken })
    })
  }

  #answered(): void {
    if (this.#unanswered === undefined) return
    this.#unanswered = undefined
    clearInterval(this.#timer)
  }

  /** Asks again on a new stream if nothing was answered on one that had rested; false if there is nothing to be done. */
  async #renew(): Promise<boolean> {
    const asked = this.#unanswered
    if (asked === undefined || this.#isRenewing) return false
    this.#isRenewing = true
    try {
      const what = 'Another stream to a peer'
      const talk = await withDeadline(RENEW_MS, what, this.#ending.signal, (signal) =>
        openTalk(this.#parts, this.peerId, signal),
      )
      this.#earlierBytes = this.receivedBytes
      this.#talk = { ...talk, nextId: this.#talk.nextId }
    } catch {
      return false
    }
    this.#isRenewing = false
    this.#unanswered = undefined
    if (this.#closed) return false
    for (const { header, body } of asked) this.#write(header, body)
    return true
  }

  #rest(talk: Talk): void {
    const { resting } = this.#parts
    const lane = { peerId: this.peerId, talk, end: () => talk.messages.abort() }
    // The peer says nothing while the stream rests, so what comes is its end, or a fault.
    talk.coming = talk.messages.read()
    const ended = (): void => {
      if (resting?.remove(lane) === true) lane.end()
    }
    talk.coming.then(ended, ended)
    if (resting === undefined) lane.end()
    else resting.add(lane, RESTING_MS)
  }
}
