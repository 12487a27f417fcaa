import type { Frame } from '../core/chunk.ts'
import type { ChunkRef, Manifest } from '../core/manifest.ts'
import type {
  Archive,
  ArchiveOptions,
  ChunkSink,
  PackOptions,
  Packed,
  UnpackPlan,
} from './archive.ts'
import { packTree } from './pack.ts'
import { packStream } from './pack-stream.ts'
import { planTree } from './plan.ts'

/** Packs and unpacks trees of the local file system. */
export class TreeArchive implements Archive {
  pack(paths: readonly string[], sink: ChunkSink, options: PackOptions): Promise<Packed> {
    return packTree(paths, sink, options)
  }

  plan(
    manifest: Manifest,
    catalog: AsyncIterable<Frame>,
    paths: readonly string[],
    options: ArchiveOptions,
  ): Promise<UnpackPlan> {
    return planTree(manifest, catalog, paths, options)
  }

  packStream(
    content: AsyncIterable<Uint8Array>,
    sink: ChunkSink,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ChunkRef[]> {
    return packStream(content, sink, options.signal)
  }
}
