/**
 * What is said over the control socket, as messages of core/message.ts.
 *
 * 1. Both sides send a greeting first: `{ hello, protocol, version, pid }`.
 * 2. The client sends calls: `{ id, call, …arguments }` with a body where one is needed, any number at once,
 *    and may take one back: `{ cancel: id }`.
 * 3. The server answers each with `{ id }` and the result as body, or `{ id, error }`, in any order.
 *    `readChunks` is answered with one `{ id, frame, tier, peer? }` for each frame, whose index in the
 *    request is `frame` and whose bytes are the body, then `{ id, end: true }`. If it was called with
 *    `unopened`, frames that nobody has opened carry a number under that name, and the client answers with
 *    `{ settle: id, good: [numbers], bad: [numbers] }`; a bad one comes again from somebody else. If it was
 *    called with `placed` too, frames may come as their places in files of the home: `{ id }` with a list of
 *    `PlacedFrame` as body, which the client settles in the same way.
 *    `takeTurn` may be answered with any number of `{ id, waiting: progress }` before its result.
 * 4. `inbox` is answered with the folder and prefix of an inbox (core/inbox.ts) and what tells the folder from
 *    another of that path; `take` names the `prefix` and, as body, files that the client has written there.
 * 5. `findAnswers` and `putAnswer` carry answers of the GitHub API as api-cache/answer-pack.ts makes them, `takeTurn`
 *    with `answers` takes turns for them; `countApi` says what became of the client's requests so far.
 * 6. `offerPart` has the pieces as body; `followArchive` is answered with one `{ id, digest, bytes, tier, peer?,
 *    archiveBytes }` for each piece, whose frame is the body or, if it was called with `placed`, lies in a file of
 *    the home (`place`), with `{ id, arrived: true }` now and then while pieces come in, then `{ id, end: true }`.
 * 7. Who has a turn, which the client has named itself, says `renewTurn` twice a second until `endTurn`.
 *
 * A connection that ends takes back every call on it.
 */
