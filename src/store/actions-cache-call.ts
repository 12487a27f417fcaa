import { stat } from 'node:fs/promises'
import type { Logger } from '../core/logger.ts'
import { upstreamCrash, upstreamTimeout } from './actions-cache-outcome.ts'
import type { ClientPhase, ClientTranscript } from './actions-cache-output.ts'
import type { ActionsCacheProcess } from './actions-cache-process.ts'
import type { WorkerCall, WorkerResult } from './actions-cache-worker.ts'

/** Deadlines of one call. */
export interface CallDeadlines {
  /** For an answer to a question: lookup, reservation. */
  readonly lookupTimeoutMs: number
  /** For the next byte of a transfer. */
  readonly stallTimeoutMs: number
  /** For everything together. */
  readonly totalTimeoutMs: number
}

/** How one call is watched. */
export interface CallOptions extends CallDeadlines {
  readonly signal?: AbortSignal
  readonly onProgress?: (bytes: number) => void
}

// How often the growth of the archive is looked at; a stall deadline below it is checked as often as it lasts.
const GROWTH_POLL_MS = 250

/**
 * Runs one call in `process` under deadlines; when one passes or the signal aborts, the process is
 * ended first, so that nothing is written after the rejection.
 *
 * @throws ERR_UPSTREAM at a deadline or a crash, or the signal's reason.
 */
export async function runCall(
  process: ActionsCacheProcess,
  call: WorkerCall,
  transcript: ClientTranscript,
  logger: Logger,
  options: CallOptions,
): Promise<WorkerResult> {
  using watch = new CallWatch(call, transcript, options)
  const running = process.run(call, (output) => {
    for (const line of transcript.read(output)) {
      logger.log('debug', line.text.replace(/\s*\r?\n\s*/g, ' '))
    }
    watch.notice()
  })
  const stopped = watch.stopped.then((reason) => ({ reason }))
  const outcome = await Promise.race([running, stopped])
  if ('reason' in outcome) {
    await process.end()
    throw outcome.reason
  }
  if ('crashed' in outcome) {
    await process.end()
    throw upstreamCrash(call, outcome.crashed, transcript)
  }
  watch.notice()
  return outcome
}

/** Deadlines and progress of a call in its phases; `stopped` resolves with the reason to give up. */
class CallWatch implements Disposable {
  readonly stopped: Promise<unknown>
  readonly #call: WorkerCall
  readonly #transcript: ClientTranscript
  readonly #options: CallOptions
  readonly #stop: (reason: unknown) => void
  readonly #total: NodeJS.Timeout
  readonly #poll: NodeJS.Timeout
  readonly #onAbort: () => void
  #phase: ClientPhase | undefined
  #phaseTimer: NodeJS.Timeout | undefined
  #archiveBytes = 0
  #moved = 0
  #over = false

  constructor(call: WorkerCall, transcript: ClientTranscript, options: CallOptions) {
    this.#call = call
    this.#transcript = transcript
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<unknown>()
    this.stopped = promise
    this.#stop = resolve
    const { totalTimeoutMs, stallTimeoutMs, signal } = options
    this.#total = setTimeout(
      () => this.#expire(`it took longer than ${totalTimeoutMs} ms in all`),
      totalTimeoutMs,
    )
    this.#poll = setInterval(
      () => void this.#measureArchive(),
      Math.min(GROWTH_POLL_MS, Math.max(1, stallTimeoutMs / 4)),
    )
    this.#onAbort = () => resolve(signal?.reason)
    if (signal?.aborted === true) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.notice()
  }

  /** Looks at the transcript again: a new phase or more bytes start the phase's deadline anew. */
  notice(): void {
    if (this.#over) return
    const { phase, bytes } = this.#transcript
    const moved = Math.max(bytes, this.#archiveBytes)
    const progressed = moved > this.#moved
    if (progressed) {
      this.#moved = moved
      if (phase !== 'pack') this.#options.onProgress?.(moved)
    }
    if (phase === this.#phase && !progressed) return
    if (phase === 'ask' && phase === this.#phase) return
    this.#phase = phase
    clearTimeout(this.#phaseTimer)
    const { lookupTimeoutMs, stallTimeoutMs } = this.#options
    if (phase === 'ask') {
      this.#phaseTimer = setTimeout(
        () => this.#expire(`it gave no answer within ${lookupTimeoutMs} ms`),
        lookupTimeoutMs,
      )
    } else if (phase === 'download' || phase === 'upload') {
      const way = phase === 'download' ? 'received' : 'sent'
      this.#phaseTimer = setTimeout(
        () => this.#expire(`no byte was ${way} for ${stallTimeoutMs} ms (${this.#moved} before)`),
        stallTimeoutMs,
      )
    }
  }

  [Symbol.dispose](): void {
    this.#over = true
    clearTimeout(this.#total)
    clearTimeout(this.#phaseTimer)
    clearInterval(this.#poll)
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
  }

  #expire(waited: string): void {
    this.#stop(upstreamTimeout(this.#call, waited, this.#transcript))
  }

  async #measureArchive(): Promise<void> {
    const { archivePath, phase } = this.#transcript
    if (archivePath === undefined || phase !== 'download') return
    try {
      const { size } = await stat(archivePath)
      this.#archiveBytes = Math.max(this.#archiveBytes, size)
      this.notice()
    } catch {
      // Not there yet, or removed already: no progress to see.
    }
  }
}
