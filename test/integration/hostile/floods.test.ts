import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ByteStream } from '../../../src/core/byte-stream.ts'
import { digestOf } from '../../../src/core/digest.ts'
import type { SignedEntry } from '../../../src/core/entry.ts'
import { LEASE_PROTOCOL } from '../../../src/lease/lease-wire.ts'
import { MessageStream } from '../../../src/core/message.ts'
import { HAND_OVER_PROTOCOL } from '../../../src/node/hand-over-wire.ts'
import { QUERY_PROTOCOL } from '../../../src/router/query-wire.ts'
import { encodeDigests, TRANSFER_PROTOCOL } from '../../../src/transfer/transfer-wire.ts'
import type { Attacker } from '../../support/attacker.ts'
import { eventually } from '../../support/eventually.ts'
import { HostileSwarm } from '../../support/hostile-swarm.ts'

const options = { timeout: 60_000 }
const LIMITS = { headerBytes: 1024 * 1024, bodyBytes: 1024 * 1024 }
const LANE_PROTOCOL = '/swarmcache/lane/1'

interface Flood {
  readonly protocol: string
  send(messages: MessageStream, entry: SignedEntry): Promise<void>
  readonly why: RegExp
}

const digests = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => digestOf(`${index}`))

const repeat = async (times: number, send: (index: number) => Promise<void>): Promise<void> => {
  for (let index = 0; index < times; index += 1) await send(index)
}

/** What a peer may send that no honest one does. */
const FLOODS: Record<string, Flood> = {
  'wants more chunks at once than may wait': {
    protocol: TRANSFER_PROTOCOL,
    send: async (messages) =>
      await repeat(3, async (index) => {
        await messages.write({ want: index * 4096 }, encodeDigests(digests(4096)))
      }),
    why: /too many chunks at once/,
  },
  'asks for manifests without end': {
    protocol: TRANSFER_PROTOCOL,
    send: async (messages) =>
      await repeat(200, async (id) => await messages.write({ manifest: digestOf(`${id}`), id })),
    why: /too many questions at once/,
  },
  'sends a request that is none': {
    protocol: TRANSFER_PROTOCOL,
    send: async (messages) => await messages.write({ want: 'everything' }),
    why: /malformed request/,
  },
  'announces a request of a gigabyte': {
    protocol: TRANSFER_PROTOCOL,
    send: async (messages) => await messages.write({ junk: 'x'.repeat(100_000) }),
    why: /a message announces/,
  },
  'asks a question that is none': {
    protocol: QUERY_PROTOCOL,
    send: async (messages) => await messages.write({ query: { key: [] } }),
    why: /malformed question/,
  },
  'asks for a turn that is none': {
    protocol: LEASE_PROTOCOL,
    send: async (messages) => await messages.write({ ask: 'turn', name: 'main' }),
    why: /about a turn is malformed/,
  },
  'wants a lane that is none': {
    protocol: LANE_PROTOCOL,
    send: async (messages) => await messages.write({ want: 'dial-back', offer: { port: -1 } }),
    why: /lane in a malformed way/,
  },
  'hands over what is no entry': {
    protocol: HAND_OVER_PROTOCOL,
    send: async (messages) => await messages.write({ offer: { key: 'a' } }),
    why: /a peer that leaves says is malformed/,
  },
  'hands over an entry with a wrong signature': {
    protocol: HAND_OVER_PROTOCOL,
    send: async (messages, entry) => await messages.write({ offer: { ...entry, key: 'other' } }),
    why: /It offers an entry/,
  },
}

/** What comes back is thrown away. */
async function ignore(stream: ByteStream): Promise<void> {
  try {
    for await (const _ of stream.source);
  } catch {
    // It was cut off, as it should be.
  }
}

async function attack(attacker: Attacker, target: string, flood: Flood, entry: SignedEntry) {
  const stream = await attacker.swarm.open(target, flood.protocol)
  void ignore(stream)
  await flood.send(new MessageStream(stream, LIMITS), entry).catch(() => {})
}

for (const [what, flood] of Object.entries(FLOODS)) {
  test(`a member that ${what} is banned, and others are served on`, options, async (t) => {
    const swarm = await HostileSwarm.start(t)
    const { honest } = swarm
    const [entry] = await honest.session.node.entries(swarm.repository)
    const attacker = await swarm.attacker()
    const target = await swarm.attackHonest(attacker)
    await attack(attacker, target, flood, entry!)
    await swarm.assertBanned(honest, attacker, flood.why)
    await swarm.assertRestored(await swarm.victim())
  })
}

test('questions without end do not keep others from being answered', options, async (t) => {
  const swarm = await HostileSwarm.start(t)
  const attacker = await swarm.attacker()
  const victim = await swarm.victim(attacker)
  const target = await swarm.attackHonest(attacker)
  let asked = 0
  let over = false
  const ask = async (): Promise<void> => {
    const messages = new MessageStream(await attacker.swarm.open(target, QUERY_PROTOCOL), LIMITS)
    try {
      await messages.write({ manifest: digestOf('nothing') })
      await messages.read()
    } finally {
      messages.abort()
    }
  }
  // Some are cut off, which keeps an attacker from nothing.
  const askOn = async (): Promise<void> => {
    while (!over) {
      asked += 1
      await ask().catch(async () => await nextTurn())
    }
  }
  const asking = Promise.allSettled(Array.from({ length: 16 }, askOn))
  try {
    await eventually('a flood', () => asked > 32)
    await swarm.assertRestored(victim)
  } finally {
    over = true
  }
  await asking
})
