import { withDeadline } from '../async/deadline.ts'
import type { OwnTurn, TurnResult } from './lease.ts'
import type { LeaseLine } from './lease-line.ts'

/** Tunables of keeping a turn. */
export interface HeldTurnOptions {
  readonly beatMs: number
  /** A turn whose work does not move on for this long is given up. */
  readonly stallMs: number
}

// Time to tell the next leader if the first is lost just then.
const END_MS = 2000

/** A turn that was granted: kept alive while its work moves on, and taken along when who leads is lost. */
export class HeldTurn implements OwnTurn {
  readonly kind = 'mine'
  readonly #reclaim: () => Promise<LeaseLine | undefined>
  readonly #stallMs: number
  readonly #timer: NodeJS.Timeout
  #line: Promise<LeaseLine | undefined>
  #progress = 0
  #movedMs = performance.now()
  #ended = false
  #told = 0
  #current: LeaseLine | undefined
  readonly #over = Promise.withResolvers<void>()

  /** `reclaim` gives a place with the next leader, or nothing if there is no use in one. */
  constructor(
    parts: { readonly line: LeaseLine; readonly reclaim: () => Promise<LeaseLine | undefined> },
    options: HeldTurnOptions,
  ) {
    this.#reclaim = parts.reclaim
    this.#stallMs = options.stallMs
    this.#line = Promise.resolve(parts.line)
    this.#timer = setInterval(() => void this.#beat(), options.beatMs)
    this.#timer.unref()
    void this.#follow(parts.line)
  }

  /** Resolves once the turn is no longer kept. */
  get ended(): Promise<void> {
    return this.#over.promise
  }

  /** How many others wait, when last heard. */
  get others(): number {
    return this.#current?.others ?? 0
  }

  /** How many others have learned that the work is done. */
  get told(): number {
    return this.#told
  }

  progressed(): void {
    this.#progress += 1
    this.#movedMs = performance.now()
  }

  async done(result: TurnResult): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#tell(result)
    this.#end()
  }

  async #tell(result: TurnResult): Promise<void> {
    const what = 'Telling of the end of a turn'
    await withDeadline(END_MS, what, undefined, async (signal) => {
      for (;;) {
        const line = await this.#line
        if (line === undefined || signal.aborted) return
        const others = await line.finish(result)
        if (others !== undefined) {
          this.#told = others
          return
        }
        this.#line = this.#reclaim()
      }
    }).catch(() => {})
  }

  /** Gives the turn up without a word; the next in line has it. */
  async leave(): Promise<void> {
    if (this.#ended) return
    this.#end()
    const line = await this.#line
    line?.leave()
  }

  async #beat(): Promise<void> {
    if (performance.now() - this.#movedMs > this.#stallMs) {
      await this.leave()
      return
    }
    const line = await this.#line
    line?.renew(this.#progress)
  }

  async #follow(line: LeaseLine): Promise<void> {
    this.#current = line
    const how = await line.over
    if (this.#ended) return
    if (how === 'lapsed') this.#end()
    else this.#line = this.#claimAgain()
  }

  async #claimAgain(): Promise<LeaseLine | undefined> {
    const next = await this.#reclaim().catch(() => undefined)
    if (next === undefined) this.#end()
    else if (!this.#ended) void this.#follow(next)
    return next
  }

  #end(): void {
    this.#ended = true
    this.#over.resolve()
    clearInterval(this.#timer)
  }
}
