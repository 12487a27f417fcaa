import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { CacheServiceFault } from '../../../src/cli/demo/cache-service-faults.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import type {
  ActionsCacheUpstream,
  ActionsCacheUpstreamOptions,
} from '../../../src/store/actions-cache-upstream.ts'
import { eventually } from '../../support/eventually.ts'
import { makeFolder, makeUpstream, startService, TOKEN } from '../../support/upstream-service.ts'

const OPTIONS = { timeout: 60_000 }
// Time for a client that runs on a busy machine to hear an answer.
const LOOKUP_TIMEOUT_MS = 3000
const STALL_TIMEOUT_MS = 2000
const FIND = 'GetCacheEntryDownloadURL'
const LIMITED: CacheServiceFault = { kind: 'status', status: 429, headers: { 'retry-after': '7' } }

interface FaultCase {
  readonly call: string
  readonly fault: CacheServiceFault
  readonly reason: string
  readonly says: RegExp
  /** The call goes on until a deadline ends it. */
  readonly waits?: true
}

const restoreFaults: Readonly<Record<'v1' | 'v2', Readonly<Record<string, FaultCase>>>> = {
  v2: {
    'answers 500': {
      call: FIND,
      fault: { kind: 'status', status: 500 },
      reason: 'server-error',
      says: /no answer within 3000 ms .*fault.*\(500\)/,
      waits: true,
    },
    'answers 403': {
      call: FIND,
      fault: { kind: 'status', status: 403 },
      reason: 'denied',
      says: /refuses this job's token/,
    },
    'limits the rate': {
      call: FIND,
      fault: LIMITED,
      reason: 'rate-limit',
      says: /limits the rate.*reset in 7 seconds/,
    },
    'answers a web page': {
      call: FIND,
      fault: { kind: 'rubbish' },
      reason: 'rubbish',
      says: /does not speak.*not valid JSON/,
      waits: true,
    },
    'never answers': {
      call: FIND,
      fault: { kind: 'silence' },
      reason: 'timeout',
      says: /no answer within 3000 ms/,
      waits: true,
    },
    'resets the connection': {
      call: FIND,
      fault: { kind: 'reset' },
      reason: 'unreachable',
      says: /cannot be reached.*ECONNRESET/,
    },
    'never starts the download': {
      call: 'download',
      fault: { kind: 'silence' },
      reason: 'timeout',
      says: /no byte was received for 2000 ms/,
      waits: true,
    },
    'stops in the middle of the download': {
      call: 'download',
      fault: { kind: 'stall', afterBytes: 70_000 },
      reason: 'timeout',
      says: /no byte was received for 2000 ms/,
      waits: true,
    },
    'cuts the download': {
      call: 'download',
      fault: { kind: 'truncate', afterBytes: 70_000 },
      reason: 'cut',
      says: /broke off/,
    },
    'sends a damaged archive': {
      call: 'download',
      fault: { kind: 'corrupt' },
      reason: 'tar',
      says: /archive is damaged.*exit code/,
    },
    'sends an error page as archive': {
      call: 'download',
      fault: { kind: 'status', status: 404 },
      reason: 'tar',
      says: /archive is damaged/,
    },
  },
  v1: {
    'answers 500': {
      call: 'find',
      fault: { kind: 'status', status: 500 },
      reason: 'server-error',
      says: /responded with 500/,
    },
    'limits the rate': {
      call: 'find',
      fault: LIMITED,
      reason: 'rate-limit',
      says: /limits the rate/,
    },
    'answers a web page': {
      call: 'find',
      fault: { kind: 'rubbish' },
      reason: 'rubbish',
      says: /does not speak/,
    },
  },
}

const saveFaults: typeof restoreFaults = {
  v2: {
    'answers 500 to the reservation': {
      call: 'CreateCacheEntry',
      fault: { kind: 'status', status: 500 },
      reason: 'server-error',
      says: /\(500\)/,
      waits: true,
    },
    'limits the rate': {
      call: 'CreateCacheEntry',
      fault: LIMITED,
      reason: 'rate-limit',
      says: /limits the rate/,
    },
    'refuses the upload': {
      call: 'upload',
      fault: { kind: 'status', status: 403 },
      reason: 'failed',
      says: /did not save/,
    },
    'never answers the upload': {
      call: 'upload',
      fault: { kind: 'silence' },
      reason: 'timeout',
      says: /no byte was sent for 2000 ms/,
      waits: true,
    },
    'refuses to finish': {
      call: 'FinalizeCacheEntryUpload',
      fault: { kind: 'status', status: 400 },
      reason: 'failed',
      says: /\(400\)/,
    },
  },
  v1: {
    'refuses the upload': {
      call: 'upload',
      fault: { kind: 'status', status: 403 },
      reason: 'denied',
      says: /responded with 403/,
    },
    'refuses to finish': {
      call: 'commit',
      fault: { kind: 'status', status: 400 },
      reason: 'failed',
      says: /responded with 400/,
    },
  },
}

const CASES = (['v2', 'v1'] as const).flatMap((protocol) =>
  (['restore', 'save'] as const).flatMap((kind) => {
    const faults = kind === 'restore' ? restoreFaults : saveFaults
    return Object.entries(faults[protocol]).map(([name, fault]) => {
      return { protocol, kind, name, fault, what: `${kind}, when it ${name}` }
    })
  }),
)

