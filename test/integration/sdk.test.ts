import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSwarmCache, isSwarmCacheError } from '../../src/index.ts'
import type { SwarmCache, SwarmCacheOptions } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { temporaryFolder } from '../support/file-tree.ts'

const options = { timeout: 60_000 }

test(
  'two programs with nothing but options share a folder and a blob, and know each other',
  options,
  async (t) => {
    const folder = temporaryFolder(t)
    const open = async (name: string, more: SwarmCacheOptions = {}): Promise<SwarmCache> => {
      const cwd = join(folder, name)
      mkdirSync(cwd)
      return await createSwarmCache({
        env: {},
        cwd,
        home: 'home',
        key: 'the swarm key of two programs',
        repository: 'octo/sdk',
        registry: `dir:${join(folder, 'registry')}`,
        listen: ['/ip4/127.0.0.1/tcp/0'],
        ...more,
      })
    }
    await using first = await open('first')
    await using second = await open('second')
    mkdirSync(join(folder, 'first', 'tree'))
    writeFileSync(join(folder, 'first', 'tree', 'file'), 'from the first')

    assert.equal((await first.save(['tree'], 'deps-1')).saved, true)
    assert.equal(await first.put('answer', Buffer.from('42')), true)
    assert.equal(await first.put('answer', Buffer.from('43')), false)

    let restored = await second.restore(['tree'], 'deps-2', ['deps-'])
    await eventually('a prefix hit', async () => {
      if (restored.hit === 'miss') restored = await second.restore(['tree'], 'deps-2', ['deps-'])
      return restored.hit === 'prefix'
    })
    assert.equal(restored.matchedKey, 'deps-1')
    assert.ok(restored.bytes.peers > 0, JSON.stringify(restored.bytes))
    assert.equal(readFileSync(join(folder, 'second', 'tree', 'file'), 'utf8'), 'from the first')
    const blob = await second.get('answer-1', ['answer'])
    const pieces = await Array.fromAsync(blob?.stream() ?? [])
    assert.equal(Buffer.concat(pieces).toString(), '42')

    const { swarms, home } = await first.stats()
    assert.equal(home, join(folder, 'first', 'home'))
    assert.deepEqual(
      (await second.peers()).map(({ peerId }) => peerId),
      swarms.map(({ peerId }) => peerId),
    )
    await first.stop()
    await eventually('the loss of the first', async () => (await second.peers()).length === 0)
    assert.equal((await second.restore(['tree'], 'deps-1')).hit, 'exact')
  },
)

test('a bad key and a bad setting reject with what is wrong', options, async (t) => {
  const settings = { env: {}, home: temporaryFolder(t) }
  await using cache = await createSwarmCache(settings)
  const isInput = (error: unknown): boolean => isSwarmCacheError(error, 'ERR_INPUT')
  await assert.rejects(cache.restore(['tree'], 'a,b'), isInput)
  await assert.rejects(cache.save([], 'a'), isInput)
  await assert.rejects(cache.put('', Buffer.from('x')), isInput)
  await assert.rejects(createSwarmCache({ ...settings, diskLimit: '10XB' }), isInput)
})
