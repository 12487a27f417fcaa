import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openFrame } from '../../src/core/chunk.ts'
import { digestOf } from '../../src/core/digest.ts'
import { decodeManifest } from '../../src/core/manifest.ts'
import type { Store } from '../../src/store/store.ts'
import { openStore, recordingLogger, temporaryHome } from '../support/disk-homes.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { plainsFor, startWriter } from '../support/store-writing.ts'

const ROUNDS = 10
// About what a writer takes to open the store, and for a save; both die at a random moment of it.
const START_MS = 120
const SAVE_MS = 40
const limits = { timeout: 120_000 }
const LARGE = { limitBytes: 256 * 1024 * 1024, graceMs: 60_000 }
// Small enough that writers clean up all the time, under each other's hands.
const SMALL = { limitBytes: 200_000, graceMs: 100 }

test('killed at random points, writers lose nothing they had acknowledged', limits, async (t) => {
  const home = await temporaryHome(t)
  const random = new SeededRandom()
  const saved = new Set<string>()
  const { logger, lines } = recordingLogger()
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const key of await killedWriters(t, home, round, LARGE, random)) saved.add(key)
    const store = await openStore(t, home, { ...LARGE, logger })
    const told = `seed ${random.seed}, round ${round}`
    assert.deepEqual((await store.verify()).problems, [], told)
    const keys = new Set((await store.entries()).map((entry) => entry.key))
    for (const key of saved) assert.ok(keys.has(key), `${told}: ${key} is gone`)
    await store.close()
  }
  assert.ok(saved.size >= ROUNDS / 2, `only ${saved.size} saves were acknowledged in all`)
  const store = await openStore(t, home, LARGE)
  assert.deepEqual((await store.verify({ deep: true })).problems, [], `seed ${random.seed}`)
  await assertEntriesWhole(store)
  assert.deepEqual(lines, [])
})

test(
  'killed at random points while they clean up, writers leave only whole entries within the bound',
  limits,
  async (t) => {
    const home = await temporaryHome(t)
    const random = new SeededRandom()
    let saves = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      saves += (await killedWriters(t, home, round, SMALL, random)).length
      const store = await openStore(t, home, SMALL)
      const told = `seed ${random.seed}, round ${round}`
      assert.deepEqual((await store.verify({ deep: true })).problems, [], told)
      await assertEntriesWhole(store)
      // What two writers had reserved and not yet counted may come on top.
      assert.ok((await store.usage()).bytes <= SMALL.limitBytes * 1.1, told)
      await store.close()
    }
    assert.ok(saves >= ROUNDS / 2, `only ${saves} saves were acknowledged in all`)
  },
)

test(
  'of four processes that save one key at the same moment, one wins and its content is found',
  limits,
  async (t) => {
    const home = await temporaryHome(t)
    for (let round = 0; round < 3; round += 1) {
      const key = `key-${round}`
      const writers = ['a', 'b', 'c', 'd'].map((name) => startWriter(home, name, LARGE, key))
      t.after(() => writers.forEach((writer) => writer.kill('SIGKILL')))
      await Promise.all(writers.map((writer) => once(writer, 'message')))
      const answers = writers.map((writer) => once(writer, 'message'))
      for (const writer of writers) writer.send('go')
      const results = (await Promise.all(answers)).map(
        ([result]) => result as { won: boolean; manifest: string },
      )
      const winners = results.filter(({ won }) => won)
      assert.equal(winners.length, 1)
      const store = await openStore(t, home, LARGE)
      const entries = await store.entries()
      assert.equal(entries.length, round + 1)
      assert.equal(entries.find((entry) => entry.key === key)?.manifest, winners[0]?.manifest)
      await store.close()
    }
  },
)

/** Runs two writers until a random moment and kills them; the keys they had acknowledged. */
async function killedWriters(
  t: TestContext,
  home: string,
  round: number,
  bounds: { readonly limitBytes: number; readonly graceMs: number },
  random: SeededRandom,
): Promise<string[]> {
  const saved: string[] = []
  let errors = ''
  // Some rounds end while the store is being opened, most in the middle of saves.
  const wanted = round % 4 === 0 ? 0 : 1 + random.below(5)
  const enough = Promise.withResolvers<void>()
  const writers = ['a', 'b'].map((name) => startWriter(home, `${name}${round}`, bounds))
  t.after(() => writers.forEach((writer) => writer.kill('SIGKILL')))
  for (const writer of writers) {
    writer.on('message', (message: { saved?: string }) => {
      if (message.saved !== undefined) saved.push(message.saved)
      if (saved.length >= wanted) enough.resolve()
    })
    writer.once('exit', () => enough.resolve())
    writer.stderr?.on('data', (bytes: Buffer) => (errors += bytes.toString('utf8')))
  }
  if (wanted > 0) await enough.promise
  await pause(random.below(wanted > 0 ? SAVE_MS : START_MS))
  await Promise.all(writers.map(kill))
  assert.equal(errors, '')
  return saved
}

async function kill(writer: ChildProcess): Promise<void> {
  const closed = once(writer, 'close')
  writer.kill('SIGKILL')
  await closed
}

async function assertEntriesWhole(store: Store): Promise<void> {
  for (const entry of await store.entries()) {
    const bytes = await store.getManifest(entry.manifest)
    assert.ok(bytes !== undefined, entry.key)
    const { catalog, content } = decodeManifest(bytes, entry.manifest)
    const refs = [...catalog, ...content]
    assert.deepEqual(
      refs.map((ref) => ref.digest),
      plainsFor(entry.key).map((plain) => digestOf(plain)),
    )
    for (const chunk of refs) {
      const frame = await store.get(chunk.digest)
      assert.ok(frame !== undefined, `${entry.key} lacks ${chunk.digest}`)
      await openFrame({ chunk, bytes: frame.bytes })
    }
  }
}
