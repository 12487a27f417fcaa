import { a as withDeadline, i as timedOut, n as pause, r as startDeadline, t as abortable } from "./deadline.js";
import { a as isMalformed, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as publish } from "./events.js";
import { t as freeMemory } from "./free-memory.js";
import { n as isDigest } from "./digest.js";
import { i as decodeManifest, n as MAX_FRAME_BYTES, r as MAX_MANIFEST_BYTES, t as MAX_CHUNK_BYTES } from "./manifest.js";
import { n as startThreadBeside, t as endThread } from "./start-thread.js";
import { a as openFrame } from "./chunk.js";
import { t as MessageStream } from "./message.js";
import { n as SocketReading, t as SocketByteStream } from "./socket-byte-stream.js";
import { n as isPeerId } from "./peer.js";
import { t as Limit } from "./limit.js";
import { once } from "node:events";
import { connect, createServer } from "node:tls";
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { availableParallelism } from "node:os";
/** Keeps what is spent to a number of bytes a second, over all that share it. */
var ByteRate = class {
	#bytesPerMs;
	#now;
	#at;
	#bytes;
	constructor(bytesPerSecond, now = () => performance.now()) {
		this.#bytesPerMs = bytesPerSecond / 1e3, this.#now = now, this.#at = now(), this.#bytes = this.#bytesPerMs * 100;
	}
	/** True if something may be spent now. */
	get isOpen() {
		return this.#refill(), this.#bytes > 0;
	}
	/** Takes bytes, more than there are if need be: what is spent too much is waited for afterwards. */
	spend(bytes) {
		this.#refill(), this.#bytes -= bytes;
	}
	/** Resolves once something may be spent; rejects with the signal's reason. */
	async opened(signal) {
		for (; !this.isOpen;) await pause(Math.max(5, -this.#bytes / this.#bytesPerMs), signal);
	}
	#refill() {
		let now = this.#now(), most = this.#bytesPerMs * 100;
		this.#bytes = Math.min(most, this.#bytes + (now - this.#at) * this.#bytesPerMs), this.#at = now;
	}
};
// src/transfer/chunk-picker.ts
const MAX_LOOKED_AT = 1024;
/**
* What is not here yet, and which of it a source is asked for next.
*
* Of one source among full holders the order is that of the request. Where holders of parts are among the
* sources, or others fetch the same, the rarest go first, at random among equals. In a crowd full holders are
* asked only for what nobody else has, and what was asked of them goes to the first other that offers it.
*/
var ChunkPicker = class {
	#random;
	#tasks = /* @__PURE__ */ new Map();
	#open = /* @__PURE__ */ new Set();
	#openBytes = 0;
	#count = 0;
	#partial = /* @__PURE__ */ new Set();
	constructor(chunks, random) {
		this.#random = random, this.add(chunks);
	}
	/** Adds chunks behind those of the request; no digest twice. */
	add(chunks) {
		for (let chunk of chunks) {
			let task = {
				chunk,
				number: this.#count,
				from: /* @__PURE__ */ new Set(),
				state: "open",
				offers: 0,
				offeredAt: 0
			};
			this.#count += 1, this.#tasks.set(chunk.digest, task), this.#open.add(task), this.#openBytes += chunk.bytes;
		}
	}
	/** Chunks named so far. */
	get count() {
		return this.#count;
	}
	/** Chunks that are not here yet. */
	get left() {
		return this.#tasks.size;
	}
	/** Chunks that nobody has been asked for. */
	get open() {
		return this.#open.size;
	}
	get openBytes() {
		return this.#openBytes;
	}
	get(digest) {
		return this.#tasks.get(digest);
	}
	/** What is not here yet, in the order of the request, from a number on. */
	*from(number) {
		for (let task of this.#tasks.values()) task.number >= number && task.state !== "arrived" && (yield task);
	}
	/** True if fewer than `count` of the first numbers are left. */
	fewLeftBefore(number, count) {
		let left = 0;
		for (let task of this.#tasks.values()) {
			if (task.number >= number) return !0;
			if ((left += 1) >= count) return !1;
		}
		return !0;
	}
	/** Tasks to ask of a source now; some may be asked of full holders already, and are to be withdrawn there. */
	pick(source, options) {
		let picked = [], bytes = 0;
		for (let task of this.#candidates(source, options)) {
			if (bytes >= options.bytes || picked.length >= options.count) break;
			bytes += task.chunk.bytes, picked.push(task), source.offers.delete(task.chunk.digest), this.#open.delete(task) && (this.#openBytes -= task.chunk.bytes), task.state = "asked";
		}
		return picked;
	}
	/** It is here, and may yet turn out not to be what it should. */
	arrived(task) {
		this.#open.delete(task) && (this.#openBytes -= task.chunk.bytes), task.state = "arrived";
	}
	/** Nobody is asked for it any more. */
	giveBack(task) {
		this.#open.has(task) || (task.state = "open", this.#open.add(task), this.#openBytes += task.chunk.bytes);
	}
	done(task) {
		this.#tasks.delete(task.chunk.digest);
	}
	/** The source turned out to hold a part only. */
	setPartial(source) {
		source.isFull = !1, this.#partial.add(source);
	}
	/** A partial source holds a chunk. */
	offer(source, digest, now) {
		let task = this.#tasks.get(digest);
		task === void 0 || task.state === "arrived" || source.offers.has(digest) || task.from.has(source) || (source.offers.add(digest), task.offers === 0 && (task.offeredAt = now), task.offers += 1);
	}
	/** A source is gone, with what it offered. */
	remove(source) {
		this.#partial.delete(source);
		for (let digest of source.offers) {
			let task = this.#tasks.get(digest);
			task !== void 0 && --task.offers;
		}
		source.offers.clear();
	}
	#candidates(source, options) {
		if (!source.isFull) return this.#rarest(this.#offered(source, options.inCrowd));
		if (!options.inCrowd && this.#partial.size === 0) return this.#inOrder(source);
		let tasks = this.#inOrder(source).take(MAX_LOOKED_AT);
		if (!options.inCrowd) return this.#rarest(tasks.take(256));
		let idle = source.outstanding.size === 0;
		return this.#rarest(tasks.filter((task) => task.offers === 0 || idle && options.now - task.offeredAt > 500).take(256));
	}
	*#inOrder(source) {
		for (let task of this.#open) source.lacks.has(task.chunk.digest) || (yield task);
	}
	/** What a partial source offers of what is open, and in a crowd of what only full holders were asked for. */
	*#offered(source, inCrowd) {
		let looked = 0, found = 0;
		for (let digest of source.offers) {
			if ((looked += 1) > MAX_LOOKED_AT || found >= 256) return;
			let task = this.#tasks.get(digest);
			task === void 0 || task.state === "arrived" ? source.offers.delete(digest) : (task.state === "open" || inCrowd && task.state === "asked" && isOnlyAskedOfFull(task)) && (found += 1, yield task);
		}
	}
	#rarest(tasks) {
		return Array.from(tasks, (task) => ({
			task,
			rank: task.offers + this.#random()
		})).sort((a, b) => a.rank - b.rank).map(({ task }) => task);
	}
};
/** True if none but full holders owe it. */
function isOnlyAskedOfFull(task) {
	for (let source of task.from) if (!source.isFull) return !1;
	return !0;
}
/**
* What a source without anything left to do should fetch of what others still owe.
*
* The tail of a fetch is as slow as its slowest source. What a source has not begun with moves to one that is
* done sooner; what it is sending now is asked for twice, and the second copy cancelled when the first arrives.
*/
function chunksToRescue(idle, others, { now, taskOf, gainMs, mayCopy }) {
	let copied = [], moved = [], bytes = idle.outstandingBytes;
	for (let other of others) {
		if (other === idle) continue;
		let owedBytes = other.outstandingBytes, oldest = other.outstanding.keys().next().value;
		for (let { chunk, askedAt } of [...other.outstanding.values()].reverse()) {
			if (bytes - idle.outstandingBytes >= 524288) return {
				copied,
				moved
			};
			let otherMs = Math.max(other.expectedMs(owedBytes), other.silentMs(now));
			owedBytes -= chunk.bytes;
			let task = taskOf(chunk.digest);
			if (task?.state !== "asked" || now - askedAt < 100 || task.from.has(idle) || task.from.size >= 2 || !idle.holds(chunk.digest) || otherMs < 2 * idle.possibleMs(bytes + chunk.bytes) + gainMs || copied.includes(task) || moved.includes(task)) continue;
			let isBegun = chunk.digest === oldest || task.from.size > 1;
			isBegun && !mayCopy && other.silentMs(now) < 500 || (bytes += chunk.bytes, isBegun ? copied.push(task) : moved.push(task));
		}
	}
	return {
		copied,
		moved
	};
}
// src/transfer/fetch-source.ts
const ASSUMED_BYTES_PER_MS = 2500, MAX_STALL_MS = 2e3;
/** One peer that chunks are fetched from: what it was asked for, how fast it is, whether it has stalled. */
var FetchSource = class {
	peerId;
	openedAt;
	/** True if it is taken to hold everything but what it lacks; false if it holds only what it offers. */
	isFull;
	lacks = /* @__PURE__ */ new Set();
	/** Chunks that it has said to hold and that were not asked of it yet; only of one that is not full. */
	offers = /* @__PURE__ */ new Set();
	/** True if it gets more itself. */
	isFetching = !1;
	/** Number in the request of the first chunk that it was not asked about. */
	watchedTo = 0;
	isWatching = !1;
	/** When it was asked last what it holds. */
	watchedAt = -1e400;
	/** Set once the channel is open and the source may be asked. */
	channel;
	/** When each chunk was asked for, the oldest first. */
	outstanding = /* @__PURE__ */ new Map();
	outstandingBytes = 0;
	/** Frames delivered that proved good. */
	frames = 0;
	#bytes = 0;
	#busyMs = 0;
	#busySince = 0;
	#lastFrameAt = 0;
	#progressAt = 0;
	#seenBytes = 0;
	#tickBytes = 0;
	#bytesPerMs;
	#bestBytesPerMs = 0;
	#latencyMs;
	constructor(peerId, now, isFull) {
		this.peerId = peerId, this.openedAt = now, this.isFull = isFull;
	}
	/** How much it may owe, alone or in a crowd that fetches the same. */
	windowBytes(inCrowd) {
		let rate = this.#bytesPerMs;
		if (!this.isFull && inCrowd) {
			let bytes = 2 * (rate ?? 0) * Math.max(80, this.#latencyMs ?? 0);
			return Math.min(1048576, Math.max(524288, bytes));
		}
		let least = inCrowd ? 3145728 : 262144;
		if (rate === void 0) return Math.max(least, 1048576);
		let spanMs = Math.max(50, 2 * (this.#latencyMs ?? 0));
		return Math.min(8388608, Math.max(least, 2 * rate * spanMs));
	}
	/** True if it is known, or taken, to hold the chunk. */
	holds(digest) {
		return this.isFull ? !this.lacks.has(digest) : this.offers.has(digest);
	}
	/** What it delivers at present. */
	get bytesPerMs() {
		return this.#bytesPerMs ?? 0;
	}
	/** How long so many bytes that it owes will take at the rate it has now. */
	expectedMs(bytes) {
		let rate = this.#bytesPerMs ?? ASSUMED_BYTES_PER_MS;
		return rate < 1 ? 1e400 : (this.#latencyMs ?? 0) + bytes / rate;
	}
	/** How long so many bytes would take if they were asked of it, at a cautious share of the best it has shown. */
	possibleMs(bytes) {
		let rate = Math.max(this.#bytesPerMs ?? ASSUMED_BYTES_PER_MS, this.#bestBytesPerMs / 4);
		return rate < 1 ? 1e400 : (this.#latencyMs ?? 0) + bytes / rate;
	}
	asked(chunk, now) {
		this.outstanding.size === 0 && (this.#busySince = now, this.#progressAt = now, this.#lastFrameAt = now), this.outstanding.set(chunk.digest, {
			chunk,
			askedAt: now
		}), this.outstandingBytes += chunk.bytes;
	}
	/** The chunk is no longer expected from here. */
	settle(digest, now) {
		let asked = this.outstanding.get(digest);
		asked !== void 0 && (this.outstanding.delete(digest), this.outstandingBytes -= asked.chunk.bytes, this.outstanding.size === 0 && (this.#busyMs += now - this.#busySince));
	}
	delivered(digest, bytes, now) {
		let asked = this.outstanding.get(digest);
		asked !== void 0 && (this.#latencyMs = Math.min(this.#latencyMs ?? 1e400, now - asked.askedAt)), this.#lastFrameAt = now, this.#bytes += bytes, this.#tickBytes += bytes, this.settle(digest, now);
	}
	/** Takes stock after `elapsedMs`; `lateMs` of it this process was busy and could not have noticed bytes. */
	tick(now, elapsedMs, lateMs) {
		let received = this.channel?.receivedBytes ?? 0;
		if (received === this.#seenBytes ? this.#progressAt += lateMs : this.#progressAt = now, this.#lastFrameAt += lateMs, this.#seenBytes = received, this.outstanding.size > 0 || this.#tickBytes > 0) {
			let sample = this.#tickBytes / elapsedMs, old = this.#bytesPerMs;
			this.#bytesPerMs = old === void 0 ? this.#tickBytes === 0 ? void 0 : sample : old + .3 * (sample - old);
		}
		this.#bestBytesPerMs = Math.max(this.#bestBytesPerMs, this.#bytesPerMs ?? 0), this.#tickBytes = 0;
	}
	/** For how long it has sent nothing of what it owes. */
	silentMs(now) {
		return this.outstanding.size === 0 ? 0 : now - this.#progressAt;
	}
	/** True if it has been opening, or silent about what it owes, for more than `limitMs`. */
	isSlow(now, limitMs) {
		return this.channel === void 0 ? now - this.openedAt > limitMs : this.outstanding.size > 0 && now - this.#progressAt > limitMs;
	}
	/** Why the source should be left, or undefined; `patience` lengthens the wait for a source without substitute. */
	stallReason(now, patience) {
		if (this.outstanding.size === 0) return;
		let usualMs = (this.#latencyMs ?? MAX_STALL_MS) * 20, limitMs = Math.min(MAX_STALL_MS, Math.max(600, usualMs)) * patience, silentMs = Math.round(now - this.#progressAt);
		if (silentMs > limitMs) return `it sent nothing for ${silentMs} ms`;
		let gapMs = Math.round(now - this.#lastFrameAt);
		if (gapMs > 2e4) return `it completed no chunk in ${gapMs} ms`;
	}
	/** How it behaved as a whole, if it did anything. */
	outcome(now) {
		if (this.#bytes === 0) return;
		let busyMs = this.#busyMs + (this.outstanding.size > 0 ? now - this.#busySince : 0);
		return {
			latencyMs: this.#latencyMs,
			bytes: this.#bytes,
			milliseconds: busyMs
		};
	}
};
// src/transfer/holder-search.ts
const HINTS = [
	"connected",
	"reader",
	"named",
	"holder"
];
/** Peers that may hold what a fetch needs: those given, those the router names, those that connect meanwhile. */
var HolderSearch = class {
	#parts;
	#manifest;
	#onChange;
	#candidates = /* @__PURE__ */ new Map();
	/** Peers that are in use or were left for good. */
	#taken = /* @__PURE__ */ new Set();
	#ending = new AbortController();
	#stopListening;
	#searching = !1;
	constructor(parts, manifest, holders, onChange) {
		this.#parts = parts, this.#manifest = manifest, this.#onChange = onChange;
		for (let peerId of holders) this.add(peerId, "holder");
		this.#stopListening = parts.onConnected((peerId) => {
			this.add(peerId, "connected") && onChange();
		});
	}
	get isSearching() {
		return this.#searching;
	}
	/** True if there is a candidate that may be tried now. */
	get hasNext() {
		return this.#candidates.keys().some((peerId) => this.#parts.peers.isUsable(peerId));
	}
	/** True if the peer is a candidate now and was none before. */
	add(peerId, hint) {
		if (this.#taken.has(peerId)) return !1;
		let known = this.#candidates.get(peerId);
		return known === void 0 && this.#candidates.size >= 256 ? !1 : ((known === void 0 || HINTS.indexOf(hint) > HINTS.indexOf(known)) && this.#candidates.set(peerId, hint), known === void 0);
	}
	/** The best candidate, which is taken until `release`. */
	next() {
		let [peerId] = this.#parts.peers.rank(this.#candidates.keys());
		if (peerId === void 0) return;
		let hint = this.#candidates.get(peerId);
		return this.#candidates.delete(peerId), this.#taken.add(peerId), {
			peerId,
			hint
		};
	}
	/** The peer may be named again; it is no candidate until then. */
	release(peerId) {
		this.#taken.delete(peerId);
	}
	/** Asks the router, unless it is being asked already. */
	start() {
		this.#searching || this.#ending.signal.aborted || (this.#searching = !0, this.#search());
	}
	close() {
		this.#ending.abort(), this.#stopListening();
	}
	async #search() {
		let { peers, logger } = this.#parts, { signal } = this.#ending;
		try {
			for await (let peerId of peers.holders(this.#manifest, { signal })) {
				if (signal.aborted) return;
				this.add(peerId, "named") && this.#onChange();
			}
		} catch (error) {
			signal.aborted || logger.log("debug", "The search for holders failed", { error: errorMessage(error) });
		} finally {
			this.#searching = !1;
		}
		signal.aborted || this.#onChange();
	}
};
// src/transfer/fetch-sources.ts
const OPEN_MS$1 = 3e3, MAX_WATCHED = 2048;
/** The peers that one fetch takes chunks from: finds, opens, watches and leaves them. */
var FetchSources = class {
	#parts;
	#manifest;
	#picker;
	#listener;
	/** The request may name further chunks. */
	#grows;
	#random;
	#sources = /* @__PURE__ */ new Set();
	#search;
	#reasons = /* @__PURE__ */ new Map();
	#stalled = /* @__PURE__ */ new Set();
	#ending = new AbortController();
	#leaveCrowd;
	#searchAgainMs = 1e3;
	#searchAt;
	/** A source was lost since the router was asked last, or it was not asked yet. */
	#searchAgain = !0;
	#inCrowd = !1;
	#newsAt;
	constructor(parts, request, picker, listener, random) {
		this.#parts = parts, this.#manifest = request.manifest, this.#grows = request.more !== void 0, this.#picker = picker, this.#listener = listener, this.#random = random, this.#newsAt = parts.now(), this.#searchAt = parts.now() + this.#jittered(250), this.#search = new HolderSearch(parts, request.manifest, request.holders, () => listener.changed()), this.#leaveCrowd = parts.crowds.fetch(request.manifest, (peerId) => this.#join([peerId])), request.holders.length === 0 && this.#searchNow();
	}
	/** All that are open or opening. */
	get all() {
		return this.#sources;
	}
	/** True once others are known to fetch the same. */
	get inCrowd() {
		return this.#inCrowd;
	}
	/** What all sources together deliver at present. */
	get bytesPerMs() {
		let sum = 0;
		for (let source of this.#sources) sum += source.bytesPerMs;
		return sum;
	}
	/** When a source last delivered something or got something to offer. */
	get newsAt() {
		return this.#newsAt;
	}
	/** True while a source, or a candidate for one, may come up with something. */
	get mayGain() {
		if (this.#search.isSearching || this.#search.hasNext) return !0;
		for (let source of this.#sources) if (source.channel === void 0 || source.outstanding.size > 0) return !0;
		return !1;
	}
	/** True while a peer that stalled, and is left alone for a while, is the last hope. */
	get mayRecover() {
		return this.#stalled.size > 0 && this.#parts.now() - this.#newsAt < 6e3;
	}
	/** Why peers were left, for people. */
	get reasons() {
		return [...this.#reasons].map(([peerId, reason]) => `${peerId}: ${reason}`).join("; ");
	}
	/** Asks the router once more if a source was lost since; false if that would be no use. */
	searchOnceMore() {
		return this.#searchAgain ? (this.#searchNow(), !0) : !1;
	}
	/** Opens as many sources as the work left is worth; slow and useless ones do not count. */
	openMore() {
		let now = this.#parts.now(), workBytes = this.#picker.openBytes, counted = 0;
		for (let source of this.#sources) source.isSlow(now, 250) ? workBytes += source.outstandingBytes : (source.channel === void 0 || source.outstanding.size > 0 || source.isFetching) && (counted += 1);
		if (workBytes === 0 && !this.#inCrowd) return;
		let wanted = this.#inCrowd ? 12 : Math.min(8, 1 + Math.floor(workBytes / 1048576));
		for (; counted < wanted && this.#sources.size < 16;) {
			let candidate = this.#search.next();
			if (candidate === void 0) return;
			this.#open(candidate), counted += 1;
		}
	}
	/** Takes stock after `elapsedMs`, `lateMs` of which this process was busy: leaves who stalls, looks for more. */
	tick(now, elapsedMs, lateMs) {
		let open = [...this.#sources].filter((source) => source.channel !== void 0), patience = open.length === 1 && !this.#search.hasNext ? 4 : this.#inCrowd ? 3 : 1;
		for (let source of open) {
			source.tick(now, elapsedMs, lateMs);
			let reason = source.stallReason(now, patience);
			reason === void 0 ? (!source.isFull || this.#grows) && this.#watchMore(source) : this.leave(source, new SwarmCacheError("ERR_TIMEOUT", reason));
		}
		now < this.#searchAt || this.#inCrowd && this.#sources.size > 1 || this.#sources.size >= 8 || (this.#searchNow(), this.#searchAgainMs = Math.min(5e3, this.#searchAgainMs * 1.5));
	}
	/** Something arrived. */
	hasNews() {
		this.#newsAt = this.#parts.now();
	}
	/** A chunk that the source was taken to hold is not there. */
	lacks(source, digest) {
		source.isFull && (source.lacks.add(digest), source.lacks.size <= 1024 || this.leave(source, new SwarmCacheError("ERR_PEER", "it lacks most of what it said to hold")));
	}
	/** Gives a source up. */
	leave(source, error) {
		if (this.#ending.signal.aborted) return;
		source.channel?.abort();
		let reason = errorMessage(error), misbehaved = isSwarmCacheError(error, "ERR_FRAME") || isSwarmCacheError(error, "ERR_INTEGRITY");
		if (!this.#remove(source) && !misbehaved) return;
		let { peerId } = source;
		this.#parts.peers.failed(peerId, reason, misbehaved), this.#reasons.set(peerId, reason), this.#searchAgain = !0, misbehaved || this.#search.release(peerId), isSwarmCacheError(error, "ERR_TIMEOUT") ? this.#search.add(peerId, source.isFull ? "holder" : "named") && this.#stalled.add(peerId) : this.#stalled.delete(peerId);
	}
	close() {
		this.#ending.abort(), this.#search.close(), this.#leaveCrowd();
		for (let source of this.#sources) this.#release(source);
	}
	#searchNow() {
		this.#searchAgain = !1, this.#searchAt = this.#parts.now() + this.#jittered(this.#searchAgainMs), this.#search.start();
	}
	#jittered(milliseconds) {
		return milliseconds * (.75 + .5 * this.#random());
	}
	/** Others fetch the same. */
	#join(peerIds) {
		if (peerIds.length === 0) return;
		this.#inCrowd = !0;
		let found = !1;
		for (let peerId of peerIds) found = this.#search.add(peerId, "reader") || found;
		found && this.#listener.changed();
	}
	async #open({ peerId, hint }) {
		let source = new FetchSource(peerId, this.#parts.now(), hint === "holder");
		this.#sources.add(source);
		let { signal } = this.#ending, channel;
		try {
			channel = await withDeadline(OPEN_MS$1, "Opening a channel to a peer", signal, (opening) => this.#parts.open(peerId, {
				frame: (chunk, bytes) => this.#listener.frame(source, chunk, bytes),
				missing: (chunk) => this.#listener.missing(source, chunk),
				gained: (digests) => this.#gained(source, digests),
				closed: (error) => this.#closed(source, error)
			}, opening)), this.#sources.has(source) ? source.isFull && (source.channel = channel) : channel.close(), this.#watch(source, channel, hint);
		} catch (error) {
			channel?.abort(), hint === "reader" ? this.#forget(source) : this.leave(source, error);
		}
		this.#listener.changed();
	}
	async #watch(source, channel, hint) {
		let first = this.#grows ? 0 : source.watchedTo, tasks = this.#picker.from(first).take(MAX_WATCHED).toArray();
		if (tasks.length === 0) {
			if (!this.#grows || !this.#sources.has(source)) return;
			source.watchedTo = this.#picker.count, source.channel = channel;
			return;
		}
		let watchedTo = this.#grows && tasks.length < MAX_WATCHED ? this.#picker.count : tasks.at(-1).number + 1, digests = tasks.map(({ chunk }) => chunk.digest);
		source.isWatching = !0, source.watchedAt = this.#parts.now();
		try {
			let answer = await withDeadline(OPEN_MS$1, "Asking a peer what it holds", this.#ending.signal, (signal) => channel.watch({
				manifest: this.#manifest,
				digests,
				grows: this.#grows
			}, signal));
			if (!this.#sources.has(source)) return;
			source.isWatching = !1, source.watchedTo = watchedTo, this.#learn(source, digests, answer), source.isFull || source.isFetching || source.offers.size > 0 || hint !== "connected" ? source.channel = channel : this.#forget(source, channel);
		} catch (error) {
			this.#ending.signal.aborted ? channel.close() : channel.abort(), this.leave(source, error);
		}
		this.#listener.changed();
	}
	/** A source that holds parts is asked about more when little is left of what it was asked about. */
	#watchMore(source) {
		let { channel, watchedTo, isWatching } = source;
		channel === void 0 || isWatching || watchedTo >= this.#picker.count || watchedTo === 0 && !this.#grows || this.#grows && this.#parts.now() - source.watchedAt < 250 || this.#picker.fewLeftBefore(watchedTo, 512) && this.#watch(source, channel);
	}
	#learn(source, digests, answer) {
		let wasWatched = source.offers.size > 0 || source.isFetching;
		source.isFetching = answer.fetching, answer.fetching && (this.#inCrowd = !0), this.#join(answer.readers), answer.held.every(Boolean) && !answer.fetching && !wasWatched ? source.isFull = !0 : (this.#picker.setPartial(source), this.#gained(source, digests.filter((_, index) => answer.held[index] === !0)));
	}
	#gained(source, digests) {
		if (source.isFull || digests.length === 0) return;
		let now = this.#parts.now();
		for (let digest of digests) this.#picker.offer(source, digest, now);
		this.#newsAt = now, this.#listener.offered(digests), this.#listener.changed();
	}
	#closed(source, error) {
		if (isSwarmCacheError(error, "ERR_CLOSED") && source.outstanding.size === 0 && source.frames > 0) {
			if (!this.#forget(source)) return;
			this.#search.add(source.peerId, source.isFull ? "holder" : "named");
		} else this.leave(source, error);
		this.#listener.changed();
	}
	/** Gives a source up without blame. */
	#forget(source, channel) {
		return channel?.close(), this.#remove(source) ? (this.#search.release(source.peerId), !0) : !1;
	}
	#remove(source) {
		return this.#sources.delete(source) ? (this.#release(source), this.#picker.remove(source), this.#listener.lost(source), !0) : !1;
	}
	#release(source) {
		source.channel?.close();
		let outcome = source.outcome(this.#parts.now());
		outcome !== void 0 && this.#parts.peers.succeeded(source.peerId, outcome);
	}
};
// src/transfer/transfer-wire.ts
/**
* Many requests on one stream, answered in any order. Ids are chosen by the asker, each used once.
*
* Asked: `{want: id}` with a body of n digests (32 bytes each), which take the ids from `id` to `id + n - 1`,
* and with `background: true` if no job waits for them;
* `{cancel: true}` with a body of ids (u32, big endian); `{have: id}` with a body of digests, and with
* `watch: manifest` for what is fetched of that manifest, and `grows: true` if more of it is to come;
* `{manifest: digest, id}`; `{rest: id}` to end the conversation and keep the stream for the next one;
* `{taken: bytes}` for frames that came with `paced: true`.
*
* Answered: `{id}` with a frame as body, and `paced: true` from a peer that sends no more until it hears of what was
* taken; `{id, missing: true}`; `{cancelled: true}` with a body of ids;
* `{id, have: true}` with one bit for each digest, lowest bit first; `{id, manifestBytes}` with a piece of the
* manifest, until it is complete; `{busy: true}`, then the end, from a peer that serves too many already.
* A rest takes back whatever waits for its answer; `{id, rested: true}` comes when nothing else is to come.
*
* The answer to a watch also names others that watch the same manifest (`readers`), and tells whether the peer
* is fetching it itself (`fetching`). What it gets of the digests from then on it tells unasked, as
* `{id, gained: true}` with a body of positions in the list (u32), until the next watch of the conversation.
*/
const TRANSFER_PROTOCOL = "/swarmcache/transfer/1", MAX_DIGESTS = 4096, REQUEST_LIMITS = {
	headerBytes: 1024,
	bodyBytes: MAX_DIGESTS * 32
}, RESPONSE_LIMITS = {
	headerBytes: 1024,
	bodyBytes: MAX_FRAME_BYTES
};
/** The request in a message, or undefined if it is malformed. */
function parseRequest(header, body) {
	let { want, background, cancel, have, watch, grows, manifest, taken, rest, id } = header;
	if (isId(want)) {
		let digests = decodeDigests(body);
		return digests === void 0 || background !== void 0 && background !== !0 ? void 0 : {
			kind: "want",
			id: want,
			digests,
			priority: background ? "background" : "usual"
		};
	}
	if (isId(have)) {
		let digests = decodeDigests(body);
		return digests === void 0 || watch !== void 0 && !isDigest(watch) || grows !== void 0 && grows !== !0 ? void 0 : {
			kind: "have",
			id: have,
			digests,
			watch,
			grows: grows === !0
		};
	}
	if (cancel === !0) {
		let ids = decodeIds(body);
		return ids === void 0 ? void 0 : {
			kind: "cancel",
			ids
		};
	}
	if (isId(taken)) return body.length === 0 ? {
		kind: "taken",
		bytes: taken
	} : void 0;
	if (isId(rest)) return body.length === 0 ? {
		kind: "rest",
		id: rest
	} : void 0;
	if (isDigest(manifest) && isId(id)) return {
		kind: "manifest",
		id,
		digest: manifest
	};
}
/** True if `value` can be the id of a request. */
function isId(value) {
	return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}
/** Digests as bytes, one after the other. */
function encodeDigests(digests) {
	let bytes = Buffer.allocUnsafe(digests.length * 32);
	for (let [index, digest] of digests.entries()) bytes.write(digest, index * 32, "hex");
	return bytes;
}
function decodeDigests(body) {
	if (body.length === 0 || body.length % 32 != 0) return;
	let hex = Buffer.from(body.buffer, body.byteOffset, body.length).toString("hex"), digests = [];
	for (let at = 0; at < hex.length; at += 64) digests.push(hex.slice(at, at + 64));
	return digests;
}
/** Ids or positions, four bytes each, the highest first. */
function encodeIds(ids) {
	let bytes = Buffer.allocUnsafe(ids.length * 4);
	for (let [index, id] of ids.entries()) bytes.writeUInt32BE(id, index * 4);
	return bytes;
}
/** Ids or positions, or undefined if it is no list of them. */
function decodeIds(body) {
	if (body.length === 0 || body.length % 4 != 0) return;
	let view = new DataView(body.buffer, body.byteOffset, body.length);
	return Array.from({ length: body.length / 4 }, (_, index) => view.getUint32(index * 4));
}
/** Bits, eight a byte, the first one lowest. */
function encodeBits(bits) {
	let bytes = new Uint8Array(Math.ceil(bits.length / 8));
	for (let [index, bit] of bits.entries()) bit && (bytes[index >> 3] |= 1 << (index & 7));
	return bytes;
}
/** `count` bits, or undefined if there are not as many. */
function decodeBits(bytes, count) {
	if (bytes.length === Math.ceil(count / 8)) return Array.from({ length: count }, (_, index) => !!(bytes[index >> 3] & 1 << (index & 7)));
}
/**
* Fetches chunks from several peers at once, and with others that fetch the same.
*
* Each source is kept busy with as much as its speed deserves. What is asked for or buffered counts
* against one budget, so that whatever arrives can be taken at once and a slow consumer slows the
* requests, not the connections. A chunk that a source does not deliver is open again at once. Idle
* sources take over what slow ones owe; of the last chunks two copies are asked for, and the first wins.
*/
var ChunkFetch = class {
	#parts;
	#bufferBytes;
	#priority;
	#picker;
	#sources;
	#verify;
	#ready = [];
	#stopTicking;
	#heldBytes = 0;
	/** What may be held: as much as comes in a while, once it is known how much that is. */
	#mayHoldBytes;
	#tickedAt;
	/** Further chunks may be added. */
	#growing;
	#finished = !1;
	#error;
	#wake;
	constructor(parts, request, options = {}) {
		let { random = Math.random, every = everyByTimer } = parts;
		this.#parts = parts;
		let { verify, priority } = request;
		this.#priority = priority, this.#verify = verify === void 0 ? parts.verify : async (frame, peerId) => (await verify(frame, peerId), frame.bytes), this.#bufferBytes = options.bufferBytes ?? 16777216, this.#mayHoldBytes = this.#bufferBytes, this.#picker = new ChunkPicker(request.chunks, random), this.#tickedAt = parts.now(), this.#growing = request.more !== void 0;
		let listener = {
			frame: (source, chunk, bytes) => this.#take(source, chunk, bytes),
			missing: (source, chunk) => this.#lack(source, chunk),
			offered: (digests) => this.#spareFull(digests),
			lost: (source) => this.#lost(source),
			changed: () => this.#pump()
		};
		this.#sources = new FetchSources(parts, request, this.#picker, listener, random), this.#stopTicking = every(50, () => this.#tick()), request.more !== void 0 && this.#grow(request.more), this.#pump();
	}
	/** The next verified frame, or undefined once all were handed over; rejects with what ended the fetch. */
	async next() {
		for (;;) {
			let frame = this.#ready.shift();
			if (frame !== void 0) return this.#heldBytes -= frame.bytes.length, this.#parts.crowds.arrived(frame.chunk.digest), this.#pump(), frame;
			if (this.#error !== void 0) throw this.#error;
			if (this.#finished) return;
			await new Promise((resolve) => this.#wake = resolve);
		}
	}
	/** Ends the fetch at once; what is buffered is dropped. */
	abort(reason) {
		this.#ready.length = 0, this.#finish(reason);
	}
	/** Releases everything; safe to call at any time. */
	close() {
		this.#finish(void 0);
	}
	#finish(error) {
		this.#finished || (this.#finished = !0, this.#error = error, this.#stopTicking(), this.#sources.close(), this.#wake?.());
	}
	async #grow(more) {
		try {
			for await (let chunks of more) {
				if (this.#finished) return;
				this.#picker.add(chunks), this.#pump();
			}
		} catch (error) {
			this.#finish(error);
		}
		this.#growing = !1, this.#pump();
	}
	get #isComplete() {
		return this.#picker.left === 0 && !this.#growing;
	}
	#pump() {
		if (this.#finished || this.#sources === void 0) return;
		if (this.#isComplete) {
			this.#finish(void 0);
			return;
		}
		let { all, inCrowd } = this.#sources, load = (source) => source.outstandingBytes / source.windowBytes(inCrowd) + (source.isFull && inCrowd ? 1 : 0), isThrottled = !1;
		for (let source of [...all].sort((a, b) => load(a) - load(b))) {
			if (isThrottled = this.#parts.rate?.isOpen === !1, isThrottled) break;
			this.#feed(source);
		}
		this.#sources.openMore(), isThrottled || this.#endIfStuck();
	}
	#feed(source) {
		if (source.channel === void 0) return;
		let { inCrowd } = this.#sources, windowBytes = source.windowBytes(inCrowd);
		if (source.outstandingBytes > windowBytes * .75) return;
		let bytes = Math.min(windowBytes - source.outstandingBytes, this.#mayHoldBytes - this.#heldBytes), count = 1024 - source.outstanding.size;
		if (bytes <= 0 || count <= 0) return;
		let now = this.#parts.now(), tasks = this.#picker.pick(source, {
			bytes,
			count,
			now,
			inCrowd
		});
		for (let task of tasks) task.from.size === 0 && (this.#heldBytes += task.chunk.bytes);
		this.#withdraw(tasks), this.#ask(source, tasks);
	}
	#ask(source, tasks) {
		if (tasks.length === 0) return;
		let now = this.#parts.now();
		for (let task of tasks) task.from.add(source), source.asked(task.chunk, now), this.#parts.rate?.spend(task.chunk.bytes);
		source.channel.want(tasks.map(({ chunk }) => chunk), this.#priority);
	}
	/** Takes tasks back from the sources that were asked for them. */
	#withdraw(tasks) {
		let now = this.#parts.now(), cancelled = /* @__PURE__ */ new Map();
		for (let task of tasks) {
			for (let source of task.from) {
				let digests = cancelled.get(source) ?? [];
				cancelled.set(source, digests), digests.push(task.chunk.digest), source.settle(task.chunk.digest, now), source.isFull || source.offers.add(task.chunk.digest);
			}
			task.from.clear();
		}
		for (let [source, digests] of cancelled) source.channel?.cancel(digests);
	}
	/** In a crowd full holders are to send what nobody else has. */
	#spareFull(digests) {
		if (!this.#sources.inCrowd) return;
		let tasks = digests.map((digest) => this.#picker.get(digest)).filter((task) => task?.state === "asked" && isOnlyAskedOfFull(task));
		this.#withdraw(tasks);
		for (let task of tasks) this.#heldBytes -= task.chunk.bytes, this.#picker.giveBack(task);
	}
	#take(source, chunk, bytes) {
		source.delivered(chunk.digest, bytes.length, this.#parts.now()), this.#sources.hasNews();
		let task = this.#picker.get(chunk.digest);
		task?.state === "asked" || task?.state === "open" ? (task.state === "open" && (this.#heldBytes += chunk.bytes), task.from.delete(source), this.#withdraw([task]), this.#picker.arrived(task), this.#heldBytes += bytes.length - chunk.bytes, this.#check(source, task, bytes)) : freeMemory(bytes), this.#pump();
	}
	async #check(source, task, received) {
		let { chunk } = task, { peerId } = source, size = received.length, bytes;
		try {
			bytes = await this.#verify({
				chunk,
				bytes: received
			}, peerId);
		} catch (error) {
			if (this.#finished) return;
			if (!isSwarmCacheError(error, "ERR_INTEGRITY") || isMalformed(error)) {
				this.#finish(error);
				return;
			}
			publish("chunk:corrupt", {
				digest: chunk.digest,
				where: `peer ${peerId}`
			}), this.#heldBytes -= size, this.#picker.giveBack(task), this.#sources.leave(source, error), this.#pump();
			return;
		}
		this.#finished || (source.frames += 1, publish("chunks:received", {
			tier: "peers",
			bytes: bytes.length,
			peerId
		}), this.#picker.done(task), this.#ready.push({
			chunk,
			bytes,
			tier: "peers",
			peer: peerId,
			isOwned: !0
		}), this.#wake?.(), this.#isComplete && this.#finish(void 0));
	}
	#lack(source, chunk) {
		this.#reopen(source, chunk), this.#sources.lacks(source, chunk.digest), this.#pump();
	}
	#lost(source) {
		for (let { chunk } of source.outstanding.values()) this.#reopen(source, chunk);
	}
	/** The chunk will not come from this source; it is open again if no other was asked for it. */
	#reopen(source, chunk) {
		source.settle(chunk.digest, this.#parts.now());
		let task = this.#picker.get(chunk.digest);
		task !== void 0 && (task.from.delete(source), task.state !== "asked" || task.from.size > 0 || (this.#heldBytes -= chunk.bytes, this.#picker.giveBack(task)));
	}
	#tick() {
		let now = this.#parts.now(), elapsedMs = now - this.#tickedAt;
		this.#tickedAt = now, this.#sources.tick(now, elapsedMs, Math.max(0, elapsedMs - 100));
		let aheadBytes = this.#sources.bytesPerMs * 3e3;
		aheadBytes > 0 && (this.#mayHoldBytes = Math.min(this.#bufferBytes, Math.max(1048576, aheadBytes))), this.#pump(), this.#finished || this.#rescue(now);
	}
	#rescue(now) {
		let { all, inCrowd } = this.#sources, mayCopy = this.#isEnding;
		for (let source of all) {
			if (source.channel === void 0 || source.outstanding.size > 0) continue;
			let { copied, moved } = chunksToRescue(source, all, {
				now,
				taskOf: (digest) => this.#picker.get(digest),
				gainMs: inCrowd && source.isFull ? 400 : 50,
				mayCopy
			});
			this.#withdraw(moved), this.#ask(source, [...copied, ...moved]);
		}
	}
	/** True if all that was asked for will soon be here, so that what is late is worth having twice. */
	get #isEnding() {
		let { all, bytesPerMs } = this.#sources, owedBytes = 0;
		for (let source of all) owedBytes += source.outstandingBytes;
		return owedBytes < bytesPerMs * 300;
	}
	/** Ends the fetch if chunks are left that no source and no candidate can supply. */
	#endIfStuck() {
		let { open } = this.#picker;
		if (open === 0 || this.#heldBytes >= this.#mayHoldBytes || this.#sources.mayGain) return;
		let { inCrowd, newsAt, reasons } = this.#sources;
		if (this.#sources.mayRecover || this.#sources.searchOnceMore() || inCrowd && this.#parts.now() - newsAt < 1e3) return;
		let why = reasons === "" ? "no peer holds them" : reasons;
		this.#finish(new SwarmCacheError("ERR_PEER", `No peer is left that could supply ${open} more chunks (${why}).`, { facts: { chunks: open } }));
	}
};
function everyByTimer(milliseconds, callback) {
	let timer = setInterval(callback, milliseconds);
	return () => clearInterval(timer);
}
// src/transfer/send-order.ts
const RELAY_STEP = 1.05;
/**
* In which order the readers of one manifest get what they want.
*
* Alone, a reader gets it in the order asked. Among several, each is first given what nobody has been given
* yet, and what was given to one is kept back from the others for a moment: they get it from each other, and
* withdraw their wish here. That way a holder sends a crowd little more than one copy of everything.
*/
var SendOrder = class {
	#now;
	#readers = /* @__PURE__ */ new Set();
	#sent = /* @__PURE__ */ new Map();
	/** Usual milliseconds from sending a chunk to its first reader until another has found it there. */
	#relayMs;
	constructor(now) {
		this.#now = now;
	}
	get readers() {
		return this.#readers;
	}
	get size() {
		return this.#readers.size;
	}
	add(reader) {
		this.#readers.add(reader);
	}
	remove(reader) {
		this.#readers.delete(reader);
	}
	/** Which of the wishes, in the order asked, the reader should get; at least one is given. */
	choose(reader, wishes) {
		let now = this.#now(), alone = this.#readers.size < 2, best, leastCount = 1e400, waitMs = 1e400, compared = 0;
		for (let wanted of wishes) {
			if (alone) return { wanted };
			if ((compared += 1) > 256) break;
			let sent = this.#sent.get(wanted.digest);
			if (sent === void 0) return { wanted };
			let leftMs = reader.isSpared ? sent.lastAt + this.#holdMs - now : 0;
			leftMs > 0 ? waitMs = Math.min(waitMs, leftMs) : sent.count < leastCount && (best = wanted, leastCount = sent.count);
		}
		return best === void 0 ? { waitMs: Math.ceil(waitMs) } : { wanted: best };
	}
	/** A chunk is on its way to a reader. */
	began(digest) {
		let now = this.#now(), sent = this.#sent.get(digest) ?? {
			count: 0,
			firstAt: now,
			lastAt: now
		};
		if (sent.count += 1, sent.lastAt = now, this.#sent.delete(digest), this.#sent.set(digest, sent), this.#sent.size <= 16384) return;
		let [oldest] = this.#sent.keys();
		this.#sent.delete(oldest);
	}
	/** A reader no longer wants a chunk from here. */
	withdrawn(digest) {
		let sent = this.#sent.get(digest);
		if (sent === void 0) return;
		let milliseconds = this.#now() - sent.firstAt, old = Math.max(1, this.#relayMs ?? milliseconds);
		this.#relayMs = milliseconds > old ? old * RELAY_STEP : old / RELAY_STEP;
	}
	get #holdMs() {
		return this.#relayMs === void 0 ? 500 : Math.min(1500, Math.max(50, 3 * this.#relayMs));
	}
}, Crowds = class {
	#now;
	#orders = /* @__PURE__ */ new Map();
	#readers = /* @__PURE__ */ new Set();
	#fetches = /* @__PURE__ */ new Map();
	#recent = /* @__PURE__ */ new Set();
	constructor(now) {
		this.#now = now;
	}
	join(manifest, reader) {
		let order = this.#orders.get(manifest) ?? new SendOrder(this.#now);
		this.#orders.set(manifest, order);
		let peers = new Set([...order.readers].reverse().map(({ peerId }) => peerId));
		peers.delete(reader.peerId), order.add(reader), this.#readers.add(reader);
		let fetches = this.#fetches.get(manifest);
		for (let joined of fetches ?? []) joined(reader.peerId);
		return {
			order,
			others: [...peers].slice(0, 12),
			fetching: fetches !== void 0
		};
	}
	leave(manifest, reader) {
		this.#readers.delete(reader);
		let order = this.#orders.get(manifest);
		order?.remove(reader), order?.size === 0 && this.#orders.delete(manifest);
	}
	/** This node fetches a manifest until the returned function is called; `joined` names peers that read it here. */
	fetch(manifest, joined) {
		let fetches = this.#fetches.get(manifest) ?? /* @__PURE__ */ new Set();
		this.#fetches.set(manifest, fetches), fetches.add(joined);
		let peers = new Set([...this.#orders.get(manifest)?.readers ?? []].map((r) => r.peerId));
		for (let peerId of peers) joined(peerId);
		return () => {
			fetches.delete(joined), fetches.size === 0 && this.#fetches.delete(manifest);
		};
	}
	/** What was handed over of late, the newest last. */
	get recent() {
		return this.#recent;
	}
	/** A chunk was fetched and handed over. */
	arrived(digest) {
		this.#recent.add(digest), this.#recent.size > 512 && this.#recent.delete(this.#recent.values().next().value);
		for (let reader of this.#readers) reader.arrived(digest);
	}
};
// src/transfer/frame-checks.ts
const MAX_THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));
/** Checks frames in threads, which are started when many come at once and end when none come. */
var FrameChecks = class {
	#checkers = [];
	#waiting = [];
	/** Frames that are checked on this thread, as none was started yet. */
	#bytesHere = 0;
	#isScheduled = !1;
	#idleTimer;
	#isClosed = !1;
	/**
	* Resolves to the bytes of a good frame; the ones given may not be used any more, whatever comes of it.
	*
	* @throws ERR_INTEGRITY if the frame is not what its chunk names, ERR_CLOSED once this was closed.
	*/
	async check(frame) {
		if (this.#isClosed) throw closed();
		let { length } = frame.bytes;
		if (this.#checkers.length === 0 && this.#bytesHere + length <= 1048576) {
			this.#bytesHere += length;
			try {
				await openFrame(frame);
			} finally {
				this.#bytesHere -= length;
			}
			return frame.bytes;
		}
		let result = Promise.withResolvers();
		return this.#waiting.push({
			frame,
			result
		}), this.#isScheduled || (this.#isScheduled = !0, queueMicrotask(() => {
			this.#isScheduled = !1, this.#assign();
		})), await result.promise;
	}
	/** Ends the threads, and what they are at with ERR_CLOSED. */
	close() {
		this.#isClosed = !0, this.#end(closed());
	}
	#assign() {
		for (; this.#waiting.length > 0;) {
			let checker = this.#freeChecker();
			if (checker === void 0) return;
			let batch = this.#nextBatch();
			checker.batches.push(batch);
			let frames = batch.map(({ frame: { chunk, bytes } }) => ({
				chunk,
				bytes
			})), moved = new Set(frames.map(({ bytes }) => bytes.buffer));
			checker.worker.postMessage(frames, [...moved]);
		}
	}
	/** The one with the least to do; a new one if all are busy and there may be more. */
	#freeChecker() {
		clearTimeout(this.#idleTimer);
		let [least] = this.#checkers.toSorted((a, b) => a.batches.length - b.batches.length);
		return least?.batches.length === 0 ? least : this.#checkers.length < MAX_THREADS ? this.#start() : least.batches.length < 2 ? least : void 0;
	}
	#nextBatch() {
		let bytes = 0, count = 0;
		for (let { frame } of this.#waiting) {
			if (bytes += frame.bytes.length, count > 0 && (bytes > 524288 || count >= 32)) break;
			count += 1;
		}
		return this.#waiting.splice(0, count);
	}
	#start() {
		let worker = startThreadBeside(import.meta.url, "check-worker"), checker = {
			worker,
			batches: []
		};
		return worker.on("message", (checked) => this.#take(checker, checked)), worker.on("error", (error) => this.#lose(checker, error)), worker.on("exit", () => this.#lose(checker, lost())), worker.unref(), this.#checkers.push(checker), checker;
	}
	#take(checker, { frames, problems }) {
		let batch = checker.batches.shift() ?? [];
		for (let [index, { frame, result }] of batch.entries()) {
			let problem = problems[index];
			problem === void 0 ? result.resolve(frames[index]) : result.reject(damaged(frame, problem));
		}
		this.#assign(), this.#checkers.some(({ batches }) => batches.length > 0) || (this.#idleTimer = setTimeout(() => this.#end(closed()), 1e4).unref());
	}
	#lose(checker, error) {
		let index = this.#checkers.indexOf(checker);
		if (!(index < 0)) {
			this.#checkers.splice(index, 1);
			for (let { result } of checker.batches.splice(0).flat()) result.reject(error);
			this.#assign();
		}
	}
	#end(error) {
		clearTimeout(this.#idleTimer);
		for (let { result } of this.#waiting.splice(0)) result.reject(error);
		for (let { worker, batches } of this.#checkers.splice(0)) {
			for (let { result } of batches.flat()) result.reject(error);
			endThread(worker);
		}
	}
};
function damaged({ chunk }, { message, malformed }) {
	let facts = {
		digest: chunk.digest,
		malformed
	};
	return new SwarmCacheError("ERR_INTEGRITY", message, { facts });
}
function lost() {
	return new SwarmCacheError("ERR_CLOSED", "A thread that checks chunks ended before its work was done. Restore again, or see what ends it (memory?).");
}
function closed() {
	return new SwarmCacheError("ERR_CLOSED", "The transfer was stopped.");
}
// src/transfer/lane-certificate.ts
const OID_ECDSA_SHA256 = [
	42,
	134,
	72,
	206,
	61,
	4,
	3,
	2
], OID_COMMON_NAME = [
	85,
	4,
	3
];
/**
* Makes a fresh P-256 key and an X.509 v3 certificate for it.
*
* node:crypto reads certificates but makes none; this is the smallest one that TLS 1.3 accepts.
* https://www.rfc-editor.org/rfc/rfc5280#section-4.1
*/
function createLaneCertificate() {
	let { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" }), algorithm = sequence(tlv(6, Buffer.from(OID_ECDSA_SHA256))), name = sequence(tlv(49, sequence(tlv(6, Buffer.from(OID_COMMON_NAME)), tlv(12, Buffer.from("swarmcache lane"))))), body = sequence(tlv(160, tlv(2, Buffer.from([2]))), tlv(2, serialNumber()), algorithm, name, sequence(tlv(24, Buffer.from("20240101000000Z")), tlv(24, Buffer.from("99991231235959Z"))), name, publicKey.export({
		type: "spki",
		format: "der"
	})), signature = sign("sha256", body, privateKey), certificate = sequence(body, algorithm, tlv(3, Buffer.concat([ZERO, signature])));
	return {
		keyPem: privateKey.export({
			type: "pkcs8",
			format: "pem"
		}).toString(),
		certificatePem: pem(certificate),
		fingerprint: createHash("sha256").update(certificate).digest("hex")
	};
}
const ZERO = Buffer.from([0]);
/** Sixteen random bytes, positive and in the shortest form, as DER integers must be. */
function serialNumber() {
	let bytes = randomBytes(16);
	return bytes[0] = bytes[0] & 63 | 64, bytes;
}
function sequence(...parts) {
	return tlv(48, Buffer.concat(parts));
}
/** Tag, length, value. */
function tlv(tag, value) {
	let { length } = value, head = length < 128 ? [tag, length] : length < 256 ? [
		tag,
		129,
		length
	] : [
		tag,
		130,
		length >> 8,
		length & 255
	];
	return Buffer.concat([Buffer.from(head), value]);
}
function pem(der) {
	return [
		"-----BEGIN CERTIFICATE-----",
		...der.toString("base64").match(/.{1,64}/g) ?? [],
		"-----END CERTIFICATE-----",
		""
	].join("\n");
}
const TICKET_PATTERN = /^[0-9a-f]{64}$/;
/** The offer that `value` (parsed JSON from a peer) holds, or undefined if it is malformed. */
function parseLaneOffer(value) {
	if (typeof value != "object" || !value) return;
	let { hosts, port, fingerprint, ticket } = value;
	if (!(!Array.isArray(hosts) || hosts.length > 4 || !isDigest(fingerprint)) && hosts.every((host) => typeof host == "string" && /^[\w.:-]{1,253}$/.test(host)) && !(!Number.isInteger(port) || port < 0 || port > 65535) && typeof ticket == "string") return {
		hosts,
		port: port !== 0 && TICKET_PATTERN.test(ticket) ? port : 0,
		fingerprint,
		ticket
	};
}
/** One-time tickets for lanes, handed out over the authenticated connection of a swarm. */
var LaneTickets = class {
	#now;
	#grants = /* @__PURE__ */ new Map();
	constructor(now = () => performance.now()) {
		this.#now = now;
	}
	/** A fresh ticket, 64 hex digits. */
	issue(grant) {
		this.#sweep(), this.#makeRoomFor(grant.peerId);
		let ticket = randomBytes(32).toString("hex");
		return this.#grants.set(ticket, {
			...grant,
			expires: this.#now() + 1e4
		}), ticket;
	}
	/** What the ticket admits, once: undefined if it is unknown, used, too old, or shown with another certificate. */
	redeem(ticket, fingerprint) {
		let grant = this.#grants.get(ticket);
		if (this.#grants.delete(ticket), !(grant === void 0 || grant.expires < this.#now())) return grant.fingerprint === fingerprint ? grant : void 0;
	}
	/** Takes a ticket back. */
	revoke(ticket) {
		this.#grants.delete(ticket);
	}
	#makeRoomFor(peerId) {
		let own = [...this.#grants].filter(([, grant]) => grant.peerId === peerId), [oldest] = own;
		own.length >= 32 && oldest !== void 0 && this.#grants.delete(oldest[0]);
	}
	#sweep() {
		let now = this.#now();
		for (let [ticket, grant] of this.#grants) {
			if (grant.expires >= now && this.#grants.size < 1024) break;
			this.#grants.delete(ticket);
		}
	}
};
// src/transfer/lane-socket.ts
const ADMIT_MS = 3e3, TLS = {
	minVersion: "TLSv1.3",
	ciphers: "TLS_AES_128_GCM_SHA256",
	rejectUnauthorized: !1,
	highWaterMark: 262144
};
/**
* Listens for lanes; `onLane` gets each one that showed a ticket which `admit` accepts.
*
* Nothing is sent and no more than a ticket is read before that.
*/
async function listenForLanes(certificate, host, admit, onLane, onRefused) {
	let admitted = 0, server = createServer({
		...TLS,
		key: certificate.keyPem,
		cert: certificate.certificatePem,
		requestCert: !0,
		handshakeTimeout: ADMIT_MS
	}), open = /* @__PURE__ */ new Set();
	return server.on("connection", (socket) => {
		open.add(socket), socket.once("close", () => open.delete(socket)), open.size - admitted > 64 && socket.destroy();
	}), server.on("tlsClientError", (error, socket) => {
		onRefused(socket.remoteAddress ?? "unknown", error.message);
	}), server.on("secureConnection", (socket) => {
		let address = socket.remoteAddress ?? "unknown";
		accept(socket, admit).then(({ stream, grant }) => {
			admitted += 1, socket.once("close", () => --admitted), onLane(stream, grant);
		}, (error) => {
			onRefused(address, error.message), socket.destroy();
		});
	}), server.listen(0, host), await once(server, "listening"), {
		port: server.address().port,
		close() {
			server.close();
			for (let socket of open) socket.destroy();
		}
	};
}
/**
* Connects to a lane, checks that the other side shows the certificate of `fingerprint`, and shows the ticket.
*
* @throws ERR_PEER if it cannot be reached, shows another certificate, or refuses the ticket.
*/
async function dialLane(certificate, target, signal) {
	let { host, port } = target, reading = new SocketReading(), options = {
		...TLS,
		host,
		port,
		key: certificate.keyPem,
		cert: certificate.certificatePem,
		checkServerIdentity: () => void 0,
		onread: reading.onread
	}, socket = connect(options), stream = new SocketByteStream(socket, { reading });
	socket.setNoDelay(!0);
	try {
		return await withDeadline(1500, `A lane to ${host}:${port}`, signal, async () => {
			if (await once(socket, "secureConnect"), fingerprintOf(socket) !== target.fingerprint) throw refused(`${host}:${port} shows another certificate than the peer announced`);
			await stream.write(Buffer.from(target.ticket, "hex"));
			let [answer] = await stream.first(1);
			if (answer !== 1) throw refused(`${host}:${port} refused the ticket`);
			return stream;
		});
	} catch (error) {
		throw socket.destroy(), error;
	}
}
async function accept(socket, admit) {
	socket.setNoDelay(!0);
	let stream = new SocketByteStream(socket);
	return await withDeadline(ADMIT_MS, "Showing a ticket", void 0, async () => {
		let grant = admit(Buffer.from(await stream.first(32)).toString("hex"), fingerprintOf(socket));
		if (grant === void 0) throw refused("the ticket or the certificate is not the expected one");
		return await stream.write(Uint8Array.of(1)), {
			stream,
			grant
		};
	});
}
function fingerprintOf(socket) {
	return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase();
}
function refused(why) {
	return new SwarmCacheError("ERR_PEER", `A lane was refused: ${why}.`);
}
/** Peers with which something failed within the last minute. */
var RecentFailures = class {
	#failedAt = /* @__PURE__ */ new Map();
	has(peerId) {
		let failedAt = this.#failedAt.get(peerId);
		return failedAt !== void 0 && performance.now() - failedAt < 6e4;
	}
	add(peerId) {
		this.#failedAt.delete(peerId), this.#failedAt.set(peerId, performance.now());
		let [oldest] = this.#failedAt.keys();
		this.#failedAt.size > 256 && oldest !== void 0 && this.#failedAt.delete(oldest);
	}
	delete(peerId) {
		this.#failedAt.delete(peerId);
	}
};
// src/transfer/lanes.ts
/** Arranges lanes over the authenticated connection of two peers. */
const LANE_PROTOCOL = "/swarmcache/lane/1", LIMITS = {
	headerBytes: 4096,
	bodyBytes: 0
}, ARRANGE_MS = 4e3;
/**
* Direct TLS 1.3 connections for bulk bytes between peers that are connected already.
*
* Each side learns the other's certificate fingerprint, and the dialling one a one-time ticket, over the
* libp2p connection that has proved their peer ids; nothing else is accepted. If the peer cannot be dialled
* it is asked to dial back.
*/
var Lanes = class {
	#swarm;
	#serve;
	#peers;
	#logger;
	#makeRoom;
	#listenHost;
	#tickets = new LaneTickets();
	#expected = /* @__PURE__ */ new Map();
	/** Peers to which no lane could be had, and which could not be dialled back. */
	#unreached = new RecentFailures();
	#undialled = new RecentFailures();
	#diallingBack = /* @__PURE__ */ new Map();
	#open = /* @__PURE__ */ new Map();
	#certificate;
	#listener;
	#stopListening;
	constructor(parts, options) {
		this.#swarm = parts.swarm, this.#serve = parts.serve, this.#peers = parts.peers, this.#logger = parts.logger, this.#makeRoom = parts.makeRoom, this.#listenHost = options.listenHost;
	}
	/** Listens, and answers peers that want a lane; before the swarm starts. */
	async start() {
		if (this.#certificate = createLaneCertificate(), this.#swarm.handle(LANE_PROTOCOL, async (stream, peerId) => await this.#answer(stream, peerId)), this.#stopListening = this.#swarm.listen({ banned: (peerId) => this.#cut(peerId) }), this.#listenHost !== void 0) try {
			this.#listener = await this.#listen(this.#certificate, this.#listenHost);
		} catch (error) {
			this.#logger.log("warning", "No lanes can be accepted.", { reason: errorMessage(error) });
		}
	}
	async #listen(certificate, host) {
		return await listenForLanes(certificate, host, (ticket, fingerprint) => {
			if (this.#open.size >= 256 && !this.#makeRoom()) return;
			let grant = this.#tickets.redeem(ticket, fingerprint);
			return grant && {
				...grant,
				ticket
			};
		}, (stream, grant) => this.#accepted(stream, grant), (address, reason) => publish("peer:refused", {
			address,
			reason: `lane: ${reason}`
		}));
	}
	/** Ends every lane. */
	stop() {
		this.#listener?.close(), this.#stopListening?.();
		for (let stream of this.#open.keys()) stream.abort();
	}
	/** True for a lane that has not ended. */
	has(stream) {
		return this.#open.has(stream);
	}
	#cut(banned) {
		for (let [stream, peerId] of this.#open) peerId === banned && stream.abort();
	}
	/**
	* A new lane to a connected peer.
	*
	* @throws ERR_PEER if none can be had, now or since a minute.
	*/
	async open(peerId, options = {}) {
		if (this.#unreached.has(peerId)) throw noLane(peerId, "the last try failed");
		try {
			let what = `A lane to ${peerId}`, stream = await withDeadline(ARRANGE_MS, what, options.signal, (signal) => this.#arrangeWith(peerId, signal));
			return this.#unreached.delete(peerId), stream;
		} catch (error) {
			throw options.signal?.throwIfAborted(), this.#unreached.add(peerId), this.#logger.log("debug", `There is no lane to ${peerId}: ${errorMessage(error)}`), error;
		}
	}
	async #arrangeWith(peerId, signal) {
		let talk = new MessageStream(await this.#swarm.open(peerId, LANE_PROTOCOL, { signal }), LIMITS);
		try {
			let { fingerprint } = this.#ownCertificate();
			await talk.write({
				want: "offer",
				fingerprint
			});
			let offer = parseLaneOffer((await talk.read())?.header.offer);
			if (offer !== void 0) {
				let stream = await this.#tryHosts(peerId, offer, signal);
				if (stream !== void 0) return stream;
			}
			return await this.#askDialBack(talk, peerId, offer?.fingerprint, signal);
		} finally {
			talk.abort();
		}
	}
	async #tryHosts(peerId, offer, signal) {
		for (let host of this.#hostsOf(peerId, offer)) try {
			let stream = await dialLane(this.#ownCertificate(), {
				...offer,
				host
			}, signal);
			return this.#track(stream, peerId);
		} catch (error) {
			signal.throwIfAborted(), this.#logger.log("debug", `No lane at ${host}: ${errorMessage(error)}`);
		}
	}
	/** The host that the peer is connected from; what it names itself only behind a relay. */
	#hostsOf(peerId, offer) {
		if (offer.port === 0) return [];
		let peer = this.#swarm.peers().find((candidate) => candidate.peerId === peerId);
		return peer === void 0 ? [] : peer.relayed ? offer.hosts.slice(0, 4) : hostOf(peer.address);
	}
	async #askDialBack(talk, peerId, fingerprint, signal) {
		if (this.#listener === void 0 || fingerprint === void 0) throw noLane(peerId, "neither side can reach the other");
		let ticket = this.#tickets.issue({
			peerId,
			fingerprint,
			expected: !0
		}), arrived = Promise.withResolvers();
		this.#expected.set(ticket, arrived.resolve);
		try {
			await talk.write({
				want: "dial-back",
				offer: this.#offer(ticket)
			});
			let refused = talk.read().then((answer) => {
				if (answer?.header.dialled === !0) return arrived.promise;
				throw noLane(peerId, "neither side can reach the other");
			});
			return await abortable(Promise.race([arrived.promise, refused]), signal);
		} finally {
			this.#expected.delete(ticket), this.#tickets.revoke(ticket);
		}
	}
	async #answer(stream, peerId) {
		try {
			await this.#arrange(new MessageStream(stream, LIMITS), peerId);
		} catch (error) {
			throw isSwarmCacheError(error, "ERR_FRAME") && this.#peers.failed(peerId, errorMessage(error), !0), error;
		}
	}
	/** The answering side of an arrangement. */
	async #arrange(talk, peerId) {
		await withDeadline(ARRANGE_MS, "Arranging a lane", void 0, async (signal) => {
			for (let asked = 0; asked < 4; asked += 1) {
				let message = await talk.read();
				if (message === void 0) return;
				let { want, fingerprint, offer } = message.header;
				if (want === "offer" && isDigest(fingerprint)) {
					await talk.write({ offer: this.#offerTo(peerId, fingerprint) });
					continue;
				}
				let parsed = want === "dial-back" ? parseLaneOffer(offer) : void 0;
				if (parsed === void 0) throw new SwarmCacheError("ERR_FRAME", "A peer asked for a lane in a malformed way.");
				let lane = await this.#dialBack(peerId, parsed, signal);
				lane !== void 0 && this.#serveLane(lane, peerId), await talk.write({ dialled: lane !== void 0 });
			}
		});
	}
	/** Whoever can have us dial hosts that it names could have us dial strangers: after a failure not for a while. */
	async #dialBack(peerId, offer, signal) {
		let running = this.#diallingBack.get(peerId) ?? 0;
		if (!(running >= 8 || this.#undialled.has(peerId))) {
			this.#diallingBack.set(peerId, running + 1);
			try {
				let lane = await this.#tryHosts(peerId, offer, signal);
				return lane === void 0 && this.#undialled.add(peerId), lane;
			} finally {
				let left = (this.#diallingBack.get(peerId) ?? 1) - 1;
				left === 0 ? this.#diallingBack.delete(peerId) : this.#diallingBack.set(peerId, left);
			}
		}
	}
	#offerTo(peerId, fingerprint) {
		return this.#listener === void 0 ? this.#offer("") : this.#offer(this.#tickets.issue({
			peerId,
			fingerprint,
			expected: !1
		}));
	}
	#offer(ticket) {
		let hosts = this.#swarm.addresses().flatMap((address) => hostOf(address));
		return {
			hosts: [...new Set(hosts)].slice(0, 4),
			port: this.#listener?.port ?? 0,
			fingerprint: this.#ownCertificate().fingerprint,
			ticket
		};
	}
	#accepted(stream, grant) {
		if (!grant.expected) {
			this.#serveLane(this.#track(stream, grant.peerId), grant.peerId);
			return;
		}
		let deliver = this.#expected.get(grant.ticket);
		deliver === void 0 ? stream.abort() : deliver(this.#track(stream, grant.peerId));
	}
	async #serveLane(stream, peerId) {
		try {
			await this.#serve(stream, peerId);
		} catch (error) {
			this.#logger.log("debug", `A lane to ${peerId} ended: ${errorMessage(error)}`);
		} finally {
			stream.abort();
		}
	}
	/** Counts a lane until it is ended by either side. */
	#track(stream, peerId) {
		return this.#open.set(stream, peerId), stream.onClosed(() => this.#open.delete(stream)), stream;
	}
	#ownCertificate() {
		if (this.#certificate === void 0) throw new SwarmCacheError("ERR_CLOSED", "Lanes have not been started.");
		return this.#certificate;
	}
};
/** The host of a direct multiaddr, or nothing for a relayed one. */
function hostOf(address) {
	if (address.includes("/p2p-circuit")) return [];
	let [, , host] = address.split("/");
	return host === void 0 || host === "" ? [] : [host];
}
function noLane(peerId, why) {
	return new SwarmCacheError("ERR_PEER", `There is no lane to ${peerId}: ${why}.`, { facts: { peerId } });
}
/** Fetches manifests: the best holder first, another one as well if that takes longer than usual. */
var ManifestFetch = class {
	#parts;
	#usualMs;
	constructor(parts) {
		this.#parts = parts;
	}
	/** @throws ERR_PEER if nobody supplied it, or the signal's reason. */
	async fetch(manifest, bytes, holders, parent) {
		if (bytes > 67108864) throw new SwarmCacheError("ERR_LIMIT", `The manifest ${manifest} has ${bytes} bytes, but at most ${MAX_MANIFEST_BYTES} are accepted.`);
		let ending = new AbortController(), parents = parent === void 0 ? [ending.signal] : [ending.signal, parent];
		using deadline = startDeadline(12e4, "Fetching a manifest", AbortSignal.any(parents));
		let { signal } = deadline, result = Promise.withResolvers(), reasons = [];
		signal.addEventListener("abort", () => result.reject(signal.reason), { once: !0 });
		let attempts = this.#attempts(manifest, holders, signal), exhausted = new AbortController(), hedging = AbortSignal.any([signal, exhausted.signal]), run = async (index) => {
			for (index > 0 && await pause(index * this.#hedgeMs, hedging);;) {
				let next = await attempts.next();
				if (next.done === !0) {
					exhausted.abort();
					return;
				}
				let peerId = next.value;
				try {
					result.resolve(await this.#fetchFrom(peerId, manifest, bytes, signal));
					return;
				} catch (error) {
					if (signal.aborted) return;
					this.#blame(peerId, error), reasons.push(`${peerId}: ${errorMessage(error)}`);
				}
			}
		}, runners = Array.from({ length: 3 }, (_, index) => run(index));
		Promise.allSettled(runners).then(() => {
			let why = reasons.length === 0 ? "no peer holds it" : reasons.join("; ");
			result.reject(new SwarmCacheError("ERR_PEER", `No peer supplied the manifest ${manifest} (${why}).`));
		});
		try {
			return await result.promise;
		} finally {
			ending.abort();
		}
	}
	get #hedgeMs() {
		let usualMs = this.#usualMs ?? 50;
		return Math.min(1e3, Math.max(50, usualMs * 4));
	}
	/** The given holders, best first, then those that the router finds. */
	async *#attempts(manifest, holders, signal) {
		let { peers } = this.#parts, tried = /* @__PURE__ */ new Set();
		for (let peerId of peers.rank(holders)) tried.add(peerId), yield peerId;
		for await (let peerId of peers.holders(manifest, { signal })) !tried.has(peerId) && peers.isUsable(peerId) && (tried.add(peerId), yield peerId);
	}
	async #fetchFrom(peerId, manifest, bytes, signal) {
		let { open, peers, now } = this.#parts, startedMs = now(), channel = await withDeadline(3e3, "Opening a channel to a peer", signal, (opening) => open(peerId, IGNORE, opening));
		try {
			let received = await untilStalled(channel, signal, (s) => channel.manifest(manifest, bytes, s));
			if (received === void 0) throw new SwarmCacheError("ERR_PEER", "it does not hold it");
			decodeManifest(received, manifest);
			let milliseconds = now() - startedMs;
			return this.#usualMs = (this.#usualMs ?? milliseconds) * .75 + milliseconds * .25, peers.succeeded(peerId, {
				bytes: received.length,
				milliseconds
			}), received;
		} finally {
			channel.close();
		}
	}
	#blame(peerId, error) {
		if (isSwarmCacheError(error, "ERR_PEER")) return;
		let misbehaved = isSwarmCacheError(error, "ERR_FRAME") || isSwarmCacheError(error, "ERR_INTEGRITY");
		this.#parts.peers.failed(peerId, errorMessage(error), misbehaved);
	}
};
const IGNORE = {
	frame() {},
	missing() {},
	gained() {},
	closed() {}
};
/** Settles as `work` does, or rejects with ERR_TIMEOUT once the channel is silent for too long. */
async function untilStalled(channel, parent, work) {
	let stalled = new AbortController(), seenBytes = channel.receivedBytes, silentMs = 0, timer = setInterval(() => {
		silentMs = channel.receivedBytes === seenBytes ? silentMs + 100 : 0, seenBytes = channel.receivedBytes, silentMs < 2e3 || stalled.abort(new SwarmCacheError("ERR_TIMEOUT", `it sent nothing for ${silentMs} ms`));
	}, 100);
	try {
		return await work(AbortSignal.any([parent, stalled.signal]));
	} finally {
		clearInterval(timer);
	}
}
/** Lanes that are kept for the next conversation of the two peers; where there are too many, the longest resting go. */
var RestingLanes = class {
	#maxLanes;
	#maxLanesPerPeer;
	#after;
	/** With what stops the clock of each; the longest resting first. */
	#lanes = /* @__PURE__ */ new Map();
	#stopped = !1;
	constructor(options = {}) {
		this.#maxLanes = options.maxLanes ?? 64, this.#maxLanesPerPeer = options.maxLanesPerPeer ?? 4, this.#after = options.after ?? afterByTimer$1;
	}
	get size() {
		return this.#lanes.size;
	}
	/** Keeps a lane for so long at most. */
	add(lane, milliseconds) {
		if (this.#stopped) {
			lane.end();
			return;
		}
		this.#lanes.set(lane, this.#after(milliseconds, () => this.#end(lane)));
		let ofPeer = [...this.#lanes.keys()].filter(({ peerId }) => peerId === lane.peerId);
		ofPeer.length > this.#maxLanesPerPeer && this.#end(ofPeer[0]), this.#lanes.size > this.#maxLanes && this.endOldest();
	}
	/** What to go on with on the lane that rests for the shortest time; it is the caller's from now on. */
	take(peerId) {
		let lane = [...this.#lanes.keys()].findLast((candidate) => candidate.peerId === peerId && candidate.talk !== void 0);
		if (lane !== void 0) return this.remove(lane), lane.talk;
	}
	/** False if the lane does not rest here. */
	remove(lane) {
		return this.#lanes.get(lane)?.(), this.#lanes.delete(lane);
	}
	/** Makes room; false if nothing rests. */
	endOldest() {
		let [oldest] = this.#lanes.keys();
		return oldest !== void 0 && this.#end(oldest), oldest !== void 0;
	}
	/** Ends all lanes of a peer. */
	endAllOf(peerId) {
		for (let lane of this.#lanes.keys()) lane.peerId === peerId && this.#end(lane);
	}
	/** Ends all, and keeps none from now on. */
	stop() {
		this.#stopped = !0;
		for (let lane of this.#lanes.keys()) this.#end(lane);
	}
	#end(lane) {
		this.remove(lane) && lane.end();
	}
};
function afterByTimer$1(milliseconds, callback) {
	let timer = setTimeout(callback, milliseconds);
	return timer.unref(), () => clearTimeout(timer);
}
// src/transfer/pending-answers.ts
const FRAME_OVERHEAD_BYTES = MAX_FRAME_BYTES - MAX_CHUNK_BYTES;
/** What one channel has asked for, held against what comes. */
var PendingAnswers = class {
	#receiver;
	#chunks = /* @__PURE__ */ new Map();
	#ids = /* @__PURE__ */ new Map();
	#watches = /* @__PURE__ */ new Map();
	#manifests = /* @__PURE__ */ new Map();
	constructor(receiver) {
		this.#receiver = receiver;
	}
	get isEmpty() {
		return this.#chunks.size + this.#watches.size + this.#manifests.size === 0;
	}
	/** Bytes of chunks that may still come, wanted or not. */
	get owedBytes() {
		let bytes = 0;
		for (let { chunk } of this.#chunks.values()) bytes += chunk.bytes;
		return bytes;
	}
	addChunks(firstId, chunks) {
		for (let [index, chunk] of chunks.entries()) this.#chunks.set(firstId + index, {
			chunk,
			cancelled: !1
		}), this.#ids.set(chunk.digest, firstId + index);
	}
	/** The ids of those chunks that were wanted. */
	cancel(digests) {
		let ids = [];
		for (let digest of digests) {
			let id = this.#ids.get(digest);
			id !== void 0 && (this.#ids.delete(digest), this.#chunks.get(id).cancelled = !0, ids.push(id));
		}
		return ids;
	}
	async addWatch(id, digests) {
		let answer = Promise.withResolvers();
		return this.#watches.set(id, {
			digests,
			answer,
			answered: !1
		}), await answer.promise;
	}
	async addManifest(id, maxBytes) {
		let answer = Promise.withResolvers();
		return this.#manifests.set(id, {
			maxBytes,
			bytes: void 0,
			received: 0,
			answer
		}), await answer.promise;
	}
	/** Nothing more will come. */
	end(error) {
		for (let { answer } of [...this.#watches.values(), ...this.#manifests.values()]) answer.promise.catch(() => {}), answer.reject(error);
		this.#chunks.clear();
	}
	/** @throws ERR_FRAME for what was not asked for, ERR_LIMIT if the peer is busy. */
	take({ header, body }) {
		if (header.busy === !0) throw new SwarmCacheError("ERR_LIMIT", "The peer serves too many others already.");
		if (header.cancelled === !0) return this.#takeCancelled(body);
		let { id } = header;
		if (!isId(id)) throw violation("an answer has no id");
		let pending = this.#chunks.get(id);
		if (pending !== void 0) this.#takeChunk(id, pending, header, body);
		else if (this.#watches.has(id)) this.#takeWatch(id, header, body);
		else if (this.#manifests.has(id)) this.#takeManifest(id, header, body);
		else throw violation("it sent what was not asked for");
	}
	#takeChunk(id, pending, header, body) {
		let { chunk, cancelled } = pending;
		if (this.#chunks.delete(id), cancelled || this.#ids.delete(chunk.digest), header.missing === !0) cancelled || this.#receiver.missing(chunk);
		else if (body.length === 0 || body.length > chunk.bytes + FRAME_OVERHEAD_BYTES) throw violation(`it sent ${body.length} bytes for a chunk of ${chunk.bytes}`);
		else this.#receiver.frame(chunk, body);
	}
	#takeCancelled(body) {
		for (let id of decodeIds(body) ?? []) {
			if (this.#chunks.get(id)?.cancelled !== !0) throw violation("it cancelled what is wanted");
			this.#chunks.delete(id);
		}
	}
	#takeWatch(id, header, body) {
		let watch = this.#watches.get(id), { digests, answer } = watch;
		if (!watch.answered) {
			let held = header.have === !0 ? decodeBits(body, digests.length) : void 0;
			if (held === void 0) throw violation("it did not say what it has");
			watch.answered = !0;
			for (let old of this.#watches.keys()) old < id && this.#watches.delete(old);
			let { fetching } = header;
			answer.resolve({
				held,
				readers: parseReaders(header.readers),
				fetching: fetching === !0
			});
			return;
		}
		let positions = header.gained === !0 ? decodeIds(body) : void 0;
		if (positions?.every((position) => position < digests.length) !== !0) throw violation("it did not say what it got");
		this.#receiver.gained(positions.map((position) => digests[position]));
	}
	#takeManifest(id, header, body) {
		let pending = this.#manifests.get(id);
		if (header.missing === !0) {
			this.#manifests.delete(id), pending.answer.resolve(void 0);
			return;
		}
		let total = header.manifestBytes;
		if (!(Number.isSafeInteger(total) && total > 0) || total > pending.maxBytes || body.length === 0) throw violation("the size of its manifest is wrong");
		if (pending.bytes ??= new Uint8Array(total), pending.bytes.length !== total || pending.received + body.length > pending.bytes.length) throw violation("its manifest is longer than it said");
		pending.bytes.set(body, pending.received), pending.received += body.length, pending.received < pending.bytes.length || (this.#manifests.delete(id), pending.answer.resolve(pending.bytes));
	}
};
function parseReaders(value) {
	return Array.isArray(value) ? value.slice(0, 12).filter(isPeerId) : [];
}
function violation(why) {
	return new SwarmCacheError("ERR_FRAME", `The peer broke the transfer protocol: ${why}.`);
}
// src/transfer/stream-channel.ts
const MAX_USED_IDS = 2 ** 31;
/** Opens channels over streams, over one that rests if there is one. */
function openStreamChannel(parts) {
	return async (peerId, receiver, signal) => (signal.throwIfAborted(), new StreamChannel(parts, peerId, receiver, parts.resting?.take(peerId) ?? await openTalk(parts, peerId, signal)));
}
async function openTalk({ openStream, mayRest }, peerId, signal) {
	let opening = openStream(peerId, signal);
	opening.then((stream) => signal.aborted && stream.abort(), () => {});
	let stream = await abortable(opening, signal);
	return {
		messages: new MessageStream(stream, RESPONSE_LIMITS),
		mayRest: mayRest?.(stream) === !0,
		nextId: 0
	};
}
/**
* A channel over one stream at a time: the one it was given, and if that had rested and fails before any answer, a
* new one.
*/
var StreamChannel = class {
	peerId;
	#parts;
	#receiver;
	#pending;
	#ending = new AbortController();
	#talk;
	/** What was asked on a stream that had rested, until something is answered there. */
	#unanswered;
	#isRenewing = !1;
	#earlierBytes;
	/** Of frames whose sender waits for word of them, and has none yet. */
	#takenBytes = 0;
	#writing = Promise.resolve();
	#timer;
	#restId;
	#closed = !1;
	constructor(parts, peerId, receiver, talk) {
		this.#parts = parts, this.peerId = peerId, this.#receiver = receiver, this.#pending = new PendingAnswers(receiver), this.#talk = talk, this.#earlierBytes = -talk.messages.receivedBytes, talk.coming !== void 0 && (this.#unanswered = [], this.#abortAfter(1e3)), this.#run();
	}
	get receivedBytes() {
		return this.#earlierBytes + this.#talk.messages.receivedBytes;
	}
	want(chunks, priority = "usual") {
		for (let start = 0; start < chunks.length; start += MAX_DIGESTS) {
			let batch = chunks.slice(start, start + MAX_DIGESTS), firstId = this.#takeIds(batch.length);
			this.#pending.addChunks(firstId, batch);
			let header = priority === "usual" ? { want: firstId } : {
				want: firstId,
				background: !0
			};
			this.#ask(header, encodeDigests(batch.map((chunk) => chunk.digest)));
		}
	}
	cancel(digests) {
		let ids = this.#pending.cancel(digests);
		ids.length > 0 && this.#ask({ cancel: !0 }, encodeIds(ids));
	}
	async watch({ manifest, digests, grows }, signal) {
		let id = this.#takeIds(1), answer = this.#pending.addWatch(id, digests), header = {
			have: id,
			watch: manifest
		};
		return this.#ask(grows ? {
			...header,
			grows
		} : header, encodeDigests(digests)), await abortable(answer, signal);
	}
	async manifest(digest, maxBytes, signal) {
		let id = this.#takeIds(1), answer = this.#pending.addManifest(id, maxBytes);
		return this.#ask({
			manifest: digest,
			id
		}), await abortable(answer, signal);
	}
	close() {
		if (this.#closed) return;
		let mayRest = this.#talk.mayRest && this.#unanswered === void 0 && this.#talk.nextId < MAX_USED_IDS && this.#pending.owedBytes <= 1048576;
		this.#leave(new SwarmCacheError("ERR_CLOSED", "The channel was closed.")), mayRest ? (this.#restId = this.#takeIds(1), this.#abortAfter(3e3), this.#write({ rest: this.#restId }, void 0)) : this.#talk.messages.abort();
	}
	abort() {
		this.#closed || this.#end(new SwarmCacheError("ERR_CLOSED", "The channel was closed."), !1);
	}
	#takeIds(count) {
		let first = this.#talk.nextId;
		return this.#talk.nextId += count, first;
	}
	#end(error, tell) {
		this.#closed || (this.#leave(error), this.#talk.messages.abort(), tell && this.#receiver.closed(error));
	}
	/** The receiver has heard the last of it. */
	#leave(error) {
		this.#closed = !0, clearInterval(this.#timer), this.#pending.end(error), this.#ending.abort(error);
	}
	#abortAfter(milliseconds) {
		let { messages } = this.#talk, leftMs = milliseconds;
		this.#timer = setInterval(() => {
			leftMs -= 250, leftMs > 0 || (clearInterval(this.#timer), messages.abort());
		}, 250);
	}
	#ask(header, body) {
		this.#closed || (this.#unanswered?.push({
			header,
			body
		}), this.#isRenewing || this.#write(header, body));
	}
	/** Requests go out in order; what waits here is bounded by what the asker may have in flight. */
	#write(header, body) {
		let { messages } = this.#talk;
		this.#writing = this.#writing.then(() => this.#isOver(messages) ? void 0 : messages.write(header, body)).catch((error) => {
			!this.#isOver(messages) && this.#unanswered === void 0 && this.#pending.isEmpty && this.#end(error, !0);
		});
	}
	#isOver(messages) {
		return messages !== this.#talk.messages || this.#closed && this.#restId === void 0;
	}
	async #run() {
		for (;;) try {
			await this.#readAll(this.#talk);
			return;
		} catch (error) {
			if (clearInterval(this.#timer), this.#talk.messages.abort(), !this.#closed && await this.#renew()) continue;
			this.#talk.messages.abort(), this.#end(error, !0);
			return;
		}
	}
	/** Takes what comes until the channel is closed, and after that until the stream may rest. */
	async #readAll(talk) {
		for (;;) {
			let reading = talk.coming ?? talk.messages.read();
			talk.coming = void 0;
			let message = await reading;
			if (this.#closed && this.#restId === void 0) return;
			if (message === void 0) throw new SwarmCacheError("ERR_CLOSED", "The peer ended the conversation.");
			if (this.#restId === void 0) {
				this.#answered();
				let { header, body } = message, bytes = body.length;
				this.#pending.take(message), header.paced === !0 && this.#tellTaken(bytes);
			} else if (message.header.rested === !0 && message.header.id === this.#restId) {
				clearInterval(this.#timer), this.#rest(talk);
				return;
			} else freeMemory(message.body);
		}
	}
	/** What comes in one turn of the event loop is told in one message. */
	#tellTaken(bytes) {
		this.#takenBytes += bytes, this.#takenBytes > bytes || setImmediate(() => {
			let taken = this.#takenBytes;
			this.#takenBytes = 0, this.#ask({ taken });
		});
	}
	#answered() {
		this.#unanswered !== void 0 && (this.#unanswered = void 0, clearInterval(this.#timer));
	}
	/** Asks again on a new stream if nothing was answered on one that had rested; false if there is nothing to be done. */
	async #renew() {
		let asked = this.#unanswered;
		if (asked === void 0 || this.#isRenewing) return !1;
		this.#isRenewing = !0;
		try {
			let talk = await withDeadline(3e3, "Another stream to a peer", this.#ending.signal, (signal) => openTalk(this.#parts, this.peerId, signal));
			this.#earlierBytes = this.receivedBytes, this.#talk = {
				...talk,
				nextId: this.#talk.nextId
			};
		} catch {
			return !1;
		}
		if (this.#isRenewing = !1, this.#unanswered = void 0, this.#closed) return !1;
		for (let { header, body } of asked) this.#write(header, body);
		return !0;
	}
	#rest(talk) {
		let { resting } = this.#parts, lane = {
			peerId: this.peerId,
			talk,
			end: () => talk.messages.abort()
		};
		talk.coming = talk.messages.read();
		let ended = () => {
			resting?.remove(lane) === !0 && lane.end();
		};
		talk.coming.then(ended, ended), resting === void 0 ? lane.end() : resting.add(lane, 45e3);
	}
}, DeadlineGroup = class {
	#signal;
	#waits = /* @__PURE__ */ new Set();
	#timer;
	constructor(signal) {
		this.#signal = signal, signal.addEventListener("abort", () => this.#rejectAll(), { once: !0 });
	}
	/**
	* Settles as `work` does, rejects with ERR_TIMEOUT when it takes too long, or with the signal's reason.
	*
	* The work itself goes on; its late rejection is swallowed.
	*/
	async run(milliseconds, what, work) {
		this.#signal.throwIfAborted();
		let { promise, resolve, reject } = Promise.withResolvers(), wait = {
			what,
			milliseconds,
			until: performance.now() + milliseconds,
			reject
		};
		this.#waits.add(wait), this.#timer ??= setInterval(() => this.#check(), 250), work().then(resolve, reject);
		try {
			return await promise;
		} finally {
			this.#waits.delete(wait), this.#waits.size === 0 && this.#stop();
		}
	}
	#check() {
		let now = performance.now();
		for (let { what, milliseconds, until, reject } of this.#waits) now >= until && reject(timedOut(what, milliseconds));
	}
	#rejectAll() {
		for (let { reject } of this.#waits) reject(this.#signal.reason);
		this.#stop();
	}
	#stop() {
		clearInterval(this.#timer), this.#timer = void 0;
	}
}, SendWindow = class {
	#now;
	/** What was sent and not taken, the oldest first. */
	#sent = [];
	#sentBytes = 0;
	#since = 0;
	#bytesPerMs = 0;
	#leastMs = 1e400;
	constructor(now) {
		this.#now = now;
	}
	/** True if the next frame may be sent while so many others are about to be. */
	isOpen(framesBefore) {
		return this.#sentBytes + framesBefore * 131072 < Math.min(8388608, Math.max(65536, this.#worthBytes));
	}
	sent(bytes) {
		let at = this.#now();
		this.#sentBytes === 0 && (this.#since = at), this.#sent.push({
			bytes,
			at
		}), this.#sentBytes += bytes;
	}
	/** The reader has taken so many bytes; false if they are more than were on their way. */
	taken(bytes) {
		if (bytes > this.#sentBytes) return !1;
		let now = this.#now();
		this.#sentBytes -= bytes;
		let left = bytes;
		for (let oldest = this.#sent[0]; oldest !== void 0 && left > 0; oldest = this.#sent[0]) {
			let part = Math.min(left, oldest.bytes);
			if (left -= part, oldest.bytes -= part, oldest.bytes > 0) break;
			this.#sent.shift(), this.#leastMs = Math.min(this.#leastMs, now - oldest.at);
		}
		return this.#bytesPerMs += .25 * (bytes / Math.max(1, now - this.#since) - this.#bytesPerMs), this.#since = now, !0;
	}
	get #worthBytes() {
		return this.#leastMs === 1e400 ? 0 : this.#bytesPerMs * (this.#leastMs + 80);
	}
}, UploadWatch = class {
	peerId;
	crowd;
	#parts;
	#watched;
	/** Positions of what is not here yet. */
	#lacking = /* @__PURE__ */ new Map();
	/** What has arrived and was not told yet, with how often the store was asked for it. */
	#fresh = /* @__PURE__ */ new Map();
	#isComplete;
	#tell;
	#isAnswered = !1;
	#stopTimer;
	#closed = !1;
	/** `before`: what the conversation watched until now, of which as much is likely to be here. */
	constructor(parts, watched, before) {
		this.#parts = parts, this.peerId = parts.peerId, this.#watched = watched, this.#isComplete = before !== void 0 && before.#isComplete;
		for (let [position, digest] of watched.digests.entries()) this.#lacking.set(digest, position);
		this.crowd = parts.crowds.join(watched.manifest, this);
	}
	get isSpared() {
		let { digests, grows } = this.#watched;
		return this.#isComplete && (grows || digests.length >= 16);
	}
	/** True if others fetch the same from this node, or this node does itself. */
	get isShared() {
		return this.crowd.fetching || this.crowd.order.size > 1;
	}
	/** Resolves to what is held already; `tell` hears of the rest, but not before `tell()` was called. */
	async start(tell) {
		this.#tell = tell;
		let { digests } = this.#watched, held = await this.#parts.has(digests);
		for (let [position, digest] of digests.entries()) held[position] === !0 && this.#lacking.delete(digest);
		this.#isComplete = this.#lacking.size === 0;
		for (let digest of this.#parts.crowds.recent) this.arrived(digest);
		return held;
	}
	/** The answer is out, so news may follow. */
	tell() {
		this.#isAnswered = !0, this.#fresh.size > 0 && this.#schedule();
	}
	choose(wishes) {
		return this.crowd.order.choose(this, wishes);
	}
	began(digest) {
		this.crowd.order.began(digest);
	}
	withdrawn(digest) {
		this.crowd.order.withdrawn(digest);
	}
	arrived(digest) {
		this.#lacking.has(digest) && (this.#fresh.set(digest, 0), this.#isAnswered && this.#schedule());
	}
	close() {
		this.#closed = !0, this.#stopTimer?.(), this.#parts.crowds.leave(this.#watched.manifest, this);
	}
	#schedule() {
		let { after = afterByTimer } = this.#parts;
		this.#stopTimer ??= after(60, () => void this.#tellFresh());
	}
	async #tellFresh() {
		let fresh = [...this.#fresh], held = await this.#parts.has(fresh.map(([digest]) => digest)).catch(() => []);
		if (this.#stopTimer = void 0, this.#closed) return;
		let positions = [];
		for (let [index, [digest, tries]] of fresh.entries()) {
			if (held[index] !== !0 && tries < 40) {
				this.#fresh.set(digest, tries + 1);
				continue;
			}
			this.#fresh.delete(digest);
			let position = this.#lacking.get(digest);
			held[index] === !0 && position !== void 0 && (this.#lacking.delete(digest), positions.push(position));
		}
		positions.length > 0 && this.#tell?.(positions), this.#fresh.size > 0 && this.#schedule();
	}
};
function afterByTimer(milliseconds, callback) {
	let timer = setTimeout(callback, milliseconds);
	return () => clearTimeout(timer);
}
// src/transfer/upload.ts
const WRITE_MS = 5e3, IDLE_MS = 6e4;
/** Answers the requests on one stream, conversation after conversation, until the asker ends it. */
var Upload = class {
	#parts;
	#ending = new AbortController();
	#deadlines = new DeadlineGroup(this.#ending.signal);
	#writeTurn = new Limit(1);
	/** In the order asked. */
	#chunks = /* @__PURE__ */ new Map();
	#questions = [];
	#openQuestions = 0;
	#watch;
	#window;
	#running = 0;
	/** Chunks that are being read from the store or wait for their turn. */
	#reading = 0;
	#misses = 0;
	#asking = !0;
	#draining = !1;
	#restId;
	#resting = !1;
	#wake = Promise.withResolvers();
	constructor(parts) {
		this.#parts = parts, this.#window = new SendWindow(parts.now);
	}
	/** Rejects with what ended it early: ERR_FRAME and ERR_LIMIT are the asker's doing. */
	async run() {
		let parts = [this.#readAll(), ...Array.from({ length: 2 }, () => this.#work())];
		try {
			await Promise.all(parts);
		} catch (error) {
			throw this.end(error), await Promise.allSettled(parts), error;
		} finally {
			this.#watch?.close();
		}
	}
	/** Ends once everything asked so far is answered. */
	drain() {
		this.#draining = !0, this.#isIdle && this.end(new SwarmCacheError("ERR_CLOSED", "This node stops.")), this.#wakeAll();
	}
	end(error) {
		this.#ending.abort(error), this.#parts.messages.abort(error), this.#wakeAll();
	}
	/** True between two conversations. */
	get isResting() {
		return this.#resting;
	}
	get #isIdle() {
		return this.#chunks.size + this.#questions.length === 0 && this.#running === 0;
	}
	/** True while the asker has enough on its way to it. */
	get #isHeldBack() {
		return this.#watch?.isShared === !0 && !this.#window.isOpen(this.#reading);
	}
	async #readAll() {
		let next;
		for (;;) {
			next ??= this.#parts.messages.read();
			let reading = next, message;
			try {
				message = await this.#deadlines.run(IDLE_MS, "An idle peer", async () => reading);
			} catch (error) {
				this.#ending.signal.throwIfAborted();
				let isWaiting = this.#isIdle || this.#isHeldBack;
				if (isSwarmCacheError(error, "ERR_TIMEOUT") && !isWaiting) continue;
				throw error;
			}
			if (next = void 0, message === void 0) break;
			let request = parseRequest(message.header, message.body);
			if (request === void 0) throw new SwarmCacheError("ERR_FRAME", "It sent a malformed request.");
			if (this.#resting && !await this.#begins()) return;
			this.#accept(request), this.#wakeAll();
		}
		this.#asking = !1, this.#wakeAll();
	}
	async #begins() {
		if (this.#resting = !1, this.#parts.woke()) return !0;
		await this.#write({ busy: !0 });
		let { messages } = this.#parts;
		return await this.#deadlines.run(WRITE_MS, "Refusing a peer", () => messages.closeWrite()), this.end(new SwarmCacheError("ERR_CLOSED", "This node serves too many others already.")), !1;
	}
	#accept(request) {
		if (this.#restId !== void 0) throw new SwarmCacheError("ERR_FRAME", "It asked for more before its rest was answered.");
		if (request.kind === "rest") this.#restId = request.id, this.#chunks.clear(), this.#openQuestions -= this.#questions.splice(0).length, this.#restIfIdle();
		else if (request.kind === "cancel") this.#cancel(request.ids);
		else {
			if (request.kind === "taken") {
				if (this.#window.taken(request.bytes)) return;
				throw new SwarmCacheError("ERR_FRAME", "It took more than it was sent.");
			}
			if (request.kind === "want") {
				let { priority } = request;
				for (let [index, digest] of request.digests.entries()) {
					if (this.#chunks.size >= 2048) throw tooMuch("chunks");
					let id = request.id + index;
					this.#chunks.set(id, {
						kind: "chunk",
						id,
						digest,
						priority
					});
				}
			} else {
				if (this.#openQuestions += 1, this.#openQuestions > 8) throw tooMuch("questions");
				this.#questions.push(request);
			}
		}
	}
	#cancel(ids) {
		let cancelled = [];
		for (let id of ids) {
			let job = this.#chunks.get(id);
			job !== void 0 && (this.#chunks.delete(id), this.#watch?.withdrawn(job.digest), cancelled.push(id));
		}
		cancelled.length !== 0 && this.#write({ cancelled: !0 }, encodeIds(cancelled)).catch((error) => this.end(error));
	}
	#restIfIdle() {
		let id = this.#restId;
		id !== void 0 && this.#isIdle && (this.#watch?.close(), this.#watch = void 0, this.#window = new SendWindow(this.#parts.now), this.#restId = void 0, this.#resting = !0, this.#parts.rested(), this.#write({
			id,
			rested: !0
		}).catch((error) => this.end(error)));
	}
	async #work() {
		for (;;) {
			this.#ending.signal.throwIfAborted();
			let next = this.#next();
			if (next === void 0) {
				if (!this.#asking || this.#draining) return;
				await this.#wake.promise;
			} else if (typeof next == "number") await Promise.race([this.#wake.promise, pause(next, this.#ending.signal)]);
			else {
				this.#running += 1;
				try {
					await this.#answer(next);
				} finally {
					--this.#running;
				}
				this.#restIfIdle(), this.#draining && this.#isIdle && this.drain(), this.#misses > 1024 && await pause(2, this.#ending.signal);
			}
		}
	}
	/** What to answer next, or how long to wait for it; questions go first, as they decide what is asked. */
	#next() {
		let question = this.#questions.shift();
		if (question !== void 0) return question;
		if (this.#chunks.size === 0 || this.#isHeldBack) return;
		let jobs = this.#chunks.values(), choice = this.#watch?.choose(jobs) ?? { wanted: jobs.next().value };
		return "wanted" in choice ? (this.#chunks.delete(choice.wanted.id), choice.wanted) : choice.waitMs;
	}
	async #answer(job) {
		let { supply, turns, ownTurns, backgroundTurn, rate } = this.#parts, { signal } = this.#ending, isBackground = job.kind === "chunk" && job.priority === "background";
		job.kind === "chunk" && (this.#reading += 1);
		using _background = isBackground ? await backgroundTurn.acquire(1, signal) : void 0;
		job.kind === "chunk" && this.#watch?.began(job.digest);
		using _own = await ownTurns.acquire(1, signal), _turn = await turns.acquire(1, signal);
		if (await rate?.opened(signal), job.kind === "have") await this.#tellHeld(job), --this.#openQuestions;
		else if (job.kind === "manifest") {
			let manifest = await this.#ask("a manifest", () => supply.manifest(job.digest));
			await this.#sendManifest(job.id, manifest), --this.#openQuestions;
		} else {
			let frame = await this.#ask("a chunk", () => supply.frame(job.digest));
			--this.#reading, await this.#sendChunk(job.id, frame);
		}
	}
	async #tellHeld(question) {
		let { id, digests, watch: manifest, grows } = question, { supply, peerId, crowds } = this.#parts, has = async (asked) => {
			let held = await this.#ask("what it holds", () => supply.has(asked));
			return asked.map((_, index) => held?.[index] === !0);
		};
		if (manifest === void 0) {
			await this.#write({
				id,
				have: !0
			}, encodeBits(await has(digests)));
			return;
		}
		let watch = new UploadWatch({
			peerId,
			crowds,
			has
		}, {
			manifest,
			digests,
			grows
		}, this.#watch);
		this.#watch?.close(), this.#watch = watch;
		let { others, fetching } = watch.crowd, held = await watch.start((positions) => {
			this.#watch === watch && this.#write({
				id,
				gained: !0
			}, encodeIds(positions)).catch((error) => this.end(error));
		});
		await this.#write({
			id,
			have: !0,
			readers: others,
			fetching
		}, encodeBits(held)), watch.tell();
	}
	async #sendChunk(id, frame) {
		if (frame === void 0) {
			this.#misses += 1, await this.#write({
				id,
				missing: !0
			});
			return;
		}
		this.#misses = 0;
		let { bytes } = frame, size = bytes.length;
		this.#parts.rate?.spend(size);
		let paced = this.#watch?.isShared === !0;
		paced && this.#window.sent(size);
		let header = paced ? {
			id,
			paced
		} : { id };
		await this.#write(header, bytes, frame.isOwned === !0 ? () => freeMemory(bytes) : void 0), publish("chunks:sent", {
			bytes: size,
			peerId: this.#parts.peerId
		});
	}
	async #sendManifest(id, manifest) {
		if (manifest === void 0) await this.#write({
			id,
			missing: !0
		});
		else for (let start = 0; start < manifest.length; start += MAX_FRAME_BYTES) {
			let piece = manifest.subarray(start, start + MAX_FRAME_BYTES);
			await this.#write({
				id,
				manifestBytes: manifest.length
			}, piece);
		}
	}
	/** What the store supplies; its faults are a miss for the peer and a line in the log. */
	async #ask(what, work) {
		try {
			return await this.#deadlines.run(1e4, "The local store", work);
		} catch (error) {
			this.#ending.signal.throwIfAborted();
			let reason = errorMessage(error);
			this.#parts.logger.log("debug", `The store did not supply ${what} for a peer`, { reason });
			return;
		}
	}
	async #write(header, body, onTaken) {
		using _turn = await this.#writeTurn.acquire(1, this.#ending.signal);
		let milliseconds = WRITE_MS + Math.round((body?.length ?? 0) / 32);
		await this.#deadlines.run(milliseconds, "Sending to a peer", () => this.#parts.messages.write(header, body, onTaken));
	}
	#wakeAll() {
		this.#wake.resolve(), this.#wake = Promise.withResolvers();
	}
};
function tooMuch(what) {
	return new SwarmCacheError("ERR_LIMIT", `It asked for too many ${what} at once.`);
}
/** Serves chunks and manifests to peers, fairly and within bounds. */
var UploadServer = class {
	#parts;
	#options;
	#rate;
	#turns = new Limit(32);
	#backgroundTurn = new Limit(1);
	#peers = /* @__PURE__ */ new Map();
	#stopping = !1;
	constructor(parts, options = {}) {
		this.#parts = parts, this.#options = {
			maxUploads: options.maxUploads ?? 128,
			maxUploadsPerPeer: options.maxUploadsPerPeer ?? 8
		};
		let { uploadBytesPerSecond } = options;
		this.#rate = uploadBytesPerSecond === void 0 ? void 0 : new ByteRate(uploadBytesPerSecond, parts.now);
	}
	/** Serves the conversations on one stream. */
	async serve(stream, peerId) {
		let messages = new MessageStream(stream, REQUEST_LIMITS), peer = this.#peers.get(peerId) ?? {
			turns: new Limit(4),
			uploads: /* @__PURE__ */ new Set()
		};
		if (!this.#hasRoom(peer.uploads)) {
			await withDeadline(1e3, "Refusing a peer", void 0, async () => {
				await messages.write({ busy: !0 }), await messages.closeWrite();
			});
			return;
		}
		let { resting, ...parts } = this.#parts, lane = {
			peerId,
			talk: void 0,
			end: () => upload.end(new SwarmCacheError("ERR_CLOSED", "Its lane is not kept any longer."))
		}, upload = new Upload({
			...parts,
			messages,
			peerId,
			turns: this.#turns,
			ownTurns: peer.turns,
			backgroundTurn: this.#backgroundTurn,
			rate: this.#rate,
			rested: () => resting.add(lane, IDLE_MS),
			woke: () => {
				resting.remove(lane), peer.uploads.delete(upload);
				let hasRoom = this.#hasRoom(peer.uploads);
				return peer.uploads.add(upload), hasRoom;
			}
		});
		this.#peers.set(peerId, peer), peer.uploads.add(upload);
		try {
			await upload.run();
		} catch (error) {
			throw this.#blame(peerId, error), error;
		} finally {
			resting.remove(lane), peer.uploads.delete(upload), peer.uploads.size === 0 && this.#peers.delete(peerId);
		}
	}
	/** Refuses new conversations, and ends those under way once what was asked is answered. */
	async stop(signal) {
		this.#stopping = !0;
		let deadline = signal ?? AbortSignal.timeout(2e3);
		for (let upload of this.#uploads()) upload.drain();
		for (; this.#uploads().length > 0 && !deadline.aborted;) await pause(10);
		let error = new SwarmCacheError("ERR_CLOSED", "This node stops.");
		for (let upload of this.#uploads()) upload.end(error);
	}
	#hasRoom(ofPeer) {
		let { maxUploads, maxUploadsPerPeer } = this.#options;
		return !this.#stopping && active(this.#uploads()) < maxUploads && active(ofPeer) < maxUploadsPerPeer;
	}
	#uploads() {
		return [...this.#peers.values()].flatMap((peer) => [...peer.uploads]);
	}
	#blame(peerId, error) {
		let reason = errorMessage(error);
		isSwarmCacheError(error, "ERR_FRAME") || isSwarmCacheError(error, "ERR_LIMIT") ? this.#parts.peers.failed(peerId, reason, !0) : this.#parts.logger.log("debug", "An upload ended early", {
			peerId,
			reason
		});
	}
};
function active(uploads) {
	let count = 0;
	for (let upload of uploads) upload.isResting || (count += 1);
	return count;
}
// src/transfer/swarm-transfer.ts
/** Moves chunks over lanes, and over streams of the swarm where no lane can be had. */
var SwarmTransfer = class {
	#parts;
	#options;
	#fetchParts;
	#manifests;
	#uploads;
	#lanes;
	#checks = new FrameChecks();
	#resting;
	#stopListening;
	constructor(parts, options = {}) {
		let { swarm, peers, logger } = parts;
		this.#parts = parts, this.#options = options;
		let openStream = (peerId, signal) => swarm.open(peerId, TRANSFER_PROTOCOL, { signal }), now = () => performance.now(), onConnected = (listener) => swarm.listen({ connected: (peer) => listener(peer.peerId) }), custom = parts.verify, verify = custom === void 0 ? (frame) => this.#checks.check(frame) : async (frame) => (await custom(frame), frame.bytes), crowds = new Crowds(now), { downloadBytesPerSecond } = options, rate = downloadBytesPerSecond === void 0 ? void 0 : new ByteRate(downloadBytesPerSecond, now), resting = new RestingLanes(options.resting);
		if (this.#resting = resting, this.#uploads = new UploadServer({
			...parts,
			crowds,
			resting,
			now
		}, options), options.lanes !== void 0) {
			let serve = (stream, peerId) => this.#uploads.serve(stream, peerId), makeRoom = () => resting.endOldest();
			this.#lanes = new Lanes({
				swarm,
				serve,
				peers,
				logger,
				makeRoom
			}, options.lanes);
		}
		let open = openStreamChannel({
			openStream: async (peerId, signal) => await this.#lanes?.open(peerId, { signal }).catch(() => void 0) ?? await openStream(peerId, signal),
			resting,
			mayRest: (stream) => this.#lanes?.has(stream) === !0
		});
		this.#fetchParts = {
			open,
			peers,
			logger,
			now,
			onConnected,
			verify,
			crowds,
			rate
		}, this.#manifests = new ManifestFetch({
			open: openStreamChannel({ openStream }),
			peers,
			now
		});
	}
	/** How many lanes are kept for the next conversation now, at either side. */
	get restingLanes() {
		return this.#resting.size;
	}
	async start() {
		this.#parts.swarm.handle(TRANSFER_PROTOCOL, (stream, peerId) => this.#uploads.serve(stream, peerId));
		let endResting = (peerId) => this.#resting.endAllOf(peerId);
		this.#stopListening = this.#parts.swarm.listen({
			disconnected: endResting,
			banned: endResting
		}), await this.#lanes?.start();
	}
	async stop(options = {}) {
		this.#resting.stop(), this.#stopListening?.(), await this.#uploads.stop(options.signal), this.#lanes?.stop(), this.#checks.close();
	}
	async fetchManifest(manifest, bytes, holders, options = {}) {
		return options.signal?.throwIfAborted(), this.#manifests.fetch(manifest, bytes, holders, options.signal);
	}
	async *fetchChunks(request, options = {}) {
		let { signal } = options;
		if (signal?.throwIfAborted(), request.chunks.length === 0) return;
		let fetch = new ChunkFetch(this.#fetchParts, request, this.#options), onAbort = () => fetch.abort(signal?.reason);
		signal?.addEventListener("abort", onAbort, { once: !0 });
		try {
			for (;;) {
				let frame = await fetch.next();
				if (frame === void 0) return;
				yield frame;
			}
		} finally {
			signal?.removeEventListener("abort", onAbort), fetch.close();
		}
	}
};
export { SwarmTransfer };
