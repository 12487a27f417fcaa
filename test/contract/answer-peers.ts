import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type {
  Answer,
  AnswerPeers,
  AnswerScope,
  AnswerShelf,
} from '../../src/api-cache/api-cache.ts'
import { digestOf } from '../../src/core/digest.ts'
import { makeAnswer } from './answer-shelf.ts'

/** One who takes part: what it gives to others, and how it asks them. */
export interface AnsweringPeer {
  readonly shelf: AnswerShelf
  readonly peers: AnswerPeers
}

const MAIN: AnswerScope = {
  repository: 'octo/hello',
  scope: 'refs/heads/main',
  readable: ['refs/heads/main'],
}
const PULL: AnswerScope = {
  repository: 'octo/hello',
  scope: 'refs/pull/1/merge',
  readable: ['refs/pull/1/merge', 'refs/heads/main'],
}

/** What every implementation of AnswerPeers does; `create` gives peers of one repository that know of each other. */
export function answerPeersContract(
  name: string,
  create: (t: TestContext, count: number) => Promise<AnsweringPeer[]>,
): void {
  const options = { timeout: 20_000 }

  test(
    `${name}: what any other peer holds is found whole, and one's own is not`,
    options,
    async (t) => {
      const [asker, empty, holder] = await create(t, 3)
      const answer = makeAnswer('{"held":true}')
      assert.deepEqual(await asker!.peers.find(answer.key, MAIN), [])
      await holder!.shelf.put(answer)
      assert.deepEqual((await asker!.peers.find(answer.key, MAIN)).map(plain), [plain(answer)])
      assert.deepEqual((await empty!.peers.find(answer.key, PULL)).map(plain), [plain(answer)])
      assert.deepEqual(await holder!.peers.find(answer.key, MAIN), [])
      assert.deepEqual(await asker!.peers.find(digestOf('other'), MAIN), [])
    },
  )

  test(
    `${name}: what is not shared, or of a ref that may not be read, stays`,
    options,
    async (t) => {
      const [asker, holder] = await create(t, 2)
      const pull = makeAnswer('[1]', { scope: PULL.scope })
      await holder!.shelf.put(pull)
      await holder!.shelf.put(makeAnswer('[2]', { shared: false }))
      await holder!.shelf.put(makeAnswer('[3]', { repository: 'octo/other' }))
      assert.deepEqual(await asker!.peers.find(pull.key, MAIN), [])
      assert.deepEqual((await asker!.peers.find(pull.key, PULL)).map(plain), [plain(pull)])
    },
  )

  test(`${name}: what the asker has is not sent again`, options, async (t) => {
    const [asker, holder] = await create(t, 2)
    const [known, news] = [makeAnswer('[1]'), makeAnswer('[2]')]
    await holder!.shelf.put(known)
    await holder!.shelf.put(news)
    const found = await asker!.peers.find(known.key, MAIN, { known: [known.digest] })
    assert.deepEqual(found.map(plain), [plain(news)])
  })
}

function plain({ body, ...answer }: Answer): object {
  return { ...answer, body: Buffer.from(body).toString() }
}
