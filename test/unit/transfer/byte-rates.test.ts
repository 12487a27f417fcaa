import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchAll } from '../../contract/transfer.ts'
import { CountingSupply, makeContent } from '../../support/chunks.ts'
import { TransferLab } from '../../support/transfer-lab.ts'

const OPTIONS = { timeout: 20_000 }

for (const limit of ['uploadBytesPerSecond', 'downloadBytesPerSecond'] as const) {
  test(`a transfer with ${limit} is no faster than that`, OPTIONS, async (t) => {
    const lab = new TransferLab(t)
    const content = await makeContent(60, 20_000)
    const options = { [limit]: 2_000_000, bufferBytes: 100_000 }
    const { transfer } = await lab.add(new CountingSupply(), options)
    const holder = await lab.add(new CountingSupply(content), options)
    const { chunks, digest: manifest } = content
    const started = performance.now()
    const frames = await fetchAll(transfer, { manifest, chunks, holders: [holder.peerId] })
    const milliseconds = performance.now() - started
    assert.equal(frames.length, 60)
    // 600 ms at that rate, less what may go at once at first and what is spent ahead.
    assert.ok(milliseconds > 400, `it took ${milliseconds} ms`)
  })
}
