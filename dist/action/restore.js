import { n as entryVersion } from "./cache-key.js";
import { a as openFrame, c as rawFrame, i as noBytes, s as rawBlocks } from "./chunk.js";
import { r as foldKey } from "./entry-match.js";
import { a as isMalformed, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { i as decodeManifest, o as totalBytes } from "./manifest.js";
import { t as UNLED_TURN } from "./lease.js";
import { n as orderFrames, t as distinctChunks } from "./entry-chunks.js";
import { a as withDeadline, n as pause, t as abortable } from "./deadline.js";
import { n as workName, r as noteRestore, t as takeTurn } from "./shared-work.js";
import { i as encodePieces, n as PIECE_BYTES, s as partVersion, t as MAX_SHARED_BYTES } from "./archive-part.js";
import { t as BoundedQueue } from "./bounded-queue.js";
import { t as digestOf } from "./digest.js";
import { closeSync, openSync, readSync } from "node:fs";
// src/cache/content-read.ts
/**
* Reads the content of an entry for who opens its frames; it can begin before anybody takes them.
*
* Finding the holders takes a while, in which a catalog can be read and compared with the disk.
*/
var ContentRead = class {
	#tiers;
	#entry;
	#outer;
	#stop = new AbortController();
	#early;
	constructor(tiers, entry, signal) {
		this.#tiers = tiers, this.#entry = entry, this.#outer = signal;
	}
	/** Begins to read what will most likely be needed. */
	begin(chunks) {
		if (chunks.length === 0) return;
		let frames = this.#read(chunks)[Symbol.asyncIterator](), first = frames.next();
		first.catch(() => {}), this.#early = {
			chunks,
			frames,
			first
		};
	}
	/** Frames of `chunks`: those of the read that has begun, if it is of the same, else of a new one. */
	frames(chunks) {
		let early = this.#early;
		return early === void 0 ? this.#read(chunks) : isSame(early.chunks, chunks) ? resume(early) : (this.stop(), this.#stop = new AbortController(), this.#read(chunks));
	}
	/** Ends what has begun and is not through. */
	stop() {
		this.#stop.abort(), this.#early !== void 0 && end(this.#early);
	}
	#read(chunks) {
		let signal = AbortSignal.any([this.#outer, this.#stop.signal]);
		return this.#tiers.readChunks(this.#entry, chunks, {
			signal,
			unopened: !0,
			placed: !0
		});
	}
};
async function* resume(early) {
	let { frames, first } = early;
	try {
		for (let next = await first; next.done !== !0; next = await frames.next()) yield next.value;
	} finally {
		end(early);
	}
}
/** Not awaited: it would wait for the frame that the read waits for. */
function end({ frames }) {
	Promise.resolve(frames.return?.()).catch(() => {});
}
function isSame(some, others) {
	return some.length === others.length && some.every(({ digest }, index) => digest === others[index].digest);
}
// src/cache/miss-on-fault.ts
/** The result of `work`, or `otherwise` with a warning unless `quiet` is aborted; the signal's own abort passes. */
async function missOnFault(work, options) {
	let { what, otherwise, logger, signal, quiet } = options;
	try {
		return await abortable(work, signal);
	} catch (error) {
		return signal.throwIfAborted(), quiet?.aborted !== !0 && logger.log("warning", `${what} failed: ${errorMessage(error)}`), otherwise;
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
// src/cache/restore-lookup.ts
const OFFERED_LOOK_MS = [
	0,
	250,
	1e3
], LOOKUP_DEADLINE_MS = 15e3;
/** The questions of one restore to the tiers and the upstream; what fails is a miss with a warning. */
var RestoreLookup = class {
	#parts;
	#signal;
	#crossOs;
	constructor(parts, options) {
		this.#parts = parts, this.#signal = options.signal, this.#crossOs = options.crossOs;
	}
	/** What another has just offered; a whole crowd asks for it now, so one question may be too few. */
	async offeredCopy(hit, query) {
		for (let waitMs of OFFERED_LOOK_MS) {
			waitMs > 0 && await pause(waitMs, this.#signal);
			let copy = await this.#exactly(hit, query);
			if (copy !== void 0) return copy;
		}
	}
	/** Asks the tiers and, unless they answer exactly at once, the upstream at the same time. */
	async find(paths, query) {
		let tiers = this.#orMiss("Asking the peers", { nearMisses: [] }, withDeadline(LOOKUP_DEADLINE_MS, "Asking the peers", this.#signal, (signal) => this.#parts.tiers.find(query, { signal }))), { upstream } = this.#parts;
		if (upstream === void 0) return {
			tiers: await tiers,
			askUpstream: !1
		};
		let early = await Promise.race([tiers, pause(15, this.#signal).then(() => void 0)]);
		if (early?.match?.hit === "exact") return {
			tiers: early,
			askUpstream: !0
		};
		let stop = new AbortController(), asked = this.#orMiss("Asking the upstream", void 0, upstream.lookup(paths, query.key, query.restoreKeys, {
			signal: AbortSignal.any([this.#signal, stop.signal]),
			crossOs: this.#crossOs
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
	async copyOf(hit, query) {
		if (hit !== void 0 && foldKey(hit.key) !== foldKey(query.key)) return await this.#exactly(hit, query);
	}
	/** An entry of the tiers under just the key that the upstream named. */
	async #exactly(hit, query) {
		let exact = {
			...query,
			key: hit.key,
			restoreKeys: []
		}, lookup = await this.#orMiss("Asking the peers", void 0, withDeadline(LOOKUP_DEADLINE_MS, "Asking the peers", this.#signal, (signal) => this.#parts.tiers.find(exact, { signal })));
		if (lookup?.match?.hit === "exact") return {
			...lookup.match,
			hit: foldKey(hit.key) === foldKey(query.key) ? "exact" : "prefix"
		};
	}
	/** Another entry that answers like one which turned out to be of no use. */
	async another(query, { hit, entry }, useless) {
		if (!useless.has(entry.manifest) || useless.size > 8) return;
		let lookup = await this.#orMiss("Asking the peers", void 0, withDeadline(LOOKUP_DEADLINE_MS, "Asking the peers", this.#signal, (signal) => this.#parts.tiers.find({
			...query,
			except: [...useless]
		}, { signal })));
		return lookup?.match?.hit === hit ? lookup.match : void 0;
	}
	async #orMiss(what, otherwise, work, quiet) {
		let { logger } = this.#parts;
		return await missOnFault(work, {
			what,
			otherwise,
			quiet,
			logger,
			signal: this.#signal
		});
	}
}, OfferedArchive = class {
	#parts;
	#options;
	#pieces = new BoundedQueue(3);
	#stored = /* @__PURE__ */ new Map();
	#finished = new AbortController();
	#work;
	/** Written and not cut yet. */
	#raw = [];
	#rawBytes = 0;
	#hasCompany = !1;
	#isEnded = !1;
	#isOver = !1;
	#news = Promise.withResolvers();
	#told;
	constructor(parts, options) {
		this.#parts = parts, this.#options = options, this.#told = options.firstPiece, this.#work = this.#run().catch((error) => {
			if (this.#finished.signal.aborted) return;
			let reason = errorMessage(error);
			parts.logger.log("info", `What is downloaded is not offered to others: ${reason}`);
		}).finally(() => {
			this.#isOver = !0, this.#raw = [], this.#rawBytes = 0, this.#pieces.end(), this.#wake();
		});
	}
	/** Takes the next bytes, which it keeps; waits while the store is behind. */
	async write(bytes) {
		if (!this.#isOver) for (this.#raw.push(bytes), this.#rawBytes += bytes.length, !this.#hasCompany && this.#rawBytes > 67108864 && this.#finished.abort(), this.#wake(); this.#hasCompany && this.#rawBytes > 8388608 && !this.#isOver;) await this.#news.promise;
	}
	/** Nothing follows. */
	end() {
		this.#isEnded = !0, this.#wake();
	}
	/** Resolves when everything that was written is offered, or cannot or need not be. */
	async finish() {
		this.#isEnded && this.#hasCompany || this.#finished.abort(), this.#wake(), await this.#work;
	}
	#wake() {
		this.#news.resolve(), this.#news = Promise.withResolvers();
	}
	async #run() {
		let { archiveBytes } = this.#options;
		if (archiveBytes > MAX_SHARED_BYTES) throw unshared("it is too large");
		await this.#awaitCompany(), await Promise.all([this.#cut(), this.#store()]);
	}
	async #awaitCompany() {
		let { tiers } = this.#parts;
		for (; await tiers.company(this.#options.work) !== "waiting";) await pause(100, this.#finished.signal);
		this.#hasCompany = !0;
	}
	async #cut() {
		let cut = [], cutBytes = 0, number = this.#options.firstPiece, push = async () => {
			await this.#pieces.push({
				number,
				bytes: cut.length === 1 ? cut[0] : Buffer.concat(cut)
			}), number += 1, cut = [], cutBytes = 0;
		};
		for (;;) {
			this.#finished.signal.throwIfAborted();
			let news = this.#news.promise, bytes = this.#raw.shift();
			if (bytes === void 0) {
				if (this.#isEnded) break;
				await news;
			} else {
				for (let at = 0; at < bytes.length;) {
					let end = Math.min(bytes.length, at + PIECE_BYTES - cutBytes);
					cut.push(bytes.subarray(at, end)), cutBytes += end - at, at = end, cutBytes === 131072 && await push();
				}
				this.#rawBytes -= bytes.length, this.#wake();
			}
		}
		cutBytes > 0 && await push(), this.#pieces.end();
	}
	async #store() {
		let pieces = this.#pieces[Symbol.asyncIterator](), storing = new AbortController(), stored = Promise.all(Array.from({ length: 3 }, async () => {
			for (;;) {
				let next = await pieces.next();
				if (next.done === !0) return;
				let { number, bytes } = next.value, chunk = {
					digest: digestOf(bytes),
					bytes: bytes.length
				};
				await this.#parts.tiers.put({
					chunk,
					bytes: rawFrame(bytes)
				}), this.#stored.set(number, chunk);
			}
		})).finally(() => storing.abort());
		stored.catch(() => {});
		let waitedMs = 0;
		for (; !storing.signal.aborted;) {
			await pause(50, storing.signal).catch(() => {}), waitedMs += 50;
			let isFirst = this.#told === this.#options.firstPiece;
			this.#stored.size < 16 && waitedMs < 250 && !isFirst || (waitedMs = 0, await this.#tell());
		}
		await stored, await this.#tell();
	}
	/** Offers what is stored and was not offered yet, as far as it has no gap. */
	async #tell() {
		let { work, request, key, archiveBytes } = this.#options;
		for (;;) {
			let pieces = [];
			for (; pieces.length < 64;) {
				let chunk = this.#stored.get(this.#told + pieces.length);
				if (chunk === void 0) break;
				pieces.push(chunk);
			}
			if (pieces.length === 0) return;
			let first = this.#told, manifest = encodePieces(pieces), entry = {
				repository: request.repository,
				scope: request.scope,
				key,
				version: partVersion(work, archiveBytes, first),
				manifest: digestOf(manifest),
				manifestBytes: manifest.length,
				contentBytes: totalBytes(pieces),
				created: Date.now(),
				origin: "upstream",
				...request.provenance
			};
			if (!await this.#parts.tiers.offerPart(work, {
				entry,
				archiveBytes,
				first,
				pieces
			})) throw unshared("there is no room for more of it");
			for (let [index] of pieces.entries()) this.#stored.delete(first + index);
			this.#told += pieces.length;
		}
	}
};
function unshared(why) {
	return new SwarmCacheError("ERR_LIMIT", `The download cannot be shared: ${why}.`);
}
/** A turn that may go to the next in line before its work is done; what becomes of the work then is nobody's concern. */
var PassableTurn = class {
	kind = "mine";
	#turn;
	#isPassed = !1;
	constructor(turn) {
		this.#turn = turn;
	}
	progressed() {
		this.#isPassed || this.#turn.progressed();
	}
	async done(result) {
		this.#isPassed || await this.#turn.done(result);
	}
	/** Lets the next in line have it. */
	pass() {
		this.#isPassed || (this.#isPassed = !0, this.#turn.done(!1));
	}
}, DownloadPace = class {
	#totalBytes;
	#now;
	/** When waiting for the next bytes began; undefined before the first ones, which take a connection. */
	#waitingSince;
	#waitedMs = 0;
	constructor(totalBytes, now = () => performance.now()) {
		this.#totalBytes = totalBytes, this.#now = now;
	}
	/** The next bytes are wanted from now on. */
	wait() {
		this.#waitingSince = this.#now();
	}
	/** Called when bytes were waited for: true if the download is slow, and would be for long, with what came so far. */
	isSlowAt(receivedBytes) {
		if (this.#waitingSince !== void 0 && (this.#waitedMs += this.#now() - this.#waitingSince), this.#waitedMs < 2e3) return !1;
		let bytesPerMs = receivedBytes / this.#waitedMs, leftMs = (this.#totalBytes - receivedBytes) / bytesPerMs;
		return bytesPerMs * 1e3 < 2e6 && leftMs > 8e3;
	}
};
// src/cache/open-piece.ts
/**
* The plain bytes of a piece, checked; undefined if the file where it should lie does not have it.
*
* @throws ERR_INTEGRITY if it came with its bytes and they are not what its chunk names.
*/
async function openPiece(piece) {
	let { chunk, place } = piece, bytes = place === void 0 ? piece.bytes : readPlace(place);
	if (bytes === void 0) return;
	let [only, ...others] = rawBlocks(bytes, chunk.bytes) ?? [];
	if (only !== void 0 && others.length === 0 && digestOf(only) === chunk.digest) return only;
	try {
		return await openFrame({
			chunk,
			bytes
		});
	} catch (error) {
		if (place === void 0) throw error;
		return;
	}
}
/** What was written a moment ago is in memory: to read it at once costs less than to wait for a thread. */
function readPlace({ path, position, bytes }) {
	try {
		let file = openSync(path, "r");
		try {
			let content = Buffer.allocUnsafe(bytes);
			return readSync(file, content, 0, bytes, position) === bytes ? content : void 0;
		} finally {
			closeSync(file);
		}
	} catch {
		return;
	}
}
/**
* A download from the upstream that many want at once: one of them, who has the turn, fetches the archive and offers
* its pieces while they arrive; the others follow, and whoever has the turn next goes on where it stopped.
*/
var SharedArchive = class {
	/** Peers whose bytes were used. */
	peers = /* @__PURE__ */ new Set();
	#parts;
	#options;
	#over = new AbortController();
	#unfollowed = new AbortController();
	#signal;
	#bytes = {
		peers: 0,
		upstream: 0
	};
	#waiting = Promise.withResolvers();
	#turn;
	#ownTurn;
	/** The turn was done by another. */
	#isDone = !1;
	#isClaimed = !1;
	#isCopyOffered = !1;
	#isOpened = !1;
	#pieces;
	#first;
	#offering;
	/** For how long the others have supplied nothing that was waited for. */
	#silentMs = 0;
	constructor(parts, options) {
		this.#parts = parts, this.#options = options, this.#signal = AbortSignal.any([options.signal, this.#over.signal]), this.#turn = takeTurn(parts, options.work, {
			signal: this.#signal,
			onWaiting: () => {
				this.#waiting.resolve(), options.onWaiting();
			}
		}).then((turn) => turn.kind === "mine" ? new PassableTurn(turn) : turn), this.#turn.then((turn) => {
			turn.kind === "done" ? this.#isDone = !0 : this.#isClaimed || this.#over.signal.aborted ? turn.done(!1) : this.#ownTurn = turn;
		}, () => {});
	}
	/** The turn, or the news that the work of who has it can be followed. Rejects with the signal's reason only. */
	async begin() {
		let followed = this.#waiting.promise.then(async () => (this.#follow(0, !0), (await this.#first.catch(() => void 0))?.done === !1 ? { kind: "followed" } : await this.#turn)), turn = await Promise.race([this.#turn, followed]);
		return turn.kind !== "followed" && this.#unfollow(), turn.kind === "mine" && (this.#isClaimed = !0), turn;
	}
	/** The turn, if it is this one's by now: the caller's to end from here on. */
	claimTurn() {
		return this.#isClaimed = !0, this.#ownTurn;
	}
	/** True if the bytes of the archive come through here. */
	get isUsed() {
		return this.#bytes.peers + this.#bytes.upstream > 0;
	}
	/** True if following was given up because a peer has what is in the archive. */
	get isCopyOffered() {
		return this.#isCopyOffered;
	}
	async open(archive) {
		let isFirst = !this.#isOpened;
		if (this.#isOpened = !0, !isFirst || foldKey(archive.key) !== foldKey(this.#options.key)) return;
		if (this.#first === void 0) return await this.#openOwn(archive);
		let first = await this.#first;
		if (first.done === !0) return;
		let { archiveBytes } = first.value;
		return {
			archiveBytes,
			content: this.#checked(archive, archiveBytes)
		};
	}
	/** Ends waiting and following; what was offered stays so. The turn goes on if it is this one's. */
	async finish() {
		await this.#offering?.finish(), this.#ownTurn === void 0 ? this.#over.abort(unneeded()) : this.#isClaimed || await this.#ownTurn.done(!1), this.#unfollow();
	}
	#follow(first, placed) {
		let { work, key, request } = this.#options;
		this.#unfollowed = new AbortController();
		let pieces = this.#parts.tiers.followArchive({
			work,
			scope: request.scope,
			key,
			first,
			placed
		}, {
			signal: AbortSignal.any([this.#signal, this.#unfollowed.signal]),
			onArrival: () => this.#silentMs = 0
		});
		this.#pieces = pieces[Symbol.asyncIterator](), this.#first = this.#pieces.next(), this.#first.catch((error) => this.#refused(error));
	}
	#unfollow() {
		this.#pieces = void 0, this.#first = void 0, this.#unfollowed.abort(unneeded());
	}
	#refused(error) {
		if (this.#signal.aborted || this.#unfollowed.signal.aborted) return;
		let level = isSwarmCacheError(error, "ERR_PROOF") ? "warning" : "info";
		this.#parts.logger.log(level, `A download is not followed: ${errorMessage(error)}`);
	}
	async #openOwn(archive) {
		if (await this.#parts.tiers.company(this.#options.work).catch(() => "none") === "none") return;
		let download = await archive.download(0, this.#signal);
		return {
			archiveBytes: download.archiveBytes,
			content: this.#own(download, 0)
		};
	}
	/** What peers have a part in is not let through to its end before it was checked as a whole. */
	async *#checked(archive, archiveBytes) {
		let { paths, workingDirectory } = this.#options, { folder } = archive, size = archive.size(), check = await this.#parts.archive.check(paths, {
			workingDirectory,
			folder
		});
		try {
			let last;
			for await (let bytes of this.#followed(archive, archiveBytes)) await check.write(bytes), last !== void 0 && (yield last), last = bytes;
			if (await check.end(), (await size ?? archiveBytes) !== archiveBytes) throw new SwarmCacheError("ERR_INTEGRITY", "The archive of the peers has another size.");
			last !== void 0 && (yield last);
		} catch (error) {
			throw this.#drop(error), error;
		} finally {
			check.close();
		}
	}
	/** What came so far is of no use. */
	#drop(error) {
		this.peers.clear(), this.#options.onProgress(Object.assign(this.#bytes, {
			peers: 0,
			upstream: 0
		})), this.#isCopyOffered || this.#signal.aborted || this.#parts.logger.log("warning", `What peers sent of "${this.#options.key}" is not used: ${errorMessage(error)}`);
	}
	async *#followed(archive, archiveBytes) {
		let pieces = 0;
		for (;;) {
			let piece = await this.#nextPiece();
			if (piece === "end") return;
			if (piece === void 0) break;
			let bytes = await openPiece(piece);
			bytes === void 0 ? (this.#unfollow(), this.#follow(pieces, !1)) : (pieces += 1, piece.peer !== void 0 && this.peers.add(piece.peer), this.#count("peers", bytes.length), yield bytes);
		}
		this.#unfollow();
		let at = pieces * PIECE_BYTES;
		if (at >= archiveBytes) return;
		this.#parts.logger.log("info", `Going on with the download of another from byte ${at}`);
		let rest = await archive.download(at, this.#signal);
		if (rest.archiveBytes !== archiveBytes) throw new SwarmCacheError("ERR_INTEGRITY", "The archive of the peers has another size.");
		yield* this.#own(rest, pieces);
	}
	/** The next piece of who has the turn; undefined once there is no use in waiting for one. */
	async #nextPiece() {
		let iterator = this.#pieces;
		if (iterator === void 0) return;
		let next = this.#first ?? iterator.next();
		this.#first = void 0;
		let over = Promise.withResolvers();
		this.#silentMs = 0;
		let timer = setInterval(() => {
			this.#silentMs += 100;
			let patienceMs = this.#ownTurn === void 0 ? 2e4 : 300;
			this.#silentMs >= patienceMs ? over.resolve(void 0) : this.#isDone && this.#silentMs >= 8e3 && over.reject(this.#takeCopy());
		}, 100), arrived = next.then((result) => result.done === !0 ? "end" : result.value, (error) => {
			this.#refused(error);
		});
		try {
			return await Promise.race([arrived, over.promise]);
		} finally {
			clearInterval(timer);
		}
	}
	#takeCopy() {
		return this.#isCopyOffered = !0, new SwarmCacheError("ERR_PEER", "Who downloaded it has offered what is in it instead.");
	}
	/** Bytes from the service, which are offered to the others as long as the turn is this one's. */
	async *#own({ archiveBytes, content, receivedBytes }, firstPiece) {
		let { work, request, key } = this.#options, { tiers, logger } = this.#parts, turn = this.#ownTurn, offering = turn === void 0 ? void 0 : new OfferedArchive({
			tiers,
			logger
		}, {
			work,
			request,
			key,
			archiveBytes,
			firstPiece
		});
		this.#offering = offering;
		let pace = firstPiece === 0 ? new DownloadPace(archiveBytes) : void 0;
		for await (let bytes of content) turn?.progressed(), this.#count("upstream", bytes.length), turn !== void 0 && pace?.isSlowAt(receivedBytes()) === !0 && (await this.#pass(turn), pace = void 0, offering = void 0), await offering?.write(bytes), yield bytes, pace?.wait();
		offering?.end();
	}
	/** Lets another download for those who wait; what was offered so far is of use to it. */
	async #pass(turn) {
		this.#parts.logger.log("info", "This download is slow; those who wait for it go on without it."), await this.#offering?.finish(), turn.pass();
	}
	#count(from, bytes) {
		this.#bytes[from] += bytes, this.#options.onProgress(this.#bytes);
	}
};
function unneeded() {
	return new SwarmCacheError("ERR_ABORTED", "What others did is no longer needed.");
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
			let { commitTree } = await import("./save.js");
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
const LOST = [
	"ERR_INTEGRITY",
	"ERR_PEER",
	"ERR_STORE"
];
/** One restore, from the lookup to the files on the disk. */
var Restore = class {
	#parts;
	#options;
	#signal;
	#lookup;
	#started = performance.now();
	#bytes = noBytes();
	#servingPeers = /* @__PURE__ */ new Set();
	/** Manifests that could not be restored for a reason that lies in them, or as nobody has all of them. */
	#useless = /* @__PURE__ */ new Set();
	constructor(parts, options) {
		this.#parts = parts, this.#options = options, this.#signal = options.signal ?? new AbortController().signal, this.#lookup = new RestoreLookup(parts, {
			signal: this.#signal,
			crossOs: options.crossOs
		});
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
		let found = await this.#lookup.find(paths, query), source = preferUpstream(found.tiers.match, found.upstream, query);
		if (this.#options.lookupOnly === !0) return source === "upstream" ? this.#upstreamResult(query, found.upstream?.key ?? key) : found.tiers.match === void 0 ? this.#miss(query, found.tiers.nearMisses) : this.#result(query, found.tiers.match, 0, 0);
		let tried = source === "tiers" ? found.tiers.match : await this.#lookup.copyOf(found.upstream, query);
		for (; tried !== void 0;) {
			let result = await this.#fromTiers(paths, query, tried);
			if (result !== void 0) return result;
			tried = source === "tiers" ? await this.#lookup.another(query, tried, this.#useless) : void 0;
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
		}, shared = new SharedArchive(this.#parts, {
			work: workName("restore", name),
			request: this.#options.request,
			key: hit.key,
			paths,
			workingDirectory: this.#options.workingDirectory,
			signal: this.#signal,
			onWaiting: () => this.#report("lookup", 0),
			onProgress: (bytes) => {
				Object.assign(this.#bytes, bytes);
				for (let peer of shared.peers) this.#servingPeers.add(peer);
				this.#report(bytes.peers > 0 ? "transfer" : "upstream", bytes.peers + bytes.upstream);
			}
		});
		try {
			let turn = await shared.begin();
			if (turn.kind === "mine") return await this.#fromUpstream(paths, query, found, turn, shared);
			if (turn.kind === "followed") {
				let result = await this.#following(paths, query, found, shared);
				if (result !== void 0) return result;
			}
			let copy = await this.#lookup.offeredCopy(hit, query);
			return (copy === void 0 ? void 0 : await this.#fromTiers(paths, query, copy)) ?? await this.#fromUpstream(paths, query, found, UNLED_TURN);
		} finally {
			await shared.finish();
		}
	}
	/** Restores from what another downloads; undefined if there is a copy to take instead. */
	async #following(paths, query, found, shared) {
		let hit = await this.#restoreUpstream(paths, query, UNLED_TURN, shared), turn = shared.claimTurn() ?? UNLED_TURN;
		if (hit !== void 0) return await this.#offer(paths, query, found, {
			hit,
			turn
		});
		if (!shared.isCopyOffered) return await this.#fromUpstream(paths, query, found, turn);
	}
	async #fromTiers(paths, query, match) {
		let { entry } = match, { tiers, archive, logger } = this.#parts, content = new ContentRead(tiers, entry, this.#signal), plan;
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
				threads: this.#options.threads,
				onCold: () => content.begin(distinctChunks(manifest.content))
			});
			let total = totalBytes(plan.chunks);
			this.#report("transfer", 0, total);
			let frames = this.#counted(content.frames(plan.chunks), total);
			return await plan.write(frames, { signal: this.#signal }), match.hit === "prefix" && await noteRestore(plan, this.#options, paths), this.#result(query, match, plan.files, plan.skipped);
		} catch (error) {
			this.#signal.throwIfAborted(), LOST.some((code) => isSwarmCacheError(error, code)) ? (this.#useless.add(entry.manifest), await tiers.forget(entry, { malformed: isMalformed(error) }).catch(() => {})) : isSwarmCacheError(error, "ERR_PATH") && error.facts.undeclared === !0 && this.#useless.add(entry.manifest), logger.log("warning", `Restoring "${entry.key}" failed: ${errorMessage(error)}`);
			return;
		} finally {
			content.stop(), await plan?.close();
		}
	}
	async #fromUpstream(paths, query, found, turn, shared) {
		let hit = await this.#restoreUpstream(paths, query, turn, shared).catch((error) => {
			throw turn.done(!1), error;
		});
		if (hit !== void 0) return await this.#offer(paths, query, found, {
			hit,
			turn
		});
		await turn.done(!1);
	}
	/** Packs what was restored for those who come later, if this one had the turn to restore it. */
	async #offer(paths, query, found, { hit, turn }) {
		return this.#options.request.writeRefused === void 0 && copyFromUpstream(this.#parts, this.#options, {
			paths,
			query,
			key: hit.key,
			turn
		}), this.#upstreamResult(query, hit.key, found.tiers.nearMisses);
	}
	async #restoreUpstream(paths, query, turn, shared) {
		let { upstream, logger } = this.#parts;
		return upstream === void 0 ? void 0 : (this.#report("upstream", 0), Object.assign(this.#bytes, noBytes()), this.#servingPeers.clear(), await missOnFault(upstream.restore(paths, query.key, query.restoreKeys, {
			signal: this.#signal,
			crossOs: this.#options.crossOs,
			source: shared,
			onProgress: (bytes) => {
				shared?.isUsed !== !0 && (this.#bytes.upstream = bytes, turn.progressed(), this.#report("upstream", bytes));
			}
		}), {
			what: "The upstream",
			otherwise: void 0,
			signal: this.#signal,
			logger
		}));
	}
	async *#counted(frames, total) {
		let received = 0, from = /* @__PURE__ */ new Map();
		for await (let frame of frames) {
			let { chunk, tier } = frame, before = from.get(chunk.digest);
			from.set(chunk.digest, tier), this.#bytes[tier] += chunk.bytes, before === void 0 ? received += chunk.bytes : this.#bytes[before] -= chunk.bytes, frame.peer !== void 0 && this.#servingPeers.add(frame.peer), this.#report("transfer", received, total), yield frame;
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
};
export { Restore };
