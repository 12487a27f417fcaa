/** Callers that ask for the same key at the same time share one piece of work. */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>()

  /** The result of the work under way for `key`, started by `work` if there is none. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const started = work().finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }
}
