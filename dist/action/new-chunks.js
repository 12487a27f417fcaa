import { n as inboxName } from "./inbox.js";
// src/archive/new-chunks.ts
/** Sends the chunks of one packing to a sink: each new one once, however often it is cut. */
var NewChunks = class {
	#sink;
	#signal;
	/** Where frames that come as files have been written. */
	inbox;
	/** Whoever asks for a chunk first puts it. */
	#asked = /* @__PURE__ */ new Set();
	/** Plain bytes cut so far, new or not. */
	bytesCut = 0;
	/** Plain bytes, frame bytes and number of the chunks put so far. */
	newBytes = 0;
	storedBytes = 0;
	newCount = 0;
	constructor(sink, signal) {
		this.#sink = sink, this.#signal = signal;
	}
	/** Of some chunks those that need not be sent. */
	async hold(digests) {
		if (digests.size === 0) return digests;
		let list = [...digests], has = await this.#sink.has(list);
		return new Set(list.filter((_, i) => has[i] === !0));
	}
	/** Counts chunks that `hold` has found to be there. */
	skip(chunks) {
		for (let { digest, bytes } of chunks) this.bytesCut += bytes, this.#asked.add(digest);
	}
	async ask(chunks) {
		this.#signal?.throwIfAborted();
		let first = [];
		for (let chunk of chunks) this.bytesCut += chunk.bytes, this.#asked.has(chunk.digest) || (this.#asked.add(chunk.digest), first.push(chunk));
		if (first.length === 0) return chunks.map(() => !1);
		let has = await this.#sink.has(first.map(({ digest }) => digest)), wanted = new Set(first.filter((_, i) => has[i] !== !0));
		return chunks.map((chunk) => wanted.has(chunk));
	}
	async put(frames) {
		this.#signal?.throwIfAborted();
		let written = [];
		for (let { digest, bytes, frame, file, frameBytes } of frames) {
			let chunk = {
				digest,
				bytes
			};
			file !== void 0 && this.inbox !== void 0 ? written.push({
				chunk,
				frameBytes,
				name: inboxName(this.inbox, file)
			}) : frame !== void 0 && (this.#signal?.throwIfAborted(), await this.#sink.put({
				chunk,
				bytes: frame
			}));
		}
		written.length > 0 && await this.inbox?.take(written);
		for (let { bytes, frameBytes } of frames) this.newBytes += bytes, this.storedBytes += frameBytes, this.newCount += 1;
	}
};
export { NewChunks as t };
