import type { SignedEntry } from '../core/entry.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { MAX_MANIFEST_BYTES } from '../core/manifest.ts'
import type { PeerId } from '../core/peer.ts'
import type { Router } from '../router/router.ts'
import type { Transfer } from '../transfer/transfer.ts'

/** The way to the other peers of a repository. */
export interface TierPeers {
  readonly router: Router
  readonly transfer: Transfer
}

/**
 * The verified bytes of an entry's manifest, from `holders`, else from each peer that the router names.
 *
 * @throws ERR_PEER if nobody supplied it, or the signal's reason.
 */
export async function fetchManifest(
  peers: TierPeers | undefined,
  entry: SignedEntry,
  holders: readonly PeerId[],
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (peers === undefined) throw manifestGone(entry, 'no swarm is joined')
  const { manifest, manifestBytes } = entry
  if (manifestBytes > MAX_MANIFEST_BYTES) {
    throw manifestGone(entry, `it claims ${manifestBytes} bytes`)
  }
  const { router, transfer } = peers
  let failure: unknown
  const fetchFrom = async (from: readonly PeerId[]): Promise<Uint8Array | undefined> => {
    try {
      return await transfer.fetchManifest(manifest, manifestBytes, from, { signal })
    } catch (error) {
      signal?.throwIfAborted()
      failure = error
      return undefined
    }
  }
  const tried = new Set(holders)
  const fetched = tried.size === 0 ? undefined : await fetchFrom(holders)
  if (fetched !== undefined) return fetched
  for await (const holder of router.holders(manifest, { signal })) {
    if (tried.has(holder)) continue
    tried.add(holder)
    const late = await fetchFrom([holder])
    if (late !== undefined) return late
  }
  throw manifestGone(entry, 'no peer supplied it', failure)
}

function manifestGone(entry: SignedEntry, why: string, cause?: unknown): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_PEER',
    `The manifest of "${entry.key}" cannot be read: it is not stored here, and ${why}.`,
    { cause, facts: { key: entry.key, manifest: entry.manifest } },
  )
}
