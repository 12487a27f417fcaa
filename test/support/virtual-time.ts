interface TimedWork {
  readonly at: number
  readonly order: number
  run: () => void
}

/** Time that passes as fast as what happens in it can be worked off; the same every time. */
export class VirtualTime {
  #now = 0
  #order = 0
  readonly #events: TimedWork[] = []

  get now(): number {
    return this.#now
  }

  /** Runs `work` after so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, work: () => void): () => void {
    const event: TimedWork = {
      at: this.#now + Math.max(0, milliseconds),
      order: (this.#order += 1),
      run: work,
    }
    this.#push(event)
    return () => (event.run = () => {})
  }

  every(milliseconds: number, work: () => void): () => void {
    let stop = (): void => {}
    const again = (): void => {
      stop = this.after(milliseconds, () => {
        again()
        work()
      })
    }
    again()
    return () => stop()
  }

  /** Lets time pass until `isOver`; false if nothing is left to happen, or `limitMs` have passed. */
  async run(isOver: () => boolean, limitMs: number): Promise<boolean> {
    while (!isOver()) {
      const event = this.#pop()
      if (event === undefined || event.at > limitMs) return false
      this.#now = event.at
      event.run()
      // What the event set off in promises belongs to the same moment.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return true
  }

  #push(event: TimedWork): void {
    const heap = this.#events
    let at = heap.push(event) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if (isBefore(heap[up]!, event)) break
      heap[at] = heap[up]!
      at = up
    }
    heap[at] = event
  }

  #pop(): TimedWork | undefined {
    const heap = this.#events
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (isBefore(last, heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: TimedWork, b: TimedWork): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
