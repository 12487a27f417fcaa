// A timer that is this late means that the whole process stood still, and with it whoever would have been heard.
const STOOD_STILL_MS = 500

/** Calls back once nothing was heard for a while; time in which this process itself stood still does not count. */
export class Watchdog implements Disposable {
  readonly #silenceMs: number
  readonly #onSilent: () => void
  #heardMs = performance.now()
  #dueMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(silenceMs: number, onSilent: () => void) {
    this.#silenceMs = silenceMs
    this.#onSilent = onSilent
    this.#wait(silenceMs)
  }

  heard(): void {
    this.#heardMs = performance.now()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #wait(milliseconds: number): void {
    this.#dueMs = performance.now() + milliseconds
    this.#timer = setTimeout(() => this.#check(), milliseconds)
    this.#timer.unref()
  }

  #check(): void {
    const nowMs = performance.now()
    if (nowMs - this.#dueMs > STOOD_STILL_MS) this.#heardMs = nowMs
    const leftMs = this.#heardMs + this.#silenceMs - nowMs
    // Timers may fire a fraction of a millisecond early.
    if (leftMs > 1) this.#wait(leftMs)
    else this.#onSilent()
  }
}
