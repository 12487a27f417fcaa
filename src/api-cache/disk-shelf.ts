import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Limit } from '../async/limit.ts'
import { digestOf, isDigest } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { errnoOf, errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { packAnswers, unpackAnswers } from './answer-pack.ts'
import { MAX_ANSWER_BYTES } from './answer-wire.ts'
import type { Answer, AnswerShelf, FoundAnswer } from './api-cache.ts'
import { MAX_ANSWERS_PER_KEY, addAnswer } from './memory-shelf.ts'

/** What answers on disk work with. */
export interface DiskShelfParts {
  readonly logger: Logger
}

/** Where answers are kept, and how many. */
export interface DiskShelfOptions {
  /** Made if it is not there; nothing else may be kept in it. */
  readonly folder: string
  readonly limitBytes: number
}

// A file: this, the digest of the rest in hex, then what answer-pack.ts makes of the answers.
const MAGIC: Buffer = Buffer.from('swarmcache answers 1\n')
const HEAD_BYTES = MAGIC.length + 64
const MAX_HEADER_BYTES = 256 * 1024
const MAX_FILE_BYTES = HEAD_BYTES + MAX_ANSWERS_PER_KEY * (8 + MAX_HEADER_BYTES + MAX_ANSWER_BYTES)
// A repository's jobs ask for some thousand different things.
const MAX_FILES = 20_000
const MAX_AT_ONCE = 8
// How current the time of the last confirmation is kept, so that not every 304 costs a write.
const VALIDATED_STEP_MS = 5 * 60_000
// Left behind by a process that was killed while it wrote.
const OLD_PART_MS = 10 * 60_000

/**
 * Answers in files of a folder, one for each key, which is written beside and moved into place; the files used least
 * recently go first. Two processes may use one folder: each counts what it has seen.
 */
export class DiskShelf implements AnswerShelf {
  readonly #folder: string
  readonly #limitBytes: number
  readonly #logger: Logger
  readonly #work = new Limit(MAX_AT_ONCE)
  /** One write of a key at a time. */
  readonly #writing = new Map<Digest, Promise<void>>()
  /** Bytes of each, least recently used first. */
  readonly #files = new Map<Digest, number>()
  #bytes = 0
  #opened: Promise<void> | undefined
  #hasWarned = false

  constructor({ logger }: DiskShelfParts, { folder, limitBytes }: DiskShelfOptions) {
    this.#folder = folder
    this.#limitBytes = limitBytes
    this.#logger = logger
  }

  async get(key: Digest): Promise<readonly FoundAnswer[]> {
    const answers = await this.#guarded([], async () => await this.#read(key))
    return answers.map((answer) => ({ answer, tier: 'disk' }))
  }

  async put(answer: Answer): Promise<void> {
    const before = this.#writing.get(answer.key) ?? Promise.resolve()
    const write = before.then(
      async () => await this.#guarded(undefined, async () => this.#add(answer)),
    )
    this.#writing.set(answer.key, write)
    await write
    if (this.#writing.get(answer.key) === write) this.#writing.delete(answer.key)
  }

  async delete(key: Digest, digest: Digest): Promise<void> {
    await this.#guarded(undefined, async () => {
      const left = (await this.#read(key)).filter((answer) => answer.digest !== digest)
      if (left.length === 0) await this.#remove(key)
      else await this.#write(key, left)
    })
  }

  usage(): { readonly bytes: number; readonly answers: number } {
    return { bytes: this.#bytes, answers: this.#files.size }
  }

  async close(): Promise<void> {
    await Promise.all(this.#writing.values())
  }

  async #add(answer: Answer): Promise<void> {
    const kept = await this.#read(answer.key)
    const same = kept.find(({ digest, scope }) => {
      return digest === answer.digest && scope === answer.scope
    })
    if (same !== undefined && answer.validated - same.validated < VALIDATED_STEP_MS) return
    await this.#write(answer.key, addAnswer(kept, answer))
    await this.#makeRoom()
  }

  async #read(key: Digest): Promise<readonly Answer[]> {
    let bytes: Buffer
    try {
      const path = this.#path(key)
      const { size } = await stat(path)
      if (size > MAX_FILE_BYTES) throw new RangeError('it is too large')
      bytes = await readFile(path)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') {
        this.#forget(key)
        return []
      }
      throw error
    }
    this.#remember(key, bytes.length)
    const answers = decodeFile(bytes, key)
    if (answers !== undefined) return answers
    this.#logger.log('warning', 'Stored answers of the API were damaged; they are fetched again.')
    await this.#remove(key)
    return []
  }

  async #write(key: Digest, answers: readonly Answer[]): Promise<void> {
    const part = join(this.#folder, `${key}.${randomUUID()}.part`)
    const packed = packAnswers(answers.map((answer) => ({ answer, tier: 'disk' })))
    try {
      const file = await open(part, 'wx', 0o600)
      try {
        await file.writev([MAGIC, Buffer.from(digestOf(packed)), packed])
      } finally {
        await file.close()
      }
      await rename(part, this.#path(key))
    } catch (error) {
      await rm(part, { force: true })
      throw error
    }
    this.#remember(key, HEAD_BYTES + packed.length)
  }

  /** Removes what was used least recently until the rest fits. */
  async #makeRoom(): Promise<void> {
    for (const key of this.#files.keys()) {
      if (this.#bytes <= this.#limitBytes && this.#files.size <= MAX_FILES) return
      await this.#remove(key)
    }
  }

  async #remove(key: Digest): Promise<void> {
    await rm(this.#path(key), { force: true })
    this.#forget(key)
  }

  #remember(key: Digest, bytes: number): void {
    this.#forget(key)
    this.#files.set(key, bytes)
    this.#bytes += bytes
  }

  #forget(key: Digest): void {
    this.#bytes -= this.#files.get(key) ?? 0
    this.#files.delete(key)
  }

  /** Faults of the disk are misses; the first is told. */
  async #guarded<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
    try {
      this.#opened ??= this.#open()
      await this.#opened
      return await this.#work.run(work)
    } catch (error) {
      const level = this.#hasWarned ? 'debug' : 'warning'
      this.#hasWarned = true
      this.#logger.log(
        level,
        `Answers of the API cannot be kept on disk: ${errorMessage(error)}. Going on without.`,
        { folder: this.#folder },
      )
      return otherwise
    }
  }

  /** Counts what an earlier process has left, oldest first. */
  async #open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const found: { key: Digest; bytes: number; at: number }[] = []
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name)
      const facts = await stat(path).catch(() => undefined)
      if (facts === undefined || !facts.isFile()) continue
      const { size, mtimeMs } = facts
      const isOldPart = name.endsWith('.part') && Date.now() - mtimeMs > OLD_PART_MS
      if (isOldPart) await rm(path, { force: true })
      if (isDigest(name)) found.push({ key: name, bytes: size, at: mtimeMs })
    }
    for (const { key, bytes } of found.toSorted((a, b) => a.at - b.at)) this.#remember(key, bytes)
  }

  #path(key: Digest): string {
    return join(this.#folder, key)
  }
}

/** The answers of `key` in a file, or undefined if it is damaged in any place. */
function decodeFile(bytes: Buffer, key: Digest): Answer[] | undefined {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  const packed = bytes.subarray(HEAD_BYTES)
  if (bytes.toString('latin1', MAGIC.length, HEAD_BYTES) !== digestOf(packed)) return undefined
  const answers = unpackAnswers(packed)?.map(({ answer }) => answer)
  const isWhole = answers?.every((answer) => answer.key === key) === true
  return isWhole && answers.length <= MAX_ANSWERS_PER_KEY ? answers : undefined
}
