import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore, temporaryHome } from '../../support/disk-homes.ts'
import { AttestedWorld, putParts, storedSample } from '../../support/attested-world.ts'
import type { AttestedMember } from '../../support/attested-world.ts'
import { MODEL_REFS, modelMayWrite, modelReadable, modelRuns } from '../../support/github-scopes.ts'
import type { ModelRun } from '../../support/github-scopes.ts'
import { askFor, makeSample, REPOSITORY } from '../../support/sample-entries.ts'

const options = { timeout: 60_000 }
const MAIN = 'refs/heads/main'
const MAIN_RUN: ModelRun = { event: 'push', ref: MAIN }
const PULL_RUN: ModelRun = { event: 'pull_request', ref: 'refs/pull/7/merge', base: 'main' }

/** How a reader asks for an entry "deps-1". */
const QUESTIONS = {
  exact: { key: 'deps-1' },
  prefix: { key: 'deps-2', restoreKeys: ['deps-'] },
}

for (const defaultBranch of ['main', 'trunk']) {
  for (const writer of modelRuns(defaultBranch)) {
    const name = `${writer.event} on ${writer.ref}`
    test(`what a run by ${name} writes reaches whom GitHub lets it reach, ${defaultBranch} being the default branch`, async () => {
      // What a run may read depends on its refs, not on its event.
      const readers = [...new Map(modelRuns(defaultBranch).map((run) => [run.ref, run])).values()]
      const cells: string[] = []
      const wrong: string[] = []
      for (const claimed of MODEL_REFS) {
        const mayWrite = modelMayWrite(writer, claimed, defaultBranch)
        const world = new AttestedWorld({ defaultScope: `refs/heads/${defaultBranch}` })
        const hostile = world.add(writer)
        const { entry } = await storedSample(hostile.store, 'deps-1', claimed)
        const signed = await hostile.sign(entry)
        const committed = await hostile.tiers.commit(signed).catch(() => false)
        if (committed !== mayWrite) wrong.push(`saving as ${claimed} is ${committed}`)
        // Whoever changed its own program does not care.
        await hostile.store.addEntry(signed)
        for (const reader of readers) {
          const scopes = modelReadable(reader, defaultBranch)
          const expected = mayWrite && scopes.includes(claimed)
          for (const [how, question] of Object.entries(QUESTIONS)) {
            const { tiers } = world.add(reader)
            const { match } = await tiers.find(askFor('', { ...question, scopes }))
            const cell = `${claimed} to ${reader.event} on ${reader.ref} by ${how} key`
            cells.push(cell)
            if ((match !== undefined) !== expected) wrong.push(cell)
          }
        }
      }
      assert.deepEqual(wrong, [])
      assert.equal(cells.length, MODEL_REFS.length * readers.length * 2)
    })
  }
}

/** Saves for a run, by whatever way its member has. */
async function write(member: AttestedMember, key: string, scope: string): Promise<boolean> {
  const { entry } = await storedSample(member.store, key, scope)
  const signed = await member.sign(entry)
  return await member.store.addEntry(signed)
}

test(
  'a pull request that saves the key which main asks for next never reaches main',
  options,
  async () => {
    const world = new AttestedWorld({ defaultScope: MAIN })
    const main = world.add(MAIN_RUN)
    const pull = world.add(PULL_RUN)
    await write(main, 'deps-1', MAIN)
    await write(pull, 'deps-2', PULL_RUN.ref)
    await write(pull, 'deps-3', MAIN)
    const reader = world.add(MAIN_RUN)
    const next = await reader.tiers.find(askFor('deps-2', { restoreKeys: ['deps-'] }))
    assert.equal(next.match?.entry.key, 'deps-1')
    assert.equal(next.match?.hit, 'prefix')
    assert.equal((await reader.tiers.find(askFor('deps-3'))).match, undefined)
    await main.store.removeEntry({ ...askFor('deps-1'), scope: MAIN, repository: REPOSITORY })
    const missing = await reader.tiers.find(askFor('deps-2', { restoreKeys: ['deps-', 'd'] }))
    assert.equal(missing.match, undefined)
  },
)

test(
  'what a pull request has put into a store that main shares is neither used there nor in the way',
  options,
  async () => {
    const world = new AttestedWorld({ defaultScope: MAIN })
    const main = world.add(MAIN_RUN)
    const pull = world.add(PULL_RUN)
    const { entry } = await storedSample(main.store, 'deps-1', MAIN)
    await main.store.addEntry(await pull.sign(entry))
    assert.equal((await main.tiers.find(askFor('deps-1'))).match, undefined)
    assert.equal(await main.tiers.commit(await main.sign(entry)), true)
    assert.equal((await main.tiers.find(askFor('deps-1'))).match?.hit, 'exact')
  },
)

test('an attested entry takes the name that one without a token has taken', options, async () => {
  const world = new AttestedWorld({ defaultScope: MAIN })
  const main = world.add(MAIN_RUN)
  const { entry } = await storedSample(main.store, 'deps-1', MAIN)
  const { token: _token, ...claimed } = await main.sign(entry)
  assert.equal(await main.store.addEntry(claimed), true)
  assert.equal((await main.tiers.find(askFor('deps-1'))).match, undefined)
  assert.equal(await main.tiers.commit(await main.sign(entry)), true)
  assert.equal(await main.tiers.commit(await main.sign(entry)), false)
  await assert.rejects(main.tiers.commit({ ...entry, key: 'deps-2' }), /no ID token attests/)
})

test('a pull request that floods a full store evicts nothing that main has', options, async (t) => {
  let now = Date.now()
  const store = await openStore(t, await temporaryHome(t), {
    repository: REPOSITORY,
    limitBytes: 2_000_000,
    defaultScope: MAIN,
    now: () => now,
  })
  const world = new AttestedWorld({ defaultScope: MAIN })
  const main = world.add(MAIN_RUN, store)
  const pull = world.add(PULL_RUN, store)
  const fill = async (member: AttestedMember, key: string, scope: string): Promise<void> => {
    const sample = await makeSample(key, { count: 10, bytes: 20_000, scope })
    await putParts(store, sample)
    await member.tiers.commit(await member.sign(sample.entry))
  }
  await fill(main, 'deps-1', MAIN)
  await fill(main, 'deps-2', MAIN)
  for (let count = 0; count < 15; count += 1) {
    now += 60 * 60_000
    await fill(pull, `deps-1-${count}`, PULL_RUN.ref)
  }
  assert.equal((await main.tiers.find(askFor('deps-1'))).match?.hit, 'exact')
  assert.equal((await main.tiers.find(askFor('deps-2'))).match?.hit, 'exact')
  assert.deepEqual((await store.verify({ deep: true })).problems, [])
})
