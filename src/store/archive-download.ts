import { BoundedQueue } from '../async/bounded-queue.ts'
import { pause } from '../async/deadline.ts'
import { Watchdog } from '../async/watchdog.ts'
import { SwarmCacheError, errorMessage, isSwarmCacheError } from '../core/errors.ts'
import type { ArchiveDownload } from './store.ts'

/** Tunables of a download. */
export interface ArchiveDownloadOptions {
  /** A request that brings no byte for this long is made again, from the byte where it stopped. */
  readonly silenceMs?: number
}

// What @actions/cache asks of Azure's storage at a time.
const SEGMENT_BYTES = 4 * 1024 * 1024
// As many as it asks for at once; each has its segment in memory until those before it are through.
const MAX_SEGMENTS = 8
// A link that is full gains nothing by further requests, and what is next in order comes slower with each of them.
const WORTH_MORE = 1.25
// One segment is asked for so long before the one in front of it ends that the link does not fall idle.
const OVERLAP_BYTES = 512 * 1024
const SILENCE_MS = 10_000
const SIZE_MS = 10_000
const TRIES = 4
const TRY_AGAIN_MS = 500

/**
 * The bytes of an archive from an offset on, in order, from the address that the service gave for it; with several
 * requests at once where it answers to ranges and that is faster.
 *
 * @throws ERR_UPSTREAM if there is no archive, or the signal's reason.
 */
export async function downloadArchive(
  url: string,
  from: number,
  signal: AbortSignal,
  options: ArchiveDownloadOptions = {},
): Promise<ArchiveDownload> {
  const request = new SegmentRequest(url, signal, options.silenceMs ?? SILENCE_MS)
  const first = await request.open(from, from + SEGMENT_BYTES)
  const { archiveBytes } = first
  if (!first.isRange) {
    let receivedBytes = 0
    const content = counted(skip(first.content, from), (bytes) => (receivedBytes += bytes))
    return { archiveBytes, content, receivedBytes: () => receivedBytes }
  }
  const segments = new Segments(request, archiveBytes)
  const content = segments.read(from, first.content)
  return { archiveBytes, content, receivedBytes: () => segments.receivedBytes }
}

/** How many bytes the archive at an address has; undefined if the service does not say. */
export async function sizeOfArchive(url: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const { status, headers } = await fetch(url, {
      method: 'HEAD',
      headers: { 'accept-encoding': 'identity' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(SIZE_MS)]),
    })
    return status === 200 ? countOf(headers.get('content-length')) : undefined
  } catch {
    return undefined
  }
}

interface OpenedSegment {
  readonly archiveBytes: number
  /** False if the whole archive comes, whatever was asked for. */
  readonly isRange: boolean
  readonly content: AsyncGenerator<Uint8Array, void, void>
}

/** Asks for bytes of one archive. */
class SegmentRequest {
  readonly #url: string
  readonly #signal: AbortSignal
  readonly #silenceMs: number

  constructor(url: string, signal: AbortSignal, silenceMs: number) {
    this.#url = url
    this.#signal = signal
    this.#silenceMs = silenceMs
  }

