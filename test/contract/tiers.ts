import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Tiers } from '../../src/cache/cache.ts'
import { PIECE_BYTES } from '../../src/core/archive-part.ts'
import { digestOf } from '../../src/core/digest.ts'
import { openFrame } from '../../src/core/chunk.ts'
import type { SignedEntry } from '../../src/core/entry.ts'
import { isSwarmCacheError } from '../../src/core/errors.ts'
import { verifyEntry } from '../../src/identity/identity.ts'
import { SampleArchive } from '../support/archive-parts.ts'
import { collect, eventually } from '../support/eventually.ts'
import { firstOwn, own } from './lease.ts'
import { MAIN, REPOSITORY, askFor, makeSample } from '../support/sample-entries.ts'
import type { Sample } from '../support/sample-entries.ts'

/** What every implementation of Tiers does; `create` gives empty tiers of the sample repository. */
export function tiersContract(name: string, create: (t: TestContext) => Promise<Tiers>): void {
  const options = { timeout: 20_000 }

  test(
    `${name}: an entry that was committed is found, and its bytes come back`,
    options,
    async (t) => {
      const tiers = await create(t)
      const sample = await makeSample('deps-1', { count: 20 })
      const entry = await save(tiers, sample)
      assert.equal(entry.manifest, sample.entry.manifest)
      assert.ok(verifyEntry(entry), 'the signature is of the writer')
      const manifest = await tiers.readManifest(entry)
      assert.equal(digestOf(manifest), entry.manifest)
      const wanted = sample.frames.map((frame) => frame.chunk)
      const frames = await collect(tiers.readChunks(entry, wanted))
      assert.deepEqual(
        frames.map((frame) => frame.chunk.digest).toSorted(),
        wanted.map((chunk) => chunk.digest).toSorted(),
      )
      for (const frame of frames) {
        await openFrame(frame)
        assert.ok(frame.tier === 'memory' || frame.tier === 'disk')
      }
    },
  )

  test(
    `${name}: the exact key wins over a prefix, and the newest of the prefixes over the rest`,
    options,
    async (t) => {
      const tiers = await create(t)
      await save(tiers, await makeSample('deps-1', { created: 1000 }))
      await save(tiers, await makeSample('deps-2', { created: 3000 }))
      await save(tiers, await makeSample('deps-3', { created: 2000 }))
      const exact = await tiers.find(askFor('DEPS-1'))
      assert.equal(exact.match?.hit, 'exact')
      assert.equal(exact.match?.entry.key, 'deps-1')
      const prefix = await tiers.find(askFor('none', { restoreKeys: ['deps-'] }))
      assert.equal(prefix.match?.hit, 'prefix')
      assert.equal(prefix.match?.entry.key, 'deps-2')
    },
  )

  test(`${name}: a miss says what came near`, options, async (t) => {
    const tiers = await create(t)
    await save(tiers, await makeSample('deps-1'))
    assert.deepEqual(await tiers.find(askFor('other')), { nearMisses: [] })
    const elsewhere = await tiers.find(askFor('deps-1', { scopes: ['refs/heads/topic'] }))
    assert.equal(elsewhere.match, undefined)
    assert.deepEqual(
      elsewhere.nearMisses.map((miss) => miss.reason),
      ['other-scope'],
    )
    const otherwise = await tiers.find(askFor('deps-1', { version: digestOf('version b') }))
    assert.deepEqual(
      otherwise.nearMisses.map((miss) => miss.reason),
      ['other-version'],
    )
  })

  test(`${name}: a name that is taken is left as it is`, options, async (t) => {
    const tiers = await create(t)
    const first = await save(tiers, await makeSample('deps-1'))
    const second = await makeSample('deps-1')
    await putAll(tiers, second)
    assert.equal(await tiers.commit(second.entry), false)
    const found = await tiers.find(askFor('deps-1'))
    assert.equal(found.match?.entry.manifest, first.manifest)
  })

  test(`${name}: a forgotten entry is a miss and its name is free`, options, async (t) => {
    const tiers = await create(t)
    const sample = await makeSample('deps-1')
    await tiers.forget(await save(tiers, sample))
    assert.equal((await tiers.find(askFor('deps-1'))).match, undefined)
    assert.equal(await tiers.commit(sample.entry), true)
  })

  test(`${name}: chunks that were put are held, others are not`, options, async (t) => {
    const tiers = await create(t)
    const { frames } = await makeSample('deps-1', { count: 2 })
    await tiers.put(frames[0]!)
    await tiers.put(frames[0]!)
    const digests = frames.map((frame) => frame.chunk.digest)
    assert.deepEqual(await tiers.has(digests), [true, false])
    assert.deepEqual(await tiers.has([]), [])
  })

  test(`${name}: a manifest under a wrong digest is refused`, options, async (t) => {
    const tiers = await create(t)
    const { manifest } = await makeSample('deps-1')
    await assert.rejects(tiers.putManifest(digestOf('other'), manifest), (error) =>
      isSwarmCacheError(error, 'ERR_INTEGRITY'),
    )
  })

  test(
    `${name}: a chunk and a manifest that are nowhere are errors, not silence`,
    options,
    async (t) => {
      const tiers = await create(t)
      const sample = await makeSample('deps-1')
      const entry = await save(tiers, sample)
      const lost = { digest: digestOf('lost'), bytes: 4 }
      await assert.rejects(
        collect(tiers.readChunks(entry, [sample.frames[0]!.chunk, lost])),
        isSwarmCacheError,
      )
      await assert.rejects(
        tiers.readManifest({ ...entry, manifest: lost.digest }),
        isSwarmCacheError,
      )
    },
  )

  test(
    `${name}: of those who want the same turn one has it, and all learn that it is done`,
    options,
    async (t) => {
      const tiers = await create(t)
      const work = digestOf('the work')
      const leader = own(await tiers.takeTurn(work))
      const seen: number[] = []
      const onWaiting = (progress: number): void => void seen.push(progress)
      const waiting = [tiers.takeTurn(work, { onWaiting }), tiers.takeTurn(work)]
      own(await tiers.takeTurn(digestOf('other work')))
      await eventually('a first word', () => seen.length > 0)
      leader.progressed()
      await eventually('the progress', () => seen.at(-1)! > seen[0]!)
      await leader.done(false)
      await (await firstOwn(waiting)).done(true)
      const kinds = (await Promise.all(waiting)).map((turn) => turn.kind)
      assert.deepEqual(kinds.toSorted(), ['done', 'mine'])
    },
  )

  test(`${name}: a download that is offered in a turn can be followed`, options, async (t) => {
    const tiers = await create(t)
    const archive = await SampleArchive.make('deps-1', 5)
    const { work, key } = archive
    const leader = own(await tiers.takeTurn(work))
    const ending = new AbortController()
    const waits = Promise.withResolvers<void>()
    const onWaiting = (): void => waits.resolve()
    const waiting = tiers.takeTurn(work, { onWaiting })
    await waits.promise
    await eventually('the news', async () => (await tiers.company(work)) === 'waiting')
    for (const frame of archive.frames) await tiers.put(frame)
    assert.equal(await tiers.offerPart(work, archive.part(0, 3)), true)
    const request = { work, scope: MAIN, key, first: 1 }
    let arrivals = 0
    const onArrival = (): void => void (arrivals += 1)
    const pieces = tiers.followArchive(request, { signal: ending.signal, onArrival })
    const reader = pieces[Symbol.asyncIterator]()
    const received: Uint8Array[] = []
    const read = async (): Promise<boolean> => {
      const { value } = await reader.next()
      if (value === undefined) return false
      assert.equal(value.archiveBytes, archive.bytes.length)
      received.push(await openFrame(value))
      return true
    }
    assert.ok(await read())
    assert.equal(await tiers.offerPart(work, archive.part(3, 5)), true)
    while (await read());
    const expected = archive.bytes.subarray(PIECE_BYTES)
    assert.deepEqual(Buffer.concat(received), Buffer.from(expected))
    assert.ok(arrivals > 0)
    await leader.done(true)
    assert.equal((await waiting).kind, 'done')
  })

  test(`${name}: an aborted signal ends the wait for a turn`, options, async (t) => {
    const tiers = await create(t)
    const work = digestOf('the work')
    const leader = own(await tiers.takeTurn(work))
    const controller = new AbortController()
    const waits = Promise.withResolvers<void>()
    const onWaiting = (): void => waits.resolve()
    const impatient = tiers.takeTurn(work, { signal: controller.signal, onWaiting })
    await waits.promise
    const reason = new Error('the job was cancelled')
    controller.abort(reason)
    await assert.rejects(impatient, reason)
    const patient = tiers.takeTurn(work)
    await leader.done(false)
    own(await patient)
  })

  test(`${name}: an aborted signal ends a read with its reason`, options, async (t) => {
    const tiers = await create(t)
    const sample = await makeSample('deps-1', { count: 8 })
    const entry = await save(tiers, sample)
    const chunks = sample.frames.map((frame) => frame.chunk)
    const reason = new Error('the user changed their mind')
    await assert.rejects(
      collect(tiers.readChunks(entry, chunks, { signal: AbortSignal.abort(reason) })),
      reason,
    )
    await assert.rejects(tiers.find(askFor('x'), { signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    await assert.rejects(async () => {
      for await (const _ of tiers.readChunks(entry, chunks, controller)) controller.abort(reason)
    }, reason)
  })
}

/** Saves as a save does: chunks, manifest, entry; returns the entry as it is found. */
export async function save(tiers: Tiers, sample: Sample): Promise<SignedEntry> {
  await putAll(tiers, sample)
  assert.equal(await tiers.commit(sample.entry), true)
  const { key, scope, version } = sample.entry
  const found = await tiers.find(askFor(key, { scopes: [scope], version }))
  assert.equal(found.match?.entry.repository, REPOSITORY)
  return found.match!.entry
}

async function putAll(tiers: Tiers, { frames, entry, manifest }: Sample): Promise<void> {
  for (const frame of frames) await tiers.put(frame)
  await tiers.putManifest(entry.manifest, manifest)
}
