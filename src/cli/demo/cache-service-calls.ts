import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDigest } from '../../core/digest.ts'
import { readText } from './cache-service-archives.ts'
import type { CacheServiceArchives } from './cache-service-archives.ts'
import type {
  CacheServiceEntries,
  CacheServiceToken,
  ServiceEntry,
} from './cache-service-entries.ts'
import { discardBody } from './cache-service-faults.ts'

/** What the calls work on. */
export interface CallParts {
  readonly entries: CacheServiceEntries
  readonly archives: CacheServiceArchives
  /** Base of the service, ending in a slash. */
  readonly url: string
}

/** Where archives live; two folders deep, as Azure's client expects of hosts without a name. */
export const ARCHIVE_PATH = '/swarmcache/archives/'

const MAX_BODY_BYTES = 64 * 1024
const MAX_KEY_LENGTH = 512

/** Answers a Twirp method of the current protocol. */
export async function answerTwirp(
  parts: CallParts,
  method: string,
  token: CacheServiceToken,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readObject(request)
  const key = body?.['key']
  const version = body?.['version']
  if (!isKey(key) || !isDigest(version)) {
    sendTwirpError(response, 400, 'invalid_argument', 'key or version is missing or malformed')
    return
  }
  switch (method) {
    case 'CreateCacheEntry': {
      if (token.writeScope === undefined) {
        sendJson(response, 200, { ok: false, message: 'cache write denied: this token reads only' })
        return
      }
      const entry = await parts.entries.reserve(token, key, version)
      if (entry === undefined) {
        const message = 'cache entry with the same key, version, and scope already exists'
        sendTwirpError(response, 409, 'already_exists', message)
        return
      }
      sendJson(response, 200, { ok: true, signed_upload_url: archiveUrl(parts, entry) })
      return
    }
    case 'FinalizeCacheEntryUpload': {
      const entry = parts.entries.findReserved(token, key, version)
      const size = Number(body?.['size_bytes'] ?? 0)
      if (entry?.archive === undefined || entry.sizeBytes !== size) {
        sendJson(response, 200, { ok: false, message: `no upload of ${size} bytes for this entry` })
        return
      }
      entry.finished = true
      sendJson(response, 200, { ok: true, entry_id: String(entry.id) })
      return
    }
    case 'GetCacheEntryDownloadURL': {
      if (token.readScopes.length === 0) {
        const message = 'cache read denied: this token has no scope to read'
        sendTwirpError(response, 403, 'permission_denied', message)
        return
      }
      const restoreKeys = Array.isArray(body?.['restore_keys']) ? body['restore_keys'] : []
      const match = parts.entries.find(token, [key, ...restoreKeys.filter(isKey)], version)
      sendJson(
        response,
        200,
        match === undefined
          ? { ok: false }
          : {
              ok: true,
              signed_download_url: archiveUrl(parts, match.entry),
              matched_key: match.entry.key,
            },
      )
      return
    }
    default:
      await discardBody(request)
      sendTwirpError(response, 404, 'bad_route', `there is no method ${method}`)
  }
}

/** Answers a call of the older protocol (GitHub Enterprise Server). */
export async function answerOlder(
  parts: CallParts,
  call: string,
  url: URL,
  token: CacheServiceToken,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (call === 'find' || call === 'list') {
    await discardBody(request)
    if (token.readScopes.length === 0) {
      sendJson(response, 403, { message: 'cache read denied: this token has no scope to read' })
      return
    }
  } else if (token.writeScope === undefined) {
    await discardBody(request)
    sendJson(response, 403, { message: 'cache write denied: this token reads only' })
    return
  }
  switch (call) {
    case 'find': {
      const keys = (url.searchParams.get('keys') ?? '').split(',')
      const match = parts.entries.find(token, keys, url.searchParams.get('version') ?? '')
      if (match === undefined) response.writeHead(204).end()
      else sendJson(response, 200, describe(parts, match.entry, true))
      return
    }
    case 'list': {
      const found = parts.entries.list(token, url.searchParams.get('key') ?? '')
      const artifactCaches = found.map((entry) => describe(parts, entry, false))
      sendJson(response, 200, { totalCount: found.length, artifactCaches })
      return
    }
    case 'reserve': {
      const body = await readObject(request)
      const key = body?.['key']
      const version = body?.['version']
      if (!isKey(key) || !isDigest(version)) {
        sendJson(response, 400, { message: 'key or version is missing or malformed' })
        return
      }
      const entry = await parts.entries.reserve(token, key, version)
      if (entry === undefined) sendJson(response, 409, { message: 'Cache already exists.' })
      else sendJson(response, 201, { cacheId: entry.id })
      return
    }
    case 'upload': {
      const entry = ownEntry(parts, url, token)
      const start = /^bytes (\d+)-\d+\//.exec(request.headers['content-range'] ?? '')?.[1]
      if (entry === undefined || start === undefined) {
        await discardBody(request)
        sendJson(response, 400, { message: 'no such reservation, or no content-range' })
      } else if (await parts.archives.receivePiece(entry, start, request)) {
        response.writeHead(204).end()
      } else {
        sendJson(response, 413, { message: 'the archive is larger than this service keeps' })
      }
      return
    }
    case 'commit': {
      const entry = ownEntry(parts, url, token)
      const size = Number((await readObject(request))?.['size'])
      if (
        entry === undefined ||
        !(await parts.archives.assembleRanges(entry)) ||
        entry.sizeBytes !== size
      ) {
        sendJson(response, 400, { message: `no upload of ${size} bytes for this entry` })
        return
      }
      entry.finished = true
      response.writeHead(204).end()
      return
    }
    default:
      await discardBody(request)
      sendJson(response, 404, { message: 'no such call' })
  }
}

/** Sends an error in the form that Twirp clients read. */
export function sendTwirpError(
  response: ServerResponse,
  status: number,
  code: string,
  msg: string,
): void {
  sendJson(response, status, { code, msg, message: msg })
}

/** Sends a JSON answer. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
  })
  response.end(bytes)
}

function archiveUrl(parts: CallParts, entry: ServiceEntry): string {
  // Clients mask the value of `sig` in their logs.
  return new URL(`${ARCHIVE_PATH}${entry.id}?sig=${entry.manifest}`, parts.url).href
}

function describe(parts: CallParts, entry: ServiceEntry, withLocation: boolean): object {
  return {
    cacheKey: entry.key,
    cacheVersion: entry.version,
    scope: entry.scope,
    creationTime: new Date(entry.created).toISOString(),
    ...(withLocation ? { archiveLocation: archiveUrl(parts, entry) } : {}),
  }
}

function ownEntry(parts: CallParts, url: URL, token: CacheServiceToken): ServiceEntry | undefined {
  const entry = parts.entries.get(Number(url.pathname.split('/').at(-1)))
  if (entry === undefined || entry.finished) return undefined
  const own = entry.repository === token.repository && entry.scope === token.writeScope
  return own ? entry : undefined
}

async function readObject(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse(await readText(request, MAX_BODY_BYTES))
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_KEY_LENGTH
}
