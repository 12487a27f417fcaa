import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Limit } from '../../../src/async/limit.ts'
import { SwarmCacheError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Message, MessageStream } from '../../../src/core/message.ts'
import { Crowds } from '../../../src/transfer/crowds.ts'
import { encodeDigests } from '../../../src/transfer/transfer-wire.ts'
import { Upload } from '../../../src/transfer/upload.ts'
import { CountingSupply, makeContent } from '../../support/chunks.ts'

/** A peer that asks for chunks and takes nothing of what is sent. */
class TakesNothing implements Pick<MessageStream, 'read' | 'write' | 'closeWrite' | 'abort'> {
  readonly #asked: Message[]
  readonly written: Promise<void>
  #onWrite: () => void = () => {}

  constructor(asked: Message) {
    this.#asked = [asked]
    this.written = new Promise((resolve) => (this.#onWrite = resolve))
  }

  async read(): Promise<Message | undefined> {
    return this.#asked.shift() ?? (await new Promise(() => {}))
  }

  async write(): Promise<void> {
    this.#onWrite()
    await new Promise(() => {})
  }

  async closeWrite(): Promise<void> {}

  abort(): void {}
}

test('an upload that ends for a deadline ends at once, and leaves the process to others', async () => {
  const content = await makeContent(4, 1000)
  const digests = encodeDigests(content.chunks.map(({ digest }) => digest))
  const messages = new TakesNothing({ header: { want: 0 }, body: digests })
  const upload = new Upload({
    messages: messages as unknown as MessageStream,
    peerId: 'a',
    supply: new CountingSupply(content),
    turns: new Limit(8),
    ownTurns: new Limit(8),
    backgroundTurn: new Limit(1),
    rate: undefined,
    crowds: new Crowds(() => performance.now()),
    logger: silentLogger,
    rested() {},
    woke: () => true,
    now: () => performance.now(),
  })
  const ended = upload.run()
  await messages.written
  const reason = new SwarmCacheError('ERR_TIMEOUT', 'Sending to a peer took longer than 5000 ms.')
  upload.end(reason)
  await assert.rejects(ended, reason)
})
