import { digestOf } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import type { EtagInput } from './etag-formula.ts'

/** A GET or HEAD of the API that the cache takes part in. */
export interface ApiRequest {
  readonly method: 'GET' | 'HEAD'
  readonly url: URL
  /** As they are sent: Accept is always there, and no User-Agent asks for pretty-printed JSON. */
  readonly headers: Headers
  readonly key: Digest
  /** Hash of Authorization and Cookie: the only trace of a token that the cache keeps. */
  readonly credential: Digest
  readonly token: 'none' | 'job' | 'personal'
  readonly sent: EtagInput
  readonly signal?: AbortSignal
}

/** What a request is charged to. */
export type QuotaPayer = Pick<ApiRequest, 'url' | 'credential' | 'token'>

/** What the cache does with a request: takes part, lets it pass (and why, in words of RFC 9211), or ignores it. */
export type ApiRequestKind =
  | { readonly kind: 'api'; readonly request: ApiRequest }
  | {
      readonly kind: 'passed'
      readonly why: 'method' | 'bypass' | 'request'
      readonly payer: QuotaPayer
    }
  | { readonly kind: 'foreign' }

type FetchInput = Parameters<typeof fetch>[0]

const DEFAULT_ACCEPT = '*/*'
// Who sends one of these wants a part, or compares with an answer of its own.
const CALLER_CONDITIONS =
  /^(range|if-none-match|if-modified-since|if-match|if-unmodified-since|if-range)$/
const SECRET_PARAMETERS = ['access_token', 'client_secret', 'token']
// GitHub prints JSON with line breaks for these, after it has made the ETag.
const PRETTY_PRINTED_FOR = /curl|wget|safari|firefox/gi

/** Sorts a call of `fetch`; `apiUrls` are base URLs without a slash at the end. */
export function readApiRequest(
  input: FetchInput,
  init: RequestInit | undefined,
  apiUrls: readonly string[],
): ApiRequestKind {
  const given = input instanceof Request ? input : undefined
  const text = input instanceof Request ? input.url : input.toString()
  if (!URL.canParse(text)) return { kind: 'foreign' }
  const url = new URL(text)
  url.hash = ''
  const base = apiUrls.find((api) => url.href === api || url.href.startsWith(`${api}/`))
  if (base === undefined || url.username !== '') return { kind: 'foreign' }
  const headers = new Headers(init?.headers ?? given?.headers)
  const method = (init?.method ?? given?.method ?? 'GET').toUpperCase()
  const path = url.href.slice(base.length).split('?')[0]!
  const pass = (why: 'method' | 'bypass' | 'request'): ApiRequestKind => {
    return { kind: 'passed', why, payer: { url, ...readCredential(headers) } }
  }
  if (method !== 'GET' && method !== 'HEAD') return pass('method')
  if (path === '/rate_limit' || path === '/graphql') return pass('bypass')
  if (headers.has('x-github-otp')) return pass('bypass')
  if (SECRET_PARAMETERS.some((name) => url.searchParams.has(name))) return pass('bypass')
  if (hasOwnConditions(headers, init?.cache ?? given?.cache)) return pass('request')
  const signal = init?.signal ?? given?.signal ?? undefined
  return { kind: 'api', request: { ...apiRequest(method, url, headers), signal } }
}

/** A request for another URL with everything else the same. */
export function sameRequestFor(url: URL, { method, headers, signal }: ApiRequest): ApiRequest {
  return { ...apiRequest(method, url, new Headers(headers)), signal }
}

function apiRequest(method: 'GET' | 'HEAD', url: URL, headers: Headers): ApiRequest {
  const accept = headers.get('accept') ?? DEFAULT_ACCEPT
  headers.set('accept', accept)
  const agent = headers.get('user-agent')
  if (agent !== null) headers.set('user-agent', agent.replace(PRETTY_PRINTED_FOR, otherCase))
  const version = headers.get('x-github-api-version') ?? ''
  return {
    method,
    url,
    headers,
    key: digestOf(JSON.stringify(['api answer', url.href, accept, version])),
    ...readCredential(headers),
    sent: {
      accept,
      authorization: headers.get('authorization') ?? undefined,
      cookie: headers.get('cookie') ?? undefined,
    },
  }
}

function hasOwnConditions(headers: Headers, cache: string | undefined): boolean {
  if (cache !== undefined && cache !== 'default') return true
  if (/\bno-(store|cache)\b/i.test(headers.get('cache-control') ?? '')) return true
  return [...headers.keys()].some((name) => CALLER_CONDITIONS.test(name))
}

/** Tokens of jobs and Apps start with `ghs_`; all others speak for a person. */
function readCredential(headers: Headers): Pick<ApiRequest, 'credential' | 'token'> {
  const authorization = headers.get('authorization')
  const cookie = headers.get('cookie')
  const credential = digestOf(JSON.stringify(['credential', authorization, cookie]))
  if (authorization === null && cookie === null) return { credential, token: 'none' }
  const isJob = cookie === null && /^(bearer|token)\s+ghs_/i.test(authorization ?? '')
  return { credential, token: isJob ? 'job' : 'personal' }
}

function otherCase(name: string): string {
  return name.replace(/./g, (letter, at: number) =>
    at % 2 === 0 ? letter.toLowerCase() : letter.toUpperCase(),
  )
}
