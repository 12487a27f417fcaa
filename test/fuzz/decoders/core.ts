import fc from 'fast-check'
import { parseAddress, parseBootstrapAddress } from '../../../src/core/address.ts'
import { makeFrameSync, openFrame, openFrameSync } from '../../../src/core/chunk.ts'
import type { Frame } from '../../../src/core/chunk.ts'
import { DIGEST_BYTES, digestOf } from '../../../src/core/digest.ts'
import { parseSignedEntry } from '../../../src/core/entry.ts'
import { decodeManifest, encodeManifest, MAX_CHUNK_BYTES } from '../../../src/core/manifest.ts'
import type { Manifest } from '../../../src/core/manifest.ts'
import { MessageStream } from '../../../src/core/message.ts'
import type { Message } from '../../../src/core/message.ts'
import { parsePeerRecord } from '../../../src/core/peer.ts'
import { formatSize, parseSize } from '../../../src/core/sizes.ts'
import { COUNT, DIGEST, NAME, PEER_ID, plain, SIGNED_ENTRY } from '../arbitraries.ts'
import { Finding } from '../decoder.ts'
import type { Decoder, Json } from '../decoder.ts'
import { BytesOnly } from '../scripted-stream.ts'

const REFS = fc.array(
  fc.record({ digest: DIGEST, bytes: fc.integer({ min: 1, max: MAX_CHUNK_BYTES }) }),
  { maxLength: 12 },
)
// What opening a frame takes beside the chunk: the step of the output, and zstd's own.
const FRAME_OVERHEAD_BYTES = 2 * 1024 * 1024
const MESSAGE_LIMITS = { headerBytes: 512, bodyBytes: 2048 }

/** u32 plain bytes, the digest, and the frame. */
const FRAMES = fc
  .oneof(
    fc.uint8Array({ maxLength: 3000, minLength: 1 }),
    fc.string({ minLength: 1, maxLength: 60 }).map((text) => Buffer.from(text.repeat(500))),
  )
  .map((bytes) => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(bytes.length)
    return Buffer.concat([head, Buffer.from(digestOf(bytes), 'hex'), makeFrameSync(bytes)])
  })

function frameOf(input: Uint8Array): Frame {
  const bytes = Buffer.concat([input, Buffer.alloc(Math.max(0, 4 + DIGEST_BYTES - input.length))])
  // Sizes come from manifests, which are checked before.
  const plainBytes = Math.min(MAX_CHUNK_BYTES, Math.max(1, bytes.readUInt32BE(0)))
  const digest = bytes.toString('hex', 4, 4 + DIGEST_BYTES)
  return { chunk: { digest, bytes: plainBytes }, bytes: bytes.subarray(4 + DIGEST_BYTES) }
}

function checkedPlain(input: Uint8Array, opened: Uint8Array): Uint8Array {
  const { chunk } = frameOf(input)
  if (opened.length !== chunk.bytes || digestOf(opened) !== chunk.digest) {
    throw new Finding('a frame was opened that is not its chunk')
  }
  return opened
}

async function readAll(input: Uint8Array): Promise<Message[]> {
  const stream = new MessageStream(new BytesOnly(input), MESSAGE_LIMITS)
  const messages: Message[] = []
  for (;;) {
    const message = await stream.read()
    if (message === undefined) return messages
    if (message.body.length > MESSAGE_LIMITS.bodyBytes) throw new Finding('a body over its limit')
    messages.push({ header: message.header, body: message.body.slice() })
  }
}

function encodeMessages(messages: readonly Message[]): Buffer {
  return Buffer.concat(
    messages.flatMap(({ header, body }) => {
      const head = Buffer.from(JSON.stringify(header))
      const prefix = Buffer.alloc(8)
      prefix.writeUInt32BE(head.length, 0)
      prefix.writeUInt32BE(body.length, 4)
      return [prefix, head, body]
    }),
  )
}

export const CORE: readonly Decoder[] = [
  {
    name: 'manifest',
    valid: fc.record({ catalog: REFS, content: REFS }).map(encodeManifest),
    refuses: ['ERR_INTEGRITY'],
    isCanonical: true,
    decode: (bytes: Uint8Array) => decodeManifest(bytes, digestOf(bytes)),
    encode: (manifest: Manifest) => encodeManifest(manifest),
    allocates: (bytes: Uint8Array) => 64 * 1024 + 8 * bytes.length,
  },
  {
    name: 'frame-sync',
    valid: FRAMES,
    refuses: ['ERR_INTEGRITY'],
    decode: (input: Uint8Array) => checkedPlain(input, openFrameSync(frameOf(input))),
    allocates: (input: Uint8Array) => FRAME_OVERHEAD_BYTES + 2 * frameOf(input).chunk.bytes,
  },
  {
    name: 'frame',
    valid: FRAMES,
    refuses: ['ERR_INTEGRITY'],
    decode: async (input: Uint8Array) => checkedPlain(input, await openFrame(frameOf(input))),
  },
  {
    name: 'entry',
    valid: SIGNED_ENTRY,
    refuses: [],
    decode: (value: Json) => parseSignedEntry(value),
    encode: plain,
  },
  {
    name: 'peer-record',
    valid: fc
      .record({
        peerId: PEER_ID,
        addresses: fc.array(NAME, { maxLength: 16 }),
        role: fc.constantFrom('seeder', 'runner', 'reader'),
        expires: COUNT,
      })
      .map(plain),
    refuses: [],
    decode: (value: Json) => parsePeerRecord(value),
    encode: plain,
  },
  {
    name: 'message',
    valid: fc
      .array(
        fc.record({
          header: fc.dictionary(fc.string({ maxLength: 9 }), fc.oneof(NAME, COUNT, fc.boolean()), {
            maxKeys: 3,
          }),
          body: fc.uint8Array({ maxLength: 300 }),
        }),
        { maxLength: 4 },
      )
      .map(encodeMessages),
    refuses: ['ERR_FRAME', 'ERR_CLOSED'],
    decode: readAll,
    encode: encodeMessages,
  },
  {
    name: 'address',
    valid: fc.constantFrom(
      ...['/ip4/192.0.2.7/tcp/4001', '/ip6/::1/tcp/0', '/dns4/example.org/tcp/65535'].map((text) =>
        Buffer.from(text),
      ),
    ),
    refuses: ['ERR_INPUT'],
    decode(bytes: Uint8Array) {
      const text = Buffer.from(bytes).toString('utf8')
      if (parseAddress(text, 'A setting') !== text) throw new Finding('an address was changed')
      return text.includes('/p2p/') ? parseBootstrapAddress(text, 'A setting') : text
    },
  },
  {
    name: 'size',
    valid: fc.constantFrom('10GB', '512 MiB', '1000000', '1.5tb', ' 7 kib ').map((text) => text),
    refuses: ['ERR_INPUT'],
    decode(value: Json) {
      const bytes = parseSize(
        typeof value === 'string' ? value : JSON.stringify(value),
        'A setting',
      )
      if (!Number.isSafeInteger(bytes) || bytes <= 0) throw new Finding('it is no count of bytes')
      return formatSize(bytes)
    },
  },
]
