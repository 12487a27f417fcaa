import { digestOf } from '../../src/core/digest.ts'
import type { Digest } from '../../src/core/digest.ts'
import { SwarmCacheError } from '../../src/core/errors.ts'
import { silentLogger } from '../../src/core/logger.ts'
import type { ChunkRef } from '../../src/core/manifest.ts'
import type { PeerId } from '../../src/core/peer.ts'
import type { ChannelReceiver, ChunkChannel, Watched } from '../../src/transfer/chunk-channel.ts'
import { ChunkFetch } from '../../src/transfer/chunk-fetch.ts'
import { Crowds } from '../../src/transfer/crowds.ts'
import { SendWindow } from '../../src/transfer/send-window.ts'
import { UploadWatch } from '../../src/transfer/upload-watch.ts'
import { SeededRandom } from './seeded-random.ts'
import { VirtualTime } from './virtual-time.ts'

/** One machine of the crowd: its link in bytes per millisecond. */
export interface VirtualHost {
  readonly up: number
  readonly down: number
  /** True for one that holds everything from the start. */
  readonly isHolder?: boolean
}

/** What became of one machine. */
export interface VirtualOutcome {
  readonly sentBytes: number
  readonly receivedBytes: number
  /** When it had everything, or gave up with `error`. */
  readonly endedMs: number | undefined
  readonly error: unknown
}

const SEGMENT_BYTES = 16 * 1024
// What TCP lets a sender have under way on one connection.
const FLIGHT_BYTES = 128 * 1024
const LATENCY_MS = 0.5
const OPEN_MS = 15
const STORE_MS = 3
// What the system takes for a connection, beside what is under way, before a write has to wait.
const QUEUE_BYTES = 2 * 1024 * 1024

/**
 * A crowd in virtual time: the real choices of fetches and uploads over links that are modelled.
 *
 * An upload link takes turns among its conversations, 16 KiB at a time; a download link takes what comes in
 * order. Nothing else costs time but the latency and the store.
 */
export class VirtualCrowd {
  readonly time: VirtualTime = new VirtualTime()
  readonly chunks: readonly ChunkRef[]
  readonly manifest: Digest = digestOf('a manifest')
  readonly nodes: readonly VirtualNode[]

  constructor(hosts: readonly VirtualHost[], chunkCount: number, chunkBytes: number, seed = 1) {
    this.chunks = Array.from({ length: chunkCount }, (_, index) => ({
      digest: digestOf(`chunk ${index}`),
      bytes: chunkBytes,
    }))
    this.nodes = hosts.map(
      (host, index) => new VirtualNode(this, host, `node ${index}`, seed + index),
    )
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)
  }

  /** Everybody who holds nothing fetches everything, from those who hold it. */
  start(): void {
    const holders = this.nodes.filter(({ host }) => host.isHolder).map(({ peerId }) => peerId)
    for (const node of this.nodes) if (!node.host.isHolder) node.fetch(holders)
  }

  /** Lets time pass until everybody that lives has ended, for a virtual minute at most. */
  async run(): Promise<VirtualOutcome[]> {
    await this.time.run(() => this.nodes.every((node) => node.hasEnded), 60_000)
    return this.nodes.map((node) => node.outcome)
  }
}

class VirtualNode {
  readonly host: VirtualHost
  readonly peerId: PeerId
  readonly crowd: VirtualCrowd
  readonly crowds: Crowds
  readonly held: Set<Digest> = new Set()
  readonly uploads: Set<VirtualConversation> = new Set()
  readonly downloads: Set<VirtualConversation> = new Set()
  readonly #random: SeededRandom
  sentBytes = 0
  receivedBytes = 0
  isKilled = false
  #upBusy = false
  #downFreeAt = 0
  #endedMs: number | undefined
  #error: unknown

  constructor(crowd: VirtualCrowd, host: VirtualHost, peerId: PeerId, seed: number) {
    this.crowd = crowd
    this.host = host
    this.peerId = peerId
    this.crowds = new Crowds(() => crowd.time.now)
    this.#random = new SeededRandom(seed)
    if (host.isHolder === true) for (const { digest } of crowd.chunks) this.held.add(digest)
  }

