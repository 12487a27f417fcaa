import type { Digest } from '../core/digest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { FetchSource } from './fetch-source.ts'

/** One chunk that is not here yet. */
export interface Task {
  readonly chunk: ChunkRef
  /** Its place in the request. */
  readonly number: number
  /** Sources that were asked and have not answered. */
  readonly from: Set<FetchSource>
  state: 'open' | 'asked' | 'arrived'
  /** How many partial holders offer it, and since when one does. */
  offers: number
  offeredAt: number
}

/** How much to pick, and how. */
export interface PickOptions {
  readonly bytes: number
  readonly count: number
  readonly now: number
  /** True if others fetch the same at the same time. */
  readonly inCrowd: boolean
}

// Chunks compared for one request: enough that those who start together seldom choose the same.
const MAX_COMPARED = 256
const MAX_LOOKED_AT = 1024
// What partial holders offer is asked of a full one only if they have not managed for so long.
const SPARE_FULL_MS = 500

/**
 * What is not here yet, and which of it a source is asked for next.
 *
 * Of one source among full holders the order is that of the request. Where holders of parts are among the
 * sources, or others fetch the same, the rarest go first, at random among equals. In a crowd full holders are
 * asked only for what nobody else has, and what was asked of them goes to the first other that offers it.
 */
export class ChunkPicker {
  readonly #random: () => number
  readonly #tasks = new Map<Digest, Task>()
  readonly #open = new Set<Task>()
  #openBytes = 0
  #count = 0
  readonly #partial = new Set<FetchSource>()

  constructor(chunks: readonly ChunkRef[], random: () => number) {
    this.#random = random
    this.add(chunks)
  }

  /** Adds chunks behind those of the request; no digest twice. */
  add(chunks: readonly ChunkRef[]): void {
    for (const chunk of chunks) {
      const task: Task = {
        chunk,
        number: this.#count,
        from: new Set(),
        state: 'open',
        offers: 0,
        offeredAt: 0,
      }
      this.#count += 1
      this.#tasks.set(chunk.digest, task)
      this.#open.add(task)
      this.#openBytes += chunk.bytes
    }
  }

  /** Chunks named so far. */
  get count(): number {
    return this.#count
  }

  /** Chunks that are not here yet. */
  get left(): number {
    return this.#tasks.size
  }

  /** Chunks that nobody has been asked for. */
  get open(): number {
    return this.#open.size
  }

  get openBytes(): number {
    return this.#openBytes
  }

  get(digest: Digest): Task | undefined {
    return this.#tasks.get(digest)
  }

  /** What is not here yet, in the order of the request, from a number on. */
  *from(number: number): Generator<Task> {
    for (const task of this.#tasks.values()) {
      if (task.number >= number && task.state !== 'arrived') yield task
    }
  }

  /** True if fewer than `count` of the first numbers are left. */
  fewLeftBefore(number: number, count: number): boolean {
    let left = 0
    for (const task of this.#tasks.values()) {
      if (task.number >= number) return true
      if ((left += 1) >= count) return false
    }
    return true
  }

  /** Tasks to ask of a source now; some may be asked of full holders already, and are to be withdrawn there. */
  pick(source: FetchSource, options: PickOptions): Task[] {
    const picked: Task[] = []
    let bytes = 0
    for (const task of this.#candidates(source, options)) {
      if (bytes >= options.bytes || picked.length >= options.count) break
      bytes += task.chunk.bytes
      picked.push(task)
      source.offers.delete(task.chunk.digest)
      if (this.#open.delete(task)) this.#openBytes -= task.chunk.bytes
      task.state = 'asked'
    }
    return picked
  }

  /** It is here, and may yet turn out not to be what it should. */
  arrived(task: Task): void {
    if (this.#open.delete(task)) this.#openBytes -= task.chunk.bytes
    task.state = 'arrived'
  }

  /** Nobody is asked for it any more. */
  giveBack(task: Task): void {
    if (this.#open.has(task)) return
    task.state = 'open'
    this.#open.add(task)
    this.#openBytes += task.chunk.bytes
  }

  done(task: Task): void {
    this.#tasks.delete(task.chunk.digest)
  }

  /** The source turned out to hold a part only. */
  setPartial(source: FetchSource): void {
    source.isFull = false
    this.#partial.add(source)
  }

  /** A partial source holds a chunk. */
  offer(source: FetchSource, digest: Digest, now: number): void {
    const task = this.#tasks.get(digest)
    if (task === undefined || task.state === 'arrived' || source.offers.has(digest)) return
    if (task.from.has(source)) return
    source.offers.add(digest)
    if (task.offers === 0) task.offeredAt = now
    task.offers += 1
  }

  /** A source is gone, with what it offered. */
  remove(source: FetchSource): void {
    this.#partial.delete(source)
    for (const digest of source.offers) {
      const task = this.#tasks.get(digest)
      if (task !== undefined) task.offers -= 1
    }
    source.offers.clear()
  }

  #candidates(source: FetchSource, options: PickOptions): Iterable<Task> {
    if (!source.isFull) return this.#rarest(this.#offered(source, options.inCrowd))
    if (!options.inCrowd && this.#partial.size === 0) return this.#inOrder(source)
    const tasks = this.#inOrder(source).take(MAX_LOOKED_AT)
    if (!options.inCrowd) return this.#rarest(tasks.take(MAX_COMPARED))
    const idle = source.outstanding.size === 0
    const mayAsk = (task: Task): boolean =>
      task.offers === 0 || (idle && options.now - task.offeredAt > SPARE_FULL_MS)
    return this.#rarest(tasks.filter(mayAsk).take(MAX_COMPARED))
  }

  *#inOrder(source: FetchSource): Generator<Task> {
    for (const task of this.#open) if (!source.lacks.has(task.chunk.digest)) yield task
  }

  /** What a partial source offers of what is open, and in a crowd of what only full holders were asked for. */
  *#offered(source: FetchSource, inCrowd: boolean): Generator<Task> {
    let looked = 0
    let found = 0
    for (const digest of source.offers) {
      if ((looked += 1) > MAX_LOOKED_AT || found >= MAX_COMPARED) return
      const task = this.#tasks.get(digest)
      if (task === undefined || task.state === 'arrived') {
        source.offers.delete(digest)
      } else if (
        task.state === 'open' ||
        (inCrowd && task.state === 'asked' && isOnlyAskedOfFull(task))
      ) {
        found += 1
        yield task
      }
    }
  }

  #rarest(tasks: Iterable<Task>): Task[] {
    const ranked = Array.from(tasks, (task) => ({ task, rank: task.offers + this.#random() }))
    return ranked.sort((a, b) => a.rank - b.rank).map(({ task }) => task)
  }
}

/** True if none but full holders owe it. */
export function isOnlyAskedOfFull(task: Task): boolean {
  for (const source of task.from) if (!source.isFull) return false
  return true
}
