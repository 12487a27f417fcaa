import { statSync } from 'node:fs'
import type { Tiers } from '../cache/cache.ts'
import { DIGEST_BYTES } from '../core/digest.ts'
import { SwarmCacheError } from '../core/errors.ts'
import { inboxName, isInboxName } from '../core/inbox.ts'
import type { Inbox, WrittenFrame } from '../core/inbox.ts'
import type { Message } from '../core/message.ts'

/** An inbox as it is offered over the control socket; empty where there is none. */
interface InboxOffer {
  readonly folder?: string
  readonly prefix?: string
  /** Device and inode of the folder: in a container the same path may be another folder. */
  readonly place?: string
}

// For each file: digest, u32 plain bytes, u32 frame bytes, u32 number of the file, all big endian.
const RECORD_BYTES = DIGEST_BYTES + 12
const MAX_RECORDS = 4096

/** The inboxes of the repositories that one connection's client saves to. */
export class ControlInboxes {
  readonly #inboxes = new Map<string, Inbox | undefined>()

  async open(repository: string, tiers: Tiers): Promise<InboxOffer> {
    const inbox = await this.#inbox(repository, tiers)
    const place = inbox && placeOf(inbox.folder)
    return place === undefined ? {} : { folder: inbox?.folder, prefix: inbox?.prefix, place }
  }

  /** Takes over what the client has written, perhaps into the inbox of a connection before this one. */
  async take(
    repository: string,
    tiers: Tiers,
    { header: { prefix }, body }: Pick<Message, 'header' | 'body'>,
  ): Promise<void> {
    const inbox = await this.#inbox(repository, tiers)
    if (inbox === undefined) {
      throw new SwarmCacheError('ERR_STORE', 'The node has nowhere to take files from.')
    }
    if (!isInboxName(prefix)) throw malformed('the files to be taken over have no prefix')
    await inbox.take(decodeWritten(body, prefix))
  }

  async #inbox(repository: string, tiers: Tiers): Promise<Inbox | undefined> {
    if (!this.#inboxes.has(repository)) this.#inboxes.set(repository, await tiers.inbox())
    return this.#inboxes.get(repository)
  }
}

/** The inbox that was offered, if this process finds it where the node has it. */
export function openInbox(
  offer: unknown,
  send: (prefix: string, body: Uint8Array) => Promise<void>,
): Inbox | undefined {
  const { folder, prefix, place } = (offer ?? {}) as Record<keyof InboxOffer, unknown>
  if (typeof folder !== 'string' || !isInboxName(prefix) || placeOf(folder) !== place) {
    return undefined
  }
  const take = async (frames: readonly WrittenFrame[]): Promise<void> => {
    for (let start = 0; start < frames.length; start += MAX_RECORDS) {
      await send(prefix, encodeWritten(frames.slice(start, start + MAX_RECORDS)))
    }
  }
  return { folder, prefix, take }
}

function encodeWritten(frames: readonly WrittenFrame[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(frames.length * RECORD_BYTES)
  let offset = 0
  for (const { chunk, frameBytes, name } of frames) {
    bytes.write(chunk.digest, offset, 'hex')
    offset = bytes.writeUInt32BE(chunk.bytes, offset + DIGEST_BYTES)
    offset = bytes.writeUInt32BE(frameBytes, offset)
    offset = bytes.writeUInt32BE(Number(name.slice(name.lastIndexOf('-') + 1)), offset)
  }
  return bytes
}

function decodeWritten(body: Uint8Array, prefix: string): WrittenFrame[] {
  if (body.length % RECORD_BYTES !== 0 || body.length > MAX_RECORDS * RECORD_BYTES) {
    throw malformed(`a list of files has ${body.length} bytes`)
  }
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  const frames: WrittenFrame[] = []
  for (let offset = 0; offset < bytes.length; offset += RECORD_BYTES) {
    const sizes = offset + DIGEST_BYTES
    frames.push({
      chunk: { digest: bytes.toString('hex', offset, sizes), bytes: bytes.readUInt32BE(sizes) },
      frameBytes: bytes.readUInt32BE(sizes + 4),
      name: inboxName({ prefix }, bytes.readUInt32BE(sizes + 8)),
    })
  }
  return frames
}

function placeOf(folder: string): string | undefined {
  try {
    const { dev, ino } = statSync(folder, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}

function malformed(why: string): SwarmCacheError {
  return new SwarmCacheError('ERR_FRAME', `A control message is malformed: ${why}.`)
}
