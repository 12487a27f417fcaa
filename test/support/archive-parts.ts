import { PIECE_BYTES, encodePieces, partVersion } from '../../src/core/archive-part.ts'
import type { ArchivePart } from '../../src/core/archive-part.ts'
import { makeFrame } from '../../src/core/chunk.ts'
import type { Frame } from '../../src/core/chunk.ts'
import { digestOf } from '../../src/core/digest.ts'
import type { Digest } from '../../src/core/digest.ts'
import type { Entry } from '../../src/core/entry.ts'
import { totalBytes } from '../../src/core/manifest.ts'
import { noise } from './noise.ts'
import { MAIN, REPOSITORY } from './sample-entries.ts'

/** An archive of random bytes in pieces, and how parts of it are described. */
export class SampleArchive {
  readonly bytes: Buffer
  readonly work: Digest
  readonly key: string
  readonly frames: Frame[] = []

  private constructor(work: Digest, key: string, bytes: Buffer) {
    this.work = work
    this.key = key
    this.bytes = bytes
  }

  static async make(key: string, pieces: number): Promise<SampleArchive> {
    // The last piece is shorter than the others.
    const bytes = Buffer.from(noise((pieces - 1) * PIECE_BYTES + 1000, key))
    const archive = new SampleArchive(digestOf(`the work for ${key}`), key, bytes)
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES)
      const chunk = { digest: digestOf(piece), bytes: piece.length }
      archive.frames.push({ chunk, bytes: await makeFrame(piece) })
    }
    return archive
  }

  /** Pieces from `first` to before `end`, not signed. */
  part(first: number, end: number, scope: string = MAIN): ArchivePart<Omit<Entry, 'writer'>> {
    const pieces = this.frames.slice(first, end).map(({ chunk }) => chunk)
    const archiveBytes = this.bytes.length
    const manifest = encodePieces(pieces)
    const entry = {
      repository: REPOSITORY,
      scope,
      key: this.key,
      version: partVersion(this.work, archiveBytes, first),
      manifest: digestOf(manifest),
      manifestBytes: manifest.length,
      contentBytes: totalBytes(pieces),
      created: Date.now(),
      origin: 'upstream' as const,
    }
    return { entry, archiveBytes, first, pieces }
  }
}
