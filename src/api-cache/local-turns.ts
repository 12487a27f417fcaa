import { abortable, withDeadline } from '../async/deadline.ts'

/** The work is the caller's; ending it without a value says that it failed. */
export interface LocalTurn<T> {
  readonly kind: 'mine'
  done(value?: T): void
}

/** What became of asking for a turn: it is the caller's, another has just done the work, or nobody waits any more. */
export type LocalTurnOutcome<T> =
  | LocalTurn<T>
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'alone' }

// With so many failures before them, the others find out for themselves, all at once.
const MAX_FAILED_TURNS = 2

/** Work of one name that runs once at a time in this process; those who come meanwhile wait for its outcome. */
export class LocalTurns<T> {
  readonly #running = new Map<string, Promise<T | undefined>>()
  readonly #waitMs: number

  /** `waitMs` bounds what one caller waits for others, all together. */
  constructor({ waitMs }: { readonly waitMs: number }) {
    this.#waitMs = waitMs
  }

  /** Rejects with the signal's reason only. After a failure the next who waits has the turn. */
  async take(name: string, signal?: AbortSignal): Promise<LocalTurnOutcome<T>> {
    const end = performance.now() + this.#waitMs
    for (let failed = 0; ; failed += 1) {
      const running = this.#running.get(name)
      if (running === undefined) return this.#start(name)
      const leftMs = end - performance.now()
      if (failed === MAX_FAILED_TURNS || leftMs <= 0) return { kind: 'alone' }
      let value: T | undefined
      try {
        value = await withDeadline(leftMs, 'The same request', signal, async (ended) =>
          abortable(running, ended),
        )
      } catch {
        signal?.throwIfAborted()
        return { kind: 'alone' }
      }
      if (value !== undefined) return { kind: 'done', value }
    }
  }

  #start(name: string): LocalTurn<T> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>()
    this.#running.set(name, promise)
    return {
      kind: 'mine',
      done: (value) => {
        if (this.#running.get(name) === promise) this.#running.delete(name)
        resolve(value)
      },
    }
  }
}
