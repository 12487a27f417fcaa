import { openFrame } from '../core/chunk.ts'
import type { SourcedFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import { isSwarmCacheError, SwarmCacheError } from '../core/errors.ts'
import { decodeManifest } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { ChunkSupply, FetchRequest, Transfer, TransferOptions } from './transfer.ts'

/** What the started transfers that know of each other supply. */
export type MemoryTransferGroup = Map<PeerId, ChunkSupply>

/** What a transfer in memory works with. */
export interface MemoryTransferParts {
  readonly peerId: PeerId
  readonly group: MemoryTransferGroup
  readonly supply: ChunkSupply
}

/** Takes what it is asked for directly from the supplies of its group, checked as if it had travelled. */
export class MemoryTransfer implements Transfer {
  readonly #parts: MemoryTransferParts

  constructor(parts: MemoryTransferParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    this.#parts.group.set(this.#parts.peerId, this.#parts.supply)
  }

  async stop(): Promise<void> {
    this.#parts.group.delete(this.#parts.peerId)
  }

  async fetchManifest(
    manifest: Digest,
    bytes: number,
    holders: readonly PeerId[],
    options: TransferOptions = {},
  ): Promise<Uint8Array> {
    for (const peerId of holders) {
      options.signal?.throwIfAborted()
      const held = await this.#parts.group.get(peerId)?.manifest(manifest)
      if (held === undefined || held.length > bytes) continue
      try {
        decodeManifest(held, manifest)
        return held
      } catch (error) {
        if (!isSwarmCacheError(error, 'ERR_INTEGRITY')) throw error
      }
    }
    options.signal?.throwIfAborted()
    throw new SwarmCacheError('ERR_PEER', `No peer supplied the manifest ${manifest}.`)
  }

  async *fetchChunks(
    request: FetchRequest,
    options: TransferOptions = {},
  ): AsyncGenerator<SourcedFrame, void, void> {
    for await (const chunk of allChunks(request)) {
      const frame = await this.#fetchChunk(chunk, request.holders, options.signal)
      options.signal?.throwIfAborted()
      if (frame === undefined) {
        throw new SwarmCacheError('ERR_PEER', `No peer supplied the chunk ${chunk.digest}.`)
      }
      yield frame
    }
  }

  async #fetchChunk(
    chunk: ChunkRef,
    holders: readonly PeerId[],
    signal: AbortSignal | undefined,
  ): Promise<SourcedFrame | undefined> {
    for (const peer of holders) {
      signal?.throwIfAborted()
      const supplied = await this.#parts.group.get(peer)?.frame(chunk.digest)
      if (supplied === undefined) continue
      const { bytes } = supplied
      try {
        await openFrame({ chunk, bytes })
        return { chunk, bytes, tier: 'peers', peer }
      } catch (error) {
        if (!isSwarmCacheError(error, 'ERR_INTEGRITY')) throw error
      }
    }
    return undefined
  }
}

async function* allChunks({ chunks, more }: FetchRequest): AsyncGenerator<ChunkRef> {
  yield* chunks
  if (more !== undefined) for await (const further of more) yield* further
}