  get hasEnded(): boolean {
    return this.host.isHolder === true || this.isKilled || this.#endedMs !== undefined
  }

  get outcome(): VirtualOutcome {
    const { sentBytes, receivedBytes } = this
    return { sentBytes, receivedBytes, endedMs: this.#endedMs, error: this.#error }
  }

  fetch(holders: readonly PeerId[]): void {
    const { time, manifest, chunks, nodes } = this.crowd
    const unusable = new Set<PeerId>()
    const fetch = new ChunkFetch(
      {
        open: async (peerId, receiver) => {
          await new Promise<void>((resolve) => time.after(OPEN_MS, resolve))
          const server = nodes.find((node) => node.peerId === peerId)!
          if (server.isKilled) throw new SwarmCacheError('ERR_PEER', `${peerId} is gone`)
          return new VirtualConversation(server, this, receiver)
        },
        verify: async ({ bytes }) => bytes,
        now: () => time.now,
        every: (milliseconds, work) => time.every(milliseconds, work),
        random: () => this.#random.next(),
        crowds: this.crowds,
        logger: silentLogger,
        onConnected: () => () => {},
        peers: {
          async *holders() {},
          rank: (peers) => [...peers].filter((peerId) => !unusable.has(peerId)),
          isUsable: (peerId) => !unusable.has(peerId),
          succeeded() {},
          failed: (peerId) => void unusable.add(peerId),
        },
      },
      { manifest, chunks, holders },
    )
    void this.#consume(fetch)
  }

  async #consume(fetch: ChunkFetch): Promise<void> {
    const { time } = this.crowd
    try {
      for (;;) {
        const frame = await fetch.next()
        if (frame === undefined) break
        time.after(STORE_MS, () => this.held.add(frame.chunk.digest))
      }
    } catch (error) {
      this.#error = error
    }
    this.#endedMs = time.now
  }

  kill(): void {
    this.isKilled = true
    for (const conversation of [...this.uploads, ...this.downloads]) conversation.cut()
  }

  /** Sends the next segment of whichever conversation has waited longest. */
  send(): void {
    if (this.#upBusy || this.isKilled) return
    // What follows may lead back here.
    this.#upBusy = true
    for (const conversation of this.uploads) {
      const bytes = conversation.nextSegment()
      if (bytes === undefined) continue
      this.uploads.delete(conversation)
      this.uploads.add(conversation)
      this.sentBytes += bytes
      this.crowd.time.after(bytes / this.host.up, () => {
        this.#upBusy = false
        conversation.reader.receive(bytes, () => conversation.arrived(bytes))
        this.send()
      })
      return
    }
    this.#upBusy = false
  }

  receive(bytes: number, arrived: () => void): void {
    const { time } = this.crowd
    const from = Math.max(this.#downFreeAt, time.now + LATENCY_MS)
    this.#downFreeAt = from + bytes / this.host.down
    time.after(this.#downFreeAt - time.now, () => {
      this.receivedBytes += bytes
      arrived()
    })
  }
}

interface Sending {
  readonly chunk: ChunkRef
  readonly isPaced: boolean
  unsentBytes: number
  unreceivedBytes: number
}

/** A channel and the upload at its other end. */
class VirtualConversation implements ChunkChannel {
  readonly peerId: PeerId
  readonly server: VirtualNode
  readonly reader: VirtualNode
  readonly #receiver: ChannelReceiver
  readonly #wants = new Map<Digest, { id: number; digest: Digest; chunk: ChunkRef }>()
  readonly #sending: Sending[] = []
  readonly #window: SendWindow
  #watch: UploadWatch | undefined
  #ids = 0
  #flightBytes = 0
  #waiting: (() => void) | undefined
  #closed = false
  receivedBytes = 0

  constructor(server: VirtualNode, reader: VirtualNode, receiver: ChannelReceiver) {
    this.peerId = server.peerId
    this.server = server
    this.reader = reader
    this.#receiver = receiver
    this.#window = new SendWindow(() => server.crowd.time.now)
    server.uploads.add(this)
    reader.downloads.add(this)
  }

  want(chunks: readonly ChunkRef[]): void {
    this.#deliver(() => {
      for (const chunk of chunks) {
        const id = (this.#ids += 1)
        this.#wants.set(chunk.digest, { id, digest: chunk.digest, chunk })
      }
      this.#choose()
    })
  }

