import type { Answer } from './api-cache.ts'

// The same for everybody who gets the same body. Scopes, quotas and request ids are about one token only.
const SHARED_NAMES = [
  'content-type',
  'link',
  'last-modified',
  'vary',
  'cache-control',
  'content-language',
  'deprecation',
  'sunset',
  'x-github-media-type',
  'x-github-api-version-selected',
  'x-poll-interval',
] as const
// They describe how the bytes came, which is over once they are here.
const FRAMING = [
  'content-encoding',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
]
const MAX_VALUE_LENGTH = 8192
const PRINTABLE = /^[\x20-\x7e]*$/
const DEFAULT_PER_PAGE = 30
const MAX_PER_PAGE = 100

/** The headers of a 200 that are kept with its body. */
export function sharedHeaders(headers: Headers): Record<string, string> {
  return checkSharedHeaders(Object.fromEntries(headers)) ?? {}
}

/** Those of `values` (from a response, a store or a peer) that may be kept; undefined if one is malformed. */
export function checkSharedHeaders(values: object): Record<string, string> | undefined {
  const kept: Record<string, string> = {}
  for (const name of SHARED_NAMES) {
    const value = (values as Record<string, unknown>)[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || value.length > MAX_VALUE_LENGTH || !PRINTABLE.test(value)) {
      return undefined
    }
    kept[name] = value
  }
  return kept
}

/** The headers of an answer whose bytes are at hand: all that came, but what described the transport. */
export function receivedHeaders(headers: Headers, bodyBytes: number): Headers {
  const result = new Headers(headers)
  for (const name of FRAMING) result.delete(name)
  result.set('content-length', String(bodyBytes))
  return result
}

/** The headers of a stored answer: fresh ones where GitHub just sent some, kept ones for the rest. */
export function storedHeaders(answer: Answer, url: URL, fresh: Headers = new Headers()): Headers {
  const result = receivedHeaders(fresh, answer.body.length)
  for (const [name, value] of Object.entries(answer.headers)) {
    if (name === 'content-type') result.set(name, value)
    else if (name === 'link' && !linksWithin(value, url.origin)) continue
    else if (!result.has(name)) result.set(name, value)
  }
  return result
}

/**
 * The URL of the page after this one, if only that can tell whether there is one; else undefined.
 *
 * GitHub's 304 says nothing about links, and a page that was full without a next one stays the same when the list
 * grows.
 */
export function doubtfulNextPage(answer: Answer, url: URL, fresh: Headers): URL | undefined {
  if (fresh.has('link') || /\brel="?next\b/.test(answer.headers['link'] ?? '')) return undefined
  const perPage = Math.min(numberIn(url, 'per_page', DEFAULT_PER_PAGE), MAX_PER_PAGE)
  if (listLength(answer.body) !== perPage) return undefined
  const next = new URL(url)
  next.searchParams.set('page', String(numberIn(url, 'page', 1) + 1))
  return next
}

/** The number of items if `body` is a JSON list. */
export function listLength(body: Uint8Array): number | undefined {
  if (body[0] !== 0x5b) return undefined
  try {
    const value: unknown = JSON.parse(
      Buffer.from(body.buffer, body.byteOffset, body.length).toString(),
    )
    return Array.isArray(value) ? value.length : undefined
  } catch {
    return undefined
  }
}

/** A client sends its token to where a link points, and what is kept may come from a peer. */
function linksWithin(link: string, origin: string): boolean {
  return [...link.matchAll(/<([^>]*)>/g)].every(
    ([, target = '']) => URL.canParse(target) && new URL(target).origin === origin,
  )
}

function numberIn(url: URL, name: string, otherwise: number): number {
  const value = Number(url.searchParams.get(name) ?? otherwise)
  return Number.isSafeInteger(value) && value > 0 ? value : otherwise
}
