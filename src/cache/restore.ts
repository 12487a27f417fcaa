import type { UnpackPlan } from '../archive/archive.ts'
import { entryVersion } from '../core/cache-key.ts'
import { noBytes } from '../core/chunk.ts'
import type { BytesByTier, SourcedFrame, Tier } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
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
import type { CacheOptions, RestoreResult } from './cache.ts'
import { ContentRead } from './content-read.ts'
import { distinctChunks, orderFrames } from './entry-chunks.ts'
import { missOnFault } from './miss-on-fault.ts'
import { noteRestore } from './notes-file.ts'
import { explainNearMisses } from './near-misses.ts'
import { RestoreLookup } from './restore-lookup.ts'
import type { FoundAnswers } from './restore-lookup.ts'
import { SharedArchive } from './shared-archive.ts'
import { workName } from './shared-work.ts'
import { preferUpstream } from './source-choice.ts'
import type { TreeCacheOptions, TreeCacheParts } from './tree-parts.ts'
import { copyFromUpstream } from './upstream-copy.ts'

// A catalog is held in memory while it is compared with the disk; 256 MiB describe some 5 million files.
const MAX_CATALOG_BYTES = 256 * 1024 * 1024
// How the tiers say that the content of an entry cannot be had.
const LOST: readonly ErrorCode[] = ['ERR_INTEGRITY', 'ERR_PEER', 'ERR_STORE']

interface RestoreOptions extends TreeCacheOptions, Omit<CacheOptions, 'workingDirectory'> {
  readonly lookupOnly?: boolean
}

interface RestoreParts extends TreeCacheParts {
  readonly background: Background
}

/** One restore, from the lookup to the files on the disk. */
export class Restore {
  readonly #parts: RestoreParts
  readonly #options: RestoreOptions
  readonly #signal: AbortSignal
  readonly #lookup: RestoreLookup
  readonly #started = performance.now()
  readonly #bytes: BytesByTier = noBytes()
  readonly #servingPeers = new Set<string>()
  /** Manifests that could not be restored for a reason that lies in them, or as nobody has all of them. */
  readonly #useless = new Set<Digest>()

  constructor(parts: RestoreParts, options: RestoreOptions) {
    this.#parts = parts
    this.#options = options
    this.#signal = options.signal ?? new AbortController().signal
    this.#lookup = new RestoreLookup(parts, { signal: this.#signal, crossOs: options.crossOs })
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
    const found = await this.#lookup.find(paths, query)
    const source = preferUpstream(found.tiers.match, found.upstream, query)
    if (this.#options.lookupOnly === true) {
      if (source === 'upstream') return this.#upstreamResult(query, found.upstream?.key ?? key)
      if (found.tiers.match !== undefined) return this.#result(query, found.tiers.match, 0, 0)
      return this.#miss(query, found.tiers.nearMisses)
    }
    let tried =
      source === 'tiers' ? found.tiers.match : await this.#lookup.copyOf(found.upstream, query)
    while (tried !== undefined) {
      const result = await this.#fromTiers(paths, query, tried)
      if (result !== undefined) return result
      tried =
        source === 'tiers' ? await this.#lookup.another(query, tried, this.#useless) : undefined
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
    const shared = new SharedArchive(this.#parts, {
      work: workName('restore', name),
      request: this.#options.request,
      key: hit.key,
      paths,
      workingDirectory: this.#options.workingDirectory,
      signal: this.#signal,
      onWaiting: () => this.#report('lookup', 0),
      onProgress: (bytes) => {
        Object.assign(this.#bytes, bytes)
        for (const peer of shared.peers) this.#servingPeers.add(peer)
        this.#report(bytes.peers > 0 ? 'transfer' : 'upstream', bytes.peers + bytes.upstream)
      },
    })
    try {
      const turn = await shared.begin()
      if (turn.kind === 'mine') return await this.#fromUpstream(paths, query, found, turn, shared)
      if (turn.kind === 'followed') {
        const result = await this.#following(paths, query, found, shared)
        if (result !== undefined) return result
      }
      const copy = await this.#lookup.offeredCopy(hit, query)
      const result = copy === undefined ? undefined : await this.#fromTiers(paths, query, copy)
      return result ?? (await this.#fromUpstream(paths, query, found, UNLED_TURN))
    } finally {
      await shared.finish()
    }
  }

  /** Restores from what another downloads; undefined if there is a copy to take instead. */
  async #following(
    paths: readonly string[],
    query: EntryQuery,
    found: FoundAnswers,
    shared: SharedArchive,
  ): Promise<RestoreResult | undefined> {
    const hit = await this.#restoreUpstream(paths, query, UNLED_TURN, shared)
    const turn = shared.claimTurn() ?? UNLED_TURN
    if (hit !== undefined) return await this.#offer(paths, query, found, { hit, turn })
    if (shared.isCopyOffered) return undefined
    // Without the others, once; what they sent was of no use.
    return await this.#fromUpstream(paths, query, found, turn)
  }

  async #fromTiers(
    paths: readonly string[],
    query: EntryQuery,
    match: EntryMatch<SignedEntry>,
  ): Promise<RestoreResult | undefined> {
    const { entry } = match
    const { tiers, archive, logger } = this.#parts
    const content = new ContentRead(tiers, entry, this.#signal)
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
        onCold: () => content.begin(distinctChunks(manifest.content)),
      })
      const total = totalBytes(plan.chunks)
      this.#report('transfer', 0, total)
      const frames = this.#counted(content.frames(plan.chunks), total)
      await plan.write(frames, { signal: this.#signal })
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
      content.stop()
      await plan?.close()
    }
  }

  async #fromUpstream(
    paths: readonly string[],
    query: EntryQuery,
    found: FoundAnswers,
    turn: OwnTurn,
    shared?: SharedArchive,
  ): Promise<RestoreResult | undefined> {
    const hit = await this.#restoreUpstream(paths, query, turn, shared).catch((error: unknown) => {
      void turn.done(false)
      throw error
    })
    if (hit !== undefined) return await this.#offer(paths, query, found, { hit, turn })
    await turn.done(false)
    return undefined
  }

  /** Packs what was restored for those who come later, if this one had the turn to restore it. */
  async #offer(
    paths: readonly string[],
    query: EntryQuery,
    found: FoundAnswers,
    { hit, turn }: { readonly hit: UpstreamHit; readonly turn: OwnTurn },
  ): Promise<RestoreResult> {
    if (this.#options.request.writeRefused === undefined) {
      copyFromUpstream(this.#parts, this.#options, { paths, query, key: hit.key, turn })
    }
    return this.#upstreamResult(query, hit.key, found.tiers.nearMisses)
  }

  async #restoreUpstream(
    paths: readonly string[],
    query: EntryQuery,
    turn: OwnTurn,
    shared?: SharedArchive,
  ): Promise<UpstreamHit | undefined> {
    const { upstream, logger } = this.#parts
    if (upstream === undefined) return undefined
    this.#report('upstream', 0)
    // Bytes of a peer that failed half-way were not what the tree was made of.
    Object.assign(this.#bytes, noBytes())
    this.#servingPeers.clear()
    const work = upstream.restore(paths, query.key, query.restoreKeys, {
      signal: this.#signal,
      crossOs: this.#options.crossOs,
      source: shared,
      onProgress: (bytes) => {
        // What is shared is counted where it comes in.
        if (shared?.isUsed === true) return
        this.#bytes.upstream = bytes
        turn.progressed()
        this.#report('upstream', bytes)
      },
    })
    const options = { what: 'The upstream', otherwise: undefined, signal: this.#signal, logger }
    return await missOnFault(work, options)
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
