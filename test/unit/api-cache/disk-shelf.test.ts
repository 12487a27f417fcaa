import assert from 'node:assert/strict'
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { rm } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { DiskShelf } from '../../../src/api-cache/disk-shelf.ts'
import { digestOf } from '../../../src/core/digest.ts'
import { createLogger, silentLogger } from '../../../src/core/logger.ts'
import { answerShelfContract, makeAnswer } from '../../contract/answer-shelf.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

answerShelfContract('DiskShelf', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'swarmcache-shelf-'))
  const shelf = new DiskShelf({ logger: silentLogger }, { folder, limitBytes: 1e8 })
  const close = shelf.close.bind(shelf)
  shelf.close = async () => {
    await close()
    await rm(folder, { recursive: true, force: true })
  }
  return shelf
})

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'swarmcache-shelf-'))
  t.after(async () => await rm(folder, { recursive: true, force: true }))
  return join(folder, 'api')
}

test('answers survive the process, and nobody else of the machine may read them', async (t) => {
  const folder = makeFolder(t)
  const first = new DiskShelf({ logger: silentLogger }, { folder, limitBytes: 1e8 })
  const answer = makeAnswer('{"kept":true}')
  await first.put(answer)
  await first.close()
  assert.equal(statSync(folder).mode & 0o077, 0)
  assert.equal(statSync(join(folder, answer.key)).mode & 0o077, 0)
  const second = new DiskShelf({ logger: silentLogger }, { folder, limitBytes: 1e8 })
  const [found] = await second.get(answer.key)
  assert.equal(found?.tier, 'disk')
  assert.equal(Buffer.from(found.answer.body).toString(), '{"kept":true}')
  assert.ok(second.usage().bytes > 0)
})

test('the folder stays within its bound, and what was used least recently goes first', async (t) => {
  const folder = makeFolder(t)
  const limitBytes = 60_000
  const shelf = new DiskShelf({ logger: silentLogger }, { folder, limitBytes })
  const keyOf = (at: number): string => digestOf(`${at}`)
  for (let at = 0; at < 20; at += 1) {
    await shelf.put(makeAnswer('x'.repeat(5000), { key: keyOf(at) }))
    await shelf.get(keyOf(0))
  }
  const bytes = readdirSync(folder).reduce(
    (sum, name) => sum + statSync(join(folder, name)).size,
    0,
  )
  assert.ok(bytes <= limitBytes, `${bytes} bytes`)
  assert.equal(shelf.usage().bytes, bytes)
  assert.equal((await shelf.get(keyOf(0))).length, 1)
  assert.equal((await shelf.get(keyOf(19))).length, 1)
  assert.deepEqual(await shelf.get(keyOf(1)), [])
})

test('a file that is damaged in any place is a miss, told of, and written again', async (t) => {
  const folder = makeFolder(t)
  const lines: string[] = []
  const logger = createLogger((level, line) => lines.push(`${level}: ${line}`), 'info')
  const shelf = new DiskShelf({ logger }, { folder, limitBytes: 1e8 })
  const answer = makeAnswer(JSON.stringify({ text: 'y'.repeat(300) }))
  const path = join(folder, answer.key)
  const random = new SeededRandom(7)
  for (let round = 0; round < 60; round += 1) {
    await shelf.put(answer)
    const good = readFileSync(path)
    const bad = Buffer.from(good)
    if (round % 3 === 0) writeFileSync(path, bad.subarray(0, random.below(bad.length)))
    else {
      const at = random.below(bad.length)
      bad[at] = bad[at]! ^ (1 << random.below(8))
      writeFileSync(path, bad)
    }
    assert.deepEqual(await shelf.get(answer.key), [], `round ${round}`)
  }
  assert.equal(lines.length, 60)
  assert.match(lines[0]!, /^warning: .*damaged/)
})

test('what a killed process left half written is removed once it is old', async (t) => {
  const folder = makeFolder(t)
  const first = new DiskShelf({ logger: silentLogger }, { folder, limitBytes: 1e8 })
  await first.put(makeAnswer())
  const [old, fresh] = ['old', 'fresh'].map((name) => join(folder, `${digestOf(name)}.1.part`))
  writeFileSync(old!, 'half')
  writeFileSync(fresh!, 'half')
  utimesSync(old!, 1, 1)
  const second = new DiskShelf({ logger: silentLogger }, { folder, limitBytes: 1e8 })
  assert.equal((await second.get(makeAnswer().key)).length, 1)
  const parts = readdirSync(folder).filter((name) => name.endsWith('.part'))
  assert.deepEqual(parts, [`${digestOf('fresh')}.1.part`])
})

test('a folder that cannot be made is one warning, and every answer a miss', async (t) => {
  const folder = makeFolder(t)
  writeFileSync(folder, 'a file is in the way')
  const lines: string[] = []
  const logger = createLogger((level, line) => lines.push(`${level}: ${line}`), 'info')
  const shelf = new DiskShelf({ logger }, { folder, limitBytes: 1e8 })
  await shelf.put(makeAnswer())
  assert.deepEqual(await shelf.get(makeAnswer().key), [])
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /^warning: Answers of the API cannot be kept on disk/)
})
