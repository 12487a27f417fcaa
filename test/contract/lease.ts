import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../src/core/digest.ts'
import type { Leases, OwnTurn, Turn } from '../../src/lease/lease.ts'
import { SampleArchive } from '../support/archive-parts.ts'
import { eventually } from '../support/eventually.ts'
import { createSigner } from '../support/sample-entries.ts'

/** What every implementation of Leases does; `create` gives the leases of peers that know of each other. */
export function leaseContract(
  name: string,
  create: (t: TestContext, count: number) => Promise<Leases[]>,
): void {
  const options = { timeout: 20_000 }
  const work = digestOf('the work')

  test(`${name}: who is alone has the turn`, options, async (t) => {
    const [only] = await create(t, 1)
    const turn = await only!.takeTurn(work)
    assert.equal(turn.kind, 'mine')
  })

  test(
    `${name}: of a crowd one has the turn, and all learn that it is done`,
    options,
    async (t) => {
      const crowd = await create(t, 8)
      const turns = crowd.map((leases) => leases.takeTurn(work))
      const leader = await firstOwn(turns)
      await leader.done(true)
      const kinds = (await Promise.all(turns)).map((turn) => turn.kind)
      assert.deepEqual(kinds.toSorted(), [...Array(7).fill('done'), 'mine'])
      const bys = (await Promise.all(turns)).flatMap((turn) =>
        turn.kind === 'done' ? turn.by : [],
      )
      assert.equal(new Set(bys).size, 1, 'all name the same peer')
    },
  )

  test(`${name}: callers of one process are a crowd too`, options, async (t) => {
    const [first] = await create(t, 2)
    const turns = [first!.takeTurn(work), first!.takeTurn(work), first!.takeTurn(work)]
    await (await firstOwn(turns)).done(true)
    const kinds = (await Promise.all(turns)).map((turn) => turn.kind)
    assert.deepEqual(kinds.toSorted(), ['done', 'done', 'mine'])
  })

  test(`${name}: who comes late to what was done has nothing to do`, options, async (t) => {
    const [first, second] = await create(t, 2)
    await own(await first!.takeTurn(work)).done(true)
    assert.equal((await second!.takeTurn(work)).kind, 'done')
    assert.equal((await first!.takeTurn(work)).kind, 'done')
  })

  test(
    `${name}: a success for now is news for those who wait, and not for who comes late`,
    options,
    async (t) => {
      const [first, second, third] = await create(t, 3)
      const leader = own(await first!.takeTurn(work))
      const waits = Promise.withResolvers<void>()
      const waiting = second!.takeTurn(work, { onWaiting: () => waits.resolve() })
      await waits.promise
      await leader.done('for-now')
      assert.equal((await waiting).kind, 'done')
      await own(await third!.takeTurn(work)).done(true)
    },
  )

  test(`${name}: after a failure the next in line has the turn`, options, async (t) => {
    const [first, second, third] = await create(t, 3)
    const failing = own(await first!.takeTurn(work))
    const waiting = [second!.takeTurn(work), third!.takeTurn(work)]
    await failing.done(false)
    await (await firstOwn(waiting)).done(true)
    const kinds = (await Promise.all(waiting)).map((turn) => turn.kind)
    assert.deepEqual(kinds.toSorted(), ['done', 'mine'])
  })

  test(`${name}: after a failure nothing is remembered`, options, async (t) => {
    const [first, second] = await create(t, 2)
    await own(await first!.takeTurn(work)).done(false)
    await own(await second!.takeTurn(work)).done(false)
  })

  test(`${name}: turns of different names do not wait for each other`, options, async (t) => {
    const [first, second] = await create(t, 2)
    own(await first!.takeTurn(work))
    own(await second!.takeTurn(digestOf('other work')))
  })

  test(`${name}: who stops waiting leaves the line to the others`, options, async (t) => {
    const [first, second, third] = await create(t, 3)
    const leader = own(await first!.takeTurn(work))
    const controller = new AbortController()
    const waits = Promise.withResolvers<void>()
    const onWaiting = (): void => waits.resolve()
    const impatient = second!.takeTurn(work, { signal: controller.signal, onWaiting })
    await waits.promise
    const reason = new Error('the job was cancelled')
    controller.abort(reason)
    await assert.rejects(impatient, reason)
    const patient = third!.takeTurn(work)
    await leader.done(false)
    own(await patient)
  })

  test(`${name}: who waits sees the work move on`, options, async (t) => {
    const [first, second] = await create(t, 2)
    const leader = own(await first!.takeTurn(work))
    const seen: number[] = []
    const waiting = second!.takeTurn(work, { onWaiting: (progress) => void seen.push(progress) })
    await eventually('a first word', () => seen.length > 0)
    leader.progressed()
    await eventually('the progress', () => seen.at(-1)! > seen[0]!)
    await leader.done(true)
    assert.equal((await waiting).kind, 'done')
  })

  test(`${name}: a holder whose leases stop makes room for the next`, options, async (t) => {
    const [first, second] = await create(t, 2)
    own(await first!.takeTurn(work))
    const waits = Promise.withResolvers<void>()
    const next = second!.takeTurn(work, { onWaiting: () => waits.resolve() })
    await waits.promise
    await first!.stop()
    own(await next)
    await assert.rejects(first!.takeTurn(work), { code: 'ERR_CLOSED' })
  })

  test(
    `${name}: parts that are offered in a turn reach those who wait for it, from where they ask`,
    options,
    async (t) => {
      const [first, second] = await create(t, 2)
      const archive = await SampleArchive.make('deps-1', 4)
      const name = archive.work
      const sign = createSigner()
      const offer = (from: number, end: number): boolean => {
        const part = archive.part(from, end)
        return first!.offer(name, { ...part, entry: sign(part.entry) })
      }
      const leader = own(await first!.takeTurn(name))
      const ending = new AbortController()
      const waits = Promise.withResolvers<void>()
      const waiting = second!.takeTurn(name, { onWaiting: () => waits.resolve() })
      await waits.promise
      await eventually('the news', () => first!.company(name) === 'waiting')
      assert.ok(offer(0, 2))
      const parts = second!.follow(name, 1, ending.signal)[Symbol.asyncIterator]()
      const early = (await parts.next()).value!
      assert.deepEqual(early.part.pieces, archive.part(0, 2).pieces)
      assert.ok(offer(2, 4))
      const late = (await parts.next()).value!
      assert.equal(late.part.first, 2)
      const reason = new Error('that is enough')
      ending.abort(reason)
      await assert.rejects(parts.next(), reason)
      await leader.done(true)
      assert.equal((await waiting).kind, 'done')
    },
  )

  test(`${name}: an aborted signal ends a wait before it begins`, options, async (t) => {
    const [first] = await create(t, 1)
    const reason = new Error('too late')
    await assert.rejects(first!.takeTurn(work, { signal: AbortSignal.abort(reason) }), reason)
    own(await first!.takeTurn(work))
  })
}

/** The turn, which must be the caller's own. */
export function own(turn: Turn): OwnTurn {
  assert.equal(turn.kind, 'mine')
  return turn as OwnTurn
}

/** The first turn that one of those who wait gets for itself. */
export async function firstOwn(turns: readonly Promise<Turn>[]): Promise<OwnTurn> {
  return await Promise.any(turns.map(async (turn) => own(await turn)))
}
