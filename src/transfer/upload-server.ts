import { ByteRate } from '../async/byte-rate.ts'
import { pause, withDeadline } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import { errorMessage, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import type { Crowds } from './crowds.ts'
import type { RestingLanes } from './resting-lanes.ts'
import type { Talk } from './stream-channel.ts'
import type { ChunkSupply, PeerChoice } from './transfer.ts'
import { REQUEST_LIMITS } from './transfer-wire.ts'
import { IDLE_MS, Upload } from './upload.ts'

/** What serving needs. */
export interface UploadServerParts {
  readonly supply: ChunkSupply
  readonly peers: Pick<PeerChoice, 'failed'>
  readonly crowds: Crowds
  /** Where uploads rest between two conversations; they do not count as uploads there. */
  readonly resting: RestingLanes<Talk>
  readonly now: () => number
  readonly logger: Logger
}

/** Tunables of serving. */
export interface UploadServerOptions {
  /** Conversations at once, over all peers and for each. */
  readonly maxUploads?: number
  readonly maxUploadsPerPeer?: number
  /** Of all uploads together; no limit by default. */
  readonly uploadBytesPerSecond?: number
}

// A fetch uses one stream, and few fetches of one peer run at once.
const MAX_UPLOADS_PER_PEER = 8
// Each holds a small queue and no bytes while it waits for its turn.
const MAX_UPLOADS = 128
// Frames in memory at once: 32 MiB at worst, and a peer holds an eighth of the turns at most.
const TURNS = 32
const TURNS_PER_PEER = 4
const REFUSE_MS = 1000
const STOP_MS = 2000

/** Serves chunks and manifests to peers, fairly and within bounds. */
export class UploadServer {
  readonly #parts: UploadServerParts
  readonly #options: Required<Omit<UploadServerOptions, 'uploadBytesPerSecond'>>
  readonly #rate: ByteRate | undefined
  readonly #turns = new Limit(TURNS)
  readonly #backgroundTurn = new Limit(1)
  readonly #peers = new Map<PeerId, { turns: Limit; uploads: Set<Upload> }>()
  #stopping = false

  constructor(parts: UploadServerParts, options: UploadServerOptions = {}) {
    this.#parts = parts
    this.#options = {
      maxUploads: options.maxUploads ?? MAX_UPLOADS,
      maxUploadsPerPeer: options.maxUploadsPerPeer ?? MAX_UPLOADS_PER_PEER,
    }
    const { uploadBytesPerSecond } = options
    this.#rate =
      uploadBytesPerSecond === undefined ? undefined : new ByteRate(uploadBytesPerSecond, parts.now)
  }

  /** Serves the conversations on one stream. */
  async serve(stream: ByteStream, peerId: PeerId): Promise<void> {
    const messages = new MessageStream(stream, REQUEST_LIMITS)
    const peer = this.#peers.get(peerId) ?? { turns: new Limit(TURNS_PER_PEER), uploads: new Set() }
    if (!this.#hasRoom(peer.uploads)) {
      await withDeadline(REFUSE_MS, 'Refusing a peer', undefined, async () => {
        await messages.write({ busy: true })
        // What is written is lost if the stream is cut.
        await messages.closeWrite()
      })
      return
    }
    const { resting, ...parts } = this.#parts
    const lane = {
      peerId,
      talk: undefined,
      end: () => upload.end(new SwarmCacheError('ERR_CLOSED', 'Its lane is not kept any longer.')),
    }
    const upload: Upload = new Upload({
      ...parts,
      messages,
      peerId,
      turns: this.#turns,
      ownTurns: peer.turns,
      backgroundTurn: this.#backgroundTurn,
      rate: this.#rate,
      rested: () => resting.add(lane, IDLE_MS),
      woke: () => {
        resting.remove(lane)
        peer.uploads.delete(upload)
        const hasRoom = this.#hasRoom(peer.uploads)
        peer.uploads.add(upload)
        return hasRoom
      },
    })
    this.#peers.set(peerId, peer)
    peer.uploads.add(upload)
    try {
      await upload.run()
    } catch (error) {
      this.#blame(peerId, error)
      throw error
    } finally {
      resting.remove(lane)
      peer.uploads.delete(upload)
      if (peer.uploads.size === 0) this.#peers.delete(peerId)
    }
  }

  /** Refuses new conversations, and ends those under way once what was asked is answered. */
  async stop(signal?: AbortSignal): Promise<void> {
    this.#stopping = true
    const deadline = signal ?? AbortSignal.timeout(STOP_MS)
    for (const upload of this.#uploads()) upload.drain()
    while (this.#uploads().length > 0 && !deadline.aborted) await pause(10)
    const error = new SwarmCacheError('ERR_CLOSED', 'This node stops.')
    for (const upload of this.#uploads()) upload.end(error)
  }

  #hasRoom(ofPeer: ReadonlySet<Upload>): boolean {
    const { maxUploads, maxUploadsPerPeer } = this.#options
    return (
      !this.#stopping && active(this.#uploads()) < maxUploads && active(ofPeer) < maxUploadsPerPeer
    )
  }

  #uploads(): Upload[] {
    return [...this.#peers.values()].flatMap((peer) => [...peer.uploads])
  }

  #blame(peerId: PeerId, error: unknown): void {
    const reason = errorMessage(error)
    if (isSwarmCacheError(error, 'ERR_FRAME') || isSwarmCacheError(error, 'ERR_LIMIT')) {
      this.#parts.peers.failed(peerId, reason, true)
    } else {
      this.#parts.logger.log('debug', 'An upload ended early', { peerId, reason })
    }
  }
}

function active(uploads: Iterable<Upload>): number {
  let count = 0
  for (const upload of uploads) if (!upload.isResting) count += 1
  return count
}
