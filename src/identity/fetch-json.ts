import { withDeadline } from '../async/deadline.ts'
import { errorMessage } from '../core/errors.ts'
import { isTrustworthy } from '../core/issuer.ts'

/** How to fetch. */
export interface FetchJsonOptions {
  readonly fetch: typeof fetch
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** An answer that says that asking again is no use. */
export class FinalAnswer extends Error {
  override readonly name = 'FinalAnswer'
}

/**
 * The JSON object at an https URL (or one of this machine), without following redirects; rejects with what
 * went wrong, in words that name no header.
 */
export async function fetchJson(
  address: string,
  options: FetchJsonOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const url = URL.parse(address)
  if (url === null || !isTrustworthy(url)) throw new FinalAnswer('its address is not an https URL')
  const what = `Asking ${url.host}`
  const text = await withDeadline(options.timeoutMs, what, options.signal, async (signal) => {
    const response = await request(url, options, signal)
    if (!response.ok) {
      await response.body?.cancel()
      const reason = `${url.host} answered ${response.status}`
      const isFinal = response.status >= 400 && response.status < 500 && response.status !== 429
      throw isFinal ? new FinalAnswer(reason) : new Error(reason)
    }
    return await readText(response, options.maxBytes)
  })
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw new Error(`${url.host} answered with something that is not a JSON object`)
}

async function request(
  url: URL,
  { fetch, headers }: FetchJsonOptions,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, {
      headers: { accept: 'application/json', ...headers },
      redirect: 'error',
      signal,
    })
  } catch (cause) {
    signal.throwIfAborted()
    const why = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
    throw new Error(`${url.host} cannot be reached (${errorMessage(why)})`, { cause })
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    // Leaving the loop cancels the body.
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}
