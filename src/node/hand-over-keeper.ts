import { withDeadline } from '../async/deadline.ts'
import { SingleFlight } from '../async/single-flight.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { SignedEntry } from '../core/entry.ts'
import { SwarmCacheError, errorMessage, isSwarmCacheError } from '../core/errors.ts'
import { freeMemory } from '../core/free-memory.ts'
import type { Logger } from '../core/logger.ts'
import { MAX_MANIFEST_BYTES, decodeManifest, totalBytes } from '../core/manifest.ts'
import { MessageStream } from '../core/message.ts'
import type { PeerId, Role } from '../core/peer.ts'
import type { CheckEntry } from '../identity/identity.ts'
import type { Router } from '../router/router.ts'
import type { Store } from '../store/store.ts'
import type { Transfer } from '../transfer/transfer.ts'
import { HAND_OVER_LIMITS, parseLeavingMessage } from './hand-over-wire.ts'
import type { LeavingMessage } from './hand-over-wire.ts'

/** What keeping the entries of peers that leave works with. */
export interface HandOverKeeperParts {
  readonly store: Store
  readonly transfer: Pick<Transfer, 'fetchManifest' | 'fetchChunks'>
  readonly router: Pick<Router, 'provide' | 'failed'>
  readonly checkEntry: CheckEntry
  readonly logger: Logger
}

/** Whose entries are kept, and how many. */
export interface HandOverKeeperOptions {
  readonly repository: string
  readonly role: Role
  /** False for a node that leaves soon itself. */
  readonly staysOn: boolean
  /** Entries taken from one peer while this node runs. */
  readonly maxEntriesPerPeer?: number
}

// A runner saves a few entries; a fleet node that moves has more time than one hand-over.
const MAX_ENTRIES_PER_PEER = 256
const MAX_CONVERSATIONS = 8
const MAX_PEERS = 1024
// What one peer may put here, and a seeder makes room for.
const SHARE_OF_LIMIT = 0.25
// Between two offers the other only asks who else has the next entry.
const NEXT_MS = 10_000
const FETCH_MS = 60_000
const SEND_MS = 2000

/** Keeps what peers that leave would take with them. */
export class HandOverKeeper {
  readonly #parts: HandOverKeeperParts
  readonly #options: Required<HandOverKeeperOptions>
  readonly #startedMs = performance.now()
  readonly #talking = new Set<PeerId>()
  readonly #taken = new Map<PeerId, { entries: number; bytes: number }>()
  readonly #fetches = new SingleFlight<void>()
  readonly #stopped = new AbortController()

  constructor(parts: HandOverKeeperParts, options: HandOverKeeperOptions) {
    this.#parts = parts
    this.#options = { maxEntriesPerPeer: MAX_ENTRIES_PER_PEER, ...options }
  }

  /** Takes nothing more; what is being fetched is given up. */
  stop(): void {
    this.#stopped.abort(new SwarmCacheError('ERR_CLOSED', 'This node leaves, too.'))
  }

  /** Answers one conversation. */
  async answer(stream: ByteStream, peerId: PeerId): Promise<void> {
    if (this.#talking.has(peerId) || this.#talking.size >= MAX_CONVERSATIONS) {
      throw new SwarmCacheError('ERR_LIMIT', 'Too many peers hand over at once.')
    }
    this.#talking.add(peerId)
    try {
      await this.#converse(new MessageStream(stream, HAND_OVER_LIMITS), peerId)
    } catch (error) {
      if (isSwarmCacheError(error, 'ERR_FRAME')) {
        this.#parts.router.failed(peerId, errorMessage(error), true)
      }
      throw error
    } finally {
      this.#talking.delete(peerId)
    }
  }

