import { n as entryVersion, t as assertKeys } from "./cache-key.js";
import { a as isMalformed, i as inputError, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { a as withDeadline, n as pause, t as abortable } from "./deadline.js";
import { i as noBytes } from "./chunk.js";
import { r as foldKey } from "./entry-match.js";
import { a as encodeManifest, i as decodeManifest, o as totalBytes } from "./manifest.js";
import { t as UNLED_TURN } from "./lease.js";
import { n as orderFrames, t as distinctChunks } from "./entry-chunks.js";
import { t as Watchdog } from "./watchdog.js";
import { t as digestOf } from "./digest.js";
// src/cache/background.ts
/** Work that a request starts but does not wait for. */
var Background = class {
	#logger;
	#running = /* @__PURE__ */ new Set();
	#controller = new AbortController();
	constructor(logger) {
		this.#logger = logger;
	}
	/** Starts `work`; its failure becomes a warning. */
	start(what, work) {
		let running = work(this.#controller.signal).catch((error) => {
			this.#logger.log("warning", `${what} did not succeed: ${errorMessage(error)}`);
		}).finally(() => this.#running.delete(running));
		this.#running.add(running);
	}
	/** Waits until everything started so far has ended; when the signal aborts, ends it instead. */
	async settle(signal) {
		let all = Promise.all(this.#running).then(() => {});
		if (signal === void 0) return await all;
		try {
			await abortable(all, signal);
		} catch (error) {
			this.#controller.abort(error), await all;
		}
	}
};
/** The name of what one runner does with an entry for all others of its scope. */
function workName(kind, { key, ...entry }) {
	let { repository, scope, version } = entry;
	return digestOf(JSON.stringify([
		kind,
		repository,
		scope,
		version,
		foldKey(key)
	]));
}
/**
* The turn for some work, or the news that another has done it.
*
* Whatever fails, and who waits in vain, does the work without: rejects with the signal's reason only.
*/
async function takeTurn(parts, name, options = {}) {
	let { tiers, logger } = parts, { signal, patienceMs = 45e3 } = options, gaveUp = new AbortController();
	using patience = new Watchdog(patienceMs, () => {
		let why = `Another runner's work has not moved on for ${patienceMs} ms.`;
		gaveUp.abort(new SwarmCacheError("ERR_TIMEOUT", why));
	});
	let last = -1, onWaiting = (progress) => {
		options.onWaiting?.(), progress <= last || (last = progress, patience.heard());
	};
	try {
		let ending = signal === void 0 ? gaveUp.signal : AbortSignal.any([signal, gaveUp.signal]);
		return await tiers.takeTurn(name, {
			signal: ending,
			onWaiting
		});
	} catch (error) {
		return signal?.throwIfAborted(), logger.log("info", `Doing alone what others may do too: ${errorMessage(error)}`), UNLED_TURN;
	}
}
// src/cache/near-misses.ts
/** Says of each entry with a key of the query why it is no answer. */
function explainNearMisses(logger, query, nearMisses) {
	for (let near of nearMisses) {
		let why = near.reason === "other-version" ? "was saved with other paths (they must be declared alike, in the same order, to match)" : `belongs to ${near.scope}, which a run of ${query.scopes[0]} may not read`;
		logger.log("notice", `An entry "${near.key}" exists but ${why}.`);
	}
}
// src/cache/source-choice.ts
/**
* Which of two answers to a query is restored.
*
* An exact key wins over a prefix. Between two prefix hits the earlier restore key wins; for the same one
* the upstream decides, because it knows what runners outside the swarm saved since (the bytes still come
* from a peer if one holds what the upstream names).
*/
function preferUpstream(tiers, upstream, query) {
	return upstream === void 0 ? "tiers" : tiers === void 0 ? "upstream" : tiers.hit === "exact" || foldKey(upstream.key) === foldKey(tiers.entry.key) ? "tiers" : upstreamRank(upstream, query) <= tiers.keyRank ? "upstream" : "tiers";
}
/** `keyRank` of the upstream's key, as core/entry-match counts it. */
function upstreamRank(upstream, query) {
	let found = foldKey(upstream.key), keys = [query.key, ...query.restoreKeys];
	for (let [index, key] of keys.entries()) {
		let wanted = foldKey(key);
		if (found === wanted) return index * 2;
		if (found.startsWith(wanted)) return index * 2 + 1;
	}
	return 1e400;
}
/** Packs a tree into the tiers and enters it in the own scope; `committed` is false if the name was taken meanwhile. */
async function commitTree(parts, options, tree) {
	let { tiers, archive, logger } = parts, packed = await archive.pack(tree.paths, tiers, {
		signal: options.signal,
		workingDirectory: options.workingDirectory,
		threads: options.threads,
		unchangedSince: tree.unchangedSince,
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
// src/cache/upstream-copy.ts
/**
* Indexes what the upstream restored and offers it to the peers, in the background.
*
* The tree may be changed meanwhile by the build, so the copy is given up if anything in it is newer than
* this moment. The entry goes under the own scope: the upstream does not say which scope it matched in.
*/
function copyFromUpstream(parts, options, copy) {
	let unchangedSince = Date.now() + 1;
	parts.background.start(`Offering "${copy.key}" to the peers`, async (signal) => {
		let { turn } = copy, offered = !1;
		try {
			await commitTree(parts, {
				...options,
				signal,
				onProgress: () => turn.progressed()
			}, {
				paths: copy.paths,
				key: copy.key,
				version: copy.query.version,
				origin: "upstream",
				unchangedSince
			}), offered = !0;
		} finally {
			await turn.done(offered);
		}
	});
}
// src/cache/restore.ts
const OFFERED_LOOK_MS = [
	0,
	250,
	1e3
], LOOKUP_DEADLINE_MS = 15e3, LOST = [
	"ERR_INTEGRITY",
	"ERR_PEER",
	"ERR_STORE"
];
/** One restore, from the lookup to the files on the disk. */
var Restore = class {
	#parts;
	#options;
	#signal;
	#started = performance.now();
	#bytes = noBytes();
	#servingPeers = /* @__PURE__ */ new Set();
	/** Manifests that could not be restored for a reason that lies in them, or as nobody has all of them. */
	#useless = /* @__PURE__ */ new Set();
	constructor(parts, options) {
		this.#parts = parts, this.#options = options, this.#signal = options.signal ?? new AbortController().signal;
	}
	async run(paths, key, restoreKeys) {
		let query = {
			repository: this.#options.request.repository,
			scopes: this.#options.request.readable,
			key,
			restoreKeys,
			version: entryVersion(paths, this.#options.crossOs)
		}, { readRefused } = this.#options.request;
		if (readRefused !== void 0) return this.#parts.logger.log("notice", `Nothing is restored. ${readRefused}`), this.#miss(query, []);
		this.#report("lookup", 0);
		let found = await this.#lookup(paths, query), source = preferUpstream(found.tiers.match, found.upstream, query);
		if (this.#options.lookupOnly === !0) return source === "upstream" ? this.#upstreamResult(query, found.upstream?.key ?? key) : found.tiers.match === void 0 ? this.#miss(query, found.tiers.nearMisses) : this.#result(query, found.tiers.match, 0, 0);
		let tried = source === "tiers" ? found.tiers.match : await this.#copyOf(found.upstream, query);
		for (; tried !== void 0;) {
			let result = await this.#fromTiers(paths, query, tried);
			if (result !== void 0) return result;
			tried = source === "tiers" ? await this.#another(query, tried) : void 0;
		}
		return (found.askUpstream ? await this.#inTurn(paths, query, found) : void 0) ?? this.#miss(query, found.tiers.nearMisses);
	}
	/** Of all runners that want the same from the upstream one brings it for the others. */
	async #inTurn(paths, query, found) {
		let hit = found.upstream, { repository, scope, writeRefused } = this.#options.request;
		if (hit === void 0 || writeRefused !== void 0) return await this.#fromUpstream(paths, query, found, UNLED_TURN);
		let name = {
			repository,
			scope,
			version: query.version,
			key: hit.key
		}, turn = await takeTurn(this.#parts, workName("restore", name), {
			signal: this.#signal,
			onWaiting: () => this.#report("lookup", 0)
		});
		if (turn.kind === "mine") return await this.#fromUpstream(paths, query, found, turn);
		let copy = await this.#offeredCopy(hit, query);
		return (copy === void 0 ? void 0 : await this.#fromTiers(paths, query, copy)) ?? await this.#fromUpstream(paths, query, found, UNLED_TURN);
	}
	/** What another has just offered; a whole crowd asks for it now, so one question may be too few. */
	async #offeredCopy(hit, query) {
		for (let waitMs of OFFERED_LOOK_MS) {
			waitMs > 0 && await pause(waitMs, this.#signal);
			let copy = await this.#exactly(hit, query);
			if (copy !== void 0) return copy;
		}
	}
	/** Asks the tiers and, unless they answer exactly at once, the upstream at the same time. */
	async #lookup(paths, query) {
		let tiers = this.#fault("Asking the peers", { nearMisses: [] }, withDeadline(LOOKUP_DEADLINE_MS, "Asking the peers", this.#signal, (signal) => this.#parts.tiers.find(query, { signal }))), { upstream } = this.#parts;
		if (upstream === void 0) return {
			tiers: await tiers,
			askUpstream: !1
		};
		let early = await Promise.race([tiers, pause(15, this.#signal).then(() => void 0)]);
		if (early?.match?.hit === "exact") return {
			tiers: early,
			askUpstream: !0
		};
		let stop = new AbortController(), asked = this.#fault("Asking the upstream", void 0, upstream.lookup(paths, query.key, query.restoreKeys, {
			signal: AbortSignal.any([this.#signal, stop.signal]),
			crossOs: this.#options.crossOs
		}), stop.signal), answer = await tiers;
		if (answer.match?.hit === "exact") return stop.abort(new SwarmCacheError("ERR_ABORTED", "A peer has the exact key.")), {
			tiers: answer,
			askUpstream: !0
		};
		let hit = await asked;
		return {
			tiers: answer,
			upstream: hit,
			askUpstream: hit !== void 0
		};
	}
	/** What the upstream would restore may be held by a peer that restored it before. */
	async #copyOf(hit, query) {
		if (hit !== void 0 && foldKey(hit.key) !== foldKey(query.key)) return await this.#exactly(hit, query);
	}
	/** An entry of the tiers under just the key that the upstream named. */
	async #exactly(hit, query) {
		let exact = {
			...query,
			key: hit.key,
			restoreKeys: []
		}, lookup = await this.#fault("Asking the peers", void 0, withDeadline(LOOKUP_DEADLINE_MS, "Asking the peers", this.#signal, (signal) => this.#parts.tiers.find(exact, { signal })));
		if (lookup?.match?.hit === "exact") return {
			...lookup.match,
			hit: foldKey(hit.key) === foldKey(query.key) ? "exact" : "prefix"
		};
	}
	/** Another entry that answers like one which turned out to be of no use. */
	async #another(query, { hit, entry }) {
		if (!this.#useless.has(entry.manifest) || this.#useless.size > 8) return;
		let lookup = await this.#fault("Asking the peers", void 0, withDeadline(LOOKUP_DEADLINE_MS, "Asking the peers", this.#signal, (signal) => this.#parts.tiers.find({
			...query,
			except: [...this.#useless]
		}, { signal })));
		return lookup?.match?.hit === hit ? lookup.match : void 0;
	}
	async #fromTiers(paths, query, match) {
		let { entry } = match, { tiers, archive, logger } = this.#parts, plan;
		try {
			let encoded = await tiers.readManifest(entry, { signal: this.#signal }), manifest = decodeManifest(encoded, entry.manifest);
			if (totalBytes(manifest.content) !== entry.contentBytes) {
				let message = `The entry "${entry.key}" says another size than its manifest.`;
				throw new SwarmCacheError("ERR_INTEGRITY", message, { facts: { malformed: !0 } });
			}
			if (totalBytes(manifest.catalog) > 268435456) throw new SwarmCacheError("ERR_LIMIT", `The catalog of ${entry.key} is too large.`);
			let catalog = tiers.readChunks(entry, distinctChunks(manifest.catalog), { signal: this.#signal });
			plan = await archive.plan(manifest, orderFrames(manifest.catalog, catalog), paths, {
				signal: this.#signal,
				workingDirectory: this.#options.workingDirectory,
				threads: this.#options.threads
			});
			let total = totalBytes(plan.chunks);
			return this.#report("transfer", 0, total), await plan.write(this.#counted(tiers.readChunks(entry, plan.chunks, {
				signal: this.#signal,
				unopened: !0,
				placed: !0
			}), total), { signal: this.#signal }), this.#result(query, match, plan.files, plan.skipped);
		} catch (error) {
			this.#signal.throwIfAborted(), LOST.some((code) => isSwarmCacheError(error, code)) ? (this.#useless.add(entry.manifest), await tiers.forget(entry, { malformed: isMalformed(error) }).catch(() => {})) : isSwarmCacheError(error, "ERR_PATH") && error.facts.undeclared === !0 && this.#useless.add(entry.manifest), logger.log("warning", `Restoring "${entry.key}" failed: ${errorMessage(error)}`);
			return;
		} finally {
			await plan?.close();
		}
	}
	async #fromUpstream(paths, query, found, turn) {
		let hit = await this.#restoreUpstream(paths, query, turn).catch((error) => {
			throw turn.done(!1), error;
		});
		if (hit === void 0) await turn.done(!1);
		else return this.#options.request.writeRefused === void 0 && copyFromUpstream(this.#parts, this.#options, {
			paths,
			query,
			key: hit.key,
			turn
		}), this.#upstreamResult(query, hit.key, found.tiers.nearMisses);
	}
	async #restoreUpstream(paths, query, turn) {
		let { upstream } = this.#parts;
		if (upstream !== void 0) return this.#report("upstream", 0), Object.assign(this.#bytes, noBytes()), this.#servingPeers.clear(), await this.#fault("The upstream", void 0, upstream.restore(paths, query.key, query.restoreKeys, {
			signal: this.#signal,
			crossOs: this.#options.crossOs,
			onProgress: (bytes) => {
				this.#bytes.upstream = bytes, turn.progressed(), this.#report("upstream", bytes);
			}
		}));
	}
	async *#counted(frames, total) {
		let received = 0, from = /* @__PURE__ */ new Map();
		for await (let frame of frames) {
			let { chunk, tier } = frame, before = from.get(chunk.digest);
			from.set(chunk.digest, tier), this.#bytes[tier] += chunk.bytes, before === void 0 ? received += chunk.bytes : this.#bytes[before] -= chunk.bytes, frame.peer !== void 0 && this.#servingPeers.add(frame.peer), this.#report("transfer", received, total), yield frame;
		}
	}
	/** The result of `work`, or `otherwise` with a warning; the request's own abort passes. */
	async #fault(what, otherwise, work, quiet) {
		try {
			return await abortable(work, this.#signal);
		} catch (error) {
			return this.#signal.throwIfAborted(), quiet?.aborted !== !0 && this.#parts.logger.log("warning", `${what} failed: ${errorMessage(error)}`), otherwise;
		}
	}
	#report(phase, bytes, totalBytes) {
		this.#options.onProgress?.({
			phase,
			bytes,
			totalBytes,
			peers: this.#servingPeers.size
		});
	}
	#result(query, match, files, skipped) {
		return {
			...this.#base(query),
			hit: match.hit,
			matchedKey: match.entry.key,
			scope: match.entry.scope,
			files,
			skipped
		};
	}
	#upstreamResult(query, matchedKey, nearMisses = []) {
		let exact = foldKey(matchedKey) === foldKey(query.key);
		return exact || explainNearMisses(this.#parts.logger, query, nearMisses), {
			...this.#base(query),
			hit: exact ? "exact" : "prefix",
			matchedKey
		};
	}
	#miss(query, nearMisses) {
		return explainNearMisses(this.#parts.logger, query, nearMisses), {
			...this.#base(query),
			bytes: noBytes(),
			peers: 0,
			hit: "miss"
		};
	}
	#base(query) {
		return {
			key: query.key,
			files: 0,
			skipped: 0,
			bytes: { ...this.#bytes },
			peers: this.#servingPeers.size,
			milliseconds: Math.round(performance.now() - this.#started)
		};
	}
}, TreeCache = class {
	#parts;
	#options;
	#background;
	constructor(parts, options) {
		this.#parts = parts, this.#options = options, this.#background = new Background(parts.logger);
	}
	async restore(paths, key, restoreKeys = [], options = {}) {
		return assertPaths(paths), assertKeys(key, restoreKeys), await new Restore({
			...this.#parts,
			background: this.#background
		}, {
			...this.#options,
			...definedOf(options)
		}).run(paths, key, restoreKeys);
	}
	async save(paths, key, options = {}) {
		return assertPaths(paths), assertKeys(key), await new Save(this.#parts, {
			...this.#options,
			...definedOf(options)
		}).run(paths, key);
	}
	async settle(options = {}) {
		await this.#background.settle(options.signal);
	}
};
function assertPaths(paths) {
	if (paths.every((path) => path.trim() === "")) throw inputError("No path was given. Name at least one file, folder or pattern to cache.");
}
/** The options that are set, so that an undefined one does not hide a default. */
function definedOf(options) {
	return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== void 0));
}
export { TreeCache };
