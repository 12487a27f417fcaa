import { t as abortable } from "./deadline.js";
import { a as makeNewFrame, n as SegmentPacker } from "./segment-packer.js";
import { t as NewChunks } from "./new-chunks.js";
// src/archive/pack-stream.ts
/** Cuts a stream of bytes into chunks and sends the new ones; see `Archive.packStream`. */
async function packStream(content, sink, signal) {
	signal?.throwIfAborted();
	let work = new SegmentPacker(new NewChunks(sink, signal), makeNewFrame).packStream(content);
	return [...await (signal === void 0 ? work : abortable(work, signal))];
}
export { packStream };
