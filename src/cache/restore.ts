import type { UnpackPlan } from '../archive/archive.ts'
import { abortable, pause, withDeadline } from '../async/deadline.ts'
import { entryVersion } from '../core/cache-key.ts'
import { noBytes } from '../core/chunk.ts'
import type { BytesByTier, SourcedFrame, Tier } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import { MAX_EXCEPTED } from '../core/entry.ts'
import type { EntryQuery, NearMiss, SignedEntry } from '../core/entry.ts'
import { foldKey } from '../core/entry-match.ts'
import type { EntryMatch } from '../core/entry-match.ts'
import { SwarmCacheError, errorMessage, isMalformed, isSwarmCacheError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import { decodeManifest, totalBytes } from '../core/manifest.ts'
import { UNLED_TURN } from '../lease/lease.ts'
import type { OwnTurn } from '../lease/lease.ts'
import type { UpstreamHit } from '../store/store.ts'
import type { Background } from './background.ts'
import type { CacheOptions, RestoreResult, TierLookup } from './cache.ts'
import { distinctChunks, orderFrames } from './entry-chunks.ts'
import { takeTurn, workName } from './shared-work.ts'
import { noteRestore } from './notes-file.ts'
import { explainNearMisses } from './near-misses.ts'
import { preferUpstream } from './source-choice.ts'
import type { TreeCacheOptions, TreeCacheParts } from './tree-parts.ts'
import { copyFromUpstream } from './upstream-copy.ts'

// Peers on a LAN answer within a few milliseconds; asking the upstream only after that spares its quota
// (1500 lookups a minute for a repository) and costs a total miss no more than this.
const UPSTREAM_HEAD_START_MS = 15
// The waits before each look for what is known to be offered; a peer that was too slow once is left alone for a second.
const OFFERED_LOOK_MS = [0, 250, 1000]
// The router and the control socket keep shorter deadlines of their own; this one holds if they fail to.
const LOOKUP_DEADLINE_MS = 15_000
// A catalog is held in memory while it is compared with the disk; 256 MiB describe some 5 million files.
const MAX_CATALOG_BYTES = 256 * 1024 * 1024
// How the tiers say that the content of an entry cannot be had.
const LOST: readonly ErrorCode[] = ['ERR_INTEGRITY', 'ERR_PEER', 'ERR_STORE']

interface RestoreOptions extends TreeCacheOptions, Omit<CacheOptions, 'workingDirectory'> {
  readonly lookupOnly?: boolean
}

interface FoundAnswers {
  readonly tiers: TierLookup
  readonly upstream?: UpstreamHit
  /** False once it said that it has nothing, or failed: asking again would only cost as much again. */
  readonly askUpstream: boolean
}

interface RestoreParts extends TreeCacheParts {
  readonly background: Background
}

/** One restore, from the lookup to the files on the disk. */
export class Restore {
  readonly #parts: RestoreParts
  readonly #options: RestoreOptions
  readonly #signal: AbortSignal
  readonly #started = performance.now()
  readonly #bytes: BytesByTier = noBytes()
  readonly #servingPeers = new Set<string>()
  /** Manifests that could not be restored for a reason that lies in them, or as nobody has all of them. */
  readonly #useless = new Set<Digest>()

  constructor(parts: RestoreParts, options: RestoreOptions) {
    this.#parts = parts
    this.#options = options
    this.#signal = options.signal ?? new AbortController().signal
  }

  async run(
    paths: readonly string[],
    key: string,
    restoreKeys: readonly string[],
  ): Promise<RestoreResult> {
    const query: EntryQuery = {
      repository: this.#options.request.repository,
      scopes: this.#options.request.readable,
      key,
      restoreKeys,
      version: entryVersion(paths, this.#options.crossOs),
    }
    const { readRefused } = this.#options.request
    if (readRefused !== undefined) {
      this.#parts.logger.log('notice', `Nothing is restored. ${readRefused}`)
      return this.#miss(query, [])
    }
    this.#report('lookup', 0)
    const found = await this.#lookup(paths, query)
    const source = preferUpstream(found.tiers.match, found.upstream, query)
    if (this.#options.lookupOnly === true) {
      if (source === 'upstream') return this.#upstreamResult(query, found.upstream?.key ?? key)
      if (found.tiers.match !== undefined) return this.#result(query, found.tiers.match, 0, 0)
      return this.#miss(query, found.tiers.nearMisses)
    }
    let tried = source === 'tiers' ? found.tiers.match : await this.#copyOf(found.upstream, query)
    while (tried !== undefined) {
      const result = await this.#fromTiers(paths, query, tried)
      if (result !== undefined) return result
      tried = source === 'tiers' ? await this.#another(query, tried) : undefined
    }
    const restored = found.askUpstream ? await this.#inTurn(paths, query, found) : undefined
    return restored ?? this.#miss(query, found.tiers.nearMisses)
  }

  /** Of all runners that want the same from the upstream one brings it for the others. */
  async #inTurn(
    paths: readonly string[],
    query: EntryQuery,
    found: FoundAnswers,
  ): Promise<RestoreResult | undefined> {
    const hit = found.upstream
    const { repository, scope, writeRefused } = this.#options.request
    // A copy for the others would be an entry of the own scope.
    if (hit === undefined || writeRefused !== undefined) {
      return await this.#fromUpstream(paths, query, found, UNLED_TURN)
    }
    const name = { repository, scope, version: query.version, key: hit.key }
    const turn = await takeTurn(this.#parts, workName('restore', name), {
      signal: this.#signal,
      onWaiting: () => this.#report('lookup', 0),
    })
    if (turn.kind === 'mine') return await this.#fromUpstream(paths, query, found, turn)
    const copy = await this.#offeredCopy(hit, query)
    const result = copy === undefined ? undefined : await this.#fromTiers(paths, query, copy)
    return result ?? (await this.#fromUpstream(paths, query, found, UNLED_TURN))
  }

  /** What another has just offered; a whole crowd asks for it now, so one question may be too few. */
  async #offeredCopy(
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
  async #lookup(paths: readonly string[], query: EntryQuery): Promise<FoundAnswers> {
    const none: TierLookup = { nearMisses: [] }
    const tiers = this.#fault(
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
    const asked = this.#fault(
      'Asking the upstream',
      undefined,
      upstream.lookup(paths, query.key, query.restoreKeys, {
        signal: AbortSignal.any([this.#signal, stop.signal]),
        crossOs: this.#options.crossOs,
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
  async #copyOf(
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
    const lookup = await this.#fault(
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
  async #another(
    query: EntryQuery,
    { hit, entry }: EntryMatch<SignedEntry>,
  ): Promise<EntryMatch<SignedEntry> | undefined> {
    if (!this.#useless.has(entry.manifest) || this.#useless.size > MAX_EXCEPTED) return undefined
    const lookup = await this.#fault(
      'Asking the peers',
      undefined,
      withDeadline(LOOKUP_DEADLINE_MS, 'Asking the peers', this.#signal, (signal) =>
        this.#parts.tiers.find({ ...query, except: [...this.#useless] }, { signal }),
      ),
    )
    return lookup?.match?.hit === hit ? lookup.match : undefined
  }

  async #fromTiers(
    paths: readonly string[],
    query: EntryQuery,
    match: EntryMatch<SignedEntry>,
  ): Promise<RestoreResult | undefined> {
    const { entry } = match
    const { tiers, archive, logger } = this.#parts
    let plan: UnpackPlan | undefined
    try {
      const encoded = await tiers.readManifest(entry, { signal: this.#signal })
      const manifest = decodeManifest(encoded, entry.manifest)
      if (totalBytes(manifest.content) !== entry.contentBytes) {
        const message = `The entry "${entry.key}" says another size than its manifest.`
        throw new SwarmCacheError('ERR_INTEGRITY', message, { facts: { malformed: true } })
      }
      if (totalBytes(manifest.catalog) > MAX_CATALOG_BYTES) {
        throw new SwarmCacheError('ERR_LIMIT', `The catalog of ${entry.key} is too large.`)
      }
      const catalog = tiers.readChunks(entry, distinctChunks(manifest.catalog), {
        signal: this.#signal,
      })
      plan = await archive.plan(manifest, orderFrames(manifest.catalog, catalog), paths, {
        signal: this.#signal,
        workingDirectory: this.#options.workingDirectory,
        threads: this.#options.threads,
      })
      const total = totalBytes(plan.chunks)
      this.#report('transfer', 0, total)
      await plan.write(
        this.#counted(
          tiers.readChunks(entry, plan.chunks, {
            signal: this.#signal,
            unopened: true,
            placed: true,
          }),
          total,
        ),
        { signal: this.#signal },
      )
      if (match.hit === 'prefix') await noteRestore(plan, this.#options, paths)
      return this.#result(query, match, plan.files, plan.skipped)
    } catch (error) {
      this.#signal.throwIfAborted()
      // An entry whose content is damaged or gone must not stand in the way of a new one.
      if (LOST.some((code) => isSwarmCacheError(error, code))) {
        this.#useless.add(entry.manifest)
        await tiers.forget(entry, { malformed: isMalformed(error) }).catch(() => {})
      } else if (isSwarmCacheError(error, 'ERR_PATH') && error.facts['undeclared'] === true) {
        this.#useless.add(entry.manifest)
      }
      logger.log('warning', `Restoring "${entry.key}" failed: ${errorMessage(error)}`)
      return undefined
    } finally {
      await plan?.close()
    }
  }

  async #fromUpstream(
    paths: readonly string[],
    query: EntryQuery,
    found: FoundAnswers,
    turn: OwnTurn,
  ): Promise<RestoreResult | undefined> {
    const hit = await this.#restoreUpstream(paths, query, turn).catch((error: unknown) => {
      void turn.done(false)
      throw error
    })
    if (hit === undefined) {
      await turn.done(false)
      return undefined
    }
    if (this.#options.request.writeRefused === undefined) {
      copyFromUpstream(this.#parts, this.#options, { paths, query, key: hit.key, turn })
    }
    return this.#upstreamResult(query, hit.key, found.tiers.nearMisses)
  }

  async #restoreUpstream(
    paths: readonly string[],
    query: EntryQuery,
    turn: OwnTurn,
  ): Promise<UpstreamHit | undefined> {
    const { upstream } = this.#parts
    if (upstream === undefined) return undefined
    this.#report('upstream', 0)
    // Bytes of a peer that failed half-way were not what the tree was made of.
    Object.assign(this.#bytes, noBytes())
    this.#servingPeers.clear()
    return await this.#fault(
      'The upstream',
      undefined,
      upstream.restore(paths, query.key, query.restoreKeys, {
        signal: this.#signal,
        crossOs: this.#options.crossOs,
        onProgress: (bytes) => {
          this.#bytes.upstream = bytes
          turn.progressed()
          this.#report('upstream', bytes)
        },
      }),
    )
  }

  async *#counted(frames: AsyncIterable<SourcedFrame>, total: number): AsyncIterable<SourcedFrame> {
    let received = 0
    const from = new Map<Digest, Tier>()
    for await (const frame of frames) {
      const { chunk, tier } = frame
      const before = from.get(chunk.digest)
      from.set(chunk.digest, tier)
      this.#bytes[tier] += chunk.bytes
      if (before === undefined) received += chunk.bytes
      // It comes again because it was of no use.
      else this.#bytes[before] -= chunk.bytes
      if (frame.peer !== undefined) this.#servingPeers.add(frame.peer)
      this.#report('transfer', received, total)
      yield frame
    }
  }

  /** The result of `work`, or `otherwise` with a warning; the request's own abort passes. */
  async #fault<T>(what: string, otherwise: T, work: Promise<T>, quiet?: AbortSignal): Promise<T> {
    try {
      return await abortable(work, this.#signal)
    } catch (error) {
      this.#signal.throwIfAborted()
      if (quiet?.aborted !== true) {
        this.#parts.logger.log('warning', `${what} failed: ${errorMessage(error)}`)
      }
      return otherwise
    }
  }

  #report(phase: 'lookup' | 'transfer' | 'upstream', bytes: number, totalBytes?: number): void {
    this.#options.onProgress?.({ phase, bytes, totalBytes, peers: this.#servingPeers.size })
  }

  #result(
    query: EntryQuery,
    match: EntryMatch<SignedEntry>,
    files: number,
    skipped: number,
  ): RestoreResult {
    return {
      ...this.#base(query),
      hit: match.hit,
      matchedKey: match.entry.key,
      scope: match.entry.scope,
      files,
      skipped,
    }
  }

  #upstreamResult(
    query: EntryQuery,
    matchedKey: string,
    nearMisses: readonly NearMiss[] = [],
  ): RestoreResult {
    const exact = foldKey(matchedKey) === foldKey(query.key)
    if (!exact) explainNearMisses(this.#parts.logger, query, nearMisses)
    return { ...this.#base(query), hit: exact ? 'exact' : 'prefix', matchedKey }
  }

  #miss(query: EntryQuery, nearMisses: readonly NearMiss[]): RestoreResult {
    explainNearMisses(this.#parts.logger, query, nearMisses)
    return { ...this.#base(query), bytes: noBytes(), peers: 0, hit: 'miss' }
  }

  #base(query: EntryQuery): Omit<RestoreResult, 'hit'> {
    return {
      key: query.key,
      files: 0,
      skipped: 0,
      bytes: { ...this.#bytes },
      peers: this.#servingPeers.size,
      milliseconds: Math.round(performance.now() - this.#started),
    }
  }
}
