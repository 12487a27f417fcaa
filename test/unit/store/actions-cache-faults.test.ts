import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { CacheServiceFault } from '../../../src/cli/demo/cache-service-faults.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { makeFolder, makeUpstream, startService, TOKEN } from '../../support/upstream-service.ts'

const OPTIONS = { timeout: 60_000 }
// Time for a busy machine to start the client and hear its first answer.
const LOOKUP_TIMEOUT_MS = 2000
const STALL_TIMEOUT_MS = 1000
const FIND = 'GetCacheEntryDownloadURL'
const LIMITED: CacheServiceFault = { kind: 'status', status: 429, headers: { 'retry-after': '7' } }

interface FaultCase {
  readonly call: string
  readonly fault: CacheServiceFault
  readonly reason: string
  readonly says: RegExp
  /** The client goes on asking until the deadline. */
  readonly endless?: true
}

const restoreFaults: Readonly<Record<'v1' | 'v2', Readonly<Record<string, FaultCase>>>> = {
  v2: {
    'answers 500': {
      call: FIND,
      fault: { kind: 'status', status: 500 },
      reason: 'server-error',
      says: /no answer within 2000 ms .*fault.*\(500\)/,
      endless: true,
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
      endless: true,
    },
    'never answers': {
      call: FIND,
      fault: { kind: 'silence' },
      reason: 'timeout',
      says: /no answer within 2000 ms/,
      endless: true,
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
      says: /no byte was received for 1000 ms/,
    },
    'stops in the middle of the download': {
      call: 'download',
      fault: { kind: 'stall', afterBytes: 70_000 },
      reason: 'timeout',
      says: /no byte was received for 1000 ms/,
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
      endless: true,
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
      says: /no byte was sent for 1000 ms/,
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

for (const protocol of ['v2', 'v1'] as const) {
  test(
    `${protocol}: each fault of the service is ERR_UPSTREAM and says which`,
    OPTIONS,
    async (t) => {
      let current: FaultCase | undefined
      const service = await startService(t, {
        fault: ({ call }) => (call === current?.call ? current.fault : undefined),
      })
      const folder = await makeFolder(t)
      await writeFile(path.join(folder, 'data'), randomBytes(200_000))
      const env = service.environment(TOKEN, protocol)
      const options = { env, workingDirectory: folder, stallTimeoutMs: STALL_TIMEOUT_MS }
      const { upstream, lines } = makeUpstream(t, options)
      const hasty = makeUpstream(t, { ...options, lookupTimeoutMs: LOOKUP_TIMEOUT_MS })
      await upstream.save(['data'], 'k')
      const holds = (fault: FaultCase) => (error: unknown) => {
        assert.ok(isSwarmCacheError(error, 'ERR_UPSTREAM'), String(error))
        assert.match(error.message, fault.says)
        assert.equal(error.facts['reason'], fault.reason)
        assert.ok(!error.message.includes('\n'))
        return true
      }
      for (const [name, fault] of Object.entries(restoreFaults[protocol])) {
        await t.test(`restore, when it ${name}`, async () => {
          current = fault
          const asked = fault.endless ? hasty.upstream : upstream
          await assert.rejects(asked.restore(['data'], 'k', []), holds(fault))
        })
      }
      for (const [name, fault] of Object.entries(saveFaults[protocol])) {
        await t.test(`save, when it ${name}`, async () => {
          current = fault
          const asked = fault.endless ? hasty.upstream : upstream
          await assert.rejects(asked.save(['data'], name), holds(fault))
        })
      }
      current = undefined
      assert.equal(service.stats().entries, 1)
      assert.deepEqual(await upstream.restore(['data'], 'k', []), { key: 'k' })
      const log = [...lines, ...hasty.lines].join('\n')
      assert.match(log, /Cache Size/)
      assert.ok(!log.includes(TOKEN))
      assert.doesNotMatch(log, /sig=(?!\*\*\*)/)
    },
  )
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
    const call = kind === 'save' ? upstream.save(['data'], 'k') : upstream.lookup(['data'], 'k', [])
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
