import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { FollowOptions, FollowedPiece, Tiers } from '../../../src/cache/cache.ts'
import { SharedArchive } from '../../../src/cache/shared-archive.ts'
import { PIECE_BYTES } from '../../../src/core/archive-part.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { rawFrame } from '../../../src/core/raw-blocks.ts'
import type { DoneTurn, TurnOptions } from '../../../src/lease/lease.ts'
import { noise } from '../../support/noise.ts'

const PIECES = [noise(PIECE_BYTES, 'first'), noise(1000, 'second')]
const ARCHIVE_BYTES = PIECE_BYTES + 1000

/** A download of another of which the first piece has come, and then the news that it is through. */
async function followOne(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const work = digestOf('the work')
  const done = Promise.withResolvers<DoneTurn>()
  const second = Promise.withResolvers<void>()
  let arrival: (() => void) | undefined
  const tiers: Partial<Tiers> = {
    async takeTurn(_name, options?: TurnOptions) {
      options?.onWaiting?.(1)
      return await done.promise
    },
    async *followArchive(_request, { onArrival }: FollowOptions): AsyncGenerator<FollowedPiece> {
      arrival = onArrival
      for (const [index, bytes] of PIECES.entries()) {
        if (index === 1) await second.promise
        const chunk = { digest: digestOf(bytes), bytes: bytes.length }
        const frame = { chunk, bytes: rawFrame(bytes), tier: 'peers' as const, peer: 'a' }
        yield { ...frame, archiveBytes: ARCHIVE_BYTES }
      }
    },
  }
  const check = { write: async () => {}, end: async () => {}, close() {} }
  const shared = new SharedArchive(
    { tiers: tiers as Tiers, archive: { check: async () => check }, logger: silentLogger },
    {
      work,
      request: { scope: 'main' } as never,
      key: 'k',
      paths: ['data'],
      workingDirectory: '/',
      signal: t.signal,
      onWaiting() {},
      onProgress() {},
    },
  )
  t.after(() => shared.finish())
  assert.equal((await shared.begin()).kind, 'followed')
  const opened = await shared.open({
    key: 'k',
    folder: '/',
    size: async () => ARCHIVE_BYTES,
    download: () => assert.fail('nothing is to be downloaded'),
  })
  const content = opened!.content[Symbol.asyncIterator]()
  // What peers sent is handed over one piece late.
  const taken = content.next()
  await turn()
  done.resolve({ kind: 'done', by: 'a' })
  await turn()
  return {
    shared,
    content,
    taken,
    second,
    arrive: () => arrival!(),
    waitSeconds: async (seconds: number): Promise<void> => {
      for (let tick = 0; tick < seconds * 10; tick += 1) {
        t.mock.timers.tick(100)
        await turn()
      }
    },
  }
}

test('a download is followed to its end while pieces come in, however long one of them takes', async (t) => {
  const { shared, content, taken, second, arrive, waitSeconds } = await followOne(t)
  for (let index = 0; index < 10; index += 1) {
    await waitSeconds(2)
    arrive()
  }
  second.resolve()
  assert.deepEqual((await taken).value, PIECES[0])
  assert.deepEqual((await content.next()).value, PIECES[1])
  assert.equal((await content.next()).done, true)
  assert.equal(shared.isCopyOffered, false)
})

test('when nothing comes in after the download is through its content is taken instead', async (t) => {
  const { shared, taken, waitSeconds } = await followOne(t)
  const refused = assert.rejects(taken, { code: 'ERR_PEER' })
  await waitSeconds(9)
  await refused
  assert.equal(shared.isCopyOffered, true)
})
