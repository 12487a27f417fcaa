import { a as withDeadline } from "./deadline.js";
import { n as entryVersion } from "./cache-key.js";
import { t as digestOf } from "./digest.js";
import { o as isSwarmCacheError, r as errorMessage } from "./errors.js";
import { a as encodeManifest, o as totalBytes } from "./manifest.js";
import { i as notesFile, n as workName, t as takeTurn } from "./shared-work.js";
/** Packs a tree into the tiers and enters it in the own scope; `committed` is false if the name was taken meanwhile. */
async function commitTree(parts, options, tree) {
	let { tiers, archive, logger } = parts, packed = await archive.pack(tree.paths, tiers, {
		signal: options.signal,
		workingDirectory: options.workingDirectory,
		threads: options.threads,
		unchangedSince: tree.unchangedSince,
		notes: notesFile(options, tree.paths),
		onProgress: ({ bytes }) => options.onProgress?.({
			phase: "pack",
			bytes,
			peers: 0
		})
	});
	for (let warning of packed.warnings) logger.log("warning", warning);
	let manifest = encodeManifest(packed.manifest), digest = digestOf(manifest);
	return await tiers.putManifest(digest, manifest), {
		packed,
		digest,
		committed: await tiers.commit({
			repository: options.request.repository,
			scope: options.request.scope,
			key: tree.key,
			version: tree.version,
			manifest: digest,
			manifestBytes: manifest.length,
			contentBytes: totalBytes(packed.manifest.content),
			created: Date.now(),
			origin: tree.origin,
			...options.request.provenance
		})
	};
}
/** One save, from the question whether the key is taken to the upstream's copy. */
var Save = class {
	#parts;
	#options;
	#started = performance.now();
	constructor(parts, options) {
		this.#parts = parts, this.#options = options;
	}
	async run(paths, key) {
		let { writeRefused } = this.#options.request;
		if (writeRefused !== void 0) return this.#parts.logger.log("notice", `Nothing is saved. ${writeRefused}`), this.#unsaved(key, writeRefused);
		let version = entryVersion(paths, this.#options.crossOs);
		if (await this.#isTaken(key, version)) return this.#unsaved(key, taken(key));
		let { repository, scope } = this.#options.request, turn = await takeTurn(this.#parts, workName("save", {
			repository,
			scope,
			key,
			version
		}), {
			signal: this.#options.signal,
			onWaiting: () => this.#wait()
		});
		if (turn.kind === "done") return this.#unsaved(key, taken(key));
		try {
			return await this.#write(paths, key, version, turn);
		} finally {
			await turn.done(!1);
		}
	}
	/**
	* Saves for all runners that save the same. They go on as soon as the peers have it: the upstream, too,
	* tells them that the key is taken while the first is still uploading.
	*/
	async #write(paths, key, version, turn) {
		let { logger } = this.#parts, options = {
			...this.#options,
			onProgress: this.#follow(turn)
		}, reason, done;
		try {
			done = await commitTree(this.#parts, options, {
				paths,
				key,
				version,
				origin: "save"
			}), await turn.done(!0), done.committed || (reason = taken(key));
		} catch (error) {
			if (this.#options.signal?.throwIfAborted(), isSwarmCacheError(error, "ERR_PATH") || isSwarmCacheError(error, "ERR_INPUT")) throw error;
			reason = errorMessage(error), logger.log("warning", `Saving "${key}" for the peers failed: ${reason}`);
		}
		if (done?.committed === !1) return this.#saved(key, !1, reason, done);
		let written = await this.#writeThrough(paths, key, turn);
		return written && await turn.done(!0), this.#saved(key, done !== void 0 || written, reason, done);
	}
	#follow(turn) {
		return (progress) => {
			turn.progressed(), this.#options.onProgress?.(progress);
		};
	}
	#wait() {
		this.#options.onProgress?.({
			phase: "lookup",
			bytes: 0,
			peers: 0
		});
	}
	async #isTaken(key, version) {
		let { repository, scope } = this.#options.request;
		try {
			return (await withDeadline(5e3, "Asking the peers", this.#options.signal, (signal) => this.#parts.tiers.find({
				repository,
				scopes: [scope],
				key,
				restoreKeys: [],
				version
			}, { signal }))).match?.hit === "exact";
		} catch (error) {
			return this.#options.signal?.throwIfAborted(), this.#parts.logger.log("warning", `Asking the peers failed: ${errorMessage(error)}`), !1;
		}
	}
	async #writeThrough(paths, key, turn) {
		let { upstream, logger } = this.#parts;
		if (upstream === void 0 || !this.#options.writeThrough) return !1;
		try {
			let { signal, crossOs } = this.#options, saved = await upstream.save(paths, key, {
				signal,
				crossOs,
				onProgress: (bytes) => this.#follow(turn)({
					phase: "upstream",
					bytes,
					peers: 0
				})
			});
			return saved || logger.log("info", `The upstream has the key "${key}" already.`), saved;
		} catch (error) {
			return this.#options.signal?.throwIfAborted(), logger.log("warning", `Saving "${key}" to the upstream failed: ${errorMessage(error)}`), !1;
		}
	}
	#saved(key, saved, reason, done) {
		let base = this.#unsaved(key, reason);
		if (done === void 0) return {
			...base,
			saved
		};
		let { packed, digest } = done, { files, bytes, chunks } = packed;
		return {
			...base,
			saved,
			digest,
			files,
			bytes,
			chunks
		};
	}
	#unsaved(key, reason) {
		return {
			saved: !1,
			reason,
			key,
			scope: this.#options.request.scope,
			files: 0,
			bytes: {
				content: 0,
				new: 0,
				stored: 0
			},
			chunks: {
				total: 0,
				new: 0
			},
			milliseconds: Math.round(performance.now() - this.#started)
		};
	}
};
function taken(key) {
	return `The key "${key}" exists in this scope already and is left as it is.`;
}
export { Save, commitTree };
