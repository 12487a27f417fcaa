import { i as openFrame } from "./chunk.js";
import { i as withDeadline, n as pause, r as startDeadline, t as abortable } from "./deadline.js";
import { t as Limit } from "./limit.js";
import { a as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as publish } from "./events.js";
import { n as isDigest } from "./digest.js";
import { i as decodeManifest, n as MAX_FRAME_BYTES, r as MAX_MANIFEST_BYTES, t as MAX_CHUNK_BYTES } from "./manifest.js";
import { t as SingleFlight } from "./single-flight.js";
import { t as MessageStream } from "./message.js";
import { t as SocketByteStream } from "./socket-byte-stream.js";
import { once } from "node:events";
import { connect, createServer } from "node:tls";
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
// src/transfer/chunk-picker.ts
/** A cursor at the start. */
function createCursor() {
	return {
		lacks: /* @__PURE__ */ new Set(),
		next: void 0,
		seen: -1
	};
}
/** Chunks that nobody has been asked for, and which of them a source is asked for next: in the order given. */
var ChunkPicker = class {
	#open = /* @__PURE__ */ new Map();
	#bytes = 0;
	#givenBack = 0;
	constructor(chunks) {
		for (let chunk of chunks) this.#add(chunk);
	}
	get size() {
		return this.#open.size;
	}
	/** Plain bytes of the open chunks. */
	get bytes() {
		return this.#bytes;
	}
	chunks() {
		return this.#open.values();
	}
	/** The next chunk that the source may have, or undefined if none is open for it. */
	take(cursor) {
		if (cursor.next === void 0) {
			if (cursor.seen === this.#givenBack) return;
			cursor.next = this.#open.values();
		}
		for (;;) {
			let result = cursor.next.next();
			if (result.done === !0) {
				cursor.next = void 0, cursor.seen = this.#givenBack;
				return;
			}
			let chunk = result.value;
			if (!cursor.lacks.has(chunk.digest)) return this.#open.delete(chunk.digest), this.#bytes -= chunk.bytes, chunk;
		}
	}
	/** True if nothing is open that the source may have. */
	isDoneFor(cursor) {
		return cursor.next === void 0 && cursor.seen === this.#givenBack;
	}
	/** Takes a chunk back that a source did not deliver. */
	giveBack(chunk) {
		this.#givenBack += 1, this.#add(chunk);
	}
	#add(chunk) {
		this.#open.set(chunk.digest, chunk), this.#bytes += chunk.bytes;
	}
};
/**
* What a source without anything left to do should fetch of what others still owe.
*
* The tail of a fetch is as slow as its slowest source; with a few chunks asked for twice, and the
* second copy cancelled when the first arrives, it is about as slow as the fastest.
*/
function chunksToDuplicate(idle, others, copiesOf, now) {
	let chosen = /* @__PURE__ */ new Map(), bytes = 0;
	for (let other of others) if (other !== idle) for (let { chunk, askedAt } of [...other.outstanding.values()].reverse()) {
		if (bytes >= 1048576) return [...chosen.values()];
		now - askedAt < 100 || idle.cursor.lacks.has(chunk.digest) || chosen.has(chunk.digest) || copiesOf(chunk) >= 2 || (chosen.set(chunk.digest, chunk), bytes += chunk.bytes);
	}
	return [...chosen.values()];
}
// src/transfer/fetch-source.ts
const MAX_STALL_MS = 2e3;
/** One peer that chunks are fetched from: what it was asked for, how fast it is, whether it has stalled. */
var FetchSource = class {
	peerId;
	openedAt;
	cursor = createCursor();
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
	#latencyMs;
	constructor(peerId, now) {
		this.peerId = peerId, this.openedAt = now;
	}
	get windowBytes() {
		if (this.#bytesPerMs === void 0) return 1048576;
		let spanMs = Math.max(50, 2 * (this.#latencyMs ?? 0)), bytes = 2 * this.#bytesPerMs * spanMs;
		return Math.min(8388608, Math.max(262144, bytes));
	}
	/** True if enough of the window is free to be worth a request. */
	get wantsMore() {
		return this.outstandingBytes <= this.windowBytes * .75;
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
		let askedAt = this.outstanding.get(digest)?.askedAt ?? now;
		this.#latencyMs = Math.min(this.#latencyMs ?? 1e400, now - askedAt), this.#lastFrameAt = now, this.#bytes += bytes, this.#tickBytes += bytes, this.settle(digest, now);
	}
	/** Takes stock after `elapsedMs`; `lateMs` of it this process was busy and could not have noticed bytes. */
	tick(now, elapsedMs, lateMs) {
		let received = this.channel?.receivedBytes ?? 0;
		if (received === this.#seenBytes ? this.#progressAt += lateMs : this.#progressAt = now, this.#lastFrameAt += lateMs, this.#seenBytes = received, this.outstanding.size > 0 || this.#tickBytes > 0) {
			let sample = this.#tickBytes / elapsedMs, old = this.#bytesPerMs;
			this.#bytesPerMs = old === void 0 ? this.#tickBytes === 0 ? void 0 : sample : old + .3 * (sample - old);
		}
		this.#tickBytes = 0;
	}
	/** True if it has been opening, or silent about what it owes, for more than `limitMs`. */
	isSlow(now, limitMs) {
		return this.channel === void 0 ? now - this.openedAt > limitMs : this.outstanding.size > 0 && now - this.#progressAt > limitMs;
	}
	/** Why the source should be left, or undefined; `patience` lengthens the wait for a source without substitute. */
	stallReason(now, patience) {
		if (this.outstanding.size === 0) return;
		let usualMs = (this.#latencyMs ?? MAX_STALL_MS) * 20, limitMs = Math.min(MAX_STALL_MS, Math.max(500, usualMs)) * patience, silentMs = Math.round(now - this.#progressAt);
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
}, HolderSearch = class {
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
		for (let peerId of holders) this.add(peerId, !0);
		this.#stopListening = parts.onConnected((peerId) => {
			this.add(peerId, !1) && onChange();
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
	add(peerId, declared) {
		if (this.#taken.has(peerId)) return !1;
		let known = this.#candidates.get(peerId);
		return known === void 0 && this.#candidates.size >= 256 ? !1 : (this.#candidates.set(peerId, declared || known === !0), known === void 0);
	}
	/** The best candidate, which is taken until `release`. */
	next() {
		let [peerId] = this.#parts.peers.rank(this.#candidates.keys());
		if (peerId === void 0) return;
		let declared = this.#candidates.get(peerId);
		return this.#candidates.delete(peerId), this.#taken.add(peerId), {
			peerId,
			declared
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
				this.add(peerId, !0) && this.#onChange();
			}
		} catch (error) {
			signal.aborted || logger.log("debug", "The search for holders failed", { error: errorMessage(error) });
		} finally {
			this.#searching = !1;
		}
		signal.aborted || this.#onChange();
	}
};
// src/transfer/transfer-wire.ts
/**
* Many requests on one stream, answered in any order. Ids are chosen by the asker, each used once.
*
* Asked: `{want: id}` with a body of n digests (32 bytes each), which take the ids from `id` to `id + n - 1`;
* `{cancel: true}` with a body of ids (u32, big endian); `{have: id}` with a body of digests;
* `{manifest: digest, id}`.
*
* Answered: `{id}` with a frame as body; `{id, missing: true}`; `{id, cancelled: true}`; `{id, have: true}`
* with one bit for each digest, lowest bit first; `{id, manifestBytes}` with a piece of the manifest, until it
* is complete; `{busy: true}`, then the end, from a peer that serves too many already.
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
	let { want, cancel, have, manifest, id } = header;
	if (isId(want)) {
		let digests = decodeDigests(body);
		return digests === void 0 ? void 0 : {
			kind: "want",
			id: want,
			digests
		};
	}
	if (isId(have)) {
		let digests = decodeDigests(body);
		return digests === void 0 ? void 0 : {
			kind: "have",
			id: have,
			digests
		};
	}
	if (cancel === !0) {
		let ids = decodeIds(body);
		return ids === void 0 ? void 0 : {
			kind: "cancel",
			ids
		};
	}
	if (typeof manifest == "string" && /^[0-9a-f]{64}$/.test(manifest) && isId(id)) return {
		kind: "manifest",
		id,
		digest: manifest
	};
}
/** True if `value` can be the id of a request. */
function isId(value) {
	return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}
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
function encodeIds(ids) {
	let bytes = Buffer.allocUnsafe(ids.length * 4);
	for (let [index, id] of ids.entries()) bytes.writeUInt32BE(id, index * 4);
	return bytes;
}
function decodeIds(body) {
	if (body.length === 0 || body.length % 4 != 0) return;
	let view = new DataView(body.buffer, body.byteOffset, body.length);
	return Array.from({ length: body.length / 4 }, (_, index) => view.getUint32(index * 4));
}
function encodeBits(bits) {
	let bytes = new Uint8Array(Math.ceil(bits.length / 8));
	for (let [index, bit] of bits.entries()) bit && (bytes[index >> 3] |= 1 << (index & 7));
	return bytes;
}
/** `count` bits, or undefined if there are not as many. */
function decodeBits(bytes, count) {
	if (bytes.length === Math.ceil(count / 8)) return Array.from({ length: count }, (_, index) => !!(bytes[index >> 3] & 1 << (index & 7)));
}
// src/transfer/chunk-fetch.ts
const OPEN_MS$1 = 3e3;
/**
* Fetches chunks from several peers at once.
*
* Each source is kept busy with as much as its speed deserves. What is asked for or buffered counts
* against one budget, so that whatever arrives can be taken at once and a slow consumer slows the
* requests, not the connections. A chunk that a source does not deliver is open again at once. At the
* end, idle sources duplicate what slow ones still owe, and the first copy wins.
*/
var ChunkFetch = class {
	#parts;
	#bufferBytes;
	#picker;
	#tasks = /* @__PURE__ */ new Map();
	#sources = /* @__PURE__ */ new Set();
	#search;
	#verifying = new Limit(8);
	#ending = new AbortController();
	#ready = [];
	#reasons = /* @__PURE__ */ new Map();
	#timer;
	#heldBytes = 0;
	#tickedAt;
	#searchedAt;
	/** A source was lost since the router was asked last. */
	#searchAgain = !1;
	#finished = !1;
	#error;
	#wake;
	constructor(parts, request, options = {}) {
		this.#parts = parts, this.#bufferBytes = options.bufferBytes ?? 16777216, this.#picker = new ChunkPicker(request.chunks);
		for (let chunk of request.chunks) this.#tasks.set(chunk.digest, {
			chunk,
			from: /* @__PURE__ */ new Set(),
			state: "open"
		});
		this.#tickedAt = parts.now(), this.#searchedAt = parts.now(), this.#search = new HolderSearch(parts, request.manifest, request.holders, () => this.#pump()), this.#search.start(), this.#timer = setInterval(() => this.#tick(), 50), this.#pump();
	}
	/** The next verified frame, or undefined once all were handed over; rejects with what ended the fetch. */
	async next() {
		for (;;) {
			let frame = this.#ready.shift();
			if (frame !== void 0) return this.#heldBytes -= frame.bytes.length, this.#pump(), frame;
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
		if (!this.#finished) {
			this.#finished = !0, this.#error = error, clearInterval(this.#timer), this.#search.close(), this.#ending.abort();
			for (let source of this.#sources) this.#release(source);
			this.#wake?.();
		}
	}
	#pump() {
		if (this.#finished) return;
		if (this.#tasks.size === 0) {
			this.#finish(void 0);
			return;
		}
		let load = (source) => source.outstandingBytes / source.windowBytes;
		for (let source of [...this.#sources].sort((a, b) => load(a) - load(b))) this.#feed(source);
		this.#openMore(), this.#endIfStuck();
	}
	#feed(source) {
		if (source.channel === void 0 || !source.wantsMore) return;
		let batch = [];
		for (; source.outstandingBytes < source.windowBytes && source.outstanding.size < 1024 && this.#heldBytes < this.#bufferBytes;) {
			let chunk = this.#picker.take(source.cursor);
			if (chunk === void 0) break;
			let task = this.#tasks.get(chunk.digest);
			task.state = "asked", this.#heldBytes += chunk.bytes, this.#ask(source, task), batch.push(chunk);
		}
		batch.length > 0 && source.channel.want(batch);
	}
	#ask(source, task) {
		task.from.add(source), source.asked(task.chunk, this.#parts.now());
	}
	/** Opens as many sources as the work left is worth; slow and useless ones do not count. */
	#openMore() {
		let now = this.#parts.now(), workBytes = this.#picker.bytes, counted = 0;
		for (let source of this.#sources) source.isSlow(now, 250) ? workBytes += source.outstandingBytes : this.#isUseless(source) || (counted += 1);
		if (workBytes === 0) return;
		let wanted = Math.min(8, 1 + Math.floor(workBytes / 1048576));
		for (; counted < wanted && this.#sources.size < 16;) {
			let candidate = this.#search.next();
			if (candidate === void 0) return;
			this.#open(candidate), counted += 1;
		}
	}
	/** True for an open source that holds nothing of what is open. */
	#isUseless(source) {
		return source.channel !== void 0 && source.outstanding.size === 0 && this.#picker.isDoneFor(source.cursor);
	}
	async #open({ peerId, declared }) {
		let source = new FetchSource(peerId, this.#parts.now());
		this.#sources.add(source);
		let receiver = {
			frame: (chunk, bytes) => this.#take(source, chunk, bytes),
			missing: (chunk) => this.#lack(source, chunk),
			closed: (error) => this.#lost(source, error)
		}, channel;
		try {
			channel = await withDeadline(OPEN_MS$1, "Opening a channel to a peer", this.#ending.signal, (signal) => this.#parts.open(peerId, receiver, signal)), !declared && !await this.#holdsSome(source, channel) ? (this.#sources.delete(source), this.#search.release(peerId), channel.close()) : this.#sources.has(source) && (source.channel = channel);
		} catch (error) {
			channel?.close(), this.#leave(source, error);
		}
		this.#pump();
	}
	/** Asks a peer that nobody named as a holder which of the open chunks it has. */
	async #holdsSome(source, channel) {
		let chunks = this.#picker.chunks().take(MAX_DIGESTS).toArray();
		if (chunks.length === 0) return !1;
		let digests = chunks.map((chunk) => chunk.digest), held = await withDeadline(OPEN_MS$1, "Asking a peer", this.#ending.signal, (signal) => channel.have(digests, signal)), lacking = digests.filter((_, index) => held[index] !== !0);
		for (let digest of lacking) source.cursor.lacks.add(digest);
		return lacking.length < digests.length;
	}
	#take(source, chunk, bytes) {
		let now = this.#parts.now();
		source.delivered(chunk.digest, bytes.length, now);
		let task = this.#tasks.get(chunk.digest);
		if (task?.state === "asked") {
			task.from.delete(source);
			for (let other of task.from) other.settle(chunk.digest, now), other.channel?.cancel([chunk.digest]);
			task.from.clear(), task.state = "arrived", this.#heldBytes += bytes.length - chunk.bytes, this.#verify(source, task, bytes);
		}
		this.#pump();
	}
	async #verify(source, task, bytes) {
		let { chunk } = task, { peerId } = source;
		try {
			using _turn = await this.#verifying.acquire(1, this.#ending.signal);
			await this.#parts.verify({
				chunk,
				bytes
			});
		} catch (error) {
			if (this.#finished) return;
			if (!isSwarmCacheError(error, "ERR_INTEGRITY")) {
				this.#finish(error);
				return;
			}
			publish("chunk:corrupt", {
				digest: chunk.digest,
				where: `peer ${peerId}`
			}), this.#heldBytes -= bytes.length, task.state = "open", this.#picker.giveBack(chunk), this.#leave(source, error), this.#pump();
			return;
		}
		this.#finished || (source.frames += 1, publish("chunks:received", {
			tier: "peers",
			bytes: bytes.length,
			peerId
		}), this.#tasks.delete(chunk.digest), this.#ready.push({
			chunk,
			bytes,
			tier: "peers",
			peer: peerId
		}), this.#wake?.(), this.#tasks.size === 0 && this.#finish(void 0));
	}
	#lack(source, chunk) {
		source.cursor.lacks.add(chunk.digest), this.#reopen(source, chunk), this.#pump();
	}
	/** The chunk will not come from this source; it is open again if no other was asked for it. */
	#reopen(source, chunk) {
		source.settle(chunk.digest, this.#parts.now());
		let task = this.#tasks.get(chunk.digest);
		task !== void 0 && (task.from.delete(source), task.state !== "asked" || task.from.size > 0 || (task.state = "open", this.#heldBytes -= chunk.bytes, this.#picker.giveBack(chunk)));
	}
	#lost(source, error) {
		if (isSwarmCacheError(error, "ERR_CLOSED") && source.outstanding.size === 0 && source.frames > 0) {
			if (!this.#sources.delete(source)) return;
			this.#release(source), this.#search.release(source.peerId), this.#search.add(source.peerId, !0);
		} else this.#leave(source, error);
		this.#pump();
	}
	/** Gives a source up and what it owes to others. */
	#leave(source, error) {
		if (this.#finished) return;
		let reason = errorMessage(error), misbehaved = isSwarmCacheError(error, "ERR_FRAME") || isSwarmCacheError(error, "ERR_INTEGRITY"), { peerId } = source;
		if (this.#sources.delete(source)) {
			this.#release(source);
			for (let { chunk } of source.outstanding.values()) this.#reopen(source, chunk);
		} else if (!misbehaved) return;
		this.#parts.peers.failed(peerId, reason, misbehaved), this.#reasons.set(peerId, reason), this.#searchAgain = !0, misbehaved || this.#search.release(peerId);
	}
	#release(source) {
		source.channel?.close();
		let outcome = source.outcome(this.#parts.now());
		outcome !== void 0 && this.#parts.peers.succeeded(source.peerId, outcome);
	}
	#tick() {
		let now = this.#parts.now(), elapsedMs = now - this.#tickedAt;
		this.#tickedAt = now;
		let lateMs = Math.max(0, elapsedMs - 100), open = [...this.#sources].filter((source) => source.channel !== void 0);
		for (let source of open) {
			source.tick(now, elapsedMs, lateMs);
			let alone = open.length === 1 && !this.#search.hasNext, reason = source.stallReason(now, alone ? 4 : 1);
			reason !== void 0 && this.#leave(source, new SwarmCacheError("ERR_TIMEOUT", reason));
		}
		now - this.#searchedAt > 5e3 && this.#sources.size < 8 && (this.#searchedAt = now, this.#search.start()), this.#pump(), this.#finished || this.#duplicateTail(now);
	}
	#duplicateTail(now) {
		let copiesOf = (chunk) => this.#tasks.get(chunk.digest)?.from.size ?? 2;
		for (let source of this.#sources) {
			if (source.channel === void 0 || source.outstanding.size > 0) continue;
			let chunks = chunksToDuplicate(source, this.#sources, copiesOf, now);
			for (let chunk of chunks) this.#ask(source, this.#tasks.get(chunk.digest));
			chunks.length > 0 && source.channel.want(chunks);
		}
	}
	/** Ends the fetch if chunks are left that no source and no candidate can supply. */
	#endIfStuck() {
		if (this.#picker.size === 0 || this.#heldBytes >= this.#bufferBytes) return;
		for (let source of this.#sources) if (source.channel === void 0 || source.outstanding.size > 0) return;
		if (this.#search.isSearching || this.#search.hasNext) return;
		if (this.#searchAgain) {
			this.#searchAgain = !1, this.#search.start();
			return;
		}
		let reasons = [...this.#reasons].map(([peerId, reason]) => `${peerId}: ${reason}`), why = reasons.length === 0 ? "no peer holds them" : reasons.join("; ");
		this.#finish(new SwarmCacheError("ERR_PEER", `No peer is left that could supply ${this.#picker.size} more chunks (${why}).`, { facts: { chunks: this.#picker.size } }));
	}
};
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
/** One-time tickets for lanes, handed out over the authenticated connection of a swarm. */
var LaneTickets = class {
	#now;
	#grants = /* @__PURE__ */ new Map();
	constructor(now = () => performance.now()) {
		this.#now = now;
	}
	/** A fresh ticket, 64 hex digits. */
	issue(grant) {
		this.#sweep();
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
	rejectUnauthorized: !1
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
	let { host, port } = target, socket = connect({
		...TLS,
		host,
		port,
		key: certificate.keyPem,
		cert: certificate.certificatePem,
		checkServerIdentity: () => void 0
	});
	socket.on("error", () => {}), socket.setNoDelay(!0);
	try {
		return await withDeadline(1500, `A lane to ${host}:${port}`, signal, async () => {
			if (await once(socket, "secureConnect"), fingerprintOf(socket) !== target.fingerprint) throw refused(`${host}:${port} shows another certificate than the peer announced`);
			let stream = new SocketByteStream(socket);
			await stream.write(Buffer.from(target.ticket, "hex"));
			let { taken, rest } = await takeBytes(stream, 1);
			if (taken[0] !== 1) throw refused(`${host}:${port} refused the ticket`);
			return rest;
		});
	} catch (error) {
		throw socket.destroy(), error;
	}
}
async function accept(socket, admit) {
	socket.on("error", () => {}), socket.setNoDelay(!0);
	let stream = new SocketByteStream(socket);
	return await withDeadline(ADMIT_MS, "Showing a ticket", void 0, async () => {
		let { taken, rest } = await takeBytes(stream, 32), grant = admit(Buffer.from(taken).toString("hex"), fingerprintOf(socket));
		if (grant === void 0) throw refused("the ticket or the certificate is not the expected one");
		return await stream.write(Uint8Array.of(1)), {
			stream: rest,
			grant
		};
	});
}
function fingerprintOf(socket) {
	return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase();
}
/** The first `count` bytes of a stream, and the stream without them. */
async function takeBytes(stream, count) {
	let reader = stream.source[Symbol.asyncIterator](), held = /* @__PURE__ */ new Uint8Array();
	for (; held.length < count;) {
		let next = await reader.next();
		if (next.done === !0) throw refused("the connection ended before a ticket");
		held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
	}
	return {
		taken: held.subarray(0, count),
		rest: {
			source: async function* () {
				try {
					for (held.length > count && (yield held.subarray(count));;) {
						let next = await reader.next();
						if (next.done === !0) return;
						yield next.value;
					}
				} finally {
					await reader.return?.();
				}
			}(),
			write: async (bytes) => await stream.write(bytes),
			closeWrite: async () => await stream.closeWrite(),
			abort: (error) => stream.abort(error)
		}
	};
}
function refused(why) {
	return new SwarmCacheError("ERR_PEER", `A lane was refused: ${why}.`);
}
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
	#logger;
	#listenHost;
	#tickets = new LaneTickets();
	#expected = /* @__PURE__ */ new Map();
	#failedAt = /* @__PURE__ */ new Map();
	#dials = new SingleFlight();
	#open = /* @__PURE__ */ new Set();
	#certificate;
	#listener;
	constructor(parts, options) {
		this.#swarm = parts.swarm, this.#serve = parts.serve, this.#logger = parts.logger, this.#listenHost = options.listenHost;
	}
	/** Listens, and answers peers that want a lane; before the swarm starts. */
	async start() {
		this.#certificate = createLaneCertificate(), this.#swarm.handle(LANE_PROTOCOL, async (stream, peerId) => await this.#arrange(stream, peerId)), this.#listenHost !== void 0 && (this.#listener = await listenForLanes(this.#certificate, this.#listenHost, (ticket, fingerprint) => {
			if (this.#open.size >= 256) return;
			let grant = this.#tickets.redeem(ticket, fingerprint);
			return grant && {
				...grant,
				ticket
			};
		}, (stream, grant) => this.#accepted(stream, grant), (address, reason) => publish("peer:refused", {
			address,
			reason: `lane: ${reason}`
		})));
	}
	/** Ends every lane. */
	stop() {
		this.#listener?.close();
		for (let stream of this.#open) stream.abort();
	}
	/**
	* A new lane to a connected peer.
	*
	* @throws ERR_PEER if none can be had, now or since a minute.
	*/
	async open(peerId, options = {}) {
		let failedAt = this.#failedAt.get(peerId);
		if (failedAt !== void 0 && performance.now() - failedAt < 6e4) throw noLane(peerId, "the last try failed");
		let dial = this.#dials.run(peerId, async () => await this.#dial(peerId));
		return await (options.signal === void 0 ? dial : abortable(dial, options.signal));
	}
	async #dial(peerId) {
		try {
			let stream = await withDeadline(ARRANGE_MS, `A lane to ${peerId}`, void 0, (signal) => this.#arrangeWith(peerId, signal));
			return this.#failedAt.delete(peerId), stream;
		} catch (error) {
			throw this.#failedAt.set(peerId, performance.now()), this.#logger.log("debug", `There is no lane to ${peerId}: ${errorMessage(error)}`), error;
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
			let offer = parseOffer((await talk.read())?.header.offer);
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
			return this.#track(stream);
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
	/** The answering side of an arrangement. */
	async #arrange(stream, peerId) {
		let talk = new MessageStream(stream, LIMITS);
		await withDeadline(ARRANGE_MS, "Arranging a lane", void 0, async (signal) => {
			for (;;) {
				let message = await talk.read();
				if (message === void 0) return;
				let { want, fingerprint, offer } = message.header;
				if (want === "offer" && isDigest(fingerprint)) {
					await talk.write({ offer: this.#offerTo(peerId, fingerprint) });
					continue;
				}
				let parsed = want === "dial-back" ? parseOffer(offer) : void 0;
				if (parsed === void 0) throw new SwarmCacheError("ERR_FRAME", "A peer asked for a lane in a malformed way.");
				let lane = await this.#tryHosts(peerId, parsed, signal);
				lane !== void 0 && this.#serveLane(lane, peerId), await talk.write({ dialled: lane !== void 0 });
			}
		});
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
			this.#serveLane(this.#track(stream), grant.peerId);
			return;
		}
		let deliver = this.#expected.get(grant.ticket);
		deliver === void 0 ? stream.abort() : deliver(this.#track(stream));
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
	#track(stream) {
		let tracked = {
			source: stream.source,
			write: async (bytes) => await stream.write(bytes),
			closeWrite: async () => await stream.closeWrite(),
			abort: (error) => {
				this.#open.delete(tracked), stream.abort(error);
			}
		};
		return this.#open.add(tracked), tracked;
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
const TICKET_PATTERN = /^[0-9a-f]{64}$/;
function parseOffer(value) {
	if (typeof value != "object" || !value) return;
	let { hosts, port, fingerprint, ticket } = value;
	if (!(!Array.isArray(hosts) || hosts.length > 4 || !isDigest(fingerprint)) && hosts.every((host) => typeof host == "string" && /^[\w.:-]{1,253}$/.test(host)) && !(!Number.isInteger(port) || port < 0 || port > 65535) && typeof ticket == "string") return {
		hosts,
		port: port !== 0 && TICKET_PATTERN.test(ticket) ? port : 0,
		fingerprint,
		ticket
	};
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
// src/transfer/stream-channel.ts
const FRAME_OVERHEAD_BYTES = MAX_FRAME_BYTES - MAX_CHUNK_BYTES;
/** Opens channels over whatever streams `openStream` gets to a peer: of the swarm, or a lane. */
function openStreamChannel(openStream) {
	return async (peerId, receiver, signal) => {
		let opening = openStream(peerId, signal);
		return opening.then((stream) => signal.aborted && stream.abort(), () => {}), new StreamChannel(peerId, await abortable(opening, signal), receiver);
	};
}
/** A channel over one stream. */
var StreamChannel = class {
	peerId;
	#stream;
	#messages;
	#receiver;
	#chunks = /* @__PURE__ */ new Map();
	#ids = /* @__PURE__ */ new Map();
	#haves = /* @__PURE__ */ new Map();
	#manifests = /* @__PURE__ */ new Map();
	#nextId = 0;
	#writing = Promise.resolve();
	#closed = !1;
	constructor(peerId, stream, receiver) {
		this.peerId = peerId, this.#stream = new CountedStream(stream), this.#messages = new MessageStream(this.#stream, RESPONSE_LIMITS), this.#receiver = receiver, this.#readAll();
	}
	get receivedBytes() {
		return this.#stream.receivedBytes;
	}
	want(chunks) {
		for (let start = 0; start < chunks.length; start += MAX_DIGESTS) {
			let batch = chunks.slice(start, start + MAX_DIGESTS), firstId = this.#nextId;
			this.#nextId += batch.length;
			for (let [index, chunk] of batch.entries()) this.#chunks.set(firstId + index, {
				chunk,
				cancelled: !1
			}), this.#ids.set(chunk.digest, firstId + index);
			this.#send({ want: firstId }, encodeDigests(batch.map((chunk) => chunk.digest)));
		}
	}
	cancel(digests) {
		let ids = [];
		for (let digest of digests) {
			let id = this.#ids.get(digest);
			id !== void 0 && (this.#ids.delete(digest), this.#chunks.get(id).cancelled = !0, ids.push(id));
		}
		ids.length > 0 && this.#send({ cancel: !0 }, encodeIds(ids));
	}
	async have(digests, signal) {
		let id = this.#nextId++, pending = {
			count: digests.length,
			answer: Promise.withResolvers()
		};
		return this.#haves.set(id, pending), this.#send({ have: id }, encodeDigests(digests)), abortable(pending.answer.promise, signal);
	}
	async manifest(digest, maxBytes, signal) {
		let id = this.#nextId++, answer = Promise.withResolvers();
		return this.#manifests.set(id, {
			maxBytes,
			bytes: void 0,
			received: 0,
			answer
		}), this.#send({
			manifest: digest,
			id
		}), abortable(answer.promise, signal);
	}
	close() {
		this.#end(new SwarmCacheError("ERR_CLOSED", "The channel was closed."), !1);
	}
	#end(error, tell) {
		if (!this.#closed) {
			this.#closed = !0, this.#messages.abort();
			for (let { answer } of [...this.#haves.values(), ...this.#manifests.values()]) answer.promise.catch(() => {}), answer.reject(error);
			this.#chunks.clear(), tell && this.#receiver.closed(error);
		}
	}
	/** Requests go out in order; what waits here is bounded by what the asker may have in flight. */
	#send(header, body) {
		this.#writing = this.#writing.then(() => this.#closed ? void 0 : this.#messages.write(header, body)).catch((error) => {
			this.#chunks.size + this.#haves.size + this.#manifests.size === 0 && this.#end(error, !0);
		});
	}
	async #readAll() {
		try {
			for (;;) {
				let message = await this.#messages.read();
				if (this.#closed) return;
				if (message === void 0) throw new SwarmCacheError("ERR_CLOSED", "The peer ended the conversation.");
				this.#take(message);
			}
		} catch (error) {
			this.#end(error, !0);
		}
	}
	#take({ header, body }) {
		if (header.busy === !0) throw new SwarmCacheError("ERR_LIMIT", "The peer serves too many others already.");
		let { id } = header;
		if (!isId(id)) throw violation("an answer has no id");
		let pending = this.#chunks.get(id);
		if (pending !== void 0) this.#takeChunk(id, pending, header, body);
		else if (this.#haves.has(id)) this.#takeHave(id, header, body);
		else if (this.#manifests.has(id)) this.#takeManifest(id, header, body);
		else throw violation("it sent what was not asked for");
	}
	#takeChunk(id, pending, header, body) {
		let { chunk, cancelled } = pending;
		if (this.#chunks.delete(id), cancelled || this.#ids.delete(chunk.digest), header.cancelled === !0) {
			if (!cancelled) throw violation("it cancelled what is wanted");
		} else if (header.missing === !0) cancelled || this.#receiver.missing(chunk);
		else if (body.length === 0 || body.length > chunk.bytes + FRAME_OVERHEAD_BYTES) throw violation(`it sent ${body.length} bytes for a chunk of ${chunk.bytes}`);
		else cancelled || this.#receiver.frame(chunk, body);
	}
	#takeHave(id, header, body) {
		let { count, answer } = this.#haves.get(id), bits = header.have === !0 ? decodeBits(body, count) : void 0;
		if (bits === void 0) throw violation("it did not say what it has");
		this.#haves.delete(id), answer.resolve(bits);
	}
	#takeManifest(id, header, body) {
		let pending = this.#manifests.get(id);
		if (header.missing === !0) {
			this.#manifests.delete(id), pending.answer.resolve(void 0);
			return;
		}
		let total = header.manifestBytes;
		if (!Number.isSafeInteger(total) || total > pending.maxBytes || body.length === 0) throw violation("the size of its manifest is wrong");
		if (pending.bytes ??= new Uint8Array(total), pending.bytes.length !== total || pending.received + body.length > pending.bytes.length) throw violation("its manifest is longer than it said");
		pending.bytes.set(body, pending.received), pending.received += body.length, pending.received < pending.bytes.length || (this.#manifests.delete(id), pending.answer.resolve(pending.bytes));
	}
}, CountedStream = class {
	source;
	#stream;
	receivedBytes = 0;
	constructor(stream) {
		this.#stream = stream, this.source = this.#count(stream.source);
	}
	async *#count(source) {
		for await (let bytes of source) this.receivedBytes += bytes.length, yield bytes;
	}
	async write(bytes) {
		await this.#stream.write(bytes);
	}
	async closeWrite() {
		await this.#stream.closeWrite();
	}
	abort(error) {
		this.#stream.abort(error);
	}
};
function violation(why) {
	return new SwarmCacheError("ERR_FRAME", `The peer broke the transfer protocol: ${why}.`);
}
/** Answers the requests of one conversation until the asker ends it. */
var Upload = class {
	#parts;
	#ending = new AbortController();
	#writeTurn = new Limit(1);
	/** In the order asked; `have` and `manifest` under ids of their own. */
	#jobs = /* @__PURE__ */ new Map();
	#questions = 0;
	#running = 0;
	#misses = 0;
	#asking = !0;
	#draining = !1;
	#wake = Promise.withResolvers();
	constructor(parts) {
		this.#parts = parts;
	}
	/** Rejects with what ended it early: ERR_FRAME and ERR_LIMIT are the asker's doing. */
	async run() {
		let parts = [this.#readAll(), ...Array.from({ length: 2 }, () => this.#work())];
		try {
			await Promise.all(parts);
		} catch (error) {
			throw this.end(error), await Promise.allSettled(parts), error;
		}
	}
	/** Ends once everything asked so far is answered. */
	drain() {
		this.#draining = !0, this.#isIdle && this.end(new SwarmCacheError("ERR_CLOSED", "This node stops.")), this.#wakeAll();
	}
	end(error) {
		this.#ending.abort(error), this.#parts.messages.abort(error), this.#wakeAll();
	}
	get #isIdle() {
		return this.#jobs.size === 0 && this.#running === 0;
	}
	async #readAll() {
		let next;
		for (;;) {
			next ??= this.#parts.messages.read();
			let reading = next, message;
			try {
				message = await withDeadline(6e4, "An idle peer", this.#ending.signal, async () => reading);
			} catch (error) {
				if (isSwarmCacheError(error, "ERR_TIMEOUT") && !this.#isIdle) continue;
				throw error;
			}
			if (next = void 0, message === void 0) break;
			let request = parseRequest(message.header, message.body);
			if (request === void 0) throw new SwarmCacheError("ERR_FRAME", "It sent a malformed request.");
			this.#accept(request), this.#wakeAll();
		}
		this.#asking = !1, this.#wakeAll();
	}
	#accept(request) {
		if (request.kind === "cancel") for (let id of request.ids) this.#cancel(id);
		else if (request.kind === "want") for (let [index, digest] of request.digests.entries()) this.#addJob({
			kind: "chunk",
			id: request.id + index,
			digest
		});
		else {
			if (this.#questions += 1, this.#questions > 8) throw tooMuch("questions");
			this.#addJob(request);
		}
	}
	#addJob(job) {
		if (this.#jobs.size >= 2048) throw tooMuch("chunks");
		this.#jobs.set(job.id, job);
	}
	#cancel(id) {
		this.#jobs.get(id)?.kind === "chunk" && (this.#jobs.delete(id), this.#write({
			id,
			cancelled: !0
		}).catch((error) => this.end(error)));
	}
	async #work() {
		for (;;) {
			this.#ending.signal.throwIfAborted();
			let job = this.#jobs.values().next().value;
			if (job === void 0) {
				if (!this.#asking || this.#draining) return;
				await this.#wake.promise;
			} else {
				this.#jobs.delete(job.id), this.#running += 1;
				try {
					await this.#answer(job);
				} finally {
					--this.#running;
				}
				this.#draining && this.#isIdle && this.drain(), this.#misses > 1024 && await pause(2, this.#ending.signal);
			}
		}
	}
	async #answer(job) {
		let { supply, turns, ownTurns } = this.#parts, { signal } = this.#ending;
		using _own = await ownTurns.acquire(1, signal), _turn = await turns.acquire(1, signal);
		if (job.kind === "have") {
			let held = await this.#ask("what it holds", () => supply.has(job.digests));
			--this.#questions;
			let bits = job.digests.map((_, index) => held?.[index] === !0);
			await this.#write({
				id: job.id,
				have: !0
			}, encodeBits(bits));
		} else if (job.kind === "manifest") {
			let manifest = await this.#ask("a manifest", () => supply.manifest(job.digest));
			--this.#questions, await this.#sendManifest(job.id, manifest);
		} else {
			let frame = await this.#ask("a chunk", () => supply.frame(job.digest));
			await this.#sendChunk(job.id, frame);
		}
	}
	async #sendChunk(id, frame) {
		frame === void 0 ? (this.#misses += 1, await this.#write({
			id,
			missing: !0
		})) : (this.#misses = 0, await this.#write({ id }, frame), publish("chunks:sent", {
			bytes: frame.length,
			peerId: this.#parts.peerId
		}));
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
			return await withDeadline(1e4, "The local store", this.#ending.signal, work);
		} catch (error) {
			this.#ending.signal.throwIfAborted();
			let reason = errorMessage(error);
			this.#parts.logger.log("debug", `The store did not supply ${what} for a peer`, { reason });
			return;
		}
	}
	async #write(header, body) {
		let { signal } = this.#ending;
		using _turn = await this.#writeTurn.acquire(1, signal);
		await withDeadline(5e3, "Sending to a peer", signal, () => this.#parts.messages.write(header, body));
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
	#turns = new Limit(32);
	#peers = /* @__PURE__ */ new Map();
	#stopping = !1;
	constructor(parts, options = {}) {
		this.#parts = parts, this.#options = {
			maxUploads: options.maxUploads ?? 128,
			maxUploadsPerPeer: options.maxUploadsPerPeer ?? 8
		};
	}
	/** Serves one conversation. */
	async serve(stream, peerId) {
		let messages = new MessageStream(stream, REQUEST_LIMITS), peer = this.#peers.get(peerId) ?? {
			turns: new Limit(4),
			uploads: /* @__PURE__ */ new Set()
		}, { maxUploads, maxUploadsPerPeer } = this.#options, uploads = this.#uploads().length;
		if (this.#stopping || uploads >= maxUploads || peer.uploads.size >= maxUploadsPerPeer) {
			await withDeadline(1e3, "Refusing a peer", void 0, () => messages.write({ busy: !0 }));
			return;
		}
		let { supply, logger } = this.#parts, ownTurns = peer.turns, upload = new Upload({
			messages,
			peerId,
			supply,
			turns: this.#turns,
			ownTurns,
			logger
		});
		this.#peers.set(peerId, peer), peer.uploads.add(upload);
		try {
			await upload.run();
		} catch (error) {
			throw this.#blame(peerId, error), error;
		} finally {
			peer.uploads.delete(upload), peer.uploads.size === 0 && this.#peers.delete(peerId);
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
}, SwarmTransfer = class {
	#parts;
	#options;
	#fetchParts;
	#manifests;
	#uploads;
	#lanes;
	constructor(parts, options = {}) {
		let { swarm, peers, logger } = parts;
		this.#parts = parts, this.#options = options;
		let openStream = (peerId, signal) => swarm.open(peerId, TRANSFER_PROTOCOL, { signal }), now = () => performance.now(), onConnected = (listener) => swarm.listen({ connected: (peer) => listener(peer.peerId) }), verify = parts.verify ?? openFrame;
		if (this.#uploads = new UploadServer(parts, options), options.lanes !== void 0) {
			let serve = (stream, peerId) => this.#uploads.serve(stream, peerId);
			this.#lanes = new Lanes({
				swarm,
				serve,
				logger
			}, options.lanes);
		}
		let open = openStreamChannel(async (peerId, signal) => await this.#lanes?.open(peerId, { signal }).catch(() => void 0) ?? await openStream(peerId, signal));
		this.#fetchParts = {
			open,
			peers,
			logger,
			now,
			onConnected,
			verify
		}, this.#manifests = new ManifestFetch({
			open: openStreamChannel(openStream),
			peers,
			now
		});
	}
	async start() {
		this.#parts.swarm.handle(TRANSFER_PROTOCOL, (stream, peerId) => this.#uploads.serve(stream, peerId)), await this.#lanes?.start();
	}
	async stop(options = {}) {
		await this.#uploads.stop(options.signal), this.#lanes?.stop();
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
