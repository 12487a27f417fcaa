import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { PeerRecord } from '../../src/core/peer.ts'
import { createPeerKey } from '../../src/identity/identity.ts'
import type { PeerKey } from '../../src/identity/identity.ts'
import { publicBytesOf } from '../../src/identity/peer-key.ts'
import type { Registry } from '../../src/registry/registry.ts'

/** Opens the same place once more, as another process of the swarm would. */
export type OpenPlace = () => Registry

const peerKeys = new Map<string, PeerKey>()

/** Signs as any of the peers that were made up, the one whose public key the bytes hold. */
export function signAsTheirs(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('hex')
  const signer = [...peerKeys].find(([publicKey]) => text.includes(publicKey))
  assert.ok(signer !== undefined, 'the bytes name no peer that was made up')
  return signer[1].sign(bytes)
}

/** A record of a peer that was made up for a test. */
export function createRecord(lifeMs = 60_000): PeerRecord {
  const key = createPeerKey()
  const { peerId } = key
  peerKeys.set(Buffer.from(publicBytesOf(peerId)!).toString('hex'), key)
  return {
    peerId,
    addresses: [`/ip4/192.0.2.1/tcp/4001/p2p/${peerId}`],
    role: 'runner',
    expires: Date.now() + lifeMs,
  }
}

/** What differs from place to place. */
export interface RegistryTraits {
  /** False: the place tells nobody of changes. */
  readonly tellsChanges?: boolean
}

/** What every registry that can be announced in promises; `create` makes a new place. */
export function registryContract(
  name: string,
  create: (t: TestContext) => OpenPlace | Promise<OpenPlace>,
  { tellsChanges = true }: RegistryTraits = {},
): void {
  const options = { timeout: 20_000 }

  suite(`${name} keeps the registry contract`, () => {
    test(
      'nobody has announced: nothing is discovered, and a withdrawal is fine',
      options,
      async (t) => {
        const registry = (await create(t))()
        assert.deepEqual(await registry.discover({ signal: t.signal }), [])
        await registry.withdraw(createRecord().peerId, { signal: t.signal })
      },
    )

    test('what one member announces, all members discover', options, async (t) => {
      const open = await create(t)
      const record = createRecord()
      const writer = open()
      await writer.announce(record, { signal: t.signal })
      assert.deepEqual(await open().discover({ signal: t.signal }), [record])
      assert.deepEqual(await writer.discover({ signal: t.signal }), [record])
    })

    test('announcing again replaces what was announced before', options, async (t) => {
      const open = await create(t)
      const record = createRecord()
      await open().announce(record)
      const renewed: PeerRecord = { ...record, role: 'seeder', expires: record.expires + 1 }
      await open().announce(renewed)
      assert.deepEqual(await open().discover(), [renewed])
    })

    test('a stale record is not discovered', options, async (t) => {
      const open = await create(t)
      const fresh = createRecord()
      await open().announce(createRecord(-1))
      await open().announce(fresh)
      assert.deepEqual(await open().discover(), [fresh])
    })

    test('a withdrawal takes back one record and leaves the others', options, async (t) => {
      const open = await create(t)
      const [leaving, staying] = [createRecord(), createRecord()]
      await open().announce(leaving)
      await open().announce(staying)
      await open().withdraw(leaving.peerId)
      await open().withdraw(leaving.peerId)
      assert.deepEqual(await open().discover(), [staying])
    })

    test('fifty members that announce at once are all discovered', options, async (t) => {
      const open = await create(t)
      const records = Array.from({ length: 50 }, () => createRecord())
      await Promise.all(records.map((record) => open().announce(record)))
      const byId = (a: PeerRecord, b: PeerRecord): number => (a.peerId < b.peerId ? -1 : 1)
      assert.deepEqual((await open().discover()).toSorted(byId), records.toSorted(byId))
    })

    if (tellsChanges) {
      test(
        'a watcher hears of an announcement and of a withdrawal by another member',
        options,
        async (t) => {
          const open = await create(t)
          let heard = Promise.withResolvers<void>()
          t.after(open().watch(() => heard.resolve()))
          const record = createRecord()
          await open().announce(record)
          await heard.promise
          // Several notices may come for one change; the next must come for the withdrawal.
          while ((await open().discover()).length > 0) {
            heard = Promise.withResolvers()
            await open().withdraw(record.peerId)
            await heard.promise
          }
        },
      )
    } else {
      test('a watch can be begun and ended although nothing is told', options, async (t) => {
        const stop = (await create(t))().watch(() => assert.fail('something was told'))
        stop()
      })
    }

    test('an aborted signal ends every call with its reason', options, async (t) => {
      const registry = (await create(t))()
      const reason = new Error('no longer wanted')
      const signal = AbortSignal.abort(reason)
      const record = createRecord()
      await assert.rejects(registry.announce(record, { signal }), reason)
      await assert.rejects(registry.withdraw(record.peerId, { signal }), reason)
      await registry.announce(record)
      await assert.rejects(registry.discover({ signal }), reason)
    })
  })
}
