import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageStream } from '../../../src/core/message.ts'
import { encodeBits, parseRequest, REQUEST_LIMITS } from '../../../src/transfer/transfer-wire.ts'
import { fetchAll } from '../../contract/transfer.ts'
import { CountingSupply, makeContent } from '../../support/chunks.ts'
import { countByPeer, TransferLab } from '../../support/transfer-lab.ts'

const OPTIONS = { timeout: 20_000 }

test(
  'a holder that claims chunks it does not give costs nothing but the question',
  OPTIONS,
  async (t) => {
    const lab = new TransferLab(t)
    const content = await makeContent(60, 20_000)
    const { transfer, peers } = await lab.add(new CountingSupply())
    let refused = 0
    const liar = await lab.addRaw(async (stream) => {
      const messages = new MessageStream(stream, REQUEST_LIMITS)
      for (;;) {
        const message = await messages.read()
        if (message === undefined) return
        const request = parseRequest(message.header, message.body)
        if (request?.kind === 'have') {
          const all = encodeBits(request.digests.map(() => true))
          await messages.write({ id: request.id, have: true }, all)
        } else if (request?.kind === 'want') {
          for (const index of request.digests.keys()) {
            refused += 1
            await messages.write({ id: request.id + index, missing: true })
          }
        }
      }
    })
    const honest = await lab.add(new CountingSupply(content))
    const { chunks, digest: manifest } = content
    const holders = [liar.peerId, honest.peerId]
    const frames = await fetchAll(transfer, { manifest, chunks, holders })
    assert.deepEqual([...countByPeer(frames)], [[honest.peerId, 60]])
    assert.ok(refused > 0 && refused <= 60, `it was asked for ${refused} chunks`)
    assert.deepEqual(peers.failures, [])
  },
)
