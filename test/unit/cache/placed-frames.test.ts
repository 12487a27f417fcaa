import assert from 'node:assert/strict'
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { readTiers } from '../../../src/cache/tier-reads.ts'
import type { FetchFromPeers } from '../../../src/cache/tier-reads.ts'
import type { Frame, SourcedFrame } from '../../../src/core/chunk.ts'
import { openFrame } from '../../../src/core/chunk.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Store } from '../../../src/store/store.ts'
import { openStore, temporaryHome } from '../../support/disk-homes.ts'
import { contentOf } from '../../support/stored-content.ts'

const options = { timeout: 20_000 }
const PLACED = { unopened: true, placed: true }

interface Lab {
  readonly home: string
  readonly store: Store
  readonly frames: readonly Frame[]
}

async function makeLab(t: TestContext): Promise<Lab> {
  const home = await temporaryHome(t)
  const store = await openStore(t, home)
  const { frames } = await contentOf(['one '.repeat(1000), 'two '.repeat(1000)])
  return { home, store, frames }
}

/** Peers that send all they are asked for at once; each chunk comes from the first whose frame is not refused. */
function peers(
  senders: Readonly<Record<string, readonly Frame[]>>,
  refused: string[] = [],
): FetchFromPeers {
  return async function* (chunks, _signal, verify) {
    const fetched = chunks.map(async (chunk): Promise<SourcedFrame> => {
      for (const [peer, frames] of Object.entries(senders)) {
        const { bytes } = frames.find((frame) => frame.chunk.digest === chunk.digest)!
        try {
          await verify?.({ chunk, bytes }, peer)
          return { chunk, bytes, tier: 'peers', peer }
        } catch (error) {
          if (!isSwarmCacheError(error, 'ERR_INTEGRITY')) throw error
          refused.push(peer)
        }
      }
      throw new Error('No peer has it.')
    })
    // Of those that nobody waits for any more nothing is to be heard.
    for (const frame of fetched) frame.catch(() => {})
    for (const frame of fetched) yield await frame
  }
}

/** What a reader finds in the file of a frame. */
function bytesOf({ bytes, place }: Frame): Uint8Array {
  if (place === undefined) return bytes
  return readFileSync(place.path).subarray(place.position, place.position + place.bytes)
}

async function isGood(frame: Frame): Promise<boolean> {
  try {
    await openFrame({ chunk: frame.chunk, bytes: bytesOf(frame) })
    return true
  } catch {
    return false
  }
}

function leftAside(home: string): string[] {
  return globSync(join(home, 'v1/*/tmp/*'))
}

test(
  'a fetched frame comes as a file that becomes the stored chunk once it was found good',
  options,
  async (t) => {
    const { home, store, frames } = await makeLab(t)
    const parts = { store, logger: silentLogger, fetch: peers({ one: frames }) }
    const chunks = frames.map(({ chunk }) => chunk)
    let read = 0
    for await (const frame of readTiers(parts, chunks, PLACED)) {
      assert.equal(frame.bytes.length, 0)
      assert.equal(frame.tier, 'peers')
      assert.deepEqual(await store.has([frame.chunk.digest]), [false], 'nothing unopened is held')
      assert.ok(frame.place?.path.startsWith(home))
      frame.settle!(await isGood(frame))
      read += 1
    }
    assert.equal(read, 2)
    for (const { chunk, bytes } of frames) {
      assert.deepEqual(Buffer.from((await store.get(chunk.digest))!.bytes), Buffer.from(bytes))
    }
    assert.deepEqual(leftAside(home), [])
    const before = await store.usage()
    await store.verify({ deep: true })
    assert.deepEqual(await store.usage(), before)
  },
)

test(
  'a bad frame in a file is deleted, its sender refused, and the chunk comes from another',
  options,
  async (t) => {
    const { home, store, frames } = await makeLab(t)
    const [one, two] = frames
    const lies = [
      { chunk: one!.chunk, bytes: two!.bytes },
      { chunk: two!.chunk, bytes: one!.bytes },
    ]
    const refused: string[] = []
    const fetch = peers({ liar: lies, honest: frames }, refused)
    const parts = { store, logger: silentLogger, fetch }
    const from: string[] = []
    for await (const frame of readTiers(
      parts,
      frames.map(({ chunk }) => chunk),
      PLACED,
    )) {
      const good = await isGood(frame)
      if (good) from.push(frame.peer!)
      frame.settle!(good)
    }
    assert.deepEqual(refused, ['liar', 'liar'])
    assert.deepEqual(from, ['honest', 'honest'])
    assert.deepEqual(leftAside(home), [])
    assert.deepEqual((await store.verify({ deep: true })).problems, [])
  },
)

test(
  'a reader that cannot read the files gets the bytes, and no peer is blamed',
  options,
  async (t) => {
    const { home, store, frames } = await makeLab(t)
    await store.put(frames[0]!)
    const refused: string[] = []
    const parts = { store, logger: silentLogger, fetch: peers({ one: frames }, refused) }
    const good: SourcedFrame[] = []
    for await (const frame of readTiers(
      parts,
      frames.map(({ chunk }) => chunk),
      PLACED,
    )) {
      if (frame.place === undefined) good.push(frame)
      frame.settle?.(frame.place === undefined)
    }
    assert.deepEqual(good.map(({ tier }) => tier).toSorted(), ['disk', 'peers'])
    for (const frame of good) assert.ok(await isGood(frame))
    assert.deepEqual(refused, [])
    assert.deepEqual(await store.has(frames.map(({ chunk }) => chunk.digest)), [true, true])
    assert.deepEqual(leftAside(home), [])
  },
)

for (const [what, harm] of [
  ['is gone', (path: string) => rmSync(path)],
  ['is empty', (path: string) => writeFileSync(path, '')],
  ['is far too long', (path: string) => writeFileSync(path, Buffer.alloc(3_000_000))],
  ['holds something else', (path: string) => writeFileSync(path, 'something else')],
] as const) {
  test(
    `a stored chunk whose file ${what} when it is read comes from the peers`,
    options,
    async (t) => {
      const { store, frames } = await makeLab(t)
      for (const frame of frames) await store.put(frame)
      const parts = { store, logger: silentLogger, fetch: peers({ one: frames }) }
      const seen: string[] = []
      for await (const frame of readTiers(
        parts,
        frames.map(({ chunk }) => chunk),
        PLACED,
      )) {
        if (seen.length === 0) harm(frame.place!.path)
        const good = await isGood(frame)
        seen.push(`${frame.tier} ${good}`)
        frame.settle!(good)
      }
      assert.deepEqual(seen, ['disk false', 'disk true', 'peers true'])
      assert.deepEqual((await store.verify({ deep: true })).problems, [])
    },
  )
}

test(
  'a reader that leaves before it has opened anything leaves no file behind',
  options,
  async (t) => {
    const { home, store, frames } = await makeLab(t)
    const parts = { store, logger: silentLogger, fetch: peers({ one: frames }) }
    const chunks = frames.map(({ chunk }) => chunk)
    for await (const frame of readTiers(parts, chunks, PLACED)) {
      assert.ok(leftAside(home).includes(frame.place!.path))
      break
    }
    assert.deepEqual(leftAside(home), [])
    assert.deepEqual(await store.has(chunks.map(({ digest }) => digest)), [false, false])
  },
)
