import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:tls'
import { connect as connectTcp } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { ByteStream } from '../../../src/core/byte-stream.ts'
import { createLaneCertificate } from '../../../src/transfer/lane-certificate.ts'
import { dialLane, listenForLanes } from '../../../src/transfer/lane-socket.ts'
import { LaneTickets } from '../../../src/transfer/lane-tickets.ts'
import type { TicketGrant } from '../../../src/transfer/lane-tickets.ts'

const PEER = '12D3KooWPeerOfTheTest'

async function listener(t: TestContext) {
  const server = createLaneCertificate()
  const client = createLaneCertificate()
  const tickets = new LaneTickets()
  const lanes: { stream: ByteStream; grant: TicketGrant }[] = []
  const refusals: string[] = []
  let onRefusal = (): void => {}
  const accepting = await listenForLanes<TicketGrant>(
    server,
    '127.0.0.1',
    (ticket, fingerprint) => tickets.redeem(ticket, fingerprint),
    (stream, grant) => lanes.push({ stream, grant }),
    (_, reason) => {
      refusals.push(reason)
      onRefusal()
    },
  )
  t.after(() => accepting.close())
  return {
    server,
    client,
    tickets,
    lanes,
    refusals,
    issue: (fingerprint: string) => tickets.issue({ peerId: PEER, fingerprint, expected: false }),
    target: (ticket: string) => ({
      host: '127.0.0.1',
      port: accepting.port,
      fingerprint: server.fingerprint,
      ticket,
    }),
    refused: new Promise<void>((resolve) => (onRefusal = resolve)),
  }
}

test('a peer with its ticket and certificate gets a lane that carries bytes both ways', async (t) => {
  const side = await listener(t)
  const lane = await dialLane(
    side.client,
    side.target(side.issue(side.client.fingerprint)),
    t.signal,
  )
  t.after(() => lane.abort())
  const accepted = side.lanes[0]!
  assert.equal(accepted.grant.peerId, PEER)
  await lane.write(Buffer.from('ping'))
  const asked = await accepted.stream.source[Symbol.asyncIterator]().next()
  assert.equal(Buffer.from(asked.value!).toString(), 'ping')
  await accepted.stream.write(Buffer.from('pong'))
  const answered = await lane.source[Symbol.asyncIterator]().next()
  assert.equal(Buffer.from(answered.value!).toString(), 'pong')
})

test('a ticket that was never issued, was used, or is another peer’s opens no lane', async (t) => {
  const side = await listener(t)
  const used = side.issue(side.client.fingerprint)
  const first = await dialLane(side.client, side.target(used), t.signal)
  t.after(() => first.abort())
  const cases = {
    unknown: 'ab'.repeat(32),
    used,
    'of another peer': side.issue(createLaneCertificate().fingerprint),
  }
  for (const [name, ticket] of Object.entries(cases)) {
    await assert.rejects(
      dialLane(side.client, side.target(ticket), t.signal),
      /lane|connection/i,
      name,
    )
  }
  assert.equal(side.lanes.length, 1)
  assert.equal(side.refusals.length, 3)
})

test('a lane whose other end shows another certificate than announced is given up before the ticket is shown', async (t) => {
  const side = await listener(t)
  const ticket = side.issue(side.client.fingerprint)
  const wrong = { ...side.target(ticket), fingerprint: createLaneCertificate().fingerprint }
  await assert.rejects(dialLane(side.client, wrong, t.signal), { code: 'ERR_PEER' })
  assert.notEqual(side.tickets.redeem(ticket, side.client.fingerprint), undefined)
})

test('a client without a certificate is refused even with a good ticket', async (t) => {
  const side = await listener(t)
  const { host, port, ticket } = side.target(side.issue(side.client.fingerprint))
  const socket = connect({ host, port, rejectUnauthorized: false })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(Buffer.from(ticket, 'hex'))
  await side.refused
  assert.equal(side.lanes.length, 0)
})

test('a stranger who speaks no TLS is refused and gets no lane', async (t) => {
  const side = await listener(t)
  const { host, port } = side.target('')
  const socket = connectTcp({ host, port })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write('GET / HTTP/1.1\r\n\r\n')
  await side.refused
  assert.equal(side.lanes.length, 0)
})

test('a ticket is worthless after its life, and old ones make room for new ones', () => {
  let now = 0
  const tickets = new LaneTickets(() => now)
  const grant = { peerId: PEER, fingerprint: 'aa'.repeat(32), expected: false }
  const late = tickets.issue(grant)
  now += 11_000
  assert.equal(tickets.redeem(late, grant.fingerprint), undefined)
  const oldest = tickets.issue(grant)
  const flood = Array.from({ length: 1024 }, () => tickets.issue(grant))
  assert.equal(tickets.redeem(oldest, grant.fingerprint), undefined)
  assert.notEqual(tickets.redeem(flood.at(-1)!, grant.fingerprint), undefined)
})
