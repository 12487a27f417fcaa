import { pause, startDeadline, withDeadline } from '../async/deadline.ts'
import type { Digest } from '../core/digest.ts'
import { errorMessage, isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import { decodeManifest, MAX_MANIFEST_BYTES } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { ChannelReceiver, ChunkChannel, OpenChannel } from './chunk-channel.ts'
import type { PeerChoice } from './transfer.ts'

/** What fetching a manifest needs. */
export interface ManifestFetchParts {
  readonly open: OpenChannel
  readonly peers: PeerChoice
  readonly now: () => number
}

const OPEN_MS = 3000
// Silence after which a peer is given up; the next one was asked long before.
const STALL_MS = 2000
const CHECK_MS = 100
// The largest manifest at a slow peer's rate.
const TOTAL_MS = 120_000
// After this much silence the next holder is asked as well; it follows what manifests take here.
const FIRST_HEDGE_MS = 200
const MIN_HEDGE_MS = 50
const MAX_HEDGE_MS = 1000
const HEDGE_TIMES = 4
const WEIGHT = 0.25
const MAX_AT_ONCE = 3

/** Fetches manifests: the best holder first, another one as well if that takes longer than usual. */
export class ManifestFetch {
  readonly #parts: ManifestFetchParts
  #usualMs: number | undefined

  constructor(parts: ManifestFetchParts) {
    this.#parts = parts
  }

  /** @throws ERR_PEER if nobody supplied it, or the signal's reason. */
  async fetch(
    manifest: Digest,
    bytes: number,
    holders: readonly PeerId[],
    parent?: AbortSignal,
  ): Promise<Uint8Array> {
    if (bytes > MAX_MANIFEST_BYTES) {
      throw new SwarmCacheError(
        'ERR_LIMIT',
        `The manifest ${manifest} has ${bytes} bytes, but at most ${MAX_MANIFEST_BYTES} are accepted.`,
      )
    }
    const ending = new AbortController()
    const parents = parent === undefined ? [ending.signal] : [ending.signal, parent]
    using deadline = startDeadline(TOTAL_MS, 'Fetching a manifest', AbortSignal.any(parents))
    const { signal } = deadline
    const result = Promise.withResolvers<Uint8Array>()
    const reasons: string[] = []
    signal.addEventListener('abort', () => result.reject(signal.reason as Error), { once: true })
    const attempts = this.#attempts(manifest, holders, signal)
    const exhausted = new AbortController()
    const hedging = AbortSignal.any([signal, exhausted.signal])
    // Each runner tries holder after holder; the others start when the first takes longer than usual.
    const run = async (index: number): Promise<void> => {
      if (index > 0) await pause(index * this.#hedgeMs, hedging)
      for (;;) {
        const next = await attempts.next()
        if (next.done === true) {
          exhausted.abort()
          return
        }
        const peerId = next.value
        try {
          result.resolve(await this.#fetchFrom(peerId, manifest, bytes, signal))
          return
        } catch (error) {
          if (signal.aborted) return
          this.#blame(peerId, error)
          reasons.push(`${peerId}: ${errorMessage(error)}`)
        }
      }
    }
    const runners = Array.from({ length: MAX_AT_ONCE }, (_, index) => run(index))
    void Promise.allSettled(runners).then(() => {
      const why = reasons.length === 0 ? 'no peer holds it' : reasons.join('; ')
      result.reject(
        new SwarmCacheError('ERR_PEER', `No peer supplied the manifest ${manifest} (${why}).`),
      )
    })
    try {
      return await result.promise
    } finally {
      ending.abort()
    }
  }

  get #hedgeMs(): number {
    const usualMs = this.#usualMs ?? FIRST_HEDGE_MS / HEDGE_TIMES
    return Math.min(MAX_HEDGE_MS, Math.max(MIN_HEDGE_MS, usualMs * HEDGE_TIMES))
  }

  /** The given holders, best first, then those that the router finds. */
  async *#attempts(
    manifest: Digest,
    holders: readonly PeerId[],
    signal: AbortSignal,
  ): AsyncGenerator<PeerId, void, void> {
    const { peers } = this.#parts
    const tried = new Set<PeerId>()
    for (const peerId of peers.rank(holders)) {
      tried.add(peerId)
      yield peerId
    }
    for await (const peerId of peers.holders(manifest, { signal })) {
      if (tried.has(peerId) || !peers.isUsable(peerId)) continue
      tried.add(peerId)
      yield peerId
    }
  }

  async #fetchFrom(
    peerId: PeerId,
    manifest: Digest,
    bytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { open, peers, now } = this.#parts
    const startedMs = now()
    const channel = await withDeadline(OPEN_MS, 'Opening a channel to a peer', signal, (opening) =>
      open(peerId, IGNORE, opening),
    )
    try {
      const received = await untilStalled(channel, signal, (s) =>
        channel.manifest(manifest, bytes, s),
      )
      if (received === undefined) throw new SwarmCacheError('ERR_PEER', 'it does not hold it')
      decodeManifest(received, manifest)
      const milliseconds = now() - startedMs
      this.#usualMs = (this.#usualMs ?? milliseconds) * (1 - WEIGHT) + milliseconds * WEIGHT
      peers.succeeded(peerId, { bytes: received.length, milliseconds })
      return received
    } finally {
      channel.close()
    }
  }

  #blame(peerId: PeerId, error: unknown): void {
    // Not holding it is no fault: entries may be older than what their holder keeps.
    if (isSwarmCacheError(error, 'ERR_PEER')) return
    const misbehaved =
      isSwarmCacheError(error, 'ERR_FRAME') || isSwarmCacheError(error, 'ERR_INTEGRITY')
    this.#parts.peers.failed(peerId, errorMessage(error), misbehaved)
  }
}

const IGNORE: ChannelReceiver = { frame() {}, missing() {}, gained() {}, closed() {} }

/** Settles as `work` does, or rejects with ERR_TIMEOUT once the channel is silent for too long. */
async function untilStalled<T>(
  channel: ChunkChannel,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stalled = new AbortController()
  let seenBytes = channel.receivedBytes
  let silentMs = 0
  const timer = setInterval(() => {
    silentMs = channel.receivedBytes === seenBytes ? silentMs + CHECK_MS : 0
    seenBytes = channel.receivedBytes
    if (silentMs < STALL_MS) return
    stalled.abort(new SwarmCacheError('ERR_TIMEOUT', `it sent nothing for ${silentMs} ms`))
  }, CHECK_MS)
  try {
    return await work(AbortSignal.any([parent, stalled.signal]))
  } finally {
    clearInterval(timer)
  }
}
