import { SwarmCacheError } from '../core/errors.ts'
import type { ClientTranscript } from './actions-cache-output.ts'
import type { WorkerCall, WorkerResult } from './actions-cache-worker.ts'

/** Why the upstream could not do what it was asked; found in `facts.reason` of an ERR_UPSTREAM. */
export type UpstreamTrouble =
  | 'unavailable'
  | 'denied'
  | 'quota'
  | 'rate-limit'
  | 'unreachable'
  | 'server-error'
  | 'rubbish'
  | 'cut'
  | 'tar'
  | 'timeout'
  | 'crashed'
  | 'failed'

interface Explanation {
  readonly reason: UpstreamTrouble
  readonly pattern: RegExp
  readonly means: string
}

// The first that fits wins: policy before status codes, status codes before transport.
const EXPLANATIONS: readonly Explanation[] = [
  {
    reason: 'denied',
    pattern: /effective cache-mode/,
    means: 'ACTIONS_CACHE_MODE of this job forbids it',
  },
  {
    reason: 'denied',
    pattern: /cache write denied:/,
    means:
      "the service lets this run read only, as it does for forks and other triggers that it doesn't trust",
  },
  {
    reason: 'denied',
    pattern: /cache read denied:/,
    means: 'the service gives this run nothing to read',
  },
  {
    reason: 'quota',
    pattern: /storage quota has been hit|insufficient usage/i,
    means: "the repository's cache storage is used up; delete entries or raise the limit",
  },
  {
    reason: 'rate-limit',
    pattern: /\b429\b|rate limit/i,
    means: 'the service limits the rate of requests of this repository; fewer or later calls help',
  },
  {
    reason: 'unreachable',
    pattern:
      /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET|socket hang up/,
    means: 'the service cannot be reached; check network, proxy and the URL that the runner gives',
  },
  {
    reason: 'server-error',
    pattern: /\((?:5\d\d)\)|responded with 5\d\d|status code:? 5\d\d|"?statusCode"?: ?5\d\d/i,
    means: 'the service itself has a fault',
  },
  {
    reason: 'denied',
    pattern: /\((?:401|403)\)|responded with 40[13]|Unable to get the ACTIONS_RUNTIME_TOKEN/,
    means: "the service refuses this job's token",
  },
  {
    reason: 'rubbish',
    pattern:
      /not valid JSON|Unexpected (?:token|end)|JSON at position|Cache not found\.|Invalid URL/,
    means: 'something answered that does not speak the protocol of the cache service',
  },
  {
    reason: 'cut',
    pattern: /Premature close|Incomplete download|\baborted\b|Request timeout/i,
    means: 'the transfer broke off',
  },
  {
    reason: 'tar',
    pattern: /failed with exit code|tar(?:\.exe)?" failed/,
    means: 'the archive is damaged or the disk is full; some files may have been written already',
  },
]

const VERBS = { lookup: 'look up', restore: 'restore', save: 'save' } as const
// "ok: false" without a message is how the service says that it has the entry already.
const TAKEN = /already[ _](?:exists|being)|\(409\)|responded with 409|Response was not ok/i
const MAX_MESSAGE_CHARACTERS = 400

/** Key that a lookup or restore found, undefined for a miss. @throws ERR_UPSTREAM */
export function judgeRestore(
  call: WorkerCall,
  done: WorkerResult,
  transcript: ClientTranscript,
): string | undefined {
  assertRan(call, done, transcript)
  if (typeof done.result === 'string') return done.result
  const skipped = transcript.troubles.find((text) => text.startsWith('Cache restore skipped: '))
  const trouble = transcript.warnings.at(-1) ?? skipped
  if (trouble !== undefined) throw upstreamError(call, trouble, transcript)
  return undefined
}

