import { openFrame } from '../core/chunk.ts'
import type { Digest } from '../core/digest.ts'
import type { SignedEntry } from '../core/entry.ts'
import { errorMessage } from '../core/errors.ts'
import type { DigestFolder } from './digest-folder.ts'
import type { EntryFiles } from './entry-files.ts'
import type { EntryIndex } from './entry-index.ts'
import type { IndexDatabase } from './index-database.ts'
import type { RepositoryFiles } from './repository-files.ts'
import type { SpaceLedger } from './space-ledger.ts'
import type { StoreReport } from './store.ts'
import { Turn } from './turn.ts'

/** What a verification reads and repairs. */
export interface VerificationParts {
  readonly tag: string
  readonly database: IndexDatabase
  readonly entryFiles: EntryFiles
  readonly index: EntryIndex
  readonly files: RepositoryFiles
  readonly ledger: SpaceLedger
}

/** Reads and checks everything of one repository, in named steps; what is damaged is taken out of use. */
export class Verification {
  readonly #parts: VerificationParts
  readonly #signal: AbortSignal | undefined
  readonly #turn = new Turn()
  readonly #problems: string[] = []

  constructor(parts: VerificationParts, signal?: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  async run(deep: boolean): Promise<StoreReport> {
    const { tag, ledger } = this.#parts
    ledger.settle()
    const noted = ledger.noted().get(tag)
    this.#checkIndex()
    const entries = await this.#checkEntries()
    const manifests = await this.#checkManifests()
    const chunks = await this.#checkChunks(deep)
    const { complete, used } = await this.#checkCompleteness(entries, chunks)
    const left = [...chunks.keys(), ...manifests]
    const counted = this.#turn.step(() => this.#parts.files.count())
    ledger.recount(tag, counted, noted)
    return {
      chunks: chunks.size,
      manifests: manifests.length,
      entries: complete,
      orphans: left.filter((digest) => !used.has(digest)).length,
      problems: this.#problems,
    }
  }

  #checkIndex(): void {
    const { database, index } = this.#parts
    this.#problems.push(...database.check())
    database.run((prepare) => index.reconcile(prepare))
  }

  async #checkEntries(): Promise<SignedEntry[]> {
    const entryFiles = this.#parts.entryFiles.reportingTo(this.#note)
    const entries: SignedEntry[] = []
    for (const name of entryFiles.names()) {
      await this.#turn.pass(this.#signal)
      const entry = this.#turn.step(() => entryFiles.read(name))
      if (entry !== undefined) entries.push(entry)
    }
    return entries
  }

  async #checkManifests(): Promise<Digest[]> {
    const { files } = this.#parts
    const good: Digest[] = []
    for await (const digest of this.#list(files.manifests)) {
      if (this.#turn.step(() => files.readManifest(digest, this.#note)) !== undefined) {
        good.push(digest)
      }
    }
    return good
  }

  /** Plain sizes of the good chunks. */
  async #checkChunks(deep: boolean): Promise<Map<Digest, number>> {
    const { files } = this.#parts
    const good = new Map<Digest, number>()
    for await (const digest of this.#list(files.chunks)) {
      const file = this.#turn.step(() => files.readChunk(digest, this.#note))
      if (file === undefined) continue
      if (deep) {
        try {
          await openFrame({ chunk: { digest, bytes: file.plainBytes }, bytes: file.frame })
        } catch (error) {
          files.discardChunk(digest, errorMessage(error), this.#note)
          continue
        }
      }
      good.set(digest, file.plainBytes)
    }
    return good
  }

  async #checkCompleteness(
    entries: readonly SignedEntry[],
    chunks: ReadonlyMap<Digest, number>,
  ): Promise<{ complete: number; used: Set<Digest> }> {
    const { index } = this.#parts
    const used = new Set<Digest>()
    let complete = 0
    for (const entry of entries) {
      await this.#turn.pass(this.#signal)
      const missing = this.#turn.step(() => this.#findMissing(entry, chunks, used))
      if (missing === undefined) {
        complete += 1
        continue
      }
      index.remove(entry)
      this.#note(
        `The entry "${entry.key}" of ${entry.scope} is incomplete: ${missing}. It was removed.`,
      )
    }
    return { complete, used }
  }

  #findMissing(
    entry: SignedEntry,
    chunks: ReadonlyMap<Digest, number>,
    used: Set<Digest>,
  ): string | undefined {
    const { files } = this.#parts
    const manifest = files.readManifest(entry.manifest, this.#note)?.manifest
    if (manifest === undefined) return `its manifest ${entry.manifest} is not stored`
    const refs = [...manifest.catalog, ...manifest.content]
    for (const { digest, bytes } of refs) {
      // A chunk may have come since the chunks were read.
      const stored = chunks.get(digest) ?? files.readChunk(digest)?.plainBytes
      if (stored === undefined) return `its chunk ${digest} is not stored`
      if (stored !== bytes) return `its chunk ${digest} has ${stored} bytes instead of ${bytes}`
    }
    used.add(entry.manifest)
    for (const { digest } of refs) used.add(digest)
    return undefined
  }

  async *#list(folder: DigestFolder): AsyncGenerator<Digest> {
    for (const files of folder.list()) {
      for (const { digest } of files) {
        await this.#turn.pass(this.#signal)
        yield digest
      }
    }
  }

  readonly #note = (problem: string): void => {
    this.#problems.push(problem)
  }
}
