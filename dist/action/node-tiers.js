import { a as endOfPart, c as pieceCount, i as encodePieces } from "./archive-part.js";
import { t as digestOf } from "./digest.js";
import { a as nearMissOf, n as compareMatches, r as foldKey } from "./entry-match.js";
import { i as inputError, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { i as decodeManifest } from "./manifest.js";
import { t as UNLED_TURN } from "./lease.js";
import { t as BoundedQueue } from "./bounded-queue.js";
import { n as pause, t as abortable } from "./deadline.js";
import { t as Limit } from "./limit.js";
import { a as openFrame, t as checkFrameSync } from "./chunk.js";
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
// src/cache/followed-archive.ts
const STORING_BYTES$1 = 8388608, WAITING_LISTS = 1024, NOTHING$1 = /* @__PURE__ */ new Uint8Array();
/** The pieces of a download that another works on, in order; see `Tiers.followArchive`. */
async function* followArchive(parts, repository, request, options) {
	let following = new Following(parts, repository, request, options);
	try {
		for (;;) {
			let piece = await following.next();
			if (piece === void 0) return;
			yield piece;
		}
	} finally {
		await following.stop();
	}
}
var Following = class {
	#parts;
	#repository;
	#request;
	#ending = new AbortController();
	#signal;
	#onArrival;
	#storing = new Limit(STORING_BYTES$1);
	/** By number, from the next one to hand over on. */
	#wanted = /* @__PURE__ */ new Map();
	/** Numbers of pieces with the same content. */
	#numbers = /* @__PURE__ */ new Map();
	/** Offered and neither fetched nor held. */
	#missing = /* @__PURE__ */ new Map();
	#more = new BoundedQueue(WAITING_LISTS);
	#work = [];
	#next;
	#archiveBytes;
	#aheadBytes = 0;
	#saidMs = -1e400;
	#holder;
	/** True if pieces can be handed over as places in files. */
	#placed = !1;
	#error;
	#wake = Promise.withResolvers();
	constructor(parts, repository, request, { signal, onArrival }) {
		this.#parts = parts, this.#repository = repository, this.#request = request, this.#signal = AbortSignal.any([signal, this.#ending.signal]), this.#onArrival = onArrival, this.#next = request.first, this.#start(this.#listen()), this.#start(this.#fetch());
	}
	/** The next piece, or undefined at the end of the archive. */
	async next() {
		for (;;) {
			let news = this.#wake.promise;
			if (this.#signal.throwIfAborted(), this.#error !== void 0) throw this.#error;
			let archiveBytes = this.#archiveBytes;
			if (archiveBytes !== void 0 && this.#next >= pieceCount(archiveBytes)) return;
			let frame = await this.#take(this.#wanted.get(this.#next));
			if (frame !== void 0 && archiveBytes !== void 0) {
				this.#wanted.delete(this.#next), this.#next += 1;
				let { chunk, bytes, place, tier, peer } = frame;
				return {
					chunk,
					bytes,
					place,
					tier,
					peer,
					archiveBytes
				};
			}
			await abortable(news, this.#signal);
		}
	}
	async stop() {
		this.#ending.abort(new SwarmCacheError("ERR_ABORTED", "The download is not followed any more.")), this.#more.end(), await Promise.all(this.#work);
		using _all = await this.#storing.acquire(STORING_BYTES$1);
	}
	#start(work) {
		let settled = work.catch((error) => {
			this.#error ??= error, this.#news();
		});
		this.#work.push(settled);
	}
	#news() {
		this.#wake.resolve(), this.#wake = Promise.withResolvers();
	}
	async #take(wanted) {
		if (wanted === void 0) return;
		let { chunk, frame, isStored } = wanted;
		if (this.#placed && isStored) {
			let [place] = await this.#parts.store.locate([chunk.digest]) ?? [];
			if (place !== void 0) return {
				chunk,
				bytes: NOTHING$1,
				place,
				tier: wanted.tier,
				peer: wanted.peer
			};
		}
		if (frame !== void 0) return wanted.frame = void 0, this.#aheadBytes -= frame.bytes.length, frame;
		if (!isStored) return;
		let found = await this.#parts.store.get(chunk.digest, { signal: this.#signal });
		if (found !== void 0) return {
			chunk,
			...found
		};
		wanted.isStored = !1, await this.#fetchOnce(chunk);
	}
	/** Takes in what is offered. */
	async #listen() {
		let { leases } = this.#parts, { work, first, placed = !1 } = this.#request;
		this.#placed = placed && await this.#parts.store.locate([]) !== void 0;
		for await (let { part, by } of leases.follow(work, first, this.#signal)) if (await this.#check(part, by), leases.offer(work, part), this.#holder = by, this.#archiveBytes ??= part.archiveBytes, await this.#want(part), this.#news(), endOfPart(part) >= pieceCount(part.archiveBytes) && this.#isAllOffered()) return;
	}
	#isAllOffered() {
		let end = pieceCount(this.#archiveBytes ?? 1e400);
		for (let number = this.#next; number < end; number += 1) if (!this.#wanted.has(number)) return !1;
		return !0;
	}
	/** @throws ERR_PROOF if the part is not to be believed here. */
	async #check(part, by) {
		let { entry, archiveBytes } = part, { scope, key } = this.#request, verdict = entry.repository === this.#repository && entry.scope === scope && foldKey(entry.key) === foldKey(key) ? await this.#parts.checkEntry(entry, { signal: this.#signal }) : {
			trusted: !1,
			why: "forged",
			reason: "it is one of another entry"
		};
		if (!verdict.trusted) throw verdict.why === "forged" && this.#parts.forged(by, `it offered a part of "${key}" that is forged: ${verdict.reason}`), new SwarmCacheError("ERR_PROOF", `What a peer offers of "${key}" is not used: ${verdict.reason}.`, { facts: {
			key,
			peer: by
		} });
		if (this.#archiveBytes !== void 0 && this.#archiveBytes !== archiveBytes) throw new SwarmCacheError("ERR_PROOF", `Two peers offer different archives of "${key}".`, { facts: { key } });
	}
	async #want({ first, pieces }) {
		let fresh = [];
		for (let [index, chunk] of pieces.entries()) {
			let number = first + index, known = this.#wanted.get(number);
			if (number < this.#next || known?.chunk.digest === chunk.digest || known?.frame !== void 0 || known?.isStored === !0) continue;
			this.#wanted.set(number, {
				chunk,
				tier: "disk",
				isStored: !1
			});
			let same = this.#numbers.get(chunk.digest);
			same === void 0 && fresh.push(chunk), this.#numbers.set(chunk.digest, [...same ?? [], number]);
		}
		let held = await this.#parts.store.has(fresh.map(({ digest }) => digest));
		for (let [index, chunk] of fresh.entries()) held[index] === !0 ? this.#arrived(chunk.digest, void 0) : this.#missing.set(chunk.digest, chunk);
		let missing = fresh.filter(({ digest }) => this.#missing.has(digest));
		missing.length > 0 && await this.#more.push(missing);
	}
	async #fetchOnce(chunk) {
		this.#missing.has(chunk.digest) || (this.#missing.set(chunk.digest, chunk), await this.#more.push([chunk]));
	}
	/** Fetches what was offered, again and again as long as nobody can supply it. */
	async #fetch() {
		let { transfer, logger } = this.#parts;
		for (; transfer !== void 0;) {
			let lists = unasked(this.#more), first = await lists.next();
			if (first.done === !0) return;
			let request = {
				manifest: this.#request.work,
				chunks: first.value,
				more: lists,
				holders: this.#holder === void 0 ? [] : [this.#holder],
				verify
			};
			try {
				for await (let frame of transfer.fetchChunks(request, { signal: this.#signal })) await this.#keep(frame);
				return;
			} catch (error) {
				if (this.#signal.throwIfAborted(), !isSwarmCacheError(error, "ERR_PEER")) throw error;
				let reason = errorMessage(error);
				logger.log("debug", "A download cannot be followed for now", { reason });
			}
			await pause(250, this.#signal), this.#more.end(), this.#more = new BoundedQueue(WAITING_LISTS), await this.#more.push([...this.#missing.values()]);
		}
	}
	/** Stores a frame, so that it can be served to others, and hands it over. */
	async #keep(frame) {
		let { chunk, bytes, tier, peer } = frame, held = await this.#storing.acquire(bytes.length, this.#signal);
		this.#missing.delete(chunk.digest);
		for (let wanted of this.#allOf(chunk.digest)) Object.assign(wanted, {
			tier,
			peer
		});
		this.#placed || this.#arrived(chunk.digest, frame), (async () => {
			using _held = held;
			try {
				await this.#parts.store.put(frame), this.#arrived(chunk.digest, void 0), this.#placed && frame.isOwned === !0 && freeMemory(bytes);
			} catch (error) {
				this.#parts.logger.log("debug", "A piece is not stored", { reason: errorMessage(error) }), this.#arrived(chunk.digest, frame);
			}
		})();
	}
	#sayArrival() {
		let now = performance.now();
		now - this.#saidMs < 100 || (this.#saidMs = now, this.#onArrival?.());
	}
	#allOf(digest) {
		return (this.#numbers.get(digest) ?? []).flatMap((number) => {
			let wanted = this.#wanted.get(number);
			return wanted?.chunk.digest === digest ? [wanted] : [];
		});
	}
	/** A piece is in the store now, or at hand. */
	#arrived(digest, frame) {
		this.#sayArrival();
		for (let wanted of this.#allOf(digest)) frame === void 0 ? wanted.isStored = !0 : (this.#aheadBytes < 16777216 || wanted === this.#wanted.get(this.#next)) && (wanted.frame = frame, this.#aheadBytes += frame.bytes.length);
		this.#news();
	}
};
/** Archives do not compress, so that a check on the spot costs less than to have a thread do it. */
async function verify(frame) {
	checkFrameSync(frame);
}
/** Lists without what was in one before, and without empty ones. */
async function* unasked(lists) {
	let asked = /* @__PURE__ */ new Set();
	for await (let list of lists) {
		let fresh = list.filter(({ digest }) => !asked.has(digest));
		for (let { digest } of fresh) asked.add(digest);
		fresh.length > 0 && (yield fresh);
	}
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
		if (this.#savesRefused !== void 0) throw new SwarmCacheError("ERR_STORE", this.#savesRefused);
		let signed = await this.#signed(entry), added = await this.#parts.store.addEntry(signed);
		return added && this.#provide(signed), added;
	}
	async takeTurn(name, options = {}) {
		options.signal?.throwIfAborted();
		let { leases } = this.#parts;
		return leases === void 0 ? UNLED_TURN : await leases.takeTurn(name, options);
	}
	async company(work) {
		return this.#parts.leases?.company(work) ?? "none";
	}
	async offerPart(work, { entry, ...part }) {
		let manifest = encodePieces(part.pieces);
		if (digestOf(manifest) !== entry.manifest) throw inputError("The entry of a part names another manifest than that of its pieces.");
		let signed = await this.#signed(entry);
		return this.#parts.leases?.offer(work, {
			entry: signed,
			...part
		}) ?? !1;
	}
	async *followArchive(request, options) {
		let { store, leases, peers, checkEntry, logger } = this.#parts;
		if (leases === void 0) throw new SwarmCacheError("ERR_PEER", "Nobody else works on it.");
		yield* followArchive({
			store,
			leases,
			transfer: peers?.transfer,
			checkEntry,
			forged: (peerId, reason) => peers?.router.failed(peerId, reason, !0),
			logger
		}, this.#repository, request, options);
	}
	async forget(entry, { malformed = !1 } = {}) {
		this.#assertOwn(entry.repository), malformed && this.#blame(entry), this.#holders.delete(entry.manifest), (await this.#parts.store.getEntry(entry))?.manifest === entry.manifest && (await this.#parts.store.removeEntry(entry), this.#provides && await this.#parts.peers?.router.withdraw(entry));
	}
	async #signed(entry) {
		this.#assertOwn(entry.repository);
		let signed = "signature" in entry ? entry : this.#parts.sign(entry), verdict = await this.#parts.checkEntry(signed);
		if (verdict.trusted) return signed;
		throw new SwarmCacheError("ERR_PROOF", `"${entry.key}" is not saved for the peers, which would refuse it: ${verdict.reason}.`, { facts: {
			key: entry.key,
			scope: entry.scope
		} });
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