  /** The bytes from `start` to before `end`; what breaks off is asked for again. */
  async open(start: number, end: number): Promise<OpenedSegment> {
    const opened = await this.#retry(() => this.#ask(start, end))
    return { ...opened, content: this.#resume(opened, start, end) }
  }

  async *#resume(
    opened: OpenedSegment,
    start: number,
    end: number,
  ): AsyncGenerator<Uint8Array, void, void> {
    const last = opened.isRange ? Math.min(end, opened.archiveBytes) : opened.archiveBytes
    let at = opened.isRange ? start : 0
    let current = opened
    for (let tries = 1; ; tries += 1) {
      try {
        for await (const bytes of current.content) {
          at += bytes.length
          if (at > last) throw upstreamError('it sends more than it announced')
          tries = 1
          yield bytes
        }
        if (at === last) return
        throw upstreamError('it broke off')
      } catch (error) {
        this.#signal.throwIfAborted()
        if (tries >= TRIES || at >= last) throw asUpstreamError(error)
      }
      await pause(TRY_AGAIN_MS * (tries - 1), this.#signal)
      current = await this.#retry(() => this.#ask(at, end))
      if (current.isRange !== opened.isRange) throw upstreamError('it answers in another way')
      if (!current.isRange) current = { ...current, content: skip(current.content, at) }
    }
  }

  async #retry(ask: () => Promise<OpenedSegment>): Promise<OpenedSegment> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask()
      } catch (error) {
        this.#signal.throwIfAborted()
        const isFinal = isSwarmCacheError(error) && error.facts['final'] === true
        if (isFinal || tries >= TRIES) throw asUpstreamError(error)
      }
      await pause(TRY_AGAIN_MS * (tries - 1), this.#signal)
    }
  }

  async #ask(start: number, end: number): Promise<OpenedSegment> {
    const silent = new AbortController()
    const watchdog = new Watchdog(this.#silenceMs, () =>
      silent.abort(upstreamError(`it sent no byte for ${this.#silenceMs} ms`)),
    )
    const signal = AbortSignal.any([this.#signal, silent.signal])
    try {
      const headers = { range: `bytes=${start}-${end - 1}`, 'accept-encoding': 'identity' }
      const response = await fetch(this.#url, { headers, signal })
      const size = sizeOf(response, start)
      if (size === undefined || response.body === null) {
        await response.body?.cancel()
        const { status } = response
        const isFinal = status < 500 && status !== 429 && status !== 408
        throw upstreamError(`it answered with ${status}`, { final: isFinal })
      }
      watchdog.heard()
      const content = heardBytes(response.body, watchdog)
      return { archiveBytes: size, isRange: response.status === 206, content }
    } catch (error) {
      watchdog[Symbol.dispose]()
      throw silent.signal.aborted ? (silent.signal.reason as Error) : error
    }
  }
}

/** The segments of an archive that answers to ranges, several at once. */
class Segments {
  readonly #request: SegmentRequest
  readonly #archiveBytes: number
  #atOnce = 1
  #isWarm = false
  #isSettled = false
  #bestRate = 0
  #since = performance.now()
  #receivedBytes = 0
  #countedBytes = 0
  #count = 0

  constructor(request: SegmentRequest, archiveBytes: number) {
    this.#request = request
    this.#archiveBytes = archiveBytes
  }

  /** Of all segments, those that have not been handed over included. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  async *read(
    from: number,
    first: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, void> {
    let next = from + SEGMENT_BYTES
    const ahead: AsyncIterable<Uint8Array>[] = []
    const begin = (count: number): void => {
      while (ahead.length < count && next < this.#archiveBytes) {
        ahead.push(this.#begin(next))
        next += SEGMENT_BYTES
      }
    }
    let current: AsyncIterable<Uint8Array> | undefined = this.#counted(first)
    while (current !== undefined) {
      begin(this.#atOnce - 1)
      let leftBytes = SEGMENT_BYTES
      for await (const bytes of current) {
        leftBytes -= bytes.length
        if (leftBytes < OVERLAP_BYTES) begin(this.#atOnce)
        yield bytes
      }
      this.#adapt()
      begin(1)
      current = ahead.shift()
    }
  }

  /** A segment that is fetched from now on, whenever its bytes are taken. */
  #begin(start: number): AsyncIterable<Uint8Array> {
    const queue = new BoundedQueue<Uint8Array>(SEGMENT_BYTES, (bytes) => bytes.length)
    const collect = async (): Promise<void> => {
      for await (const bytes of this.#segment(start)) await queue.push(bytes)
      queue.end()
    }
    collect().catch((error: unknown) => queue.fail(error))
    return queue
  }

  async *#segment(start: number): AsyncGenerator<Uint8Array, void, void> {
    const { content, isRange } = await this.#request.open(start, start + SEGMENT_BYTES)
    if (!isRange) throw upstreamError('it no longer answers to ranges')
    yield* this.#counted(content)
  }

  #counted(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    return counted(content, (bytes) => (this.#receivedBytes += bytes))
  }

  /** Asks for more at once as long as that makes it faster. */
  #adapt(): void {
    this.#count += 1
    if (this.#isSettled || this.#count < this.#atOnce) return
    const now = performance.now()
    const bytes = this.#receivedBytes - this.#countedBytes
    const rate = bytes / Math.max(1, now - this.#since)
    if (!this.#isWarm) {
      // A connection is slow at first.
      this.#isWarm = true
    } else if (rate > this.#bestRate * WORTH_MORE) {
      this.#bestRate = rate
      this.#atOnce = Math.min(MAX_SEGMENTS, this.#atOnce * 2)
    } else {
      this.#atOnce = Math.max(1, this.#atOnce / 2)
      this.#isSettled = true
    }
    this.#since = now
    this.#countedBytes = this.#receivedBytes
    this.#count = 0
  }
}

async function* heardBytes(
  body: AsyncIterable<Uint8Array>,
  watchdog: Watchdog,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const bytes of body) {
      watchdog.heard()
      yield bytes
      // Whoever takes the bytes may have been slow.
      watchdog.heard()
    }
  } finally {
    watchdog[Symbol.dispose]()
  }
}

async function* counted(
  content: AsyncIterable<Uint8Array>,
  heard: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const bytes of content) {
    heard(bytes.length)
    yield bytes
  }
}

async function* skip(
  content: AsyncIterable<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array, void, void> {
  let left = count
  for await (const bytes of content) {
    const skipped = Math.min(left, bytes.length)
    left -= skipped
    if (skipped < bytes.length) yield bytes.subarray(skipped)
  }
}

/** How long the archive is by an answer to a request for a range of it; undefined if it is no such answer. */
function sizeOf({ status, headers }: Response, start: number): number | undefined {
  if (status === 200) return countOf(headers.get('content-length'))
  if (status !== 206) return undefined
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '')
  return range !== null && Number(range[1]) === start ? countOf(range[2]) : undefined
}

function countOf(text: string | null | undefined): number | undefined {
  const count = Number(text ?? NaN)
  return Number.isSafeInteger(count) && count > 0 ? count : undefined
}

function asUpstreamError(error: unknown): SwarmCacheError {
  if (isSwarmCacheError(error, 'ERR_UPSTREAM')) return error
  // What fetch throws names the address only in its cause, which is not repeated: it holds a signature.
  return upstreamError(errorMessage(error))
}

function upstreamError(why: string, facts: Record<string, unknown> = {}): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_UPSTREAM',
    `The archive cannot be downloaded from the cache service: ${why}.`,
    { facts },
  )
}
