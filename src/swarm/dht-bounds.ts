import type { PeerId, PeerInfo, Stream } from '@libp2p/interface'
import type { KadDHT, kadDHT } from '@libp2p/kad-dht'

type CreateDht = ReturnType<typeof kadDHT>
type Components = Parameters<CreateDht>[0]
type Datastore = Components['datastore']
type Key = Parameters<Datastore['put']>[0]

// An honest answer names twice twenty peers, with a few addresses each.
const MAX_ANSWER_BYTES: number = 32 * 1024
// Each peer that an answer names is looked at, kept and perhaps dialled; a large fleet is learnt in a minute.
const NAMED_BURST = 64
const NAMED_PER_SECOND = 8
// What peers say that they hold, as far as it is kept here: some 15 MB.
const MAX_RECORDS = 50_000
const RECORD_PREFIX = '/dht/provider/'

/** kad-dht with bounds on what other members can have it take in, keep and dial. */
export function withinBounds(create: CreateDht): CreateDht {
  return (components: Components): KadDHT => {
    const datastore = new BoundedRecords(components.datastore).datastore
    return create(
      replacing(components, {
        datastore: () => datastore,
        connectionManager: () => boundedStreams(components.connectionManager),
      }),
    )
  }
}

/** Peers as they are named, or without their addresses once too many are, which leaves them aside. */
export function limitNamedPeers(
  isConnected: (peerId: PeerId) => boolean,
  now: () => number = () => performance.now(),
): (peer: PeerInfo) => PeerInfo {
  let tokens = NAMED_BURST
  let filledAt = now()
  return (peer) => {
    if (isConnected(peer.id)) return peer
    const at = now()
    tokens = Math.min(NAMED_BURST, tokens + ((at - filledAt) / 1000) * NAMED_PER_SECOND)
    filledAt = at
    if (tokens < 1) return { ...peer, multiaddrs: [] }
    tokens -= 1
    return peer
  }
}

function boundedStreams(manager: Components['connectionManager']): Components['connectionManager'] {
  return replacing(manager, {
    openStream:
      () =>
      async (...call: Parameters<typeof manager.openStream>): Promise<Stream> => {
        const stream = await manager.openStream(...call)
        let bytes = 0
        // Nothing has been asked yet, so nothing is missed by those who listen later.
        stream.addEventListener('message', ({ data }) => {
          bytes += data.byteLength
          if (bytes > MAX_ANSWER_BYTES) stream.abort(new Error('the answer is too long'))
        })
        return stream
      },
  })
}

/** The datastore of the DHT; when it is full, whoever has put in most loses its oldest record. */
export class BoundedRecords {
  readonly datastore: Datastore
  readonly #maxRecords: number
  readonly #records = new Map<string, Map<string, Key>>()
  #count = 0

  constructor(datastore: Datastore, maxRecords: number = MAX_RECORDS) {
    this.#maxRecords = maxRecords
    this.datastore = replacing(datastore, {
      put:
        () =>
        async (...call: Parameters<Datastore['put']>) => {
          const dropped = this.#add(call[0])
          if (dropped !== undefined) await datastore.delete(dropped)
          return await datastore.put(...call)
        },
      delete:
        () =>
        async (...call: Parameters<Datastore['delete']>) => {
          this.#remove(call[0])
          await datastore.delete(...call)
        },
    })
  }

  /** The record that has to go for it. */
  #add(key: Key): Key | undefined {
    const name = key.toString()
    if (!name.startsWith(RECORD_PREFIX)) return undefined
    this.#remove(key)
    const peer = peerOf(name)
    const own = this.#records.get(peer) ?? new Map<string, Key>()
    this.#records.set(peer, own)
    own.set(name, key)
    this.#count += 1
    if (this.#count <= this.#maxRecords) return undefined
    let most = own
    for (const records of this.#records.values()) if (records.size > most.size) most = records
    const [oldest] = most.values()
    if (oldest !== undefined) this.#remove(oldest)
    return oldest
  }

  #remove(key: Key): void {
    const name = key.toString()
    const peer = peerOf(name)
    const own = this.#records.get(peer)
    if (own?.delete(name) !== true) return
    this.#count -= 1
    if (own.size === 0) this.#records.delete(peer)
  }
}

function peerOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

/** The same object with some properties made anew; its methods work on the original. */
function replacing<T extends object>(
  object: T,
  replacements: { readonly [name in keyof T]?: () => unknown },
): T {
  return new Proxy(object, {
    get(target, name) {
      const replacement = replacements[name as keyof T]
      if (replacement !== undefined) return replacement()
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
