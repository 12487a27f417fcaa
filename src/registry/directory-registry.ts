import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, mkdir, open, opendir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '../core/errors.ts'
import type { PeerId, PeerRecord } from '../core/peer.ts'
import type { SwarmKeys } from '../identity/identity.ts'
import { watchFolder } from './folder-watch.ts'
import type { Registry, RegistryOptions } from './registry.ts'

// One file a peer, in a folder whose name tells outsiders nothing:
//   <path>/<place>/<record name>.jwe            the sealed record, replaced as a whole
//   <path>/<place>/<record name>.<random>.tmp   a record being written
const RECORD_PATTERN = /^([0-9a-f]{64})\.jwe$/
const DRAFT_PATTERN = /^[0-9a-f]{64}\.[0-9a-f]{12}\.tmp$/

/** Bounds what a folder full of rubbish costs; a swarm of more than 512 peers knows enough of them. */
const MAX_RECORDS = 512
const MAX_NAMES = 8192
const MAX_RECORD_BYTES = 8 * 1024
// A peer whose clock or disk is a little late must not lose the record it is just renewing.
const STALE_GRACE_MS = 60_000
// What cannot be opened may belong to a member whose version we do not know; after a day nobody renews it.
const RUBBISH_AGE_MS = 24 * 60 * 60_000

interface Named {
  readonly path: string
  /** Undefined for a draft. */
  readonly recordName: string | undefined
  readonly modifiedMs: number
}

/** Peers announce themselves in a folder that they share; safe with any number of processes. */
export class DirectoryRegistry implements Registry {
  readonly name: string
  readonly #keys: SwarmKeys
  readonly #folder: string

  constructor(parts: { readonly keys: SwarmKeys }, options: { readonly path: string }) {
    this.name = `dir:${options.path}`
    this.#keys = parts.keys
    this.#folder = join(options.path, parts.keys.place)
  }

  async announce(record: PeerRecord, options?: RegistryOptions): Promise<void> {
    const sealed = await this.#keys.seal(record)
    options?.signal?.throwIfAborted()
    const name = this.#keys.recordName(record.peerId)
    const draft = join(this.#folder, `${name}.${randomBytes(6).toString('hex')}.tmp`)
    await mkdir(this.#folder, { recursive: true })
    try {
      await writeFile(draft, sealed, { flag: 'wx', signal: options?.signal })
      await rename(draft, join(this.#folder, `${name}.jwe`))
    } catch (error) {
      await rm(draft, { force: true })
      throw options?.signal?.aborted === true ? options.signal.reason : error
    }
  }

  async discover(options?: RegistryOptions): Promise<PeerRecord[]> {
    const files = await this.#list(options?.signal)
    const newest = files
      .filter((file) => file.recordName !== undefined)
      .sort((a, b) => b.modifiedMs - a.modifiedMs)
      .slice(0, MAX_RECORDS)
    const now = Date.now()
    const records: PeerRecord[] = []
    for (const file of newest) {
      options?.signal?.throwIfAborted()
      const record = await this.#read(file)
      if (record === undefined) continue
      if (record.expires > now) records.push(record)
      else if (record.expires + STALE_GRACE_MS < now) await remove(file.path)
    }
    for (const file of files) {
      if (file.modifiedMs + RUBBISH_AGE_MS < now) await this.#sweep(file)
    }
    return records
  }

  async withdraw(peerId: PeerId, options?: RegistryOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    await rm(join(this.#folder, `${this.#keys.recordName(peerId)}.jwe`), { force: true })
  }

  watch(onChange: () => void): () => void {
    const isRecord = (name: string): boolean => RECORD_PATTERN.test(name)
    return watchFolder(this.#folder, isRecord, onChange)
  }

  /** Files that are ours by their names; none if the folder does not exist yet. */
  async #list(signal: AbortSignal | undefined): Promise<Named[]> {
    const files: Named[] = []
    try {
      let names = 0
      for await (const { name } of await opendir(this.#folder)) {
        signal?.throwIfAborted()
        if (++names > MAX_NAMES) break
        const recordName = RECORD_PATTERN.exec(name)?.[1]
        if (recordName === undefined && !DRAFT_PATTERN.test(name)) continue
        const path = join(this.#folder, name)
        const stats = await lstat(path).catch(ignoreMissing)
        if (stats !== undefined) files.push({ path, recordName, modifiedMs: stats.mtimeMs })
      }
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
    return files
  }

  /** The record in a file, if a member sealed it under the name that it has. */
  async #read(file: Named): Promise<PeerRecord | undefined> {
    const sealed = await readBounded(file.path)
    const record = sealed === undefined ? undefined : await this.#keys.open(sealed)
    // A copy of a good record under another name is not what its peer announced.
    if (record === undefined || this.#keys.recordName(record.peerId) !== file.recordName) return
    return record
  }

  async #sweep(file: Named): Promise<void> {
    const record = file.recordName === undefined ? undefined : await this.#read(file)
    if (record === undefined || record.expires < Date.now()) await remove(file.path)
  }
}

async function readBounded(path: string): Promise<string | undefined> {
  try {
    // Others can write here: a link must not lead elsewhere, and a pipe must not block.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
    await using file = await open(path, flags)
    const stats = await file.stat()
    if (!stats.isFile() || stats.size > MAX_RECORD_BYTES) return undefined
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(MAX_RECORD_BYTES) })
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    // Withdrawn meanwhile, unreadable or not a file: no record in any case.
    return undefined
  }
}

async function remove(path: string): Promise<void> {
  // Another process may sweep too, or the file may belong to another user: both are fine.
  await rm(path, { force: true }).catch(() => {})
}

function ignoreMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error
}