import type { FollowRequest } from '../cache/cache.ts'
import type { OfferedPart } from '../core/archive-part.ts'
import { isDigest } from '../core/digest.ts'
import type { Digest } from '../core/digest.ts'
import { parseSignedEntry } from '../core/entry.ts'
import type { Entry, EntryQuery, SignedEntry } from '../core/entry.ts'
import { SwarmCacheError, errorMessage, inputError, isSwarmCacheError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import { MAX_CHUNK_BYTES, MAX_FRAME_BYTES, MAX_MANIFEST_BYTES } from '../core/manifest.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { Message, MessageLimits } from '../core/message.ts'
import type { Frame, SourcedFrame, Tier } from '../core/chunk.ts'
import { isTurnResult } from '../lease/lease.ts'
import type { TurnResult } from '../lease/lease.ts'

export const HELLO = 'swarmcache control'
/** Raised with every change that an older client or node would misunderstand. */
export const PROTOCOL = 4

/** Headers hold names and keys; what can be long (manifests, lists, frames) is a body. */
export const CONTROL_LIMITS: MessageLimits = {
  headerBytes: 64 * 1024,
  bodyBytes: MAX_MANIFEST_BYTES,
}

/** Digests in one `has`; more are asked in several. */
export const MAX_DIGESTS = 16_384

export type CallName =
  | 'ping'
  | 'status'
  | 'peers'
  | 'entries'
  | 'verify'
  | 'tiers'
  | 'find'
  | 'readManifest'
  | 'readChunks'
  | 'has'
  | 'put'
  | 'inbox'
  | 'take'
  | 'putManifest'
  | 'commit'
  | 'forget'
  | 'company'
  | 'offerPart'
  | 'followArchive'
  | 'takeTurn'
  | 'renewTurn'
  | 'endTurn'
  | 'findAnswers'
  | 'putAnswer'
  | 'countApi'

type Header = Readonly<Record<string, unknown>>

const DIGEST_BYTES = 32
const REF_BYTES = DIGEST_BYTES + 4
const MAX_NAME_LENGTH = 1024
const MAX_LIST_LENGTH = 64
const MAX_TURN_NAME_LENGTH = 64
const MAX_ERROR_LENGTH = 4096
export const TIERS: readonly unknown[] = ['memory', 'disk', 'shared', 'peers', 'upstream']
const REPOSITORY_PATTERN = /^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/

/** The repository that a call names. */
export function readRepository(header: Header): string {
  const { repository } = header
  if (typeof repository !== 'string' || !REPOSITORY_PATTERN.test(repository)) {
    throw inputError('A repository must be given as owner/name, in the characters GitHub allows.')
  }
  return repository
}

export function readQuery(header: Header): EntryQuery {
  const query = header['query'] as Partial<Record<keyof EntryQuery, unknown>> | null | undefined
  if (
    typeof query !== 'object' ||
    query === null ||
    !isName(query.repository) ||
    !isName(query.key) ||
    !isDigest(query.version) ||
    !isNameList(query.scopes) ||
    !isNameList(query.restoreKeys) ||
    !isNameList(query.except ?? [])
  ) {
    throw malformed('the query is incomplete')
  }
  const { repository, scopes, key, restoreKeys, version, except } = query
  const excepted = isNameList(except) ? { except } : {}
  return { repository, scopes, key, restoreKeys, version, ...excepted }
}

export function readSignedEntry(header: Header): SignedEntry {
  const entry = parseSignedEntry(header['entry'])
  if (entry === undefined) throw malformed('the entry is incomplete')
  return entry
}

/** An entry that is about to be signed, or has been signed by the client. */
export function readCommittedEntry(header: Header): Omit<Entry, 'writer'> | SignedEntry {
  const given = header['entry']
  const signed = parseSignedEntry(given)
  if (signed !== undefined) return signed
  const filled =
    typeof given === 'object' && given !== null ? { ...given, writer: '-', signature: '-' } : given
  const entry = parseSignedEntry(filled)
  if (entry === undefined) throw malformed('the entry is incomplete')
  const { writer: _writer, signature: _signature, ...unsigned } = entry
  return unsigned
}

/** A chunk by its digest and size. */
export function readChunk(header: Header): ChunkRef {
  const digest = readDigest(header)
  const bytes = header['bytes']
  if (!Number.isSafeInteger(bytes) || Number(bytes) <= 0 || Number(bytes) > MAX_CHUNK_BYTES) {
    throw malformed('a chunk has no valid size')
  }
  return { digest, bytes: Number(bytes) }
}

export function readFrame({ header, body }: Message): Frame {
  const chunk = readChunk(header)
  if (body.length === 0 || body.length > MAX_FRAME_BYTES) {
    throw malformed(`a frame has ${body.length} bytes`)
  }
  return { chunk, bytes: body }
}

/** Which chunk of a request a frame is, and where it comes from. @throws ERR_FRAME if it was not asked for. */
export function readSource(
  { frame, tier, peer }: Header,
  chunks: readonly ChunkRef[],
): Omit<SourcedFrame, 'bytes'> {
  const chunk = typeof frame === 'number' ? chunks[frame] : undefined
  if (chunk === undefined || !TIERS.includes(tier)) {
    throw new SwarmCacheError('ERR_FRAME', 'The node sent a frame that nobody asked for.')
  }
  const source = { chunk, tier: tier as Tier }
  return typeof peer === 'string' ? { ...source, peer } : source
}

/** What a client wants to follow. */
export function readFollow(header: Header): FollowRequest {
  const { scope, key, first, placed } = header
  if (!isName(scope) || !isName(key) || !isCount(first)) throw malformed('a download has no name')
  return { work: readDigest(header), scope, key, first, placed: placed === true }
}

/** A part that a client offers, but for the check that its entry names it. */
export function readPart({ header, body }: Message): OfferedPart {
  const { archiveBytes, first } = header
  if (!isCount(archiveBytes) || !isCount(first)) throw malformed('a part has no place')
  return { entry: readCommittedEntry(header), archiveBytes, first, pieces: decodeRefList(body) }
}

export function readDigest(header: Header): Digest {
  const { digest } = header
  if (!isDigest(digest)) throw malformed('a digest is missing')
  return digest
}

/** How a client says that its turn has ended. */
export function readTurnResult({ result }: Header): TurnResult {
  if (!isTurnResult(result)) throw malformed('a turn ended in no known way')
  return result
}

/** The name that a client gave to a turn. */
export function readTurnName(header: Header): string {
  const { turn } = header
  if (typeof turn !== 'string' || turn === '' || turn.length > MAX_TURN_NAME_LENGTH) {
    throw malformed('a turn has no name')
  }
  return turn
}

export function encodeDigests(digests: readonly Digest[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(digests.length * DIGEST_BYTES)
  for (const [index, digest] of digests.entries()) bytes.write(digest, index * DIGEST_BYTES, 'hex')
  return bytes
}

export function decodeDigests(body: Uint8Array): Digest[] {
  if (body.length % DIGEST_BYTES !== 0 || body.length > MAX_DIGESTS * DIGEST_BYTES) {
    throw malformed(`a list of digests has ${body.length} bytes`)
  }
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  const digests: Digest[] = []
  for (let offset = 0; offset < bytes.length; offset += DIGEST_BYTES) {
    digests.push(bytes.toString('hex', offset, offset + DIGEST_BYTES))
  }
  return digests
}

export function encodeRefs(chunks: readonly ChunkRef[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(chunks.length * REF_BYTES)
  let offset = 0
  for (const chunk of chunks) {
    bytes.write(chunk.digest, offset, 'hex')
    bytes.writeUInt32BE(chunk.bytes, offset + DIGEST_BYTES)
    offset += REF_BYTES
  }
  return bytes
}

/** A list that may name a chunk more than once. */
function decodeRefList(body: Uint8Array): ChunkRef[] {
  if (body.length % REF_BYTES !== 0) throw malformed(`a list of chunks has ${body.length} bytes`)
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  const chunks: ChunkRef[] = []
  for (let offset = 0; offset < bytes.length; offset += REF_BYTES) {
    const digest = bytes.toString('hex', offset, offset + DIGEST_BYTES)
    const size = bytes.readUInt32BE(offset + DIGEST_BYTES)
    if (size === 0 || size > MAX_CHUNK_BYTES) throw malformed(`a chunk claims ${size} bytes`)
    chunks.push({ digest, bytes: size })
  }
  return chunks
}

export function decodeRefs(body: Uint8Array): ChunkRef[] {
  const chunks = decodeRefList(body)
  const digests = new Set(chunks.map(({ digest }) => digest))
  if (digests.size !== chunks.length) throw malformed('a chunk is asked for twice')
  return chunks
}

export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

export function decodeJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8'))
  } catch (cause) {
    throw malformed('an answer is not JSON', cause)
  }
}

/** An error as it crosses the socket: what the caller may tell apart, without the stack of the other process. */
export function encodeError(error: unknown): Record<string, unknown> {
  const message = errorMessage(error).slice(0, MAX_ERROR_LENGTH)
  if (!isSwarmCacheError(error)) return { code: 'ERR_CONTROL', message }
  const facts = Object.entries(error.facts).filter(
    ([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && isShort(value),
  )
  return { code: error.code, message, facts: Object.fromEntries(facts.slice(0, MAX_LIST_LENGTH)) }
}

export function decodeError(value: unknown): SwarmCacheError {
  const { code, message, facts } = (value ?? {}) as Record<string, unknown>
  return new SwarmCacheError(
    typeof code === 'string' && code.startsWith('ERR_') ? (code as ErrorCode) : 'ERR_CONTROL',
    typeof message === 'string' ? message : 'The node failed without saying why.',
    typeof facts === 'object' && facts !== null
      ? { facts: facts as Record<string, unknown> }
      : undefined,
  )
}

/** Why the two sides cannot talk, or undefined if they can. */
export function protocolMismatch(
  theirs: Header,
  versions: { readonly node: unknown; readonly client: unknown },
): SwarmCacheError | undefined {
  if (theirs['hello'] !== HELLO) return malformed('the other side does not greet as one of ours')
  if (theirs['protocol'] === PROTOCOL) return undefined
  return new SwarmCacheError(
    'ERR_CONTROL',
    `The running node is of swarmcache ${shortVersion(versions.node)}, this is ${shortVersion(versions.client)}, and they do not understand each other. Stop that node and start it again with this version.`,
  )
}

function shortVersion(version: unknown): string {
  return typeof version === 'string' ? version.slice(0, 64) : 'of unknown version'
}

function isShort(value: unknown): boolean {
  return typeof value !== 'string' || value.length <= MAX_ERROR_LENGTH
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH
}

function isNameList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MAX_LIST_LENGTH && value.every(isName)
}

function malformed(why: string, cause?: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', `A control message is malformed: ${why}.`, { cause })
}
