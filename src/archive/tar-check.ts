import { lstatSync, realpathSync } from 'node:fs'
import type { Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { SwarmCacheError, isSwarmCacheError } from '../core/errors.ts'
import type { ArchiveCheck, ArchiveCheckOptions } from './archive.ts'
import { bytePath, fsPath, joinPath, parentOf, textOf } from './byte-path.ts'
import type { BytePath } from './byte-path.ts'
import { COVERED } from './path-pattern.ts'
import { PathSelection } from './path-selection.ts'
import { TarHeaders } from './tar-headers.ts'
import type { TarEntry } from './tar-headers.ts'

const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd]
const GZIP_MAGIC = [0x1f, 0x8b]
// A few bytes can stand for a disk full of zeros.
const MAX_GROWTH = 200
// Each step takes a turn of a thread; the default of 16 KiB makes the steps cost more than what they do.
const OUTPUT_BYTES = 512 * 1024
const FREE_BYTES = 8 * 1024 ** 3

/**
 * Checks a compressed tar archive, as @actions/cache makes them, before `tar` gets to see the last of it: it is whole,
 * and everything in it lies below the declared paths, without a way through a link.
 */
export class TarCheck implements ArchiveCheck {
  readonly #selection: PathSelection
  readonly #folder: BytePath
  /** What `..` starts from. */
  readonly #realFolder: BytePath
  readonly #headers: TarHeaders
  readonly #symlinks = new Set<BytePath>()
  /** Folders of which it is known that they lead nowhere else. */
  readonly #plain = new Set<BytePath>()
  #decoder: Transform | undefined
  #fault: unknown
  #archiveBytes = 0
  #plainBytes = 0

  constructor(paths: readonly string[], options: ArchiveCheckOptions) {
    this.#selection = PathSelection.of(paths, options.workingDirectory)
    this.#folder = bytePath(options.folder)
    this.#realFolder = bytePath(realpathSync(options.folder))
    this.#headers = new TarHeaders((entry) => this.#checkEntry(entry))
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return
    this.#archiveBytes += bytes.length
    const decoder = (this.#decoder ??= this.#decoderOf(bytes))
    await new Promise<void>((resolve, reject) => {
      decoder.write(bytes, (error) => {
        if (error || this.#fault !== undefined) reject(this.#reason(error))
        else resolve()
      })
    })
  }

  async end(): Promise<void> {
    const decoder = this.#decoder
    if (decoder === undefined) throw damaged('it is empty')
    await new Promise<void>((resolve, reject) => {
      decoder.once('end', resolve)
      decoder.once('error', (error) => reject(this.#reason(error)))
      decoder.end()
    })
    this.#headers.end()
  }

  close(): void {
    this.#decoder?.destroy()
  }

  #decoderOf(first: Uint8Array): Transform {
    const starts = (magic: readonly number[]): boolean =>
      magic.every((byte, index) => first[index] === byte)
    if (!starts(ZSTD_MAGIC) && !starts(GZIP_MAGIC)) throw damaged('it is not compressed as usual')
    const options = { chunkSize: OUTPUT_BYTES }
    const decoder = starts(ZSTD_MAGIC) ? createZstdDecompress(options) : createGunzip(options)
    decoder.on('error', (error) => (this.#fault ??= error))
    decoder.on('data', (plain: Buffer) => {
      try {
        this.#plainBytes += plain.length
        if (this.#plainBytes > FREE_BYTES + MAX_GROWTH * this.#archiveBytes) {
          throw damaged('it unpacks to more than any cache has')
        }
        this.#headers.put(plain)
      } catch (error) {
        this.#fault ??= error
        decoder.destroy(error as Error)
      }
    })
    return decoder
  }

  #reason(error: unknown): Error {
    const reason = this.#fault ?? error
    if (isSwarmCacheError(reason)) return reason
    return damaged('it does not unpack', reason)
  }

  #checkEntry({ path, kind, target }: TarEntry): void {
    const place = this.#place(path, kind === 'folder')
    this.#symlinks.delete(place)
    if (kind === 'symlink') {
      this.#symlinks.add(place)
      this.#plain.clear()
    }
    if (kind !== 'hardlink') return
    const linked = this.#place(target, false)
    if (this.#symlinks.has(linked)) throw outside(target, 'is a link to a link')
  }

  /** The absolute path of a name in the archive. @throws ERR_PATH if it is none that may be written. */
  #place(name: BytePath, isFolder: boolean): BytePath {
    const place = this.#resolve(name)
    const { states } = this.#selection.standingOf(place, isFolder)
    const at = this.#selection.patterns.findIndex(
      ({ negate }, index) => !negate && states[index] === COVERED,
    )
    if (at === -1) throw outside(name, 'is outside of the declared paths')
    const { root } = this.#selection.patterns[at]!
    const passed: BytePath[] = []
    for (let folder = place; folder !== root;) {
      const parent = parentOf(folder)
      if (parent === undefined || parent.length < root.length) break
      if (this.#symlinks.has(parent)) throw outside(name, 'leads through a link')
      if (this.#plain.has(parent)) break
      passed.push(parent)
      folder = parent
    }
    for (const folder of passed) {
      // What is declared may be a link that somebody made for it.
      if (folder === root) continue
      if (lstatSync(fsPath(folder), { throwIfNoEntry: false })?.isSymbolicLink() === true) {
        throw outside(name, 'leads through a link')
      }
      this.#plain.add(folder)
    }
    return place
  }

  #resolve(name: BytePath): BytePath {
    const names = name.split('/').filter((part) => part !== '' && part !== '.')
    if (name.startsWith('/')) {
      if (names.includes('..')) throw outside(name, 'climbs out of a folder')
      return `/${names.join('/')}`
    }
    let folder = names[0] === '..' ? this.#realFolder : this.#folder
    while (names[0] === '..') {
      folder = parentOf(folder) ?? folder
      names.shift()
    }
    if (names.includes('..')) throw outside(name, 'climbs out of a folder')
    return names.reduce((parent, part) => joinPath(parent, part), folder)
  }
}

function outside(name: BytePath, why: string): SwarmCacheError {
  const path = textOf(name)
  return new SwarmCacheError('ERR_PATH', `The archive is not used: "${path}" in it ${why}.`, {
    facts: { path, undeclared: true },
  })
}

function damaged(why: string, cause?: unknown): SwarmCacheError {
  return new SwarmCacheError('ERR_INTEGRITY', `The archive is damaged: ${why}.`, { cause })
}
