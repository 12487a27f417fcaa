import { t as SwarmCacheError } from "./errors.js";
// src/cache/entry-chunks.ts
/** The chunks of a list, each digest once, in the order of their first use. */
function distinctChunks(chunks) {
	return [...new Map(chunks.map((chunk) => [chunk.digest, chunk])).values()];
}
/** Frames in the order of `chunks` (which may repeat a digest), from frames that come in any order, each once. */
async function* orderFrames(chunks, frames) {
	let remaining = /* @__PURE__ */ new Map();
	for (let { digest } of chunks) remaining.set(digest, (remaining.get(digest) ?? 0) + 1);
	let waiting = /* @__PURE__ */ new Map(), next = 0;
	for await (let frame of frames) for (waiting.set(frame.chunk.digest, frame);;) {
		let digest = chunks[next]?.digest, ready = digest === void 0 ? void 0 : waiting.get(digest);
		if (digest === void 0 || ready === void 0) break;
		next += 1;
		let uses = (remaining.get(digest) ?? 0) - 1;
		remaining.set(digest, uses), uses <= 0 && waiting.delete(digest), yield ready;
	}
	if (next < chunks.length) throw new SwarmCacheError("ERR_PEER", `Only ${next} of ${chunks.length} chunks of a catalog could be read.`);
}
export { orderFrames as n, distinctChunks as t };
