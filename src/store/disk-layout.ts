import { mkdirSync, opendirSync, readdirSync, readlinkSync, statSync, unlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { EntryName } from '../core/entry.ts'
import { foldKey } from '../core/entry-match.ts'
import { errnoOf } from '../core/errors.ts'
import { storeFault } from './store-fault.ts'

/*
 * <home>/v1/index/index.db          derived from the entry files; shared by all repositories of the home
 * <home>/v1/<tag>/chunks/ab/<sha>   one frame each, see core/frame-file.ts
 * <home>/v1/<tag>/manifests/ab/<sha>
 * <home>/v1/<tag>/entries/<sha>.json
 * <home>/v1/<tag>/tmp/              files being written; renamed or linked into place when whole
 * <home>/v1/<tag>/damaged/          entry files that could not be read, kept for a while
 *
 * A new format gets a new version folder, so that it never reads an older one.
 */
const VERSION = 'v1'

export const FOLDER_MODE = 0o700
export const FILE_MODE = 0o600

// Temporary files live for as long as one write, a save's next message, or the opening of a frame takes; after ten
// minutes their process is stuck, or dead on another machine.
const TEMPORARY_MAX_AGE_MS = 10 * 60 * 1000
// Long enough for a person to look at what was set aside.
const DAMAGED_MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000

// Tells processes whose ids can be compared: those of this machine or container.
const MACHINE: string = digestOf(`${hostname()} ${processNamespace()}`).slice(0, 8)

const TAG_PATTERN = /^[0-9a-f]{32}$/

/** Where one repository's things are in a home. */
export class DiskLayout {
  readonly versionFolder: string
  readonly tag: string
  readonly chunks: string
  readonly manifests: string
  readonly entries: string
  readonly temporary: string
  readonly damaged: string
  readonly #prefix: string = `${MACHINE}-${process.pid}-${randomUUID()}`
  #temporaryCount = 0

  constructor(versionFolder: string, tag: string) {
    const folder = join(versionFolder, tag)
    this.versionFolder = versionFolder
    this.tag = tag
    this.chunks = join(folder, 'chunks')
    this.manifests = join(folder, 'manifests')
    this.entries = join(folder, 'entries')
    this.temporary = join(folder, 'tmp')
    this.damaged = join(folder, 'damaged')
  }

  /** Creates the folders and sweeps what dead processes left behind. @throws ERR_STORE naming the path. */
  prepare(): void {
    for (const folder of [
      this.chunks,
      this.manifests,
      this.entries,
      this.temporary,
      this.damaged,
    ]) {
      makeFolder(folder)
    }
    this.sweepTemporary()
    removeOlderThan(this.damaged, DAMAGED_MAX_AGE_MS)
  }

  /** Removes what dead processes were writing. */
  sweepTemporary(): void {
    removeOlderThan(this.temporary, TEMPORARY_MAX_AGE_MS, isOfTheDead)
  }

  /** A path for a file being written, on the same file system as its destination. */
  temporaryPath(): string {
    this.#temporaryCount += 1
    return join(this.temporary, `${this.#prefix}-${this.#temporaryCount}`)
  }

  entryPath(nameDigest: Digest): string {
    return join(this.entries, `${nameDigest}.json`)
  }

  /** The same layout for another repository of this home. */
  sibling(tag: string): DiskLayout {
    return tag === this.tag ? this : new DiskLayout(this.versionFolder, tag)
  }

  /** Every repository that has a folder in this home. */
  tags(): string[] {
    return namesOrEmpty(this.versionFolder).filter((name) => TAG_PATTERN.test(name))
  }
}

/** The layout of `repository` in `home`. */
export function diskLayout(home: string, repository: string): DiskLayout {
  return new DiskLayout(join(home, VERSION), repositoryTag(repository))
}

/** The folder name of a repository; it does not tell the repository's name. */
export function repositoryTag(repository: string): string {
  return digestOf(`repository ${repository}`).slice(0, 32)
}

/** Names an entry on disk; keys that differ only in case have the same name, as in GitHub's service. */
export function entryNameDigest(name: EntryName): Digest {
  return digestOf(JSON.stringify([name.repository, name.scope, name.version, foldKey(name.key)]))
}

/** Creates a private folder with its parents. @throws ERR_STORE naming the path. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: FOLDER_MODE })
  } catch (cause) {
    throw storeFault('Creating a folder', path, cause)
  }
}

/** Names in a folder; none if it does not exist. */
export function namesOrEmpty(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return []
    throw storeFault('Listing a folder', folder, error)
  }
}

/** Removes a file; one that is gone already is no fault. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw storeFault('Removing a file', path, error)
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    // Elsewhere than on Linux the name of the machine tells enough.
    return ''
  }
}

/** True for a temporary file whose process has ended; one of a process that cannot be looked for may live. */
function isOfTheDead(name: string): boolean {
  const [mark, pid] = name.split('-')
  if (mark !== MACHINE || !/^[1-9][0-9]*$/.test(pid ?? '')) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return errnoOf(error) === 'ESRCH'
  }
}

function removeOlderThan(
  folder: string,
  ageMs: number,
  isLeft: (name: string) => boolean = () => false,
): void {
  const oldest = Date.now() - ageMs
  using listing = opendirSync(folder)
  for (let item = listing.readSync(); item !== null; item = listing.readSync()) {
    const path = join(folder, item.name)
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.isFile() !== true) continue
    if (stats.mtimeMs < oldest || isLeft(item.name)) removeFile(path)
  }
}
