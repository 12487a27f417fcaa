import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

// They are about one connection. https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
// What `fetch` says itself; what it decodes need not be asked for.
const REQUEST_ONLY = ['host', 'content-length', 'expect', 'accept-encoding']

/** The headers of a client's request as they go on. */
export function forwardedHeaders(given: IncomingHttpHeaders): Headers {
  const headers = new Headers()
  const dropped = new Set([...HOP_BY_HOP, ...REQUEST_ONLY, ...named(given.connection)])
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || dropped.has(name)) continue
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one)
  }
  return headers
}

/**
 * The headers of an answer as the client gets them, with links to `api` (a base URL without a slash at the end) led to
 * `base`, so that who follows them stays with this door.
 */
export function returnedHeaders(given: Headers, api: string, base: string): OutgoingHttpHeaders {
  const dropped = new Set([...HOP_BY_HOP, ...named(given.get('connection') ?? undefined)])
  if (given.has('content-encoding')) dropped.add('content-encoding').add('content-length')
  const headers: OutgoingHttpHeaders = {}
  for (const [name, value] of given) {
    if (!dropped.has(name) && name !== 'set-cookie') headers[name] = value
  }
  const cookies = given.getSetCookie()
  if (cookies.length > 0) headers['set-cookie'] = cookies
  const link = given.get('link')
  if (link !== null) headers['link'] = link.replaceAll(`<${api}/`, `<${base}/`)
  const location = given.get('location')
  if (location?.startsWith(`${api}/`) === true) {
    headers['location'] = `${base}${location.slice(api.length)}`
  }
  return headers
}

function named(connection: string | undefined): string[] {
  return (connection ?? '').split(',').map((name) => name.trim().toLowerCase())
}
