import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { DIGEST_BYTES, digestOf } from '../../../src/core/digest.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { MAX_CHUNK_BYTES } from '../../../src/core/manifest.ts'
import { verifyEntry } from '../../../src/identity/identity.ts'
import { ClientTranscript } from '../../../src/store/actions-cache-output.ts'
import { DiskLayout, entryNameDigest, repositoryTag } from '../../../src/store/disk-layout.ts'
import { EntryFiles } from '../../../src/store/entry-files.ts'
import { decodeFrameFile, encodeFrameFile } from '../../../src/core/frame-file.ts'
import type { FrameFile } from '../../../src/core/frame-file.ts'
import { parseSignedEntry } from '../../../src/core/entry.ts'
import { DIGEST, SIGNED_ENTRY } from '../arbitraries.ts'
import { Finding } from '../decoder.ts'
import type { Decoder, Json } from '../decoder.ts'

const FRAME_FILE_HEADER_BYTES = 16
const SECRET = 'a-secret-of-the-run'

/** The digest that names the file, then its bytes. */
function splitFrameFile(input: Uint8Array): { digest: string; file: Uint8Array } {
  const digest = Buffer.from(input.subarray(0, DIGEST_BYTES)).toString('hex').padEnd(64, '0')
  return { digest, file: input.subarray(DIGEST_BYTES) }
}

/** Reads entries from real files in a folder that goes with the process. */
class EntryFolder {
  #files: EntryFiles | undefined
  #folder = ''
  readonly #tag = repositoryTag('octo/app')

  read(name: string, bytes: Uint8Array): unknown {
    this.#files ??= this.#open()
    const layout = new DiskLayout(this.#folder, this.#tag)
    writeFileSync(layout.entryPath(name), bytes)
    return this.#files.read(name)
  }

  #open(): EntryFiles {
    this.#folder = mkdtempSync(join(tmpdir(), 'swarmcache-fuzz-'))
    process.once('exit', () => rmSync(this.#folder, { recursive: true, force: true }))
    const layout = new DiskLayout(this.#folder, this.#tag)
    mkdirSync(dirname(layout.entryPath('0'.repeat(64))), { recursive: true })
    mkdirSync(layout.damaged, { recursive: true })
    return new EntryFiles(layout, verifyEntry, silentLogger)
  }
}

const entryFolder = new EntryFolder()

export const STORE: readonly Decoder[] = [
  {
    name: 'frame-file',
    valid: fc
      .record({
        digest: DIGEST,
        bytes: fc.integer({ min: 1, max: MAX_CHUNK_BYTES }),
        frame: fc.uint8Array({ maxLength: 200 }),
      })
      .map(({ digest, bytes, frame }) =>
        Buffer.concat([
          Buffer.from(digest, 'hex'),
          ...encodeFrameFile({ chunk: { digest, bytes }, bytes: frame }),
        ]),
      ),
    refuses: [],
    isCanonical: true,
    decode(input: Uint8Array) {
      const { digest, file } = splitFrameFile(input)
      const found = decodeFrameFile(digest, file)
      return typeof found === 'string' ? undefined : { digest, found }
    },
    encode({ digest, found }: { digest: string; found: FrameFile }) {
      const chunk = { digest, bytes: found.plainBytes }
      return Buffer.concat([
        Buffer.from(digest, 'hex'),
        ...encodeFrameFile({ chunk, bytes: found.frame }),
      ])
    },
    repair(input: Uint8Array) {
      const whole = Buffer.from(input)
      if (whole.length < DIGEST_BYTES + FRAME_FILE_HEADER_BYTES) return whole
      const { digest, file } = splitFrameFile(whole)
      const header = file.subarray(0, FRAME_FILE_HEADER_BYTES - 4)
      const frame = file.subarray(FRAME_FILE_HEADER_BYTES)
      const at = DIGEST_BYTES + FRAME_FILE_HEADER_BYTES - 4
      whole.writeUInt32BE(crc32(frame, crc32(header, crc32(digest))), at)
      return whole
    },
  },
  {
    name: 'entry-file',
    valid: SIGNED_ENTRY.map((entry) => ({ ...(entry as object), repository: 'octo/app' }) as Json),
    refuses: ['ERR_STORE'],
    decode(value: Json) {
      const entry = parseSignedEntry(value)
      const name = entry === undefined ? digestOf('another name') : entryNameDigest(entry)
      entryFolder.read(name, Buffer.from(JSON.stringify(value)))
      // Most are set aside, as their signature was made for another repository: reading is what counts.
      return entry
    },
  },
  {
    name: 'client-output',
    valid: fc.constantFrom(
      ...[
        '::debug::Resolved Keys:\n::debug::["a"]\nCache Size: ~1 MB (1234567 B)\n',
        'Received 12 of 34 (35.3%), 1.0 MBs/sec\nArchive Path: /tmp/x/cache.tzst\n',
        '::warning::Failed to save: Unable to reserve cache with key k\n',
        '::add-mask::abcdefghijkl\nhttps://example.org/?sig=abcdefghijkl&x=1\n',
        'Uploading chunk of size 33 bytes at offset 44 with content range\n',
      ].map((text) => Buffer.from(text)),
    ),
    refuses: [],
    decode(bytes: Uint8Array) {
      const transcript = new ClientTranscript('restore', [SECRET])
      const lines = transcript.read(`${Buffer.from(bytes).toString('utf8')} ${SECRET}\n`)
      if (lines.some(({ text }) => text.includes(SECRET))) throw new Finding('it tells a secret')
      if (Number.isNaN(transcript.bytes)) throw new Finding('it counts no bytes')
      return lines
    },
  },
]