  cancel(digests: readonly Digest[]): void {
    this.#deliver(() => {
      for (const digest of digests) {
        if (this.#wants.delete(digest)) this.#watch?.withdrawn(digest)
      }
    })
  }

  async watch(
    watched: Watched,
  ): Promise<{ held: boolean[]; readers: readonly PeerId[]; fetching: boolean }> {
    const { time } = this.server.crowd
    await new Promise<void>((resolve) => this.#deliver(resolve))
    const { crowds, held } = this.server
    const has = async (asked: readonly Digest[]): Promise<boolean[]> =>
      asked.map((digest) => held.has(digest))
    const after = time.after.bind(time)
    const parts = { peerId: this.reader.peerId, crowds, has, after }
    const watch = new UploadWatch(parts, watched, this.#watch)
    this.#watch?.close()
    this.#watch = watch
    const answer = await watch.start((positions) =>
      this.#deliver(() => this.#receiver.gained(positions.map((at) => watched.digests[at]!))),
    )
    watch.tell()
    await new Promise<void>((resolve) => this.#deliver(resolve))
    return { held: answer, readers: watch.crowd.others, fetching: watch.crowd.fetching }
  }

  async manifest(): Promise<undefined> {
    return undefined
  }

  close(): void {
    this.#closed = true
    this.#watch?.close()
    this.server.uploads.delete(this)
    this.reader.downloads.delete(this)
  }

  abort(): void {
    this.close()
  }

  /** The connection breaks. */
  cut(): void {
    if (this.#closed) return
    this.close()
    const error = new SwarmCacheError('ERR_CLOSED', 'The connection is cut.')
    if (!this.reader.isKilled) this.#receiver.closed(error)
  }

  /** Bytes to put on the link now, or undefined if there is nothing to send or too much under way. */
  nextSegment(): number | undefined {
    const sending = this.#sending.find(({ unsentBytes }) => unsentBytes > 0)
    if (sending === undefined || this.#flightBytes >= FLIGHT_BYTES) return undefined
    const bytes = Math.min(SEGMENT_BYTES, sending.unsentBytes)
    sending.unsentBytes -= bytes
    this.#flightBytes += bytes
    this.#choose()
    return bytes
  }

  arrived(bytes: number): void {
    this.#flightBytes -= bytes
    this.receivedBytes += bytes
    const [first] = this.#sending
    if (first !== undefined && (first.unreceivedBytes -= bytes) <= 0) {
      this.#sending.shift()
      if (first.isPaced) {
        this.#deliver(() => {
          this.#window.taken(first.chunk.bytes)
          this.#choose()
        })
      }
      if (!this.#closed) this.#receiver.frame(first.chunk, new Uint8Array(first.chunk.bytes))
    }
    this.server.send()
  }

  get #hasRoom(): boolean {
    if (this.#watch?.isShared === true && !this.#window.isOpen(0)) return false
    return this.#sending.reduce((sum, { unsentBytes }) => sum + unsentBytes, 0) < QUEUE_BYTES
  }

  #deliver(work: () => void): void {
    this.server.crowd.time.after(LATENCY_MS, () => {
      if (!this.#closed) work()
    })
  }

  #choose(): void {
    this.#waiting?.()
    this.#waiting = undefined
    const { time } = this.server.crowd
    while (this.#wants.size > 0 && this.#hasRoom) {
      const wants = this.#wants.values()
      const choice = this.#watch?.choose(wants) ?? { wanted: wants.next().value! }
      if (!('wanted' in choice)) {
        this.#waiting = time.after(choice.waitMs, () => this.#choose())
        return
      }
      const { chunk, digest } = choice.wanted
      this.#wants.delete(digest)
      if (!this.server.held.has(digest)) {
        this.#deliver(() => this.#receiver.missing(chunk))
        continue
      }
      this.#watch?.began(digest)
      const { bytes } = chunk
      const isPaced = this.#watch?.isShared === true
      if (isPaced) this.#window.sent(bytes)
      this.#sending.push({ chunk, isPaced, unsentBytes: bytes, unreceivedBytes: bytes })
    }
    this.server.send()
  }
}
