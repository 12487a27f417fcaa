import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { NodeTiers } from '../../../src/cache/node-tiers.ts'
import type { CacheService } from '../../../src/cli/demo/cache-service.ts'
import type { CacheServiceFault } from '../../../src/cli/demo/cache-service-faults.ts'
import { encodePieces } from '../../../src/core/archive-part.ts'
import type { OfferedPart } from '../../../src/core/archive-part.ts'
import { makeFrame } from '../../../src/core/chunk.ts'
import { digestOf } from '../../../src/core/digest.ts'
import type { Digest } from '../../../src/core/digest.ts'
import { DownloadCrowd } from '../../support/download-crowd.ts'
import type { DownloadRunner, DownloadRunnerOptions } from '../../support/download-crowd.ts'
import { noise } from '../../support/noise.ts'
import { startService } from '../../support/upstream-service.ts'

const options = { timeout: 60_000 }
const BYTES = 4_500_000
// Slow enough that a download is still under way when the others look at it.
const BYTES_PER_SECOND = 1_500_000

interface Filled {
  readonly service: CacheService
  readonly runners: DownloadRunner[]
  readonly tree: string[]
  readonly archiveBytes: number
}

async function fill(
  t: TestContext,
  each: readonly DownloadRunnerOptions[],
  {
    fault,
    protocol = 'v2',
  }: {
    readonly fault?: (earlier: number) => CacheServiceFault | undefined
    readonly protocol?: 'v1' | 'v2'
  } = {},
): Promise<Filled> {
  const service = await startService(t, {
    // What stalls needs not be slow as well.
    downloadBytesPerSecond: fault === undefined ? BYTES_PER_SECOND : 8 * BYTES_PER_SECOND,
    fault: ({ call, earlier }) => (call === 'download' ? fault?.(earlier) : undefined),
  })
  const crowd = new DownloadCrowd(t, service, protocol)
  const { tree, archiveBytes } = await crowd.fill('deps-1', BYTES)
  const runners: DownloadRunner[] = []
  for (const own of each) runners.push(await crowd.add(own))
  return { service, runners, tree, archiveBytes }
}

/** The one that downloads, once it has so many bytes. */
async function fetcherOf(
  runners: readonly DownloadRunner[],
  bytes: number,
): Promise<DownloadRunner> {
  return await Promise.race(
    runners.map(async (runner) => {
      await runner.downloaded(bytes)
      return runner
    }),
  )
}

/** Offers other bytes than those that it downloads, by its own good word. */
class LyingTiers extends NodeTiers {
  override async offerPart(work: Digest, part: OfferedPart): Promise<boolean> {
    const pieces: { digest: Digest; bytes: number }[] = []
    for (const [index, { bytes }] of part.pieces.entries()) {
      const lie = noise(bytes, `lie ${part.first + index}`)
      const chunk = { digest: digestOf(lie), bytes }
      await this.put({ chunk, bytes: await makeFrame(lie) })
      pieces.push(chunk)
    }
    const { writer: _writer, signature: _signature, ...entry } = { ...EMPTY, ...part.entry }
    const manifest = digestOf(encodePieces(pieces))
    return await super.offerPart(work, { ...part, entry: { ...entry, manifest }, pieces })
  }
}

const EMPTY = { writer: '', signature: '' }

