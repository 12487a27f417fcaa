import { pause } from '../async/deadline.ts'
import { DeadlineGroup } from '../async/deadline-group.ts'
import { Limit } from '../async/limit.ts'
import type { Digest } from '../core/digest.ts'
import { errorMessage, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import { publish } from '../core/events.ts'
import { freeMemory } from '../core/free-memory.ts'
import type { Logger } from '../core/logger.ts'
import { MAX_FRAME_BYTES } from '../core/manifest.ts'
import type { Message, MessageStream } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { ChunkSupply, Priority, SuppliedFrame } from './transfer.ts'
import type { ByteRate } from '../async/byte-rate.ts'
import { encodeBits, encodeIds, MAX_OUTSTANDING, parseRequest } from './transfer-wire.ts'
import type { TransferRequest } from './transfer-wire.ts'
import type { Crowds } from './crowds.ts'
import { SendWindow } from './send-window.ts'
import { UploadWatch } from './upload-watch.ts'

/** What one upload needs. */
export interface UploadParts {
  readonly messages: MessageStream
  readonly peerId: PeerId
  readonly supply: ChunkSupply
  /** Turns shared by all uploads, first come first served: who has few gets them as soon as who has many. */
  readonly turns: Limit
  /** Turns that this peer may hold at once, over all its streams. */
  readonly ownTurns: Limit
  /** The one turn of what no job waits for, shared by all uploads. */
  readonly backgroundTurn: Limit
  /** How fast all uploads together may be. */
  readonly rate: ByteRate | undefined
  readonly crowds: Crowds
  readonly logger: Logger
  /** The asker has ended its conversation, and may begin another. */
  readonly rested: () => void
  /** It begins another; false if that is one too many. */
  readonly woke: () => boolean
  readonly now: () => number
}

interface ChunkJob {
  readonly kind: 'chunk'
  readonly id: number
  readonly digest: Digest
  readonly priority: Priority
}

type Question = Extract<TransferRequest, { kind: 'have' | 'manifest' }>

// While one frame is written the next is read from the store.
const WORKERS = 2
// An asker takes what it asked for at once, so a write that waits this long has nobody at its end, or somebody on a
// link that is slower than the least that is served.
const WRITE_MS = 5000
const LEAST_BYTES_PER_MS = 32
const SUPPLY_MS = 10_000
/** A fetch whose consumer is busy asks for nothing for a while; longer than this, milliseconds, it may open anew. */
export const IDLE_MS = 60_000
// `have` and `manifest` cost more than a chunk; an asker needs one or two of them.
const MAX_QUESTIONS = 8
// Who goes on asking for what is not here is served slowly, so that it costs the store little.
const FREE_MISSES_IN_A_ROW = 1024
const MISS_PAUSE_MS = 2

/** Answers the requests on one stream, conversation after conversation, until the asker ends it. */
export class Upload {
  readonly #parts: UploadParts
  readonly #ending = new AbortController()
  readonly #deadlines = new DeadlineGroup(this.#ending.signal)
  readonly #writeTurn = new Limit(1)
  /** In the order asked. */
  readonly #chunks = new Map<number, ChunkJob>()
  readonly #questions: Question[] = []
  #openQuestions = 0
  #watch: UploadWatch | undefined
  #window: SendWindow
  #running = 0
  /** Chunks that are being read from the store or wait for their turn. */
  #reading = 0
  #misses = 0
  #asking = true
  #draining = false
  #restId: number | undefined
  #resting = false
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(parts: UploadParts) {
    this.#parts = parts
    this.#window = new SendWindow(parts.now)
  }

  /** Rejects with what ended it early: ERR_FRAME and ERR_LIMIT are the asker's doing. */
  async run(): Promise<void> {
    const parts = [this.#readAll(), ...Array.from({ length: WORKERS }, () => this.#work())]
    try {
      await Promise.all(parts)
    } catch (error) {
      this.end(error as Error)
      await Promise.allSettled(parts)
      throw error
    } finally {
      this.#watch?.close()
    }
  }

  /** Ends once everything asked so far is answered. */
  drain(): void {
    this.#draining = true
    if (this.#isIdle) this.end(new SwarmCacheError('ERR_CLOSED', 'This node stops.'))
    this.#wakeAll()
  }

  end(error: Error): void {
    this.#ending.abort(error)
    this.#parts.messages.abort(error)
    this.#wakeAll()
  }

  /** True between two conversations. */
  get isResting(): boolean {
    return this.#resting
  }

  get #isIdle(): boolean {
    return this.#chunks.size + this.#questions.length === 0 && this.#running === 0
  }

  /** True while the asker has enough on its way to it. */
  get #isHeldBack(): boolean {
    return this.#watch?.isShared === true && !this.#window.isOpen(this.#reading)
  }

  async #readAll(): Promise<void> {
    let next: Promise<Message | undefined> | undefined
    for (;;) {
      next ??= this.#parts.messages.read()
      const reading = next
      let message: Message | undefined
      try {
        message = await this.#deadlines.run(IDLE_MS, 'An idle peer', async () => reading)
      } catch (error) {
        // What ended it may have been a deadline, too.
        this.#ending.signal.throwIfAborted()
        // Who has to say what it has taken is not waited for any longer than an idle one.
        const isWaiting = this.#isIdle || this.#isHeldBack
        if (isSwarmCacheError(error, 'ERR_TIMEOUT') && !isWaiting) continue
        throw error
      }
      next = undefined
      if (message === undefined) break
      const request = parseRequest(message.header, message.body)
      if (request === undefined) {
        throw new SwarmCacheError('ERR_FRAME', 'It sent a malformed request.')
      }
      if (this.#resting && !(await this.#begins())) return
      this.#accept(request)
      this.#wakeAll()
    }
    this.#asking = false
    this.#wakeAll()
  }

  async #begins(): Promise<boolean> {
    this.#resting = false
    if (this.#parts.woke()) return true
    await this.#write({ busy: true })
    // What is written is lost if the stream is cut.
    const { messages } = this.#parts
    await this.#deadlines.run(WRITE_MS, 'Refusing a peer', () => messages.closeWrite())
    this.end(new SwarmCacheError('ERR_CLOSED', 'This node serves too many others already.'))
    return false
  }

  #accept(request: TransferRequest): void {
    if (this.#restId !== undefined) {
      throw new SwarmCacheError('ERR_FRAME', 'It asked for more before its rest was answered.')
    }
    if (request.kind === 'rest') {
      this.#restId = request.id
      this.#chunks.clear()
      this.#openQuestions -= this.#questions.splice(0).length
      this.#restIfIdle()
      return
    }
    if (request.kind === 'cancel') {
      this.#cancel(request.ids)
      return
    }
    if (request.kind === 'taken') {
      if (this.#window.taken(request.bytes)) return
      throw new SwarmCacheError('ERR_FRAME', 'It took more than it was sent.')
    }
    if (request.kind === 'want') {
      const { priority } = request
      for (const [index, digest] of request.digests.entries()) {
        if (this.#chunks.size >= MAX_OUTSTANDING) throw tooMuch('chunks')
        const id = request.id + index
        this.#chunks.set(id, { kind: 'chunk', id, digest, priority })
      }
      return
    }
    this.#openQuestions += 1
    if (this.#openQuestions > MAX_QUESTIONS) throw tooMuch('questions')
    this.#questions.push(request)
  }

  #cancel(ids: readonly number[]): void {
    const cancelled: number[] = []
    for (const id of ids) {
      const job = this.#chunks.get(id)
      if (job === undefined) continue
      this.#chunks.delete(id)
      this.#watch?.withdrawn(job.digest)
      cancelled.push(id)
    }
    if (cancelled.length === 0) return
    void this.#write({ cancelled: true }, encodeIds(cancelled)).catch((error: unknown) =>
      this.end(error as Error),
    )
  }

  #restIfIdle(): void {
    const id = this.#restId
    if (id === undefined || !this.#isIdle) return
    this.#watch?.close()
    this.#watch = undefined
    this.#window = new SendWindow(this.#parts.now)
    this.#restId = undefined
    this.#resting = true
    this.#parts.rested()
    void this.#write({ id, rested: true }).catch((error: unknown) => this.end(error as Error))
  }

  async #work(): Promise<void> {
    for (;;) {
      this.#ending.signal.throwIfAborted()
      const next = this.#next()
      if (next === undefined) {
        if (!this.#asking || this.#draining) return
        await this.#wake.promise
        continue
      }
      if (typeof next === 'number') {
        await Promise.race([this.#wake.promise, pause(next, this.#ending.signal)])
        continue
      }
      this.#running += 1
      try {
        await this.#answer(next)
      } finally {
        this.#running -= 1
      }
      this.#restIfIdle()
      if (this.#draining && this.#isIdle) this.drain()
      if (this.#misses > FREE_MISSES_IN_A_ROW) await pause(MISS_PAUSE_MS, this.#ending.signal)
    }
  }

  /** What to answer next, or how long to wait for it; questions go first, as they decide what is asked. */
  #next(): ChunkJob | Question | number | undefined {
    const question = this.#questions.shift()
    if (question !== undefined) return question
    if (this.#chunks.size === 0 || this.#isHeldBack) return undefined
    const jobs = this.#chunks.values()
    const choice = this.#watch?.choose(jobs) ?? { wanted: jobs.next().value! }
    if (!('wanted' in choice)) return choice.waitMs
    this.#chunks.delete(choice.wanted.id)
    return choice.wanted
  }

  async #answer(job: ChunkJob | Question): Promise<void> {
    const { supply, turns, ownTurns, backgroundTurn, rate } = this.#parts
    const { signal } = this.#ending
    const isBackground = job.kind === 'chunk' && job.priority === 'background'
    if (job.kind === 'chunk') this.#reading += 1
    using _background = isBackground ? await backgroundTurn.acquire(1, signal) : undefined
    if (job.kind === 'chunk') this.#watch?.began(job.digest)
    using _own = await ownTurns.acquire(1, signal)
    using _turn = await turns.acquire(1, signal)
    await rate?.opened(signal)
    if (job.kind === 'have') {
      await this.#tellHeld(job)
      this.#openQuestions -= 1
    } else if (job.kind === 'manifest') {
      const manifest = await this.#ask('a manifest', () => supply.manifest(job.digest))
      await this.#sendManifest(job.id, manifest)
      this.#openQuestions -= 1
    } else {
      const frame = await this.#ask('a chunk', () => supply.frame(job.digest))
      this.#reading -= 1
      await this.#sendChunk(job.id, frame)
    }
  }

  async #tellHeld(question: Question & { kind: 'have' }): Promise<void> {
    const { id, digests, watch: manifest, grows } = question
    const { supply, peerId, crowds } = this.#parts
    const has = async (asked: readonly Digest[]): Promise<boolean[]> => {
      const held = await this.#ask('what it holds', () => supply.has(asked))
      return asked.map((_, index) => held?.[index] === true)
    }
    if (manifest === undefined) {
      await this.#write({ id, have: true }, encodeBits(await has(digests)))
      return
    }
    const watch = new UploadWatch(
      { peerId, crowds, has },
      { manifest, digests, grows },
      this.#watch,
    )
    this.#watch?.close()
    this.#watch = watch
    const { others, fetching } = watch.crowd
    const held = await watch.start((positions) => {
      if (this.#watch !== watch) return
      void this.#write({ id, gained: true }, encodeIds(positions)).catch((error: unknown) =>
        this.end(error as Error),
      )
    })
    await this.#write({ id, have: true, readers: others, fetching }, encodeBits(held))
    watch.tell()
  }

  async #sendChunk(id: number, frame: SuppliedFrame | undefined): Promise<void> {
    if (frame === undefined) {
      this.#misses += 1
      await this.#write({ id, missing: true })
      return
    }
    this.#misses = 0
    const { bytes } = frame
    const size = bytes.length
    this.#parts.rate?.spend(size)
    const paced = this.#watch?.isShared === true
    if (paced) this.#window.sent(size)
    const header = paced ? { id, paced } : { id }
    await this.#write(header, bytes, frame.isOwned === true ? () => freeMemory(bytes) : undefined)
    publish('chunks:sent', { bytes: size, peerId: this.#parts.peerId })
  }

  async #sendManifest(id: number, manifest: Uint8Array | undefined): Promise<void> {
    if (manifest === undefined) {
      await this.#write({ id, missing: true })
      return
    }
    for (let start = 0; start < manifest.length; start += MAX_FRAME_BYTES) {
      const piece = manifest.subarray(start, start + MAX_FRAME_BYTES)
      await this.#write({ id, manifestBytes: manifest.length }, piece)
    }
  }

  /** What the store supplies; its faults are a miss for the peer and a line in the log. */
  async #ask<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#deadlines.run(SUPPLY_MS, 'The local store', work)
    } catch (error) {
      this.#ending.signal.throwIfAborted()
      const reason = errorMessage(error)
      this.#parts.logger.log('debug', `The store did not supply ${what} for a peer`, { reason })
      return undefined
    }
  }

  async #write(
    header: Record<string, unknown>,
    body?: Uint8Array,
    onTaken?: () => void,
  ): Promise<void> {
    using _turn = await this.#writeTurn.acquire(1, this.#ending.signal)
    const milliseconds = WRITE_MS + Math.round((body?.length ?? 0) / LEAST_BYTES_PER_MS)
    await this.#deadlines.run(milliseconds, 'Sending to a peer', () =>
      this.#parts.messages.write(header, body, onTaken),
    )
  }

  #wakeAll(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}

function tooMuch(what: string): SwarmCacheError {
  return new SwarmCacheError('ERR_LIMIT', `It asked for too many ${what} at once.`)
}
