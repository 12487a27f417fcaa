import { n as pause, r as startDeadline, t as abortable } from "./deadline.js";
import { o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as BoundedQueue } from "./bounded-queue.js";
import { t as Watchdog } from "./watchdog.js";
import { createServer } from "node:http";
import { randomBytes, timingSafeEqual } from "node:crypto";
// src/store/archive-download.ts
const SEGMENT_BYTES = 4194304;
/**
* The bytes of an archive from an offset on, in order, from the address that the service gave for it; with several
* requests at once where it answers to ranges and that is faster.
*
* @throws ERR_UPSTREAM if there is no archive, or the signal's reason.
*/
async function downloadArchive(url, from, signal, options = {}) {
	let request = new SegmentRequest(url, signal, options.silenceMs ?? 1e4), first = await request.open(from, from + SEGMENT_BYTES), { archiveBytes } = first;
	if (!first.isRange) {
		let receivedBytes = 0;
		return {
			archiveBytes,
			content: counted(skip(first.content, from), (bytes) => receivedBytes += bytes),
			receivedBytes: () => receivedBytes
		};
	}
	let segments = new Segments(request, archiveBytes);
	return {
		archiveBytes,
		content: segments.read(from, first.content),
		receivedBytes: () => segments.receivedBytes
	};
}
/** How many bytes the archive at an address has; undefined if the service does not say. */
async function sizeOfArchive(url, signal) {
	try {
		let { status, headers } = await fetch(url, {
			method: "HEAD",
			headers: { "accept-encoding": "identity" },
			signal: AbortSignal.any([signal, AbortSignal.timeout(1e4)])
		});
		return status === 200 ? countOf(headers.get("content-length")) : void 0;
	} catch {
		return;
	}
}
/** Asks for bytes of one archive. */
var SegmentRequest = class {
	#url;
	#signal;
	#silenceMs;
	constructor(url, signal, silenceMs) {
		this.#url = url, this.#signal = signal, this.#silenceMs = silenceMs;
	}
	/** The bytes from `start` to before `end`; what breaks off is asked for again. */
	async open(start, end) {
		let opened = await this.#retry(() => this.#ask(start, end));
		return {
			...opened,
			content: this.#resume(opened, start, end)
		};
	}
	async *#resume(opened, start, end) {
		let last = opened.isRange ? Math.min(end, opened.archiveBytes) : opened.archiveBytes, at = opened.isRange ? start : 0, current = opened;
		for (let tries = 1;; tries += 1) {
			try {
				for await (let bytes of current.content) {
					if (at += bytes.length, at > last) throw upstreamError("it sends more than it announced");
					tries = 1, yield bytes;
				}
				if (at === last) return;
				throw upstreamError("it broke off");
			} catch (error) {
				if (this.#signal.throwIfAborted(), tries >= 4 || at >= last) throw asUpstreamError(error);
			}
			if (await pause(500 * (tries - 1), this.#signal), current = await this.#retry(() => this.#ask(at, end)), current.isRange !== opened.isRange) throw upstreamError("it answers in another way");
			current.isRange || (current = {
				...current,
				content: skip(current.content, at)
			});
		}
	}
	async #retry(ask) {
		for (let tries = 1;; tries += 1) {
			try {
				return await ask();
			} catch (error) {
				if (this.#signal.throwIfAborted(), isSwarmCacheError(error) && error.facts.final === !0 || tries >= 4) throw asUpstreamError(error);
			}
			await pause(500 * (tries - 1), this.#signal);
		}
	}
	async #ask(start, end) {
		let silent = new AbortController(), watchdog = new Watchdog(this.#silenceMs, () => silent.abort(upstreamError(`it sent no byte for ${this.#silenceMs} ms`))), signal = AbortSignal.any([this.#signal, silent.signal]);
		try {
			let headers = {
				range: `bytes=${start}-${end - 1}`,
				"accept-encoding": "identity"
			}, response = await fetch(this.#url, {
				headers,
				signal
			}), size = sizeOf(response, start);
			if (size === void 0 || response.body === null) {
				await response.body?.cancel();
				let { status } = response, isFinal = status < 500 && status !== 429 && status !== 408;
				throw upstreamError(`it answered with ${status}`, { final: isFinal });
			}
			watchdog.heard();
			let content = heardBytes(response.body, watchdog);
			return {
				archiveBytes: size,
				isRange: response.status === 206,
				content
			};
		} catch (error) {
			throw watchdog[Symbol.dispose](), silent.signal.aborted ? silent.signal.reason : error;
		}
	}
}, Segments = class {
	#request;
	#archiveBytes;
	#atOnce = 1;
	#isWarm = !1;
	#isSettled = !1;
	#bestRate = 0;
	#since = performance.now();
	#receivedBytes = 0;
	#countedBytes = 0;
	#count = 0;
	constructor(request, archiveBytes) {
		this.#request = request, this.#archiveBytes = archiveBytes;
	}
	/** Of all segments, those that have not been handed over included. */
	get receivedBytes() {
		return this.#receivedBytes;
	}
	async *read(from, first) {
		let next = from + SEGMENT_BYTES, ahead = [], begin = (count) => {
			for (; ahead.length < count && next < this.#archiveBytes;) ahead.push(this.#begin(next)), next += SEGMENT_BYTES;
		}, current = this.#counted(first);
		for (; current !== void 0;) {
			begin(this.#atOnce - 1);
			let leftBytes = SEGMENT_BYTES;
			for await (let bytes of current) leftBytes -= bytes.length, leftBytes < 524288 && begin(this.#atOnce), yield bytes;
			this.#adapt(), begin(1), current = ahead.shift();
		}
	}
	/** A segment that is fetched from now on, whenever its bytes are taken. */
	#begin(start) {
		let queue = new BoundedQueue(SEGMENT_BYTES, (bytes) => bytes.length);
		return (async () => {
			for await (let bytes of this.#segment(start)) await queue.push(bytes);
			queue.end();
		})().catch((error) => queue.fail(error)), queue;
	}
	async *#segment(start) {
		let { content, isRange } = await this.#request.open(start, start + SEGMENT_BYTES);
		if (!isRange) throw upstreamError("it no longer answers to ranges");
		yield* this.#counted(content);
	}
	#counted(content) {
		return counted(content, (bytes) => this.#receivedBytes += bytes);
	}
	/** Asks for more at once as long as that makes it faster. */
	#adapt() {
		if (this.#count += 1, this.#isSettled || this.#count < this.#atOnce) return;
		let now = performance.now(), rate = (this.#receivedBytes - this.#countedBytes) / Math.max(1, now - this.#since);
		this.#isWarm ? rate > this.#bestRate * 1.25 ? (this.#bestRate = rate, this.#atOnce = Math.min(8, this.#atOnce * 2)) : (this.#atOnce = Math.max(1, this.#atOnce / 2), this.#isSettled = !0) : this.#isWarm = !0, this.#since = now, this.#countedBytes = this.#receivedBytes, this.#count = 0;
	}
};
async function* heardBytes(body, watchdog) {
	try {
		for await (let bytes of body) watchdog.heard(), yield bytes, watchdog.heard();
	} finally {
		watchdog[Symbol.dispose]();
	}
}
async function* counted(content, heard) {
	for await (let bytes of content) heard(bytes.length), yield bytes;
}
async function* skip(content, count) {
	let left = count;
	for await (let bytes of content) {
		let skipped = Math.min(left, bytes.length);
		left -= skipped, skipped < bytes.length && (yield bytes.subarray(skipped));
	}
}
/** How long the archive is by an answer to a request for a range of it; undefined if it is no such answer. */
function sizeOf({ status, headers }, start) {
	if (status === 200) return countOf(headers.get("content-length"));
	if (status !== 206) return;
	let range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
	return range !== null && Number(range[1]) === start ? countOf(range[2]) : void 0;
}
function countOf(text) {
	let count = Number(text ?? NaN);
	return Number.isSafeInteger(count) && count > 0 ? count : void 0;
}
function asUpstreamError(error) {
	return isSwarmCacheError(error, "ERR_UPSTREAM") ? error : upstreamError(errorMessage(error));
}
function upstreamError(why, facts = {}) {
	return new SwarmCacheError("ERR_UPSTREAM", `The archive cannot be downloaded from the cache service: ${why}.`, { facts });
}
/**
* Bytes for a client that gives up when none come for a while: a reserve is kept back, and given drop by drop while
* there is nothing new. Until the reserve is full nothing is given at all.
*/
var PacedBytes = class {
	#signal;
	#content;
	#reserveBytes;
	#silenceMs;
	#reserve = [];
	#bytes = 0;
	#isFull = !1;
	constructor(content, signal, options = {}) {
		this.#signal = signal, this.#content = content[Symbol.asyncIterator](), this.#reserveBytes = options.reserveBytes ?? 262144, this.#silenceMs = options.silenceMs ?? 2e3;
	}
	async *[Symbol.asyncIterator]() {
		let next;
		try {
			for (;;) {
				next ??= this.#content.next();
				let result = await this.#within(next);
				if (result === void 0) {
					let drop = this.#isFull ? this.#take(4096) : void 0;
					drop !== void 0 && (yield drop);
				} else {
					if (next = void 0, result.done === !0) break;
					for (this.#reserve.push(result.value), this.#bytes += result.value.length, this.#isFull ||= this.#bytes > this.#reserveBytes; this.#bytes - this.#reserve[0].length >= this.#reserveBytes;) yield this.#take(this.#reserve[0].length);
				}
			}
			yield* this.#reserve;
		} finally {
			next?.catch(() => {}), this.#content.return?.()?.then(void 0, () => {});
		}
	}
	/** What comes, or undefined after a while without; rejects with the signal's reason. */
	async #within(next) {
		this.#signal.throwIfAborted();
		let { promise, resolve, reject } = Promise.withResolvers(), timer = setTimeout(() => resolve(void 0), this.#silenceMs), onAbort = () => reject(this.#signal.reason);
		this.#signal.addEventListener("abort", onAbort, { once: !0 });
		try {
			return await Promise.race([next, promise]);
		} finally {
			clearTimeout(timer), this.#signal.removeEventListener("abort", onAbort);
		}
	}
	/** The first bytes of the reserve, `most` of them at most; undefined if that is none. */
	#take(most) {
		let first = this.#reserve[0];
		if (first === void 0 || most <= 0) return;
		first.length <= most ? this.#reserve.shift() : this.#reserve[0] = first.subarray(most);
		let taken = first.subarray(0, most);
		return this.#bytes -= taken.length, taken;
	}
};
// src/store/archive-relay.ts
const PROXIES = [
	"https_proxy",
	"http_proxy",
	"all_proxy"
], LOOPBACK = [
	"127.0.0.1",
	"localhost",
	"[::1]"
], PASSED = [
	"content-type",
	"accept",
	"user-agent"
];
/** True if the service can be reached from here as the client reaches it; what a proxy does is left to the client. */
function canRelay(env) {
	if (process.platform !== "linux") return !1;
	let given = ["ACTIONS_RESULTS_URL", "ACTIONS_CACHE_URL"].map((name) => env[name] || void 0).filter((url) => url !== void 0 && URL.canParse(url));
	return given.length === 0 || !env.ACTIONS_RUNTIME_TOKEN ? !1 : given.every((url) => LOOPBACK.includes(new URL(url).hostname)) ? !0 : PROXIES.every((name) => !env[name] && !env[name.toUpperCase()]);
}
/**
* A server on the loopback interface that stands between one call of @actions/cache and the cache service: calls
* are passed on, and the address of the archive is replaced by one of its own, where the bytes come from `source`.
*
* It answers only to who knows the secret that is the client's token and part of the archive's address. The
* token and the signed address of the service stay here.
*/
var ArchiveRelay = class ArchiveRelay {
	#parts;
	#options;
	#secret = randomBytes(32).toString("hex");
	#closing = new AbortController();
	#server;
	#archive;
	constructor(parts, options) {
		this.#parts = parts, this.#options = options, this.#server = createServer((request, response) => {
			this.#answer(request, response).catch((error) => {
				parts.logger.log("debug", "A relayed call failed", { reason: errorMessage(error) }), response.destroy();
			});
		});
	}
	static async start(parts, options) {
		let relay = new ArchiveRelay(parts, options);
		return await new Promise((resolve, reject) => {
			relay.#server.once("error", reject), relay.#server.listen(0, "127.0.0.1", resolve);
		}), relay;
	}
	/** What the client must have in its environment in place of the service's. */
	get environment() {
		return {
			ACTIONS_RESULTS_URL: this.#url,
			ACTIONS_CACHE_URL: this.#url,
			ACTIONS_RUNTIME_TOKEN: this.#secret
		};
	}
	get #url() {
		return `http://127.0.0.1:${this.#server.address().port}/`;
	}
	async [Symbol.asyncDispose]() {
		this.#closing.abort(new SwarmCacheError("ERR_CLOSED", "The call that was relayed is over."));
		let closed = new Promise((resolve) => this.#server.close(resolve));
		this.#server.closeAllConnections(), await closed;
	}
	async #answer(request, response) {
		request.method === "GET" && this.#isSame(request.url ?? "", `/${this.#secret}/archive`) ? await this.#sendArchive(response) : this.#isSame(request.headers.authorization ?? "", `Bearer ${this.#secret}`) ? await this.#passOn(request, response) : response.writeHead(404).end();
	}
	#isSame(given, expected) {
		let [a, b] = [Buffer.from(given), Buffer.from(expected)];
		return a.length === b.length && timingSafeEqual(a, b);
	}
	async #passOn(request, response) {
		using deadline = startDeadline(18e4, "The cache service", this.#closing.signal);
		let { signal } = deadline, body = await readBounded(request, 65536), headers = { authorization: `Bearer ${this.#options.env.ACTIONS_RUNTIME_TOKEN ?? ""}` };
		for (let name of PASSED) {
			let value = request.headers[name];
			typeof value == "string" && (headers[name] = value);
		}
		let { method = "GET" } = request, asked = serviceUrl(this.#options.env, request.url ?? "/"), answer = await fetch(asked, {
			method,
			headers,
			body: method === "GET" ? void 0 : body,
			signal,
			redirect: "error"
		}), text = await readBounded(answer.body ?? [], 1048576), passed = {};
		for (let name of ["content-type", "retry-after"]) {
			let value = answer.headers.get(name);
			value !== null && (passed[name] = value);
		}
		response.writeHead(answer.status, passed), response.end(answer.status === 200 ? this.#withOwnAddress(text) : text);
	}
	/** An answer that names an archive, with the relay's address in place of the archive's. */
	#withOwnAddress(text) {
		let answer;
		try {
			answer = JSON.parse(text.toString("utf8"));
		} catch {
			return text;
		}
		for (let [urlName, keyName] of ADDRESSES) {
			let [url, key] = [answer[urlName], answer[keyName]];
			if (typeof url == "string" && typeof key == "string" && URL.canParse(url)) return this.#archive = {
				key,
				url
			}, JSON.stringify({
				...answer,
				[urlName]: `${this.#url}${this.#secret}/archive`
			});
		}
		return text;
	}
	async #sendArchive(response) {
		let archive = this.#archive;
		if (archive === void 0) {
			response.writeHead(404).end();
			return;
		}
		let { source, logger } = this.#parts, { key, url } = archive, { signal } = this.#closing, { folder, silenceMs } = this.#options, opened = await source.open({
			key,
			folder,
			size: () => sizeOfArchive(url, signal),
			download: (from, stop) => downloadArchive(url, from, AbortSignal.any([signal, stop]), { silenceMs })
		}).catch((error) => {
			logger.log("info", `The client downloads by itself: ${errorMessage(error)}`);
		});
		try {
			opened !== void 0 && await this.#send(opened, response);
		} catch (error) {
			if (response.headersSent || signal.aborted) throw error;
		}
		response.headersSent || response.writeHead(302, { location: url }), response.end();
	}
	async #send(opened, response) {
		let { archiveBytes, content } = opened, begin = () => {
			response.writeHead(200, { "content-length": archiveBytes });
		}, gone = new AbortController();
		response.once("close", () => gone.abort());
		let signal = AbortSignal.any([this.#closing.signal, gone.signal]);
		for await (let bytes of new PacedBytes(content, signal)) response.headersSent || begin(), response.write(bytes) || await abortable(new Promise((resolve) => response.once("drain", resolve)), signal);
		response.headersSent || begin();
	}
};
/** Where an answer has the address of the archive and the key that was matched: of v2, of v1. */
const ADDRESSES = [["signed_download_url", "matched_key"], ["archiveLocation", "cacheKey"]];
/** Where the client would have sent a call by itself. */
function serviceUrl(env, path) {
	let results = env.ACTIONS_RESULTS_URL || "";
	return path.startsWith("/_apis/artifactcache/") ? new URL(`${env.ACTIONS_CACHE_URL || results}${path.slice(1)}`) : new URL(path, results);
}
async function readBounded(content, limitBytes) {
	let pieces = [], bytes = 0;
	for await (let piece of content) {
		if (bytes += piece.length, bytes > limitBytes) throw new SwarmCacheError("ERR_LIMIT", `A relayed message has more than ${limitBytes} bytes.`);
		pieces.push(piece);
	}
	return Buffer.concat(pieces);
}
export { ArchiveRelay, canRelay };
