import { packAnswers, unpackAnswers } from '../api-cache/api-cache.ts'
import type { AnswerScope, ApiStats, FindOptions, QuotaState } from '../api-cache/api-cache.ts'
import { isDigest } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import { CONTROL_LIMITS, encodeJson, readDigest } from './control-protocol.ts'
import { NO_REQUESTS } from './member-answers.ts'
import type { NodeAnswers } from './node.ts'

/** The calls about answers of the GitHub API. */
export type AnswersCall = 'findAnswers' | 'putAnswer' | 'countApi'

type Header = Message['header']

const MAX_NAMES = 64
const MAX_NAME_LENGTH = 1024
const MAX_QUOTAS = 64
const PREFIX_BYTES = 4
const MAX_QUOTA_BYTES = 64 * 1024
const NOTHING = new Uint8Array(0)

/** What a quota view says of some names. */
export type NamedQuotas = readonly (readonly [string, QuotaState])[]

/** The calls of one client about answers of the API; what it counted stays when it has gone. */
export class ControlAnswers {
  readonly #counted = new Map<NodeAnswers, { stats: ApiStats; readonly end: () => Promise<void> }>()

  async call(
    name: AnswersCall,
    answers: NodeAnswers,
    { header, body, signal }: Message & { readonly signal: AbortSignal },
  ): Promise<Uint8Array> {
    switch (name) {
      case 'findAnswers': {
        for (const [quota, state] of readQuotas(header['saw'])) answers.quota.saw(quota, state)
        const options = { ...readOptions(header), signal }
        const found = await answers.tiers.find(readDigest(header), readScope(header), options)
        // What a personal token was given stays in the process that asked with it.
        const shared = found.filter(({ answer }) => answer.shared)
        return packFound(shared, quotasOf(answers, header))
      }
      case 'putAnswer': {
        const [found, ...more] = unpackAnswers(body) ?? []
        if (found === undefined || more.length > 0 || !found.answer.shared) {
          throw malformed('it brings no answer')
        }
        if (found.answer.repository !== header['repository']) throw malformed('it names another')
        await answers.tiers.put(found.answer)
        return NOTHING
      }
      case 'countApi':
        this.#count(answers, readStats(header['stats']))
        return NOTHING
    }
  }

  /** The client has gone. */
  stop(): void {
    for (const { end } of this.#counted.values()) void end()
    this.#counted.clear()
  }

  #count(answers: NodeAnswers, stats: ApiStats): void {
    const counted = this.#counted.get(answers)
    if (counted !== undefined) {
      counted.stats = stats
      return
    }
    const source: { stats: ApiStats; end: () => Promise<void> } = { stats, end: async () => {} }
    source.end = answers.count(() => source.stats)
    this.#counted.set(answers, source)
  }
}

/** Answers and quotas as the body of a reply: u32 bytes of the quotas as JSON, the quotas, the answers. */
function packFound(found: Parameters<typeof packAnswers>[0], quotas: NamedQuotas): Uint8Array {
  const said = encodeJson(quotas)
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  prefix.writeUInt32BE(said.length)
  const room = CONTROL_LIMITS.bodyBytes - PREFIX_BYTES - said.length
  return Buffer.concat([prefix, said, packAnswers(found, room)])
}

/** What `packFound` made. @throws ERR_FRAME if it is damaged. */
export function unpackFound(body: Uint8Array): {
  readonly found: NonNullable<ReturnType<typeof unpackAnswers>>
  readonly quotas: NamedQuotas
} {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  const end = bytes.length < PREFIX_BYTES ? 0 : PREFIX_BYTES + bytes.readUInt32BE(0)
  if (end === 0 || end > Math.min(bytes.length, MAX_QUOTA_BYTES)) throw malformed('it is cut off')
  const found = unpackAnswers(body.subarray(end))
  if (found === undefined) throw malformed('an answer in it is damaged')
  const quotas: unknown = JSON.parse(bytes.toString('utf8', PREFIX_BYTES, end))
  return { found, quotas: readQuotas(quotas) }
}

/** The view of the quotas that the client names. */
function quotasOf({ quota }: NodeAnswers, header: Header): NamedQuotas {
  const names = header['quotas']
  if (!Array.isArray(names)) return []
  return names
    .slice(0, MAX_QUOTAS)
    .filter((name) => typeof name === 'string')
    .flatMap((name) => {
      const state = quota.get(name)
      return state === undefined ? [] : [[name, state] as const]
    })
}

function readQuotas(value: unknown): NamedQuotas {
  if (!Array.isArray(value)) return []
  return value.slice(0, MAX_QUOTAS).flatMap((item: unknown) => {
    const [name, state] = Array.isArray(item) ? (item as unknown[]) : []
    if (typeof name !== 'string' || name.length > MAX_NAME_LENGTH) return []
    if (typeof state !== 'object' || state === null) return []
    const { limit, remaining, reset, seen } = state as Partial<QuotaState>
    if (!isCount(limit) || !isCount(remaining) || !isCount(reset) || !isCount(seen)) return []
    return [[name, { limit, remaining, reset, seen }] as const]
  })
}

function readScope(header: Header): AnswerScope {
  const { repository, scope, readable } = (header['scope'] ?? {}) as Partial<AnswerScope>
  if (repository !== header['repository'] || !isName(repository) || !isName(scope)) {
    throw malformed('its scope is incomplete')
  }
  if (!Array.isArray(readable) || readable.length > MAX_NAMES || !readable.every(isName)) {
    throw malformed('its scope is incomplete')
  }
  return { repository, scope, readable }
}

function readOptions({ known, nearOnly, holder }: Header): FindOptions {
  return {
    known: Array.isArray(known) ? known.slice(0, MAX_NAMES).filter(isDigest) : [],
    nearOnly: nearOnly === true,
    holder: isName(holder) ? holder : undefined,
  }
}

function readStats(value: unknown): ApiStats {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Header
  const tiers = (typeof given['tiers'] === 'object' ? (given['tiers'] ?? {}) : {}) as Header
  const { tiers: noTiers, ...none } = NO_REQUESTS
  return { ...counts(none, given), tiers: counts(noTiers, tiers) }
}

function counts<T extends Readonly<Record<string, number>>>(names: T, given: Header): T {
  const read = Object.keys(names).map((name) => [name, isCount(given[name]) ? given[name] : 0])
  return Object.fromEntries(read) as T
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME_LENGTH
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function malformed(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', `A control message about answers is malformed: ${why}.`)
}
