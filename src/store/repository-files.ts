import type { Digest } from '../core/digest.ts'
import { publish } from '../core/events.ts'
import type { Logger } from '../core/logger.ts'
import { decodeManifest, MAX_MANIFEST_BYTES } from '../core/manifest.ts'
import type { Manifest } from '../core/manifest.ts'
import { DigestFolder, readWhole } from './digest-folder.ts'
import type { FileBytes } from './digest-folder.ts'
import type { DiskLayout } from './disk-layout.ts'
import { decodeFrameFile, MAX_FRAME_FILE_BYTES } from '../core/frame-file.ts'
import type { FrameFile } from '../core/frame-file.ts'
import type { SpaceUsed } from './space-ledger.ts'

/** What a manifest file holds. */
export interface ManifestFile {
  readonly bytes: Uint8Array
  readonly manifest: Manifest
}

/** The chunks and manifests of one repository as files, each checked when it is read. */
export class RepositoryFiles {
  readonly chunks: DigestFolder
  readonly manifests: DigestFolder
  readonly #logger: Logger

  constructor(layout: DiskLayout, logger: Logger, now: () => number, touchAfterMs: number) {
    this.chunks = new DigestFolder(layout.chunks, layout, now, touchAfterMs)
    this.manifests = new DigestFolder(layout.manifests, layout, now, touchAfterMs)
    this.#logger = logger
  }

  /** A chunk, or undefined; a damaged one is removed and `onDamage` told. */
  readChunk(digest: Digest, onDamage?: (problem: string) => void): FrameFile | undefined {
    const file = this.chunks.read(digest, MAX_FRAME_FILE_BYTES)
    if (file === undefined) return undefined
    const frame = decodeChunk(digest, file)
    if (typeof frame !== 'string') return frame
    const path = this.chunks.path(digest)
    const removed = this.chunks.remove(digest, (moved) => {
      // A good copy may have replaced it since it was read.
      const again = readWhole(moved, MAX_FRAME_FILE_BYTES)
      return again !== undefined && typeof decodeChunk(digest, again) !== 'string'
    })
    if (removed) this.#report('chunk', digest, path, frame, onDamage)
    return undefined
  }

  /** Removes a chunk whose frame turned out to be bad though its file is whole. */
  discardChunk(digest: Digest, why: string, onDamage?: (problem: string) => void): void {
    if (this.chunks.remove(digest, () => false)) {
      this.#report('chunk', digest, this.chunks.path(digest), why, onDamage)
    }
  }

  /** A manifest with its encoded form, or undefined; a damaged one is removed and `onDamage` told. */
  readManifest(digest: Digest, onDamage?: (problem: string) => void): ManifestFile | undefined {
    const file = this.manifests.read(digest, MAX_MANIFEST_BYTES)
    if (file === undefined) return undefined
    const manifest = decodeWhole(digest, file)
    if (typeof manifest !== 'string') return manifest
    const path = this.manifests.path(digest)
    const removed = this.manifests.remove(digest, (moved) => {
      const again = readWhole(moved, MAX_MANIFEST_BYTES)
      return again !== undefined && typeof decodeWhole(digest, again) !== 'string'
    })
    if (removed) this.#report('manifest', digest, path, manifest, onDamage)
    return undefined
  }

  /** Counts what is on disk. */
  count(): SpaceUsed {
    let bytes = 0
    let chunks = 0
    for (const files of this.chunks.list()) {
      chunks += files.length
      for (const file of files) bytes += file.bytes
    }
    for (const files of this.manifests.list()) for (const file of files) bytes += file.bytes
    return { bytes, chunks }
  }

  #report(
    kind: string,
    digest: Digest,
    path: string,
    why: string,
    onDamage?: (problem: string) => void,
  ): void {
    const problem = `The ${kind} file ${path} is damaged: ${why}. It was removed.`
    this.#logger.log('warning', problem)
    if (kind === 'chunk') publish('chunk:corrupt', { digest, where: path })
    onDamage?.(problem)
  }
}

function decodeChunk(digest: Digest, file: FileBytes): FrameFile | string {
  return 'bytes' in file
    ? decodeFrameFile(digest, file.bytes)
    : `it has ${file.size} bytes, more than any chunk`
}

function decodeWhole(digest: Digest, file: FileBytes): ManifestFile | string {
  if (!('bytes' in file)) return `it has ${file.size} bytes, more than any manifest`
  try {
    return { bytes: file.bytes, manifest: decodeManifest(file.bytes, digest) }
  } catch {
    return 'it is not the manifest that its name stands for'
  }
}
