import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { PeerId } from '../../src/core/peer.ts'
import type { LocalAnswers, Router } from '../../src/router/router.ts'
import { AnswersFrom, entryFor, MAIN, PULL, queryFor } from '../support/entries.ts'

/** Adds a started router to the group, connected to all others of it. */
export type AddRouter = (answers: LocalAnswers) => Promise<{ router: Router; peerId: PeerId }>

/** What every router promises; `create` starts a new group, and ends it with the test. */
export function routerContract(
  name: string,
  create: (t: TestContext) => AddRouter | Promise<AddRouter>,
): void {
  const options = { timeout: 20_000 }

  suite(`${name} keeps the router contract`, () => {
    test('alone, it answers with a miss', options, async (t) => {
      const add = await create(t)
      const { router } = await add(new AnswersFrom())
      const found = await router.find(queryFor('k'), { signal: t.signal })
      assert.deepEqual(found, { holders: [], nearMisses: [], asked: 0, answered: 0 })
    })

    test('it finds an entry and all who hold its manifest, never itself', options, async (t) => {
      const add = await create(t)
      // One of the own scope ends the search when the first has answered.
      const entry = entryFor('k', { scope: MAIN })
      const { router } = await add(new AnswersFrom([entry]))
      const first = await add(new AnswersFrom([entry]))
      const second = await add(new AnswersFrom([entry]))
      await add(new AnswersFrom())
      const found = await router.find(queryFor('k'), { signal: t.signal })
      assert.deepEqual(found.match?.entry, entry)
      assert.equal(found.match.hit, 'exact')
      assert.deepEqual([...found.holders].sort(), [first.peerId, second.peerId].sort())
    })

    test('of several answers the one that GitHub would choose wins', options, async (t) => {
      const add = await create(t)
      const { router } = await add(new AnswersFrom())
      await add(new AnswersFrom([entryFor('k', { scope: MAIN })]))
      const best = await add(new AnswersFrom([entryFor('k-old', { scope: PULL, created: 5 })]))
      await add(new AnswersFrom([entryFor('k-older', { scope: PULL, created: 4 })]))
      const found = await router.find(queryFor('k'), { signal: t.signal })
      assert.equal(found.match?.entry.key, 'k-old')
      assert.equal(found.match.hit, 'prefix')
      assert.deepEqual(found.holders, [best.peerId])
      assert.deepEqual(found.nearMisses, [])
    })

    test('a miss says once what came near', options, async (t) => {
      const add = await create(t)
      const { router } = await add(new AnswersFrom())
      const near = { reason: 'other-version', key: 'k', scope: MAIN } as const
      const other = { reason: 'other-scope', key: 'k', scope: 'refs/heads/x' } as const
      await add(new AnswersFrom([], [near]))
      await add(new AnswersFrom([], [near, other]))
      const found = await router.find(queryFor('k'), { signal: t.signal })
      assert.equal(found.match, undefined)
      assert.equal(found.asked, 2)
      assert.equal(found.answered, 2)
      const reasons = found.nearMisses.map((miss) => miss.reason).sort()
      assert.deepEqual(reasons, ['other-scope', 'other-version'])
    })

    test('it names the holders of a manifest and ends', options, async (t) => {
      const add = await create(t)
      const entry = entryFor('k')
      const { router } = await add(new AnswersFrom())
      const holder = await add(new AnswersFrom([entry]))
      await add(new AnswersFrom())
      const holders = []
      for await (const peerId of router.holders(entry.manifest, { signal: t.signal })) {
        holders.push(peerId)
      }
      assert.deepEqual(holders, [holder.peerId])
    })

    test('a peer that failed is not asked until it is forgiven', options, async (t) => {
      const add = await create(t)
      const { router } = await add(new AnswersFrom())
      const holder = await add(new AnswersFrom([entryFor('k')]))
      router.failed(holder.peerId, 'it was slow')
      assert.equal(router.isUsable(holder.peerId), false)
      assert.deepEqual(router.rank([holder.peerId]), [])
      const missed = await router.find(queryFor('k'), { signal: t.signal })
      assert.equal(missed.match, undefined)
      assert.equal(missed.asked, 0)
      router.succeeded(holder.peerId, { latencyMs: 1 })
      const found = await router.find(queryFor('k'), { signal: t.signal })
      assert.equal(found.match?.entry.key, 'k')
    })

    test(
      'providing, twice and taking back is safe before anybody is connected',
      options,
      async (t) => {
        const add = await create(t)
        const { router } = await add(new AnswersFrom([entryFor('k')]))
        router.provide(entryFor('k'))
        router.provide(entryFor('k'))
        await router.withdraw(entryFor('k'))
        await router.withdraw(entryFor('k'))
        await router.stop()
      },
    )

    test('an aborted search rejects with its reason', options, async (t) => {
      const add = await create(t)
      const { router } = await add(new AnswersFrom())
      await add(new AnswersFrom([entryFor('k')]))
      const reason = new Error('no longer wanted')
      await assert.rejects(
        router.find(queryFor('k'), { signal: AbortSignal.abort(reason) }),
        reason,
      )
    })
  })
}