// They wait for the service more than they work.
suite('a shared download', { concurrency: 3 }, () => {
  test('a crowd restores what one of it downloads, while it arrives', options, async (t) => {
    const { service, runners, tree, archiveBytes } = await fill(t, [{}, {}, {}, {}])
    const results = await Promise.all(runners.map((runner) => runner.restore('deps-1')))
    assert.equal(service.stats().bytesDown, archiveBytes, 'it was downloaded once')
    for (const runner of runners) assert.deepEqual(runner.tree(), tree)
    const others = results.filter(({ bytes }) => bytes.upstream === 0)
    assert.equal(others.length, 3, 'the others have nothing of it from the service')
    assert.ok(
      others.some(({ bytes }) => bytes.peers === archiveBytes),
      'the archive was shared',
    )
    for (const { hit } of results) assert.equal(hit, 'exact')
  })

  test(
    'when the one that downloads is killed halfway the next goes on where it stopped, with the older protocol too',
    options,
    async (t) => {
      const { service, runners, tree, archiveBytes } = await fill(t, [{}, {}, {}, {}], {
        protocol: 'v1',
      })
      const restoring = runners.map(async (runner) => {
        return { runner, result: await runner.restore('deps-1') }
      })
      const victim = await fetcherOf(runners, BYTES / 2)
      await victim.kill()
      const results = await Promise.all(restoring)
      for (const { runner, result } of results) {
        if (runner === victim) continue
        assert.equal(result.hit, 'exact')
        assert.deepEqual(runner.tree(), tree)
      }
      const { bytesDown } = service.stats()
      assert.ok(bytesDown < 1.6 * archiveBytes, `${bytesDown} bytes were downloaded`)
    },
  )

  test(
    'when the one that downloads gets no more bytes the next goes on where it stopped',
    options,
    async (t) => {
      const own = { leases: { stallMs: 1000 }, stallTimeoutMs: 12_000 }
      const { service, runners, tree, archiveBytes } = await fill(t, [own, own, own], {
        fault: (earlier) => (earlier === 0 ? { kind: 'stall', afterBytes: 2_000_000 } : undefined),
      })
      const results = await Promise.all(runners.map((runner) => runner.restore('deps-1')))
      for (const { hit } of results) assert.equal(hit, 'exact')
      for (const runner of runners) assert.deepEqual(runner.tree(), tree)
      const { bytesDown } = service.stats()
      assert.ok(bytesDown < 2 * archiveBytes, `${bytesDown} bytes were downloaded`)
    },
  )

  test('a download that is slow lets the others go on without it', options, async (t) => {
    const { runners, tree } = await fill(t, [{}, {}, {}], {
      fault: (earlier) => (earlier === 0 ? { kind: 'slow', bytesPerSecond: 200_000 } : undefined),
    })
    const restoring = new Map(runners.map((runner) => [runner, runner.restore('deps-1')]))
    const slow = await fetcherOf(runners, 1)
    const others = runners.filter((runner) => runner !== slow)
    for (const runner of others) assert.equal((await restoring.get(runner))?.hit, 'exact')
    for (const runner of others) assert.deepEqual(runner.tree(), tree)
    assert.match(slow.lines.join('\n'), /This download is slow/)
    await slow.kill()
    await restoring.get(slow)
  })

  test('what a liar offers harms nobody, whether or not its word counts', options, async (t) => {
    const doubting = {
      checkEntry: async () =>
        ({ trusted: false, why: 'forbidden', reason: 'it may not write this scope' }) as const,
    }
    const liar = {
      tiers: (...made: ConstructorParameters<typeof NodeTiers>) => new LyingTiers(...made),
    }
    // It has the turn until the others have seen through it.
    const fault = (earlier: number): CacheServiceFault | undefined =>
      earlier === 0 ? { kind: 'stall', afterBytes: 1_000_000 } : undefined
    const { runners, tree } = await fill(t, [liar, {}, doubting], { fault })
    const [first, ...others] = runners as [DownloadRunner, ...DownloadRunner[]]
    const lying = first.restore('deps-1')
    await fetcherOf([first], 1)
    const results = await Promise.all(others.map((runner) => runner.restore('deps-1')))
    for (const { hit } of results) assert.equal(hit, 'exact')
    for (const runner of others) assert.deepEqual(runner.tree(), tree)
    assert.match(
      others[0]!.lines.join('\n'),
      /What peers sent of "deps-1" is not used: The archive is damaged/,
    )
    assert.match(others[1]!.lines.join('\n'), /it may not write this scope/)
    await first.kill()
    await lying
  })

  test(
    'wrong bytes of a peer are refused, and those who follow it restore the tree',
    options,
    async (t) => {
      const corrupt: DownloadRunnerOptions = {
        supply: (supply) => ({
          manifest: (digest) => supply.manifest(digest),
          has: (digests) => supply.has(digests),
          frame: async (digest) => {
            const frame = await supply.frame(digest)
            if (frame === undefined) return undefined
            const bytes = Uint8Array.from(frame.bytes)
            bytes[bytes.length >> 1]! ^= 0xff
            return { bytes }
          },
        }),
      }
      const { runners, tree } = await fill(t, [corrupt, {}, {}])
      const [first, ...others] = runners as [DownloadRunner, ...DownloadRunner[]]
      const restoring = [first.restore('deps-1')]
      await fetcherOf([first], 1)
      restoring.push(...others.map((runner) => runner.restore('deps-1')))
      for (const { hit } of await Promise.all(restoring)) assert.equal(hit, 'exact')
      for (const runner of runners) assert.deepEqual(runner.tree(), tree)
    },
  )
})
