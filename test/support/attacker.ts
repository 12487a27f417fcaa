import { makeFrameSync } from '../../src/core/chunk.ts'
import { entryVersion } from '../../src/core/cache-key.ts'
import { digestOf } from '../../src/core/digest.ts'
import type { Digest } from '../../src/core/digest.ts'
import type { Entry, SignedEntry } from '../../src/core/entry.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { encodeManifest, MAX_FRAME_BYTES, totalBytes } from '../../src/core/manifest.ts'
import type { ChunkRef, Manifest } from '../../src/core/manifest.ts'
import { MessageStream } from '../../src/core/message.ts'
import type { ByteStream } from '../../src/core/byte-stream.ts'
import type { PeerId } from '../../src/core/peer.ts'
import { createPeerKey, signEntry } from '../../src/identity/identity.ts'
import type { PeerKey, SwarmKeys } from '../../src/identity/identity.ts'
import { DirectoryRegistry } from '../../src/registry/directory-registry.ts'
import { QUERY_PROTOCOL, QUESTION_LIMITS } from '../../src/router/query-wire.ts'
import { Libp2pSwarm } from '../../src/swarm/libp2p-swarm.ts'
import type { Swarm } from '../../src/swarm/swarm.ts'
import {
  encodeBits,
  parseRequest,
  REQUEST_LIMITS,
  TRANSFER_PROTOCOL,
} from '../../src/transfer/transfer-wire.ts'
import type { TransferRequest } from '../../src/transfer/transfer-wire.ts'

/** What an attacker answers, where it is not what an honest peer would. */
export interface Lies {
  /** The entry it offers, whatever is asked; one of those forged by default. */
  entry?: SignedEntry
  /** The frame of a chunk; undefined says that it is missing. */
  frame?: (digest: Digest) => Uint8Array | undefined
  /** It takes wishes for chunks and never fulfils them. */
  isSilent?: boolean
  /** Peers that it says have what it lacks itself. */
  readers?: readonly PeerId[]
  /** Answers a conversation about chunks in its own way. */
  transfer?: (stream: ByteStream, peerId: PeerId) => Promise<void>
}

/** Where the peers of a swarm meet. */
export interface MeetingPlace {
  readonly keys: SwarmKeys
  readonly repository: string
  readonly registryPath: string
}

/** A real member of the swarm, with its key, whose answers are made up. */
export class Attacker {
  readonly key: PeerKey = createPeerKey()
  readonly swarm: Swarm
  readonly lies: Lies
  readonly #place: MeetingPlace
  readonly #frames = new Map<Digest, Uint8Array>()
  readonly #manifests = new Map<Digest, Uint8Array>()

  constructor(place: MeetingPlace, lies: Lies = {}) {
    this.#place = place
    this.lies = lies
    this.swarm = new Libp2pSwarm(
      { peerKey: this.key, prologue: place.keys.prologue, logger: silentLogger },
      { role: 'runner', listen: ['/ip4/127.0.0.1/tcp/0'] },
    )
    this.swarm.handle(QUERY_PROTOCOL, (stream) => this.#answer(stream))
    this.swarm.handle(TRANSFER_PROTOCOL, (stream, peerId) =>
      this.lies.transfer === undefined ? this.#serve(stream) : this.lies.transfer(stream, peerId),
    )
  }

  /** Joins the swarm and announces itself, as any member may. */
  async start(): Promise<void> {
    await this.swarm.start()
    const { keys, registryPath } = this.#place
    const { peerId } = this.swarm
    const registry = new DirectoryRegistry({ keys }, { path: registryPath })
    const expires = Date.now() + 60_000
    await registry.announce({
      peerId,
      addresses: this.swarm.addresses(),
      role: 'seeder',
      expires,
    })
  }

  async stop(): Promise<void> {
    await this.swarm.stop()
  }

  /** A chunk that it will supply. */
  add(plain: Uint8Array): ChunkRef {
    const chunk = { digest: digestOf(plain), bytes: plain.length }
    this.#frames.set(chunk.digest, makeFrameSync(plain))
    return chunk
  }

  /** An entry with a manifest of its making, newer than any other and rightly signed; it offers it from now on. */
  forge(
    key: string,
    paths: readonly string[],
    manifest: Manifest,
    fields: Partial<Entry> = {},
  ): SignedEntry {
    const encoded = encodeManifest(manifest)
    return this.forgeEncoded(key, paths, encoded, {
      contentBytes: totalBytes(manifest.content),
      ...fields,
    })
  }

  /** The same of bytes that may be no manifest at all. */
  forgeEncoded(
    key: string,
    paths: readonly string[],
    encoded: Uint8Array,
    fields: Partial<Entry> = {},
  ): SignedEntry {
    const manifest = digestOf(encoded)
    this.#manifests.set(manifest, encoded)
    const entry = signEntry(
      {
        repository: this.#place.repository,
        scope: 'refs/heads/main',
        key,
        version: entryVersion(paths),
        manifest,
        manifestBytes: encoded.length,
        contentBytes: 0,
        created: Date.now() + 60_000,
        origin: 'save',
        ...fields,
      },
      this.key,
    )
    this.lies.entry = entry
    return entry
  }

  async #answer(stream: ByteStream): Promise<void> {
    const messages = new MessageStream(stream, QUESTION_LIMITS)
    const question = await messages.read()
    const { entry } = this.lies
    if (question === undefined) return
    const query = question.header['query'] as { except?: readonly string[] } | undefined
    if (query === undefined) await messages.write({ holds: true })
    else if (entry === undefined || query.except?.includes(entry.manifest) === true) {
      await messages.write({ nearMisses: [] })
    } else await messages.write({ entry, nearMisses: [] })
    await messages.closeWrite()
  }

  async #serve(stream: ByteStream): Promise<void> {
    const messages = new MessageStream(stream, REQUEST_LIMITS)
    for (;;) {
      const message = await messages.read()
      if (message === undefined) return
      const request = parseRequest(message.header, message.body)
      if (request !== undefined) await this.#reply(messages, request)
    }
  }

  async #reply(messages: MessageStream, request: TransferRequest): Promise<void> {
    if (request.kind === 'cancel' || request.kind === 'taken') return
    const { id } = request
    if (request.kind === 'manifest') {
      const manifest = this.#manifests.get(request.digest)
      if (manifest === undefined) await messages.write({ id, missing: true })
      for (let at = 0; at < (manifest?.length ?? 0); at += MAX_FRAME_BYTES) {
        const piece = manifest!.subarray(at, at + MAX_FRAME_BYTES)
        await messages.write({ id, manifestBytes: manifest!.length }, piece)
      }
      return
    }
    if (request.kind === 'have') {
      const { readers = [] } = this.lies
      // Unless it sends others ahead, it has everything that anybody asks for.
      const bits = encodeBits(request.digests.map(() => readers.length === 0))
      await messages.write({ id, have: true, readers, fetching: readers.length > 0 }, bits)
      return
    }
    if (request.kind === 'rest') {
      await messages.write({ id, rested: true })
      return
    }
    if (this.lies.isSilent === true) return
    for (const [index, digest] of request.digests.entries()) {
      const { frame: lie } = this.lies
      const frame = lie === undefined ? this.#frames.get(digest) : lie(digest)
      if (frame === undefined) await messages.write({ id: id + index, missing: true })
      else await messages.write({ id: id + index }, frame)
    }
  }
}
