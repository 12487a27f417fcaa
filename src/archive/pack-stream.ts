import { abortable } from '../async/deadline.ts'
import type { ChunkRef } from '../core/manifest.ts'
import type { ChunkSink } from './archive.ts'
import { makeNewFrame } from './frame-maker.ts'
import { NewChunks } from './new-chunks.ts'
import { SegmentPacker } from './segment-packer.ts'

/** Cuts a stream of bytes into chunks and sends the new ones; see `Archive.packStream`. */
export async function packStream(
  content: AsyncIterable<Uint8Array>,
  sink: ChunkSink,
  signal: AbortSignal | undefined,
): Promise<ChunkRef[]> {
  signal?.throwIfAborted()
  const packer = new SegmentPacker(new NewChunks(sink, signal), makeNewFrame)
  const work = packer.packStream(content)
  return [...(await (signal === undefined ? work : abortable(work, signal)))]
}
