import { TreeArchive } from '../../src/archive/tree-archive.ts'
import { encodeCatalog } from '../../src/archive/catalog-encode.ts'
import type { CatalogRow } from '../../src/archive/catalog.ts'
import type { ArchiveOptions, Packed, UnpackPlan } from '../../src/archive/archive.ts'
import type { Frame } from '../../src/core/chunk.ts'
import { makeFrame } from '../../src/core/chunk.ts'
import { digestOf } from '../../src/core/digest.ts'
import type { ChunkRef, Manifest } from '../../src/core/manifest.ts'
import { MemorySink } from './memory-sink.ts'

type TripOptions = Omit<ArchiveOptions, 'workingDirectory'>

/** One archive with its chunks in memory, and packed trees on their way between folders. */
export class ArchiveTrip {
  readonly archive: TreeArchive = new TreeArchive()
  readonly sink: MemorySink = new MemorySink()

  pack(folder: string, paths: readonly string[], options: TripOptions = {}): Promise<Packed> {
    return this.archive.pack(paths, this.sink, { workingDirectory: folder, threads: 0, ...options })
  }

  plan(
    folder: string,
    manifest: Manifest,
    paths: readonly string[],
    options: TripOptions = {},
  ): Promise<UnpackPlan> {
    const catalog = this.sink.open(manifest.catalog)
    const all = { workingDirectory: folder, threads: 0, ...options }
    return this.archive.plan(manifest, catalog, paths, all)
  }

  /** Restores with the frames in the order that `arrange` gives them. */
  async unpack(
    folder: string,
    manifest: Manifest,
    paths: readonly string[],
    options: TripOptions & { arrange?: (chunks: ChunkRef[]) => ChunkRef[] } = {},
  ): Promise<UnpackPlan> {
    const plan = await this.plan(folder, manifest, paths, options)
    try {
      const chunks = [...plan.chunks]
      await plan.write(this.sink.open(options.arrange?.(chunks) ?? chunks))
    } finally {
      await plan.close()
    }
    return plan
  }

  /** The manifest of a catalog that no scan would give, with content that is there. */
  async forge(
    rows: readonly CatalogRow[],
    content: Uint8Array = new Uint8Array(),
  ): Promise<Manifest> {
    const catalog = await this.add(encodeCatalog(rows))
    return { catalog: [catalog], content: content.length === 0 ? [] : [await this.add(content)] }
  }

  async add(plain: Uint8Array): Promise<ChunkRef> {
    const chunk = { digest: digestOf(plain), bytes: plain.length }
    await this.sink.put({ chunk, bytes: await makeFrame(plain) })
    return chunk
  }
}

/** Frames that end with `error` after the first `count`. */
export async function* failAfter(
  count: number,
  frames: AsyncIterable<Frame>,
  error: Error,
): AsyncGenerator<Frame> {
  let given = 0
  for await (const frame of frames) {
    if (given === count) throw error
    given += 1
    yield frame
  }
}
