import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, AnswerShelf } from '../../src/api-cache/api-cache.ts'
import { digestOf } from '../../src/core/digest.ts'

/** An answer as GitHub might give it; `text` is its body. */
export function makeAnswer(text = '{"a":"{}"}', fields: Partial<Answer> = {}): Answer {
  const body = Buffer.from(text)
  return {
    key: digestOf('GET /thing'),
    repository: 'octo/hello',
    scope: 'refs/heads/main',
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body,
    digest: digestOf(body),
    byFormula: true,
    shared: true,
    received: 1000,
    validated: 1000,
    ...fields,
  }
}

/** What every shelf of answers does. */
export function answerShelfContract(name: string, open: () => Promise<AnswerShelf>): void {
  test(`${name}: an answer is found by its key, whole, until it is deleted`, async () => {
    const shelf = await open()
    const answer = makeAnswer()
    await shelf.put(answer)
    const [found] = await shelf.get(answer.key)
    assert.ok(found !== undefined)
    assert.deepEqual({ ...found.answer, body: Buffer.from(found.answer.body) }, answer)
    assert.deepEqual(await shelf.get(digestOf('GET /other')), [])
    await shelf.delete(answer.key, answer.digest)
    assert.deepEqual(await shelf.get(answer.key), [])
    await shelf.close()
  })

  test(`${name}: a few answers of a key are kept, the latest confirmed first`, async () => {
    const shelf = await open()
    for (let at = 1; at <= 6; at += 1) {
      const time = at * 1_000_000
      await shelf.put(makeAnswer(`[${at}]`, { received: time, validated: time }))
    }
    const texts = (await shelf.get(makeAnswer().key)).map(({ answer }) => textOf(answer))
    assert.deepEqual(texts, ['[6]', '[5]', '[4]', '[3]'])
    await shelf.close()
  })

  test(`${name}: one body of one ref is kept once, as it was last confirmed`, async () => {
    const shelf = await open()
    await shelf.put(makeAnswer('[1]', { shared: false, validated: 1000 }))
    await shelf.put(makeAnswer('[1]', { received: 5_000_000, validated: 9_000_000 }))
    await shelf.put(makeAnswer('[1]', { scope: 'refs/pull/1/merge', validated: 2000 }))
    const kept = (await shelf.get(makeAnswer().key)).map(({ answer }) => answer)
    assert.deepEqual(
      kept.map(({ scope, shared, received, validated }) => [scope, shared, received, validated]),
      [
        ['refs/heads/main', true, 1000, 9_000_000],
        ['refs/pull/1/merge', true, 1000, 2000],
      ],
    )
    await shelf.close()
  })
}

function textOf({ body }: Answer): string {
  return Buffer.from(body).toString()
}
