import type { SourcedFrame } from '../core/chunk.ts'

/** Frames of one read that the client opens, until it has said whether they were good. */
export class UnopenedFrames {
  readonly #waiting = new Map<number, (good: boolean) => void>()
  #next = 0

  /** The number under which the client settles the frame; undefined if it need not. */
  add({ settle }: SourcedFrame): number | undefined {
    if (settle === undefined) return undefined
    const number = this.#next++
    this.#waiting.set(number, settle)
    return number
  }

  /** Takes a client's `{ good, bad }`; numbers that wait for nothing are passed over. */
  settle(header: Readonly<Record<string, unknown>>): void {
    this.#settleAll(header['good'], true)
    this.#settleAll(header['bad'], false)
  }

  #settleAll(numbers: unknown, good: boolean): void {
    if (!Array.isArray(numbers)) return
    for (const number of numbers) {
      const settle = this.#waiting.get(number as number)
      this.#waiting.delete(number as number)
      settle?.(good)
    }
  }
}
