import { a as nearMissOf, n as compareMatches } from "./entry-match.js";
import { i as inputError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { i as decodeManifest } from "./manifest.js";
import { t as UNLED_TURN } from "./lease.js";
import { t as BoundedQueue } from "./bounded-queue.js";
import { t as abortable } from "./deadline.js";
import { t as Limit } from "./limit.js";
import { a as openFrame } from "./chunk.js";
import { t as freeMemory } from "./free-memory.js";
// src/cache/fetch-manifest.ts
/**
* The verified bytes of an entry's manifest, from `holders`, else from each peer that the router names.
*
* @throws ERR_PEER if nobody supplied it, or the signal's reason.
*/
async function fetchManifest(peers, entry, holders, signal) {
	if (peers === void 0) throw manifestGone(entry, "no swarm is joined");
	let { manifest, manifestBytes } = entry;
	if (manifestBytes > 67108864) throw manifestGone(entry, `it claims ${manifestBytes} bytes`);
	let { router, transfer } = peers, failure, fetchFrom = async (from) => {
		try {
			return await transfer.fetchManifest(manifest, manifestBytes, from, { signal });
		} catch (error) {
			signal?.throwIfAborted(), failure = error;
			return;
		}
	}, tried = new Set(holders), fetched = tried.size === 0 ? void 0 : await fetchFrom(holders);
	if (fetched !== void 0) return fetched;
	for await (let holder of router.holders(manifest, { signal })) {
		if (tried.has(holder)) continue;
		tried.add(holder);
		let late = await fetchFrom([holder]);
		if (late !== void 0) return late;
	}
	throw manifestGone(entry, "no peer supplied it", failure);
}
function manifestGone(entry, why, cause) {
	return new SwarmCacheError("ERR_PEER", `The manifest of "${entry.key}" cannot be read: it is not stored here, and ${why}.`, {
		cause,
		facts: {
			key: entry.key,
			manifest: entry.manifest
		}
	});
}
// src/cache/tier-reads.ts
const STORING_BYTES = 16777216, NOTHING = /* @__PURE__ */ new Uint8Array();
/**
* Frames of `chunks` from the local store and, at the same time, what it lacks from the peers.
*
* What peers send is stored, and so can be served to others, while it is handed over. A frame that the
* store can no longer give comes from the peers too.
*
* @throws ERR_STORE if something is missing and no swarm is joined, what `fetch` rejects with, or the signal's reason.
*/
async function* readTiers(parts, chunks, options = {}) {
	let { signal } = options;
	signal?.throwIfAborted();
	let read = new TierRead(parts, options), work = read.run(chunks);
	try {
		for await (let frame of read.frames) signal?.throwIfAborted(), yield frame;
	} finally {
		read.stop(), await work;
	}
}
var TierRead = class {
	frames = new BoundedQueue(16777216, (frame) => frame.bytes.length);
	#parts;
	#outer;
	#stopped = new AbortController();
	#storing = new Limit(STORING_BYTES);
	#onAbort = () => {
		this.frames.fail(this.#outer?.reason), this.#stopped.abort(this.#outer?.reason);
	};
	#unopened;
	/** False again once the reader could not read a file that was good. */
	#placed;
	/** Chunks that need not be stored once more when the fetch hands them over. */
	#keptAside = /* @__PURE__ */ new Set();
	#warned = !1;
	constructor(parts, { signal, unopened = !1, placed = !1 }) {
		this.#parts = parts, this.#unopened = unopened, this.#placed = unopened && placed, this.#outer = signal, signal?.addEventListener("abort", this.#onAbort, { once: !0 });
	}
	/** Settles, and never rejects, once nothing runs any more. */
	async run(chunks) {
		try {
			let places = await this.#locate(chunks), held = places?.map((place) => place !== void 0) ?? await this.#whichHeld(chunks), local = chunks.filter((_, index) => held[index] === !0), missing = chunks.filter((_, index) => held[index] !== !0), flows = await Promise.allSettled([(async () => {
				if (places === void 0) return await this.#readLocal(local);
				let localPlaces = places.filter((place) => place !== void 0);
				return await this.#readLocal(await this.#placeLocal(local, localPlaces));
			})(), this.#fetchMissing(missing).catch((error) => {
				throw this.#fail(error), error;
			})]);
			for (let flow of flows) if (flow.status === "rejected") throw flow.reason;
			let [lost] = flows;
			await this.#fetchMissing(lost?.status === "fulfilled" ? lost.value ?? [] : []), this.frames.end();
		} catch (error) {
			this.#fail(error);
		} finally {
			using _all = await this.#storing.acquire(STORING_BYTES);
		}
	}
	stop() {
		this.#outer?.removeEventListener("abort", this.#onAbort), this.frames.end(), this.#stopped.abort();
	}
	#fail(error) {
		this.frames.fail(error), this.#stopped.abort(error);
	}
	async #locate(chunks) {
		if (this.#placed) try {
			return await this.#parts.store.locate(chunks.map((chunk) => chunk.digest));
		} catch {
			return;
		}
	}
	async #whichHeld(chunks) {
		try {
			return await this.#parts.store.has(chunks.map((chunk) => chunk.digest));
		} catch (error) {
			return this.#warnStore("The store could not be asked; everything is asked of the peers.", error), [];
		}
	}
	/** Says where the frames of chunks lie; resolves to those that the reader could not make use of. */
	async #placeLocal(chunks, places) {
		if (chunks.length === 0) return [];
		let settled = Promise.withResolvers(), unread = [], waiting = chunks.length;
		for (let [index, chunk] of chunks.entries()) {
			let frame = {
				chunk,
				bytes: NOTHING,
				place: places[index],
				tier: "disk",
				settle: (good) => {
					good || unread.push(chunk), --waiting, waiting === 0 && settled.resolve();
				}
			};
			if (!await this.frames.push(frame)) return [];
		}
		return await abortable(settled.promise, this.#stopped.signal), unread;
	}
	/** Hands over what the store holds; resolves to what it turned out not to have. */
	async #readLocal(chunks) {
		let lost = [], next = 0, reader = async () => {
			for (; !this.#stopped.signal.aborted;) {
				let chunk = chunks[next++];
				if (chunk === void 0) return;
				let found = await this.#getLocal(chunk);
				if (found === void 0) lost.push(chunk);
				else if (!await this.frames.push({
					chunk,
					...found
				})) return;
			}
		}, count = Math.min(6, chunks.length);
		return await Promise.all(Array.from({ length: count }, reader)), lost;
	}
	async #getLocal(chunk) {
		try {
			return await this.#parts.store.get(chunk.digest, { signal: this.#stopped.signal });
		} catch (error) {
			if (this.#stopped.signal.aborted) throw error;
			this.#warnStore("A stored chunk could not be read; it is asked of the peers.", error);
			return;
		}
	}
	async #fetchMissing(chunks) {
		if (chunks.length === 0) return;
		let { fetch } = this.#parts;
		if (fetch === void 0) throw new SwarmCacheError("ERR_STORE", `The local store lacks ${chunks.length} of the chunks, and no swarm is joined that could supply them.`, { facts: { chunks: chunks.length } });
		let verify = this.#unopened ? this.#readerVerifies : void 0;
		for await (let frame of fetch(chunks, this.#stopped.signal, verify)) if (this.#keptAside.delete(frame.chunk.digest)) frame.isOwned === !0 && freeMemory(frame.bytes);
		else if (await this.#keep(frame), !this.#unopened && !await this.frames.push(frame)) return;
	}
	/** Hands a frame to the reader, who opens it anyway, and waits for what it found. */
	#readerVerifies = async (frame, peer) => {
		if (this.#placed && await this.#readerUsesPlace(frame, peer)) return;
		let { chunk, bytes } = frame, opened = Promise.withResolvers(), { signal } = this.#stopped;
		if (await this.frames.push({
			chunk,
			bytes,
			tier: "peers",
			peer,
			settle: opened.resolve
		}), !await abortable(opened.promise, signal)) throw await openFrame(frame), new SwarmCacheError("ERR_INTEGRITY", `The chunk ${chunk.digest} is damaged.`, { facts: { digest: chunk.digest } });
	};
	/** Lets the reader open a frame in a file that the store then keeps; false if that went wrong. */
	async #readerUsesPlace(frame, peer) {
		let { chunk } = frame, aside = await this.#putAside(frame);
		if (aside === void 0) return !1;
		try {
			let opened = Promise.withResolvers(), { place } = aside, settle = opened.resolve;
			if (await this.frames.push({
				chunk,
				bytes: NOTHING,
				place,
				tier: "peers",
				peer,
				settle
			}), await abortable(opened.promise, this.#stopped.signal)) return await aside.keep().then(() => this.#keptAside.add(chunk.digest)).catch(() => {}), !0;
		} finally {
			aside.drop();
		}
		return await openFrame(frame), this.#placed = !1, !1;
	}
	async #putAside(frame) {
		try {
			return await this.#parts.store.putAside(frame, { signal: this.#stopped.signal });
		} catch {
			return;
		}
	}
	/** Starts to store a frame; waits only while too many bytes are being stored. */
	async #keep(frame) {
		let held = await this.#storing.acquire(frame.bytes.length, this.#stopped.signal);
		this.#parts.store.put(frame).catch((error) => {
			this.#warnStore("A fetched chunk could not be stored, so it cannot be shared.", error);
		}).finally(() => held[Symbol.dispose]());
	}
	#warnStore(message, error) {
		this.#warned || (this.#warned = !0, this.#parts.logger.log("warning", message, { reason: errorMessage(error) }));
	}
};
// src/cache/node-tiers.ts
const INDEX_UNREAD = "The local index could not be read.";
/** The tiers of a repository in this process: its store and, behind it, the peers of its swarm. */
var NodeTiers = class {
	#parts;
	#repository;
	#provides;
	#attested;
	#savesRefused;
	#holders = /* @__PURE__ */ new Map();
	constructor(parts, options) {
		this.#parts = parts, this.#repository = options.repository, this.#provides = options.provides ?? !0, this.#attested = options.attested ?? !1, this.#savesRefused = options.savesRefused;
	}
	async find(asked, { signal } = {}) {
		signal?.throwIfAborted(), this.#assertOwn(asked.repository);
		let query = this.#attested ? {
			...asked,
			attested: !0
		} : asked, local = await this.#orWarn(INDEX_UNREAD, this.#findHere(query, signal), signal);
		if (local?.scopeRank === 0 && local.keyRank === 0) return {
			match: local,
			nearMisses: []
		};
		let [found, near] = await Promise.all([this.#findAmongPeers(query, signal), local === void 0 ? this.#orWarn(INDEX_UNREAD, this.#parts.store.findNearMisses(query)) : void 0]);
		signal?.throwIfAborted(), found?.match !== void 0 && this.#remember(found.match.entry.manifest, found.holders);
		let theirs = found?.match, match = local === void 0 || theirs !== void 0 && compareMatches(theirs, local) < 0 ? theirs : local;
		return match === void 0 ? { nearMisses: distinctNearMisses([...(near ?? []).map((entry) => nearMissOf(entry, query)), ...found?.nearMisses ?? []]) } : {
			match,
			nearMisses: []
		};
	}
	async readManifest(entry, { signal } = {}) {
		signal?.throwIfAborted(), this.#assertOwn(entry.repository);
		let { store } = this.#parts, held = await this.#orWarn("A stored manifest could not be read.", store.getManifest(entry.manifest));
		if (held !== void 0) return held;
		let known = this.#holders.get(entry.manifest) ?? [], fetched = await fetchManifest(this.#parts.peers, entry, known, signal);
		return await this.#orWarn("A manifest could not be stored.", store.putManifest(entry.manifest, fetched)), fetched;
	}
	async *readChunks(entry, chunks, options = {}) {
		this.#assertOwn(entry.repository);
		let { store, peers, logger } = this.#parts, holders = this.#holders.get(entry.manifest) ?? [], fetch = peers?.transfer.fetchChunks.bind(peers.transfer), parts = {
			store,
			logger,
			fetch: fetch && ((missing, stop, verify) => fetch({
				manifest: entry.manifest,
				chunks: missing,
				holders,
				verify
			}, { signal: stop }))
		}, left = chunks.length;
		try {
			for await (let frame of readTiers(parts, chunks, options)) --left, yield frame;
		} finally {
			left <= 0 && await this.#orWarn("A fetched entry could not be indexed.", this.#adopt(entry));
		}
	}
	async has(digests) {
		return await this.#parts.store.has(digests);
	}
	async put(frame) {
		await this.#parts.store.put(frame);
	}
	async inbox() {
		return await this.#parts.store.inbox();
	}
	async putManifest(digest, bytes) {
		await this.#parts.store.putManifest(digest, bytes);
	}
	async commit(entry) {
		if (this.#assertOwn(entry.repository), this.#savesRefused !== void 0) throw new SwarmCacheError("ERR_STORE", this.#savesRefused);
		let signed = "signature" in entry ? entry : this.#parts.sign(entry), verdict = await this.#parts.checkEntry(signed);
		if (!verdict.trusted) throw new SwarmCacheError("ERR_PROOF", `"${entry.key}" is not saved for the peers, which would refuse it: ${verdict.reason}.`, { facts: {
			key: entry.key,
			scope: entry.scope
		} });
		let added = await this.#parts.store.addEntry(signed);
		return added && this.#provide(signed), added;
	}
	async takeTurn(name, options = {}) {
		options.signal?.throwIfAborted();
		let { leases } = this.#parts;
		return leases === void 0 ? UNLED_TURN : await leases.takeTurn(name, options);
	}
	async forget(entry, { malformed = !1 } = {}) {
		this.#assertOwn(entry.repository), malformed && this.#blame(entry), this.#holders.delete(entry.manifest), (await this.#parts.store.getEntry(entry))?.manifest === entry.manifest && (await this.#parts.store.removeEntry(entry), this.#provides && await this.#parts.peers?.router.withdraw(entry));
	}
	/** The signature proves who made it; whoever offered it may have been deceived as this node was. */
	#blame({ key, writer, manifest }) {
		let router = this.#parts.peers?.router;
		for (let peerId of this.#holders.get(manifest) ?? []) peerId !== writer && router?.failed(peerId, `it offered "${key}", which is malformed`);
		router?.failed(writer, `it signed the entry "${key}", which is malformed`, !0);
	}
	/** The best entry of the store that is to be believed; what nobody will ever believe is dropped. */
	async #findHere(query, signal) {
		let { store, logger } = this.#parts;
		for (let dropped = 0; dropped < 32; dropped += 1) {
			let match = await store.findEntry(query);
			if (match === void 0) return;
			let verdict = await this.#parts.checkEntry(match.entry, { signal });
			if (verdict.trusted) return match;
			let { key, scope, writer } = match.entry, { reason, why } = verdict;
			if (logger.log("warning", `The stored entry "${key}" is not used: ${reason}.`, {
				scope,
				writer
			}), why !== "forged") return;
			await this.forget(match.entry);
		}
	}
	async #findAmongPeers(query, signal) {
		let { peers } = this.#parts;
		if (peers !== void 0) return await this.#orWarn("The peers could not be asked.", peers.router.find(query, { signal }), signal);
	}
	/** Makes this node a holder of an entry of which everything is stored by now. */
	async #adopt(entry) {
		let { store } = this.#parts;
		if (await store.getEntry(entry) !== void 0) return;
		let encoded = await store.getManifest(entry.manifest);
		if (encoded === void 0) return;
		let manifest = decodeManifest(encoded, entry.manifest), digests = new Set([...manifest.catalog, ...manifest.content].map((ref) => ref.digest));
		if (!(await store.has([...digests])).every(Boolean)) return;
		let verdict = await this.#parts.checkEntry(entry);
		verdict.trusted ? await store.addEntry(entry) && this.#provide(entry) : this.#parts.logger.log("warning", `"${entry.key}" is not kept: ${verdict.reason}.`);
	}
	#provide(entry) {
		this.#provides && this.#parts.peers?.router.provide(entry);
	}
	#remember(manifest, holders) {
		if (this.#holders.delete(manifest), this.#holders.set(manifest, holders), this.#holders.size <= 64) return;
		let [oldest] = this.#holders.keys();
		oldest !== void 0 && this.#holders.delete(oldest);
	}
	/** Faults of the disk and of peers are misses with a warning; an abort passes. */
	async #orWarn(warning, work, signal) {
		try {
			return await work;
		} catch (error) {
			signal?.throwIfAborted(), this.#parts.logger.log("warning", warning, { reason: errorMessage(error) });
			return;
		}
	}
	#assertOwn(repository) {
		if (repository !== this.#repository) throw inputError(`A request for ${repository} reached the tiers of ${this.#repository}. Ask the node for the tiers of that repository.`, { repository });
	}
};
function distinctNearMisses(nearMisses) {
	return [...new Map(nearMisses.map((miss) => [JSON.stringify(miss), miss])).values()].slice(0, 8);
}
export { NodeTiers };