/** A service that has the key `k`, what goes wrong there from now on, and an upstream whose client runs. */
async function startFaulty(
  t: TestContext,
  protocol: 'v1' | 'v2',
  deadlines: Pick<ActionsCacheUpstreamOptions, 'lookupTimeoutMs' | 'stallTimeoutMs'> = {},
) {
  const current: { fault?: FaultCase } = {}
  const service = await startService(t, {
    fault: ({ call }) => (call === current.fault?.call ? current.fault.fault : undefined),
  })
  const folder = await makeFolder(t)
  await writeFile(path.join(folder, 'data'), randomBytes(200_000))
  const env = service.environment(TOKEN, protocol)
  const { upstream, lines } = makeUpstream(t, { env, workingDirectory: folder, ...deadlines })
  // A busy machine may take longer to start the client than it is given to answer.
  await eventually('a client that runs', async () => {
    return await upstream.save(['data'], 'k').then(
      () => true,
      () => false,
    )
  })
  return { current, service, upstream, lines }
}

async function assertFails(
  upstream: ActionsCacheUpstream,
  { kind, name, fault: { reason, says } }: (typeof CASES)[number],
): Promise<void> {
  const call = kind === 'save' ? upstream.save(['data'], name) : upstream.restore(['data'], 'k', [])
  await assert.rejects(call, (error: unknown) => {
    assert.ok(isSwarmCacheError(error, 'ERR_UPSTREAM'), String(error))
    assert.match(error.message, says)
    assert.equal(error.facts['reason'], reason)
    assert.ok(!error.message.includes('\n'))
    return true
  })
}

function assertSecretsKept(lines: readonly string[]): void {
  const log = lines.join('\n')
  assert.ok(!log.includes(TOKEN))
  assert.doesNotMatch(log, /sig=(?!\*\*\*)/)
}

suite('a fault of the service is ERR_UPSTREAM and says which', { concurrency: 3 }, () => {
  for (const each of CASES) {
    const { protocol, fault, what } = each
    if (fault.waits !== true) continue
    test(`${protocol}: ${what}`, OPTIONS, async (t) => {
      const { current, upstream, lines } = await startFaulty(t, protocol, {
        lookupTimeoutMs: LOOKUP_TIMEOUT_MS,
        stallTimeoutMs: STALL_TIMEOUT_MS,
      })
      current.fault = fault
      await assertFails(upstream, each)
      assertSecretsKept(lines)
    })
  }

  for (const protocol of ['v2', 'v1'] as const) {
    test(`${protocol}: what is told at once, by one client after the other`, OPTIONS, async (t) => {
      const { current, service, upstream, lines } = await startFaulty(t, protocol)
      for (const each of CASES) {
        if (each.protocol !== protocol || each.fault.waits === true) continue
        await t.test(each.what, async () => {
          current.fault = each.fault
          await assertFails(upstream, each)
        })
      }
      current.fault = undefined
      assert.equal(service.stats().entries, 1)
      assert.deepEqual(await upstream.restore(['data'], 'k', []), { key: 'k' })
      assert.match(lines.join('\n'), /Cache Size/)
      assertSecretsKept(lines)
    })
  }

  test('a service that denies, and none at all, say which', OPTIONS, async (t) => {
    const repository = 'octo/cache'
    const service = await startService(t, {
      tokens: {
        reader: { repository, readScopes: ['refs/heads/main'] },
        nobody: { repository, readScopes: [] },
      },
    })
    const folder = await makeFolder(t)
    await writeFile(path.join(folder, 'data'), 'x')
    const fails = async (
      kind: 'lookup' | 'save',
      env: Record<string, string>,
      reason: string,
      says: RegExp,
    ): Promise<void> => {
      const { upstream } = makeUpstream(t, { env, workingDirectory: folder })
      const call =
        kind === 'save' ? upstream.save(['data'], 'k') : upstream.lookup(['data'], 'k', [])
      await assert.rejects(call, (error) => {
        assert.ok(isSwarmCacheError(error, 'ERR_UPSTREAM'), String(error))
        assert.match(error.message, says)
        assert.equal(error.facts['reason'], reason)
        return true
      })
    }
    const reader = service.environment('reader')
    const older = service.environment('reader', 'v1')
    await fails('save', reader, 'denied', /lets this run read only/)
    await fails('save', older, 'denied', /lets this run read only/)
    await fails('lookup', service.environment('nobody'), 'denied', /nothing to read/)
    await fails('lookup', service.environment('another'), 'denied', /refuses this job's token/)
    await fails('lookup', { ...reader, ACTIONS_CACHE_MODE: 'none' }, 'denied', /ACTIONS_CACHE_MODE/)
    await fails('save', { ...reader, ACTIONS_CACHE_MODE: 'read' }, 'denied', /ACTIONS_CACHE_MODE/)
    await fails('lookup', {}, 'unavailable', /unavailable in this environment/)
    await service.close()
    await fails('lookup', reader, 'unreachable', /cannot be reached.*ECONNREFUSED/)
  })
})
