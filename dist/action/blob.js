import { t as assertKeys } from "./cache-key.js";
import { a as openFrame } from "./chunk.js";
import { t as digestOf } from "./digest.js";
import { a as encodeManifest, i as decodeManifest, o as totalBytes } from "./manifest.js";
import { n as orderFrames, t as distinctChunks } from "./entry-chunks.js";
// src/cache/blob.ts
const BLOB_VERSION = digestOf("swarmcache blob 1");
/** Single blobs under keys, in the same tiers and scopes as trees; the upstream does not take part. */
var BlobCache = class {
	#tiers;
	#archive;
	#request;
	constructor(parts, options) {
		this.#tiers = parts.tiers, this.#archive = parts.archive, this.#request = options.request;
	}
	async get(key, restoreKeys = [], options = {}) {
		assertKeys(key, restoreKeys);
		let { repository, readable, readRefused } = this.#request;
		if (readRefused !== void 0) return;
		let query = {
			repository,
			scopes: readable,
			key,
			restoreKeys,
			version: BLOB_VERSION
		}, { match } = await this.#tiers.find(query, options);
		if (match === void 0) return;
		let { entry } = match, encoded = await this.#tiers.readManifest(entry, options), { content } = decodeManifest(encoded, entry.manifest);
		return {
			key: entry.key,
			hit: match.hit,
			bytes: totalBytes(content),
			stream: (streamOptions = {}) => this.#read(entry, content, streamOptions)
		};
	}
	async put(key, content, options = {}) {
		if (assertKeys(key), this.#request.writeRefused !== void 0) return !1;
		let stream = content instanceof Uint8Array ? single(content) : content, chunks = await this.#archive.packStream(stream, this.#tiers, options), manifest = encodeManifest({
			catalog: [],
			content: chunks
		}), digest = digestOf(manifest);
		return await this.#tiers.putManifest(digest, manifest), await this.#tiers.commit({
			repository: this.#request.repository,
			scope: this.#request.scope,
			key,
			version: BLOB_VERSION,
			manifest: digest,
			manifestBytes: manifest.length,
			contentBytes: totalBytes(chunks),
			created: Date.now(),
			origin: "save",
			...this.#request.provenance
		});
	}
	async *#read(entry, content, options) {
		for (let start = 0; start < content.length; start += 64) {
			let window = content.slice(start, start + 64), frames = this.#tiers.readChunks(entry, distinctChunks(window), options);
			for await (let frame of orderFrames(window, frames)) yield await openFrame(frame);
		}
	}
};
async function* single(bytes) {
	yield bytes;
}
export { BlobCache };
