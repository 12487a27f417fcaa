import { t as I } from "./index.min.js";
import { a as openFrame } from "./chunk.js";
import { i as matchEntry, r as foldKey, t as bestMatch } from "./entry-match.js";
import { r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { i as decodeManifest } from "./manifest.js";
import { i as incompleteEntry, n as assertOwn, o as storeFull, r as yieldsTo, t as assertFrame } from "./store-input.js";
/** A store that ends with its process. */
var MemoryStore = class {
	#options;
	#now;
	#parts;
	#entries = /* @__PURE__ */ new Map();
	/** Names of the entries that need a chunk or manifest. */
	#needs = /* @__PURE__ */ new Map();
	#isClosed = !1;
	constructor(options) {
		this.#options = options, this.#now = options.now ?? Date.now, this.#parts = new I({
			maxSize: options.limitBytes,
			sizeCalculation: (part) => part.bytes.length,
			disposeAfter: (_part, digest, reason) => {
				reason === "evict" && this.#dropEntriesOf(digest);
			}
		});
	}
	async has(digests) {
		return this.#assertOpen(), digests.map((digest) => this.#parts.get(digest)?.frame !== void 0);
	}
	async get(digest, { signal } = {}) {
		this.#assertOpen(), signal?.throwIfAborted();
		let frame = this.#parts.get(digest)?.frame;
		return frame === void 0 ? void 0 : {
			bytes: frame.bytes,
			tier: "memory"
		};
	}
	async put(frame, { signal } = {}) {
		if (this.#assertOpen(), signal?.throwIfAborted(), assertFrame(frame.chunk, frame.bytes.length), this.#parts.get(frame.chunk.digest) !== void 0) return;
		let bytes = new Uint8Array(frame.bytes);
		this.#keep(frame.chunk.digest, {
			bytes,
			frame: {
				...frame,
				bytes
			}
		});
	}
	async inbox() {}
	async locate() {
		this.#assertOpen();
	}
	async putAside() {
		this.#assertOpen();
	}
	async getManifest(digest) {
		return this.#assertOpen(), this.#manifest(digest);
	}
	async putManifest(digest, bytes) {
		this.#assertOpen(), decodeManifest(bytes, digest), this.#keep(digest, {
			bytes,
			frame: void 0
		});
	}
	async addEntry(entry) {
		this.#assertOpen(), assertOwn(entry, this.#options.repository, this.#isTrusted);
		let name = nameOf(entry), taken = this.#entries.get(name)?.entry;
		if (taken !== void 0 && !yieldsTo(taken, entry)) return !1;
		let bytes = this.#manifest(entry.manifest);
		if (bytes === void 0) throw incompleteEntry(entry.key, `its manifest ${entry.manifest} is not stored`);
		let { catalog, content } = decodeManifest(bytes, entry.manifest), digests = [...new Set([...catalog, ...content].map((ref) => ref.digest))];
		for (let digest of digests) if (this.#parts.get(digest) === void 0) throw incompleteEntry(entry.key, `its chunk ${digest} is not stored`);
		let now = this.#now();
		this.#remove(name), this.#entries.set(name, {
			entry,
			digests: [entry.manifest, ...digests],
			lastUsed: now,
			uses: 0
		});
		for (let digest of [entry.manifest, ...digests]) {
			let needs = this.#needs.get(digest) ?? /* @__PURE__ */ new Set();
			this.#needs.set(digest, needs.add(name));
		}
		return !0;
	}
	async getEntry(name) {
		return this.#assertOpen(), this.#entries.get(nameOf(name))?.entry;
	}
	async findEntry(query) {
		this.#assertOpen();
		let match = bestMatch(this.#all(), query), held = match === void 0 ? void 0 : this.#entries.get(nameOf(match.entry));
		return held !== void 0 && (held.uses += 1, held.lastUsed = this.#now()), match;
	}
	async findNearMisses(query) {
		return this.#assertOpen(), this.#all().filter((entry) => foldKey(entry.key) === foldKey(query.key)).filter((entry) => matchEntry(entry, query) === void 0).toSorted((a, b) => b.created - a.created).slice(0, 5);
	}
	async entries() {
		return this.#assertOpen(), [...this.#entries.values()].map(({ entry, lastUsed, uses }) => ({
			...entry,
			lastUsed,
			uses
		})).toSorted((a, b) => b.created - a.created);
	}
	async removeEntry(name) {
		this.#assertOpen(), this.#remove(nameOf(name));
	}
	async usage() {
		return this.#assertOpen(), {
			bytes: this.#parts.calculatedSize,
			limitBytes: this.#options.limitBytes,
			chunks: this.#chunks().length,
			entries: this.#entries.size
		};
	}
	async verify({ signal, deep = !1 } = {}) {
		this.#assertOpen();
		let problems = [];
		for (let frame of deep ? this.#chunks() : []) {
			signal?.throwIfAborted();
			try {
				await openFrame(frame);
			} catch (error) {
				this.#parts.delete(frame.chunk.digest), this.#dropEntriesOf(frame.chunk.digest), problems.push(`${errorMessage(error)} It was removed, with the entries that need it.`);
			}
		}
		let chunks = this.#chunks().length;
		return {
			chunks,
			manifests: this.#parts.size - chunks,
			entries: this.#entries.size,
			orphans: [...this.#parts.keys()].filter((digest) => !this.#needs.has(digest)).length,
			problems
		};
	}
	/** Nothing is left to do: every `put` keeps the bound. */
	async evict({ signal } = {}) {
		this.#assertOpen(), signal?.throwIfAborted();
	}
	async close() {
		this.#isClosed = !0, this.#entries.clear(), this.#needs.clear(), this.#parts.clear();
	}
	#isTrusted = (entry) => this.#options.verifyEntry?.(entry) ?? !0;
	#manifest(digest) {
		let part = this.#parts.get(digest);
		return part === void 0 || part.frame !== void 0 ? void 0 : part.bytes;
	}
	#all() {
		return [...this.#entries.values()].map(({ entry }) => entry);
	}
	#chunks() {
		return [...this.#parts.values()].flatMap(({ frame }) => frame === void 0 ? [] : [frame]);
	}
	#keep(digest, part) {
		if (this.#parts.set(digest, part), !this.#parts.has(digest)) throw storeFull("in memory", part.bytes.length, this.#options.limitBytes);
	}
	#dropEntriesOf(digest) {
		for (let name of this.#needs.get(digest) ?? []) this.#remove(name);
	}
	#remove(name) {
		let held = this.#entries.get(name);
		this.#entries.delete(name);
		for (let digest of held?.digests ?? []) {
			let needs = this.#needs.get(digest);
			needs?.delete(name), needs?.size === 0 && this.#needs.delete(digest);
		}
	}
	#assertOpen() {
		if (this.#isClosed) throw new SwarmCacheError("ERR_CLOSED", "The store is closed.");
	}
};
function nameOf(name) {
	return JSON.stringify([
		name.repository,
		name.scope,
		name.version,
		foldKey(name.key)
	]);
}
export { MemoryStore };
