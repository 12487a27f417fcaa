import { ByteRate } from '../async/byte-rate.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { Frame, SourcedFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { Logger } from '../core/logger.ts'
import type { PeerId } from '../core/peer.ts'
import type { StreamHandler, Swarm } from '../swarm/swarm.ts'
import { ChunkFetch } from './chunk-fetch.ts'
import type { ChunkFetchOptions, ChunkFetchParts } from './chunk-fetch.ts'
import { Crowds } from './crowds.ts'
import { FrameChecks } from './frame-checks.ts'
import { Lanes } from './lanes.ts'
import type { LanesOptions } from './lanes.ts'
import { ManifestFetch } from './manifest-fetch.ts'
import { RestingLanes } from './resting-lanes.ts'
import type { RestingLanesOptions } from './resting-lanes.ts'
import { openStreamChannel } from './stream-channel.ts'
import type { Talk } from './stream-channel.ts'
import type {
  ChunkSupply,
  FetchRequest,
  PeerChoice,
  Transfer,
  TransferOptions,
} from './transfer.ts'
import { TRANSFER_PROTOCOL } from './transfer-wire.ts'
import { UploadServer } from './upload-server.ts'
import type { UploadServerOptions } from './upload-server.ts'

/** What a transfer works with. */
export interface SwarmTransferParts {
  readonly swarm: Swarm
  readonly supply: ChunkSupply
  readonly peers: PeerChoice
  readonly logger: Logger
  /**
   * Rejects with ERR_INTEGRITY if a frame is not what its chunk names; by default threads of the transfer's
   * own find out.
   */
  readonly verify?: (frame: Frame) => Promise<unknown>
}

/** Tunables of a transfer. */
export interface SwarmTransferOptions extends ChunkFetchOptions, UploadServerOptions {
  /** How chunks take lanes; without it they take streams of the swarm. */
  readonly lanes?: LanesOptions
  /** How lanes are kept between two fetches. */
  readonly resting?: RestingLanesOptions
  /** Of all fetches together; no limit by default. */
  readonly downloadBytesPerSecond?: number
}

/** Moves chunks over lanes, and over streams of the swarm where no lane can be had. */
export class SwarmTransfer implements Transfer {
  readonly #parts: SwarmTransferParts
  readonly #options: SwarmTransferOptions
  readonly #fetchParts: ChunkFetchParts
  readonly #manifests: ManifestFetch
  readonly #uploads: UploadServer
  readonly #lanes: Lanes | undefined
  readonly #checks = new FrameChecks()
  readonly #resting: RestingLanes<Talk>
  #stopListening: (() => void) | undefined

  constructor(parts: SwarmTransferParts, options: SwarmTransferOptions = {}) {
    const { swarm, peers, logger } = parts
    this.#parts = parts
    this.#options = options
    const openStream = (peerId: PeerId, signal: AbortSignal): Promise<ByteStream> =>
      swarm.open(peerId, TRANSFER_PROTOCOL, { signal })
    const now = (): number => performance.now()
    const onConnected = (listener: (peerId: PeerId) => void): (() => void) =>
      swarm.listen({ connected: (peer) => listener(peer.peerId) })
    const custom = parts.verify
    const verify =
      custom === undefined
        ? (frame: Frame) => this.#checks.check(frame)
        : async (frame: Frame) => {
            await custom(frame)
            return frame.bytes
          }
    const crowds = new Crowds(now)
    const { downloadBytesPerSecond } = options
    const rate =
      downloadBytesPerSecond === undefined ? undefined : new ByteRate(downloadBytesPerSecond, now)
    const resting = new RestingLanes<Talk>(options.resting)
    this.#resting = resting
    this.#uploads = new UploadServer({ ...parts, crowds, resting, now }, options)
    if (options.lanes !== undefined) {
      const serve: StreamHandler = (stream, peerId) => this.#uploads.serve(stream, peerId)
      const makeRoom = (): boolean => resting.endOldest()
      this.#lanes = new Lanes({ swarm, serve, peers, logger, makeRoom }, options.lanes)
    }
    const openBulk = async (peerId: PeerId, signal: AbortSignal): Promise<ByteStream> => {
      const lane = await this.#lanes?.open(peerId, { signal }).catch(() => undefined)
      return lane ?? (await openStream(peerId, signal))
    }
    const mayRest = (stream: ByteStream): boolean => this.#lanes?.has(stream) === true
    const open = openStreamChannel({ openStream: openBulk, resting, mayRest })
    this.#fetchParts = { open, peers, logger, now, onConnected, verify, crowds, rate }
    // A manifest is small: a stream of the connection that exists is there sooner than a lane.
    this.#manifests = new ManifestFetch({ open: openStreamChannel({ openStream }), peers, now })
  }

  /** How many lanes are kept for the next conversation now, at either side. */
  get restingLanes(): number {
    return this.#resting.size
  }

  async start(): Promise<void> {
    this.#parts.swarm.handle(TRANSFER_PROTOCOL, (stream, peerId) =>
      this.#uploads.serve(stream, peerId),
    )
    const endResting = (peerId: PeerId): void => this.#resting.endAllOf(peerId)
    this.#stopListening = this.#parts.swarm.listen({
      disconnected: endResting,
      banned: endResting,
    })
    await this.#lanes?.start()
  }

  async stop(options: TransferOptions = {}): Promise<void> {
    this.#resting.stop()
    this.#stopListening?.()
    await this.#uploads.stop(options.signal)
    this.#lanes?.stop()
    this.#checks.close()
  }

  async fetchManifest(
    manifest: Digest,
    bytes: number,
    holders: readonly PeerId[],
    options: TransferOptions = {},
  ): Promise<Uint8Array> {
    options.signal?.throwIfAborted()
    return this.#manifests.fetch(manifest, bytes, holders, options.signal)
  }

  async *fetchChunks(
    request: FetchRequest,
    options: TransferOptions = {},
  ): AsyncGenerator<SourcedFrame, void, void> {
    const { signal } = options
    signal?.throwIfAborted()
    if (request.chunks.length === 0) return
    const fetch = new ChunkFetch(this.#fetchParts, request, this.#options)
    const onAbort = (): void => fetch.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      for (;;) {
        const frame = await fetch.next()
        if (frame === undefined) return
        yield frame
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      fetch.close()
    }
  }
}
