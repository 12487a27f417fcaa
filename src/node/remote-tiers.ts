import { randomUUID } from 'node:crypto'
import type {
  FollowedPiece,
  FollowOptions,
  FollowRequest,
  ForgetOptions,
  ReadOptions,
  TierLookup,
  Tiers,
} from '../cache/cache.ts'
import type { OfferedPart } from '../core/archive-part.ts'
import type { Frame, SourcedFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import { parseSignedEntry } from '../core/entry.ts'
import type { Entry, EntryQuery, SignedEntry } from '../core/entry.ts'
import type { Inbox } from '../core/inbox.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { Company, Turn, TurnOptions } from '../lease/lease.ts'
import type { ControlChannel } from './control-channel.ts'
import { nodeGone } from './control-connection.ts'
import { openInbox } from './control-inboxes.ts'
import {
  MAX_DIGESTS,
  decodeError,
  decodeJson,
  encodeDigests,
  encodeRefs,
  readSource,
} from './control-protocol.ts'
import type { CallName } from './control-protocol.ts'
import { readPiece, readPlaces } from './place-messages.ts'
import { RemoteTurn } from './remote-turn.ts'

interface Wait {
  readonly signal?: AbortSignal
}

/** The way to a node for the tiers of one of its repositories. */
export interface RemoteCalls {
  /** The body of the answer; `bulk` keeps small calls from waiting behind large bodies. */
  call(
    name: CallName,
    args: Record<string, unknown>,
    options?: {
      readonly body?: Uint8Array
      readonly signal?: AbortSignal
      readonly bulk?: boolean
      readonly onWaiting?: (progress: number) => void
    },
  ): Promise<Uint8Array>
  /** Lends a connection of its own to `use`, and ends it afterwards. */
  stream<T>(
    use: (channel: ControlChannel) => AsyncGenerator<T>,
    signal?: AbortSignal,
  ): AsyncGenerator<T>
}

// The only call on its connection.
const READ_ID = 1

/** The tiers of a repository on a node of another process. */
export class RemoteTiers implements Tiers {
  readonly #calls: RemoteCalls
  readonly #repository: string
  readonly #home: string

  /** `home` is the node's, where this process finds it. */
  constructor(calls: RemoteCalls, repository: string, home: string) {
    this.#calls = calls
    this.#repository = repository
    this.#home = home
  }

  async find(query: EntryQuery, { signal }: Wait = {}): Promise<TierLookup> {
    const body = await this.#call('find', { query }, { signal })
    const lookup = decodeJson(body) as TierLookup
    const entry = parseSignedEntry(lookup.match?.entry)
    if (lookup.match === undefined || entry === undefined) return { nearMisses: lookup.nearMisses }
    return { match: { ...lookup.match, entry }, nearMisses: lookup.nearMisses }
  }

  async readManifest(entry: SignedEntry, { signal }: Wait = {}): Promise<Uint8Array> {
    return await this.#call('readManifest', { entry }, { signal, bulk: true })
  }

  readChunks(
    entry: SignedEntry,
    chunks: readonly ChunkRef[],
    { signal, unopened, placed }: ReadOptions = {},
  ): AsyncGenerator<SourcedFrame> {
    const home = this.#home
    const header = {
      id: READ_ID,
      call: 'readChunks',
      repository: this.#repository,
      entry,
      unopened,
      placed,
    }
    return this.#calls.stream(async function* (channel) {
      await channel.write(header, encodeRefs(chunks))
      const settlements = new Settlements(channel)
      for (;;) {
        const message = await channel.read()
        if (message === undefined) throw nodeGone()
        if (message.header['error'] !== undefined) throw decodeError(message.header['error'])
        if (message.header['end'] === true) return
        if (message.header['tier'] === undefined) {
          for (const { frame, number } of readPlaces(message.body, chunks, home)) {
            yield { ...frame, settle: (good) => settlements.add(number, good) }
          }
          continue
        }
        const frame = { ...readSource(message.header, chunks), bytes: message.body }
        const number = message.header['unopened']
        yield typeof number === 'number'
          ? { ...frame, settle: (good: boolean) => settlements.add(number, good) }
          : frame
      }
    }, signal)
  }

  async has(digests: readonly Digest[]): Promise<boolean[]> {
    const held: boolean[] = []
    for (let start = 0; start < digests.length; start += MAX_DIGESTS) {
      const asked = digests.slice(start, start + MAX_DIGESTS)
      const body = await this.#call('has', {}, { body: encodeDigests(asked) })
      for (const byte of body) held.push(byte === 1)
    }
    return held
  }

  async put({ chunk, bytes }: Frame): Promise<void> {
    await this.#call('put', { ...chunk }, { body: bytes, bulk: true })
  }

  async inbox(): Promise<Inbox | undefined> {
    return openInbox(decodeJson(await this.#call('inbox', {})), async (prefix, body) => {
      await this.#call('take', { prefix }, { body })
    })
  }

  async putManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.#call('putManifest', { digest }, { body: bytes, bulk: true })
  }

  async commit(entry: Omit<Entry, 'writer'> | SignedEntry): Promise<boolean> {
    return decodeJson(await this.#call('commit', { entry })) === true
  }

  async takeTurn(name: Digest, { signal, onWaiting }: TurnOptions = {}): Promise<Turn> {
    const turn = randomUUID()
    const body = await this.#call('takeTurn', { digest: name, turn }, { signal, onWaiting })
    const { by } = decodeJson(body) as { readonly by?: PeerId }
    if (by !== undefined) return { kind: 'done', by }
    return new RemoteTurn((call, args) => this.#call(call, { ...args, turn }))
  }

  async company(work: Digest): Promise<Company> {
    const company = decodeJson(await this.#call('company', { digest: work }))
    return company === 'waiting' || company === 'possible' ? company : 'none'
  }

  async offerPart(
    work: Digest,
    { entry, archiveBytes, first, pieces }: OfferedPart,
  ): Promise<boolean> {
    const args = { digest: work, entry, archiveBytes, first }
    return decodeJson(await this.#call('offerPart', args, { body: encodeRefs(pieces) })) === true
  }

  followArchive(
    request: FollowRequest,
    { signal, onArrival }: FollowOptions,
  ): AsyncGenerator<FollowedPiece> {
    const { work, ...follow } = request
    const home = this.#home
    const header = { id: READ_ID, call: 'followArchive', repository: this.#repository }
    return this.#calls.stream(async function* (channel) {
      await channel.write({ ...header, ...follow, digest: work })
      for (;;) {
        const message = await channel.read()
        if (message === undefined) throw nodeGone()
        if (message.header['error'] !== undefined) throw decodeError(message.header['error'])
        if (message.header['end'] === true) return
        if (message.header['arrived'] === true) onArrival?.()
        else yield readPiece(message, home)
      }
    }, signal)
  }

  async forget(entry: SignedEntry, { malformed = false }: ForgetOptions = {}): Promise<void> {
    await this.#call('forget', { entry, malformed })
  }

  async #call(
    name: CallName,
    args: Record<string, unknown>,
    options?: Parameters<RemoteCalls['call']>[2],
  ): Promise<Uint8Array> {
    return await this.#calls.call(name, { ...args, repository: this.#repository }, options)
  }
}

/** Tells the node which frames were good, those of one turn of the event loop at once. */
class Settlements {
  readonly #channel: ControlChannel
  #good: number[] = []
  #bad: number[] = []

  constructor(channel: ControlChannel) {
    this.#channel = channel
  }

  add(index: number, good: boolean): void {
    if (this.#good.length + this.#bad.length === 0) setImmediate(() => this.#send())
    const list = good ? this.#good : this.#bad
    list.push(index)
  }

  #send(): void {
    const message = { settle: READ_ID, good: this.#good, bad: this.#bad }
    this.#good = []
    this.#bad = []
    // Where the node has gone, reading says so.
    this.#channel.write(message).catch(() => {})
  }
}
