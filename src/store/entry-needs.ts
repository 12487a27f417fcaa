import type { Digest } from '../core/digest.ts'
import type { SignedEntry } from '../core/entry.ts'
import type { IndexDatabase } from './index-database.ts'
import type { RepositoryFiles } from './repository-files.ts'
import { incompleteEntry } from './store-fault.ts'
import { Turn } from './turn.ts'

/** Makes sure that what an entry needs is stored, and stays so until the entry itself protects it. */
export class EntryNeeds {
  readonly #files: RepositoryFiles
  readonly #database: IndexDatabase
  readonly #turn = new Turn()

  constructor(files: RepositoryFiles, database: IndexDatabase) {
    this.#files = files
    this.#database = database
  }

  /** The chunks of an entry, all of them held. @throws ERR_STORE naming what is missing. */
  async hold(entry: SignedEntry): Promise<Digest[]> {
    const isHeld = this.#files.manifests.hold(entry.manifest)
    const manifest = isHeld ? this.#files.readManifest(entry.manifest)?.manifest : undefined
    if (manifest === undefined) throw missingManifest(entry)
    const refs = [...manifest.catalog, ...manifest.content]
    const digests = [...new Set(refs.map((ref) => ref.digest))]
    const suspects: Digest[] = []
    for (const digest of digests) {
      if (!this.#turn.step(() => this.#files.chunks.hold(digest))) suspects.push(digest)
      await this.#turn.pass()
    }
    // A clean-up that was about to remove one may be putting it back; inside a transaction none is at work.
    if (suspects.length > 0) this.#database.transaction(() => this.assertHeld(entry, suspects))
    return digests
  }

  /** @throws ERR_STORE unless the manifest and these chunks are still there. */
  assertHeld(entry: SignedEntry, digests: readonly Digest[]): void {
    if (!this.#files.manifests.hold(entry.manifest)) throw missingManifest(entry)
    const missing = digests.filter((digest) => !this.#files.chunks.hold(digest))
    if (missing.length === 0) return
    const others = missing.length > 1 ? ` (and ${missing.length - 1} others)` : ''
    throw incompleteEntry(entry.key, `its chunk ${missing[0]}${others} is not stored`)
  }
}

function missingManifest(entry: SignedEntry): Error {
  return incompleteEntry(entry.key, `its manifest ${entry.manifest} is not stored`)
}
