import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { createPeerKey } from '../../../src/identity/identity.ts'
import { TestIssuer } from '../../support/issuer.ts'
import { Strangers } from '../../support/strangers.ts'
import { createTokenMembers, startMembers } from '../../support/swarm-nodes.ts'

const ASK = '/swarmcache/test-ask/1'
const ATTEMPTS = 400
const PIECE_BYTES: number = 256 * 1024

test(
  'hundreds of strangers with bad tokens, garbage and half-open handshakes leave a transfer whole',
  { timeout: 60_000 },
  async (t: TestContext) => {
    const issuer = await TestIssuer.start(t)
    const create = createTokenMembers(issuer)
    const [member, friend] = [create(), create()]
    let sent = 0
    const sentHash = createHash('sha256')
    let enough = false
    member.handle(ASK, async (stream) => {
      for (let number = 0; !enough; number = (number + 1) % 256) {
        const piece = new Uint8Array(PIECE_BYTES).fill(number)
        sentHash.update(piece)
        await stream.write(piece)
        sent += piece.length
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    await startMembers(t, member, friend)
    const lost: string[] = []
    friend.listen({ disconnected: (peerId) => lost.push(peerId) })
    await friend.dial(member.peerId, member.addresses(), { signal: t.signal })
    const stream = await friend.open(member.peerId, ASK)
    let received = 0
    const receivedHash = createHash('sha256')
    const reading = (async () => {
      for await (const piece of stream.source) {
        received += piece.length
        receivedHash.update(piece)
      }
    })()

    const peerKey = createPeerKey()
    const token = await issuer.token(peerKey.peerId, { claims: { repository_id: '666' } })
    const strangers = new Strangers({
      address: member.addresses()[0]!,
      peerId: member.peerId,
      peerKey,
      token,
    })
    t.after(() => strangers.stop())
    const before = received
    await strangers.attempt(ATTEMPTS, { atOnce: 20 })
    assert.ok(received > before)
    enough = true
    await reading
    assert.equal(received, sent)
    assert.equal(receivedHash.digest('hex'), sentHash.digest('hex'))
    assert.deepEqual(lost, [])
    assert.deepEqual(
      member.peers().map(({ peerId }) => peerId),
      [friend.peerId],
    )
    assert.equal(strangers.admitted, 0)
    assert.ok(strangers.proved > ATTEMPTS / 8, String(strangers.proved))
  },
)