/** True if the entry was written, false if its name is taken. @throws ERR_UPSTREAM */
export function judgeSave(
  call: WorkerCall,
  done: WorkerResult,
  transcript: ClientTranscript,
): boolean {
  assertRan(call, done, transcript)
  // With the older protocol a failed upload still returns the id of its reservation.
  const failed = transcript.warnings.some((text) => text.startsWith('Failed to save: '))
  if (typeof done.result === 'number' && done.result !== -1 && !failed) return true
  // The newer protocol's reason stands in the line before the one that suggests another job.
  const reserved = transcript.troubles.find((text) => text.startsWith('Failed to reserve cache: '))
  const trouble = reserved ?? transcript.troubles.at(-1)
  if (trouble !== undefined && !trouble.includes('cache write denied:') && TAKEN.test(trouble)) {
    return false
  }
  throw upstreamError(call, trouble ?? 'it did not say why', transcript)
}

/** ERR_UPSTREAM for a deadline that passed, with what the client had met until then. */
export function upstreamTimeout(
  call: WorkerCall,
  waited: string,
  transcript: ClientTranscript,
): SwarmCacheError {
  const last = transcript.troubles.at(-1)
  const found = last === undefined ? undefined : explain(last)
  const means = found === undefined ? '' : ` (${found.means})`
  const met = last === undefined ? '' : `; last: ${brief(last)}`
  return new SwarmCacheError(
    'ERR_UPSTREAM',
    shorten(`The cache service did not ${VERBS[call.kind]} "${call.key}": ${waited}${means}${met}`),
    { facts: { reason: found?.reason ?? 'timeout', call: call.kind, key: call.key } },
  )
}

/** ERR_UPSTREAM for a client that ended without a result. */
export function upstreamCrash(
  call: WorkerCall,
  why: string,
  transcript: ClientTranscript,
): SwarmCacheError {
  return new SwarmCacheError(
    'ERR_UPSTREAM',
    shorten(
      `The client of the cache service ended before it could ${VERBS[call.kind]} "${call.key}": ${transcript.clean(why)}.`,
    ),
    { facts: { reason: 'crashed', call: call.kind, key: call.key } },
  )
}

function assertRan(call: WorkerCall, done: WorkerResult, transcript: ClientTranscript): void {
  if (!done.available) {
    throw new SwarmCacheError(
      'ERR_UPSTREAM',
      'The cache service of GitHub Actions is unavailable in this environment: the runner sets ACTIONS_RESULTS_URL (or ACTIONS_CACHE_URL) for actions only. Set the upstream to "off", or run this as an action.',
      { facts: { reason: 'unavailable', call: call.kind, key: call.key } },
    )
  }
  if (done.error !== undefined) throw upstreamError(call, done.error, transcript)
}

function upstreamError(
  call: WorkerCall,
  trouble: string,
  transcript: ClientTranscript,
): SwarmCacheError {
  const found = explain(trouble) ?? explain(transcript.troubles.join('\n'))
  const details = [trouble]
  if (found?.reason === 'tar') details.push(...transcript.toolLines)
  if (found?.reason === 'rate-limit') {
    const reset = transcript.warnings.find((text) => /will reset in \d+ seconds/.test(text))
    if (reset !== undefined && reset !== trouble) details.push(reset)
  }
  const means = found === undefined ? '' : ` (${meaning(found, call)})`
  return new SwarmCacheError(
    'ERR_UPSTREAM',
    shorten(
      `The cache service did not ${VERBS[call.kind]} "${call.key}"${means}: ${details.map((text) => brief(text)).join('; ')}`,
    ),
    { facts: { reason: found?.reason ?? 'failed', call: call.kind, key: call.key } },
  )
}

function explain(trouble: string): Explanation | undefined {
  return EXPLANATIONS.find(({ pattern }) => pattern.test(trouble))
}

function meaning({ reason, means }: Explanation, call: WorkerCall): string {
  return reason === 'tar' && call.kind === 'save' ? 'tar could not read everything' : means
}

/** The first line without what the client puts around the cause. */
function brief(text: string): string {
  const line = text.split('\n', 1)[0] ?? ''
  return line
    .replace(/^(?:Failed to (?:restore|save|reserve cache): )(?:Error: )?/, '')
    .replace(/\.? ?Retrying request in \d+ ms\.*$/, '')
}

function shorten(text: string): string {
  return text.length <= MAX_MESSAGE_CHARACTERS ? text : `${text.slice(0, MAX_MESSAGE_CHARACTERS)}…`
}
