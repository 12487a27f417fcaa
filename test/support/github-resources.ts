import { createHash } from 'node:crypto'

/** What a path of the API holds, and who may see it. */
export interface GitHubResource {
  /** Parsed JSON; a list is sent in pages. A function `(token) => value` gives each token its own view. */
  readonly value: unknown
  /** What the media type `raw` gets. */
  readonly raw?: string
  /** Tokens that may see it; everybody if not given. */
  readonly readers?: readonly string[]
  /** What those who may not see it are told; GitHub hides most things behind a 404. */
  readonly refusal?: 403 | 404
}

/** A path that holds nothing any more. */
export type GitHubTombstone =
  | { readonly gone: true }
  | { readonly movedTo: string; readonly status?: 301 | 302 | 307 }

/** A page of a resource before it is compressed. */
export interface GitHubPage {
  readonly contentType: string
  readonly body: Buffer
  readonly link?: string
}

/** The headers of a request that GitHub's ETag depends on, as they were sent. */
export interface EtagInput {
  readonly accept?: string
  readonly authorization?: string
  readonly cookie?: string
}

/** How a server makes its ETags. */
export type EtagFormula = 'github' | 'changed' | 'none'

const DEFAULT_PER_PAGE = 30
const MAX_PER_PAGE = 100
const PRETTY_PRINTED_FOR = /curl|Wget|Safari|Firefox/

/** The opaque part of the ETag, over the body before it is compressed or pretty-printed. */
export function etagOf(formula: EtagFormula, input: EtagInput, body: Buffer): string | undefined {
  if (formula === 'none') return undefined
  const hash = createHash('sha256')
  if (formula === 'changed') hash.update('another salt')
  for (const value of [input.accept, input.authorization, input.cookie]) {
    if (value !== undefined) hash.update(`${value}:`)
  }
  return hash.update(body).digest('hex')
}

/** The page of a resource that a request asks for. */
export function renderPage(
  resource: GitHubResource,
  url: URL,
  token: string,
  accept: string,
): GitHubPage {
  if (resource.raw !== undefined && /\braw\b/.test(accept)) {
    return {
      contentType: 'application/vnd.github.raw; charset=utf-8',
      body: Buffer.from(resource.raw),
    }
  }
  const { value } = resource
  const seen: unknown =
    typeof value === 'function' ? (value as (token: string) => unknown)(token) : value
  const contentType = 'application/json; charset=utf-8'
  if (!Array.isArray(seen)) return { contentType, body: Buffer.from(JSON.stringify(seen)) }
  const perPage = Math.min(MAX_PER_PAGE, numberIn(url, 'per_page', DEFAULT_PER_PAGE))
  const page = numberIn(url, 'page', 1)
  const items = seen.slice((page - 1) * perPage, page * perPage)
  const body = Buffer.from(JSON.stringify(items))
  return { contentType, body, link: linkOf(url, page, Math.ceil(seen.length / perPage)) }
}

/** What GitHub makes of JSON for tools that people read the output of. */
export function prettyPrinted(body: Buffer, userAgent: string): Buffer {
  if (!PRETTY_PRINTED_FOR.test(userAgent)) return body
  return Buffer.from(`${JSON.stringify(JSON.parse(body.toString('utf8')), null, 2)}\n`)
}

function linkOf(url: URL, page: number, pages: number): string | undefined {
  const links: string[] = []
  const add = (rel: string, target: number): void => {
    const to = new URL(url)
    to.searchParams.set('page', String(target))
    links.push(`<${to.href}>; rel="${rel}"`)
  }
  if (page > 1) add('prev', page - 1)
  if (page < pages) {
    add('next', page + 1)
    add('last', pages)
  }
  if (page > 1) add('first', 1)
  return links.length === 0 ? undefined : links.join(', ')
}

function numberIn(url: URL, name: string, otherwise: number): number {
  const value = Number(url.searchParams.get(name) ?? otherwise)
  return Number.isSafeInteger(value) && value > 0 ? value : otherwise
}
