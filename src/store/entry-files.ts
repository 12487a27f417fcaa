import { linkSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../core/digest.ts'
import { isDigest } from '../core/digest.ts'
import { parseSignedEntry } from '../core/entry.ts'
import type { SignedEntry } from '../core/entry.ts'
import { errnoOf, errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { readWhole, writeWhole } from './digest-folder.ts'
import { entryNameDigest, namesOrEmpty, removeFile, repositoryTag } from './disk-layout.ts'
import type { DiskLayout } from './disk-layout.ts'
import { storeFault } from './store-fault.ts'

// Thirteen names of up to 1,024 characters, each at most six bytes in JSON, and an ID token.
const MAX_ENTRY_FILE_BYTES = 128 * 1024

const SUFFIX = '.json'

/** One small file for each entry of a repository: they, not the index, say which entries exist. */
export class EntryFiles {
  readonly #layout: DiskLayout
  readonly #isTrusted: (entry: SignedEntry) => boolean
  readonly #logger: Logger
  readonly #onDamage: (problem: string) => void

  constructor(
    layout: DiskLayout,
    isTrusted: (entry: SignedEntry) => boolean,
    logger: Logger,
    onDamage: (problem: string) => void = () => {},
  ) {
    this.#layout = layout
    this.#isTrusted = isTrusted
    this.#logger = logger
    this.#onDamage = onDamage
  }

  /** The same files, telling `onDamage` what was set aside. */
  reportingTo(onDamage: (problem: string) => void): EntryFiles {
    return new EntryFiles(this.#layout, this.#isTrusted, this.#logger, onDamage)
  }

  /** Creates the file of an entry; false if there is one, whichever process wrote it. @throws ERR_STORE. */
  create(name: Digest, entry: SignedEntry): boolean {
    const temporary = this.#layout.temporaryPath()
    const path = this.#layout.entryPath(name)
    try {
      writeWhole(temporary, [Buffer.from(JSON.stringify(entry))], Date.now())
      // Unlike a rename, a link never replaces what is there.
      linkSync(temporary, path)
      return true
    } catch (cause) {
      if (errnoOf(cause) === 'EEXIST') return false
      throw storeFault('Writing an entry', path, cause)
    } finally {
      removeFile(temporary)
    }
  }

  /** The entry in a file, or undefined; one that is damaged or not trusted is set aside. */
  read(name: Digest): SignedEntry | undefined {
    const path = this.#layout.entryPath(name)
    const file = readWhole(path, MAX_ENTRY_FILE_BYTES)
    if (file === undefined) return undefined
    if (!('bytes' in file)) return this.#setAside(name, `it has ${file.size} bytes`)
    let value: unknown
    try {
      value = JSON.parse(Buffer.from(file.bytes).toString('utf8'))
    } catch (error) {
      return this.#setAside(name, `it is not JSON (${errorMessage(error)})`)
    }
    const entry = parseSignedEntry(value)
    if (entry === undefined) return this.#setAside(name, 'it is not an entry')
    if (repositoryTag(entry.repository) !== this.#layout.tag || entryNameDigest(entry) !== name) {
      return this.#setAside(name, `it holds "${entry.key}", which belongs under another name`)
    }
    if (!this.#isTrusted(entry)) {
      return this.#setAside(name, `the signature of "${entry.key}" does not verify`)
    }
    return entry
  }

  remove(name: Digest): void {
    removeFile(this.#layout.entryPath(name))
  }

  /** The names of all entries that have a file. */
  names(): Digest[] {
    return namesOrEmpty(this.#layout.entries)
      .filter((file) => file.endsWith(SUFFIX))
      .map((file) => file.slice(0, -SUFFIX.length))
      .filter(isDigest)
  }

  #setAside(name: Digest, why: string): undefined {
    const path = this.#layout.entryPath(name)
    const aside = join(this.#layout.damaged, `${name}${SUFFIX}`)
    try {
      renameSync(path, aside)
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw storeFault('Setting an entry aside', path, cause)
      return
    }
    const problem = `The entry file ${path} is damaged: ${why}. It was moved to ${aside}.`
    this.#logger.log('warning', problem)
    this.#onDamage(problem)
  }
}
