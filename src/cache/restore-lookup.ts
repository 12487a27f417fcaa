import { pause, withDeadline } from '../async/deadline.ts'
import type { Digest } from '../core/digest.ts'
import { MAX_EXCEPTED } from '../core/entry.ts'
import type { EntryQuery, SignedEntry } from '../core/entry.ts'
import { foldKey } from '../core/entry-match.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import { SwarmCacheError } from '../core/errors.ts'
import type { UpstreamHit } from '../store/store.ts'
import type { TierLookup } from './cache.ts'
import { missOnFault } from './miss-on-fault.ts'
import type { TreeCacheParts } from './tree-parts.ts'

// Peers on a LAN answer within a few milliseconds; asking the upstream only after that spares its quota
// (1500 lookups a minute for a repository) and costs a total miss no more than this.
const UPSTREAM_HEAD_START_MS = 15
// The waits before each look for what is known to be offered; a peer that was too slow once is left alone for a second.
const OFFERED_LOOK_MS = [0, 250, 1000]
// The router and the control socket keep shorter deadlines of their own; this one holds if they fail to.
const LOOKUP_DEADLINE_MS = 15_000

/** What the tiers and the upstream have said to a query. */
export interface FoundAnswers {
  readonly tiers: TierLookup
  readonly upstream?: UpstreamHit
  /** False once it said that it has nothing, or failed: asking again would only cost as much again. */
  readonly askUpstream: boolean
}

/** How a restore looks. */
export interface RestoreLookupOptions {
  readonly signal: AbortSignal
  readonly crossOs?: boolean
}

/** The questions of one restore to the tiers and the upstream; what fails is a miss with a warning. */
export class RestoreLookup {
  readonly #parts: Pick<TreeCacheParts, 'tiers' | 'upstream' | 'logger'>
  readonly #signal: AbortSignal
  readonly #crossOs: boolean | undefined

  constructor(
    parts: Pick<TreeCacheParts, 'tiers' | 'upstream' | 'logger'>,
    options: RestoreLookupOptions,
  ) {
    this.#parts = parts
    this.#signal = options.signal
    this.#crossOs = options.crossOs
  }

  /** What another has just offered; a whole crowd asks for it now, so one question may be too few. */
  async offeredCopy(
    hit: UpstreamHit,
    query: EntryQuery,
  ): Promise<EntryMatch<SignedEntry> | undefined> {
    for (const waitMs of OFFERED_LOOK_MS) {
      if (waitMs > 0) await pause(waitMs, this.#signal)
      const copy = await this.#exactly(hit, query)
      if (copy !== undefined) return copy
    }
    return undefined
  }

  /** Asks the tiers and, unless they answer exactly at once, the upstream at the same time. */
  async find(paths: readonly string[], query: EntryQuery): Promise<FoundAnswers> {
    const none: TierLookup = { nearMisses: [] }
    const tiers = this.#orMiss(
      'Asking the peers',
      none,
      withDeadline(LOOKUP_DEADLINE_MS, 'Asking the peers', this.#signal, (signal) =>
        this.#parts.tiers.find(query, { signal }),
      ),
    )
    const { upstream } = this.#parts
    if (upstream === undefined) return { tiers: await tiers, askUpstream: false }
    const early = await Promise.race([
      tiers,
      pause(UPSTREAM_HEAD_START_MS, this.#signal).then(() => undefined),
    ])
    if (early?.match?.hit === 'exact') return { tiers: early, askUpstream: true }
    const stop = new AbortController()
    const asked = this.#orMiss(
      'Asking the upstream',
      undefined,
      upstream.lookup(paths, query.key, query.restoreKeys, {
        signal: AbortSignal.any([this.#signal, stop.signal]),
        crossOs: this.#crossOs,
      }),
      stop.signal,
    )
    const answer = await tiers
    if (answer.match?.hit === 'exact') {
      stop.abort(new SwarmCacheError('ERR_ABORTED', 'A peer has the exact key.'))
      return { tiers: answer, askUpstream: true }
    }
    const hit = await asked
    return { tiers: answer, upstream: hit, askUpstream: hit !== undefined }
  }

  /** What the upstream would restore may be held by a peer that restored it before. */
  async copyOf(
    hit: UpstreamHit | undefined,
    query: EntryQuery,
  ): Promise<EntryMatch<SignedEntry> | undefined> {
    if (hit === undefined || foldKey(hit.key) === foldKey(query.key)) return undefined
    return await this.#exactly(hit, query)
  }

  /** An entry of the tiers under just the key that the upstream named. */
  async #exactly(
    hit: UpstreamHit,
    query: EntryQuery,
  ): Promise<EntryMatch<SignedEntry> | undefined> {
    const exact = { ...query, key: hit.key, restoreKeys: [] }
    const lookup = await this.#orMiss(
      'Asking the peers',
      undefined,
      withDeadline(LOOKUP_DEADLINE_MS, 'Asking the peers', this.#signal, (signal) =>
        this.#parts.tiers.find(exact, { signal }),
      ),
    )
    if (lookup?.match?.hit !== 'exact') return undefined
    return { ...lookup.match, hit: foldKey(hit.key) === foldKey(query.key) ? 'exact' : 'prefix' }
  }

  /** Another entry that answers like one which turned out to be of no use. */
  async another(
    query: EntryQuery,
    { hit, entry }: EntryMatch<SignedEntry>,
    useless: ReadonlySet<Digest>,
  ): Promise<EntryMatch<SignedEntry> | undefined> {
    if (!useless.has(entry.manifest) || useless.size > MAX_EXCEPTED) return undefined
    const lookup = await this.#orMiss(
      'Asking the peers',
      undefined,
      withDeadline(LOOKUP_DEADLINE_MS, 'Asking the peers', this.#signal, (signal) =>
        this.#parts.tiers.find({ ...query, except: [...useless] }, { signal }),
      ),
    )
    return lookup?.match?.hit === hit ? lookup.match : undefined
  }

  async #orMiss<T>(what: string, otherwise: T, work: Promise<T>, quiet?: AbortSignal): Promise<T> {
    const { logger } = this.#parts
    return await missOnFault(work, { what, otherwise, quiet, logger, signal: this.#signal })
  }
}