  async #converse(messages: MessageStream, peerId: PeerId): Promise<void> {
    const { signal } = this.#stopped
    for (;;) {
      const what = 'The next word of a peer that leaves'
      const message = await withDeadline(NEXT_MS, what, signal, () => messages.read())
      if (message === undefined) return
      const said = parseLeavingMessage(message.header)
      if (said === undefined) {
        throw new SwarmCacheError('ERR_FRAME', 'What a peer that leaves says is malformed.')
      }
      const answer = await this.#answerTo(said, peerId)
      await withDeadline(SEND_MS, 'An answer', signal, () => messages.write(answer))
    }
  }

  async #answerTo(said: LeavingMessage, peerId: PeerId): Promise<Record<string, unknown>> {
    if ('leaving' in said) {
      const uptimeSeconds = (performance.now() - this.#startedMs) / 1000
      const { role, staysOn } = this.#options
      return {
        role,
        uptimeSeconds,
        accepts: staysOn && role !== 'reader' && !this.#hasEnough(peerId),
      }
    }
    if ('holds' in said) {
      const known = await this.#parts.store.getEntry(said.holds)
      // One that only claims its scope would keep its name from the one that is about to be offered.
      return { held: known !== undefined && (!said.attested || known.token !== undefined) }
    }
    return await this.#consider(said.offer, peerId)
  }

  async #consider(entry: SignedEntry, peerId: PeerId): Promise<Record<string, unknown>> {
    const { store, logger, router } = this.#parts
    try {
      const verdict = await this.#parts.checkEntry(entry, { signal: this.#stopped.signal })
      if (!verdict.trusted) {
        const { reason, why } = verdict
        if (why === 'forged') {
          router.failed(peerId, `It offers an entry that is not to be believed: ${reason}.`, true)
        }
        return { refused: reason }
      }
      const refused = await this.#whyNot(entry, peerId)
      if (refused !== undefined) return { refused }
      const known = await store.getEntry(entry)
      if (known !== undefined && (known.token !== undefined || entry.token === undefined)) {
        return { taken: true }
      }
      // Runners of one crowd leave together, and with the same.
      await this.#fetches.run(entry.manifest, async () => {
        await withDeadline(FETCH_MS, 'Taking over an entry', this.#stopped.signal, (signal) =>
          this.#fetch(entry, peerId, signal),
        )
      })
      if (await store.addEntry(entry)) router.provide(entry)
      logger.log('info', `Keeps "${entry.key}" of a peer that leaves.`, { peerId })
      return { taken: true }
    } catch (error) {
      const reason = errorMessage(error)
      logger.log('debug', `"${entry.key}" could not be taken over.`, { peerId, reason })
      return { refused: 'it could not be fetched or stored' }
    }
  }

  async #whyNot(entry: SignedEntry, peerId: PeerId): Promise<string | undefined> {
    const { repository, role, staysOn } = this.#options
    if (entry.repository !== repository) return 'it belongs to another repository'
    if (!staysOn || role === 'reader') return 'this node does not stay'
    if (entry.manifestBytes > MAX_MANIFEST_BYTES) return 'its manifest is too large'
    if (this.#hasEnough(peerId)) return 'it took enough of this peer already'
    return entry.contentBytes > (await this.#room(peerId)) ? 'there is no room for it' : undefined
  }

  async #fetch(entry: SignedEntry, peerId: PeerId, signal: AbortSignal): Promise<void> {
    const { store, transfer } = this.#parts
    const { manifest: digest, manifestBytes } = entry
    const holders = [peerId]
    const encoded = await transfer.fetchManifest(digest, manifestBytes, holders, { signal })
    const { catalog, content } = decodeManifest(encoded, digest)
    const chunks = [...new Map([...catalog, ...content].map((ref) => [ref.digest, ref])).values()]
    const held = await store.has(chunks.map((chunk) => chunk.digest))
    const missing = chunks.filter((_, index) => held[index] !== true)
    const bytes = totalBytes(missing)
    if (bytes > (await this.#room(peerId))) {
      throw new SwarmCacheError('ERR_LIMIT', 'The entry is larger than it says.')
    }
    this.#count(peerId, bytes)
    await store.putManifest(digest, encoded)
    const request = { manifest: digest, chunks: missing, holders, priority: 'background' } as const
    for await (const frame of transfer.fetchChunks(request, { signal })) {
      await store.put(frame)
      if (frame.isOwned === true) freeMemory(frame.bytes)
    }
  }

  /** Bytes that this peer may still put here. */
  async #room(peerId: PeerId): Promise<number> {
    const { bytes, limitBytes } = await this.#parts.store.usage()
    const share = limitBytes * SHARE_OF_LIMIT - (this.#taken.get(peerId)?.bytes ?? 0)
    // A seeder drops what is cold for it; a runner's disk is the job's.
    return this.#options.role === 'seeder' ? share : Math.min(share, limitBytes - bytes)
  }

  #hasEnough(peerId: PeerId): boolean {
    return (this.#taken.get(peerId)?.entries ?? 0) >= this.#options.maxEntriesPerPeer
  }

  #count(peerId: PeerId, bytes: number): void {
    const taken = this.#taken.get(peerId) ?? { entries: 0, bytes: 0 }
    this.#taken.delete(peerId)
    this.#taken.set(peerId, { entries: taken.entries + 1, bytes: taken.bytes + bytes })
    if (this.#taken.size <= MAX_PEERS) return
    const [oldest] = this.#taken.keys()
    if (oldest !== undefined) this.#taken.delete(oldest)
  }
}
