import { o as isSwarmCacheError, t as SwarmCacheError } from "./errors.js";
import { a as withDeadline, t as abortable } from "./deadline.js";
import { t as VERSION } from "./version.js";
import { c as isPrivate, d as ControlChannel, i as readPlaces, o as openInbox, r as readPiece, s as controlPath } from "./place-messages.js";
import { C as readSource, f as encodeRefs, l as encodeDigests, o as decodeError, p as protocolMismatch, r as MAX_DIGESTS, s as decodeJson } from "./control-protocol.js";
import { r as parseSignedEntry } from "./entry.js";
import { t as RemoteTurn } from "./remote-turn.js";
import { connect } from "node:net";
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
// src/node/control-connection.ts
/**
* Connects to a node and exchanges greetings.
*
* @throws ERR_CONTROL if the node speaks another version; ERR_CLOSED or ERR_TIMEOUT if nobody answers.
*/
async function openChannel(path, deadlineMs, signal) {
	let socket = connect(path), channel = new ControlChannel(socket);
	try {
		return await withDeadline(deadlineMs, "Connecting to the node", signal, async () => {
			await channel.greet();
			let greeting = await channel.read();
			if (greeting === void 0) throw nodeGone();
			let { header } = greeting, mismatch = protocolMismatch(header, {
				node: header.version,
				client: VERSION
			});
			if (mismatch !== void 0) throw mismatch;
		}), channel;
	} catch (error) {
		throw channel.abort(), error;
	}
}
/** A connection on which any number of calls wait for their answers at once. */
var ControlConnection = class {
	#channel;
	#pending = /* @__PURE__ */ new Map();
	#lastId = 0;
	#error;
	constructor(channel) {
		this.#channel = channel, this.#readAnswers();
	}
	get closed() {
		return this.#error !== void 0;
	}
	/**
	* The body of the answer.
	*
	* @throws what the node rejected with, ERR_CLOSED if it goes away, or the signal's reason; the call is
	* then taken back.
	*/
	async call(call, args, options = {}) {
		let { body, signal, onWaiting } = options;
		if (signal?.throwIfAborted(), this.#error !== void 0) throw this.#error;
		let id = this.#lastId += 1, { promise, resolve, reject } = Promise.withResolvers();
		this.#pending.set(id, {
			resolve,
			reject,
			onWaiting
		});
		let answer = signal === void 0 ? promise : abortable(promise, signal);
		answer.catch(() => {});
		try {
			return await this.#channel.write({
				...args,
				id,
				call
			}, body), await answer;
		} catch (error) {
			throw signal?.aborted === !0 && this.#channel.write({ cancel: id }).catch(() => {}), this.#error ?? error;
		} finally {
			this.#pending.delete(id);
		}
	}
	/** Ends the connection; every call that waits is rejected with `error`. */
	close(error) {
		if (this.#error === void 0) {
			this.#error = error, this.#channel.abort(error);
			for (let { reject } of this.#pending.values()) reject(error);
			this.#pending.clear();
		}
	}
	async #readAnswers() {
		try {
			for (;;) {
				let message = await this.#channel.read();
				if (message === void 0) break;
				this.#settle(message);
			}
			this.close(nodeGone());
		} catch (error) {
			this.close(nodeGone(error));
		}
	}
	/** An answer to a call that was taken back meets nobody. */
	#settle({ header, body }) {
		let pending = this.#pending.get(Number(header.id));
		typeof header.waiting == "number" ? pending?.onWaiting?.(header.waiting) : header.error === void 0 ? pending?.resolve(body) : pending?.reject(decodeError(header.error));
	}
};
/** The node went away in the middle. */
function nodeGone(cause) {
	return new SwarmCacheError("ERR_CLOSED", "The node stopped before it answered.", { cause });
}
/** The tiers of a repository on a node of another process. */
var RemoteTiers = class {
	#calls;
	#repository;
	#home;
	/** `home` is the node's, where this process finds it. */
	constructor(calls, repository, home) {
		this.#calls = calls, this.#repository = repository, this.#home = home;
	}
	async find(query, { signal } = {}) {
		let body = await this.#call("find", { query }, { signal }), lookup = decodeJson(body), entry = parseSignedEntry(lookup.match?.entry);
		return lookup.match === void 0 || entry === void 0 ? { nearMisses: lookup.nearMisses } : {
			match: {
				...lookup.match,
				entry
			},
			nearMisses: lookup.nearMisses
		};
	}
	async readManifest(entry, { signal } = {}) {
		return await this.#call("readManifest", { entry }, {
			signal,
			bulk: !0
		});
	}
	readChunks(entry, chunks, { signal, unopened, placed } = {}) {
		let home = this.#home, header = {
			id: 1,
			call: "readChunks",
			repository: this.#repository,
			entry,
			unopened,
			placed
		};
		return this.#calls.stream(async function* (channel) {
			await channel.write(header, encodeRefs(chunks));
			let settlements = new Settlements(channel);
			for (;;) {
				let message = await channel.read();
				if (message === void 0) throw nodeGone();
				if (message.header.error !== void 0) throw decodeError(message.header.error);
				if (message.header.end === !0) return;
				if (message.header.tier === void 0) {
					for (let { frame, number } of readPlaces(message.body, chunks, home)) yield {
						...frame,
						settle: (good) => settlements.add(number, good)
					};
					continue;
				}
				let frame = {
					...readSource(message.header, chunks),
					bytes: message.body
				}, number = message.header.unopened;
				yield typeof number == "number" ? {
					...frame,
					settle: (good) => settlements.add(number, good)
				} : frame;
			}
		}, signal);
	}
	async has(digests) {
		let held = [];
		for (let start = 0; start < digests.length; start += MAX_DIGESTS) {
			let asked = digests.slice(start, start + MAX_DIGESTS), body = await this.#call("has", {}, { body: encodeDigests(asked) });
			for (let byte of body) held.push(byte === 1);
		}
		return held;
	}
	async put({ chunk, bytes }) {
		await this.#call("put", { ...chunk }, {
			body: bytes,
			bulk: !0
		});
	}
	async inbox() {
		return openInbox(decodeJson(await this.#call("inbox", {})), async (prefix, body) => {
			await this.#call("take", { prefix }, { body });
		});
	}
	async putManifest(digest, bytes) {
		await this.#call("putManifest", { digest }, {
			body: bytes,
			bulk: !0
		});
	}
	async commit(entry) {
		return decodeJson(await this.#call("commit", { entry })) === !0;
	}
	async takeTurn(name, { signal, onWaiting } = {}) {
		let turn = randomUUID(), body = await this.#call("takeTurn", {
			digest: name,
			turn
		}, {
			signal,
			onWaiting
		}), { by } = decodeJson(body);
		return by === void 0 ? new RemoteTurn((call, args) => this.#call(call, {
			...args,
			turn
		})) : {
			kind: "done",
			by
		};
	}
	async company(work) {
		let company = decodeJson(await this.#call("company", { digest: work }));
		return company === "waiting" || company === "possible" ? company : "none";
	}
	async offerPart(work, { entry, archiveBytes, first, pieces }) {
		let args = {
			digest: work,
			entry,
			archiveBytes,
			first
		};
		return decodeJson(await this.#call("offerPart", args, { body: encodeRefs(pieces) })) === !0;
	}
	followArchive(request, { signal, onArrival }) {
		let { work, ...follow } = request, home = this.#home, header = {
			id: 1,
			call: "followArchive",
			repository: this.#repository
		};
		return this.#calls.stream(async function* (channel) {
			for (await channel.write({
				...header,
				...follow,
				digest: work
			});;) {
				let message = await channel.read();
				if (message === void 0) throw nodeGone();
				if (message.header.error !== void 0) throw decodeError(message.header.error);
				if (message.header.end === !0) return;
				message.header.arrived === !0 ? onArrival?.() : yield readPiece(message, home);
			}
		}, signal);
	}
	async forget(entry, { malformed = !1 } = {}) {
		await this.#call("forget", {
			entry,
			malformed
		});
	}
	async #call(name, args, options) {
		return await this.#calls.call(name, {
			...args,
			repository: this.#repository
		}, options);
	}
}, Settlements = class {
	#channel;
	#good = [];
	#bad = [];
	constructor(channel) {
		this.#channel = channel;
	}
	add(index, good) {
		this.#good.length + this.#bad.length === 0 && setImmediate(() => this.#send()), (good ? this.#good : this.#bad).push(index);
	}
	#send() {
		let message = {
			settle: 1,
			good: this.#good,
			bad: this.#bad
		};
		this.#good = [], this.#bad = [], this.#channel.write(message).catch(() => {});
	}
};
/**
* The node that runs in `home`, or undefined if none answers soon.
*
* @throws ERR_CONTROL if one answers that speaks another version.
*/
async function connectToNode(home, options = {}) {
	let { signal } = options, path = controlPath(home);
	if (await isPrivate(path)) try {
		return new RemoteNode({
			path,
			channel: await openChannel(path, 300, signal),
			home: resolve(home)
		}, options);
	} catch (error) {
		if (signal?.throwIfAborted(), isSwarmCacheError(error, "ERR_CONTROL")) throw error;
		return;
	}
}
/**
* A node of another process of this machine, behind its control socket.
*
* Small calls share one connection, bodies another, and each read of chunks has its own, so that none
* waits behind the other. A connection that was lost is opened again by the next call.
*/
var RemoteNode = class {
	#path;
	#home;
	#pingMs;
	#pingDeadlineMs;
	#channels = /* @__PURE__ */ new Set();
	#small;
	#bulk;
	#waiting = 0;
	#pings;
	#pinging = !1;
	#missedPings = 0;
	#stopped = !1;
	/** `channel` is a first connection to `path`, where the node of `home` listens. */
	constructor(parts, options = {}) {
		this.#path = parts.path, this.#home = parts.home, this.#pingMs = options.pingMs ?? 5e3, this.#pingDeadlineMs = options.pingDeadlineMs ?? 1e4, this.#small = Promise.resolve(new ControlConnection(parts.channel));
	}
	async tiers(repository, options = {}) {
		return await this.call("tiers", { repository }, options), new RemoteTiers(this, repository, this.#home);
	}
	async answers(repository, options = {}) {
		await this.call("tiers", { repository }, options);
		let { RemoteAnswers } = await import("./remote-answers.js");
		return new RemoteAnswers(this, repository);
	}
	async status() {
		return decodeJson(await this.call("status", {}));
	}
	async peers(repository) {
		return decodeJson(await this.call("peers", { repository }));
	}
	async entries(repository) {
		return decodeJson(await this.call("entries", { repository }));
	}
	async verify(repository, options = {}) {
		let { deep, signal } = options;
		return decodeJson(await this.call("verify", {
			repository,
			deep
		}, { signal }));
	}
	/** Disconnects; the node goes on. */
	async stop() {
		this.#stopped = !0, await this.#closeAll(stopped());
	}
	async call(name, args, options = {}) {
		using _watched = this.#watchNode();
		return await (options.bulk === !0 ? await this.#bulkCalls() : await this.#smallCalls()).call(name, args, options);
	}
	async *stream(use, signal) {
		if (signal?.throwIfAborted(), this.#stopped) throw stopped();
		using _watched = this.#watchNode();
		let channel = await this.#open(signal), onAbort = () => channel.abort(signal?.reason);
		signal?.addEventListener("abort", onAbort, { once: !0 }), this.#channels.add(channel);
		try {
			for await (let item of use(channel)) signal?.throwIfAborted(), yield item;
		} catch (error) {
			throw signal?.throwIfAborted(), error;
		} finally {
			this.#channels.delete(channel), signal?.removeEventListener("abort", onAbort), channel.abort();
		}
	}
	async #smallCalls() {
		return this.#small = this.#openIfClosed(this.#small), await this.#small;
	}
	async #bulkCalls() {
		return this.#bulk = this.#openIfClosed(this.#bulk), await this.#bulk;
	}
	async #openIfClosed(current) {
		if (this.#stopped) throw stopped();
		let connection = await current?.catch(() => void 0);
		if (connection !== void 0 && !connection.closed) return connection;
		let opened = new ControlConnection(await this.#open());
		return this.#stopped && opened.close(stopped()), opened;
	}
	async #open(signal) {
		try {
			return await openChannel(this.#path, 1e4, signal);
		} catch (cause) {
			throw signal?.throwIfAborted(), isSwarmCacheError(cause, "ERR_CONTROL") ? cause : new SwarmCacheError("ERR_CLOSED", `The node behind ${this.#path} is gone. Start it again, or run the command again without it.`, {
				cause,
				facts: { path: this.#path }
			});
		}
	}
	/** Asks for signs of life until disposed; a frozen node must not keep its callers waiting for ever. */
	#watchNode() {
		return this.#waiting += 1, this.#pings ??= setInterval(() => void this.#ping(), this.#pingMs).unref(), { [Symbol.dispose]: () => {
			--this.#waiting, this.#waiting > 0 || (clearInterval(this.#pings), this.#pings = void 0);
		} };
	}
	async #ping() {
		if (this.#pinging) return;
		this.#pinging = !0;
		let signal = AbortSignal.timeout(this.#pingDeadlineMs);
		try {
			await (await this.#smallCalls()).call("ping", {}, { signal }), this.#missedPings = 0;
		} catch {
			signal.aborted && (this.#missedPings += 1);
		} finally {
			this.#pinging = !1;
		}
		this.#missedPings < 2 || (this.#missedPings = 0, await this.#closeAll(new SwarmCacheError("ERR_CONTROL", `The node behind ${this.#path} gives no sign of life. Check that process, and restart it.`)));
	}
	async #closeAll(error) {
		for (let channel of this.#channels) channel.abort(error);
		let connections = await Promise.allSettled([this.#small, this.#bulk]);
		for (let connection of connections) connection.status === "fulfilled" && connection.value?.close(error);
	}
};
function stopped() {
	return new SwarmCacheError("ERR_CLOSED", "The connection to the node has been closed.");
}
export { connectToNode };
