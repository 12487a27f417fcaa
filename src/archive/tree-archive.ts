import type { Frame } from '../core/chunk.ts'
import type { ChunkRef, Manifest } from '../core/manifest.ts'
import type {
  Archive,
  ArchiveCheck,
  ArchiveCheckOptions,
  ChunkSink,
  PackOptions,
  Packed,
  PlanOptions,
  UnpackPlan,
} from './archive.ts'

/** Packs and unpacks trees of the local file system; what a process never does is never loaded. */
export class TreeArchive implements Archive {
  async pack(paths: readonly string[], sink: ChunkSink, options: PackOptions): Promise<Packed> {
    const { packTree } = await import('./pack.ts')
    return await packTree(paths, sink, options)
  }

  async plan(
    manifest: Manifest,
    catalog: AsyncIterable<Frame>,
    paths: readonly string[],
    options: PlanOptions,
  ): Promise<UnpackPlan> {
    const { planTree } = await import('./plan.ts')
    return await planTree(manifest, catalog, paths, options)
  }

  async packStream(
    content: AsyncIterable<Uint8Array>,
    sink: ChunkSink,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ChunkRef[]> {
    const { packStream } = await import('./pack-stream.ts')
    return await packStream(content, sink, options.signal)
  }

  async check(paths: readonly string[], options: ArchiveCheckOptions): Promise<ArchiveCheck> {
    const { TarCheck } = await import('./tar-check.ts')
    return new TarCheck(paths, options)
  }
}
