import { n as errnoOf, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { a as ControlInboxes, d as ControlChannel, l as prepareControlFolder, n as encodePiece, s as controlPath, t as PlaceMessages, u as protectSocket } from "./place-messages.js";
import { r as startDeadline, t as abortable } from "./deadline.js";
import { t as Limit } from "./limit.js";
import { t as VERSION } from "./version.js";
import { S as readSignedEntry, T as readTurnResult, _ as readFollow, a as decodeDigests, b as readQuery, c as decodeRefs, d as encodeJson, g as readDigest, h as readCommittedEntry, p as protocolMismatch, u as encodeError, v as readFrame, w as readTurnName, x as readRepository, y as readPart } from "./control-protocol.js";
import { t as ControlAnswers } from "./control-answers.js";
import { t as Watchdog } from "./watchdog.js";
import { connect, createServer } from "node:net";
import { relative } from "node:path";
import { rm, stat, writeFile } from "node:fs/promises";
/** The turns that the clients of one connection have; each is lost with the connection, or when nothing is heard of it. */
var ControlTurns = class {
	#turns = /* @__PURE__ */ new Map();
	keep(name, turn) {
		let watchdog = new Watchdog(2e3, () => void this.end(name, !1));
		this.#turns.set(name, {
			turn,
			watchdog,
			progress: 0
		});
	}
	renew(name, progress) {
		let kept = this.#turns.get(name);
		kept !== void 0 && (kept.watchdog.heard(), typeof progress != "number" || progress <= kept.progress || (kept.progress = progress, kept.turn.progressed()));
	}
	async end(name, result) {
		let kept = this.#turns.get(name);
		kept !== void 0 && (this.#turns.delete(name), kept.watchdog[Symbol.dispose](), await kept.turn.done(result));
	}
	stop() {
		for (let name of this.#turns.keys()) this.end(name, !1);
	}
}, UnopenedFrames = class {
	#waiting = /* @__PURE__ */ new Map();
	#next = 0;
	/** The number under which the client settles the frame; undefined if it need not. */
	add({ settle }) {
		if (settle === void 0) return;
		let number = this.#next++;
		return this.#waiting.set(number, settle), number;
	}
	/** Takes a client's `{ good, bad }`; numbers that wait for nothing are passed over. */
	settle(header) {
		this.#settleAll(header.good, !0), this.#settleAll(header.bad, !1);
	}
	#settleAll(numbers, good) {
		if (Array.isArray(numbers)) for (let number of numbers) {
			let settle = this.#waiting.get(number);
			this.#waiting.delete(number), settle?.(good);
		}
	}
};
// src/node/control-session.ts
const NOTHING = /* @__PURE__ */ new Uint8Array();
/** One client's connection: answers its calls until it goes, and ends with it whatever they started. */
var ControlSession = class {
	#node;
	#channel;
	#logger;
	#home;
	#gone = new AbortController();
	#running = /* @__PURE__ */ new Map();
	#limit = new Limit(33554432);
	#turns = new ControlTurns();
	#inboxes = new ControlInboxes();
	#answers = new ControlAnswers();
	#unopened = /* @__PURE__ */ new Map();
	constructor(parts) {
		this.#node = parts.node, this.#channel = parts.channel, this.#logger = parts.logger, this.#home = parts.home;
	}
	/** Resolves when the client has gone; never rejects. */
	async run() {
		try {
			for (await this.#welcome();;) {
				let message = await this.#channel.read();
				if (message === void 0) return;
				await this.#accept(message);
			}
		} catch (error) {
			this.#logger.log("debug", "A control connection ended.", { reason: errorMessage(error) });
		} finally {
			this.stop();
		}
	}
	/** Ends the connection and the calls that run on it. */
	stop() {
		let error = new SwarmCacheError("ERR_CLOSED", "The client has gone.");
		this.#gone.abort(error), this.#turns.stop(), this.#answers.stop();
		for (let controller of this.#running.values()) controller.abort(error);
		this.#channel.abort(error);
	}
	async #welcome() {
		using deadline = startDeadline(5e3, "The greeting of a control client");
		let greeting = await abortable(this.#channel.read(), deadline.signal);
		if (greeting === void 0) throw new SwarmCacheError("ERR_CLOSED", "The client has gone.");
		let { header } = greeting, mismatch = protocolMismatch(header, {
			node: VERSION,
			client: header.version
		});
		if (await this.#channel.greet(), mismatch !== void 0) throw await this.#channel.close(), mismatch;
	}
	/** Starts a call; waits, and so stops reading, while too much is running. */
	async #accept({ header, body }) {
		if (typeof header.cancel == "number") {
			this.#running.get(header.cancel)?.abort(new SwarmCacheError("ERR_ABORTED", "The client took the call back."));
			return;
		}
		if (typeof header.settle == "number") {
			this.#unopened.get(header.settle)?.settle(header);
			return;
		}
		let { id } = header;
		if (!Number.isSafeInteger(id) || this.#running.has(Number(id))) throw new SwarmCacheError("ERR_FRAME", "A control call has no number of its own.");
		let held = await this.#limit.acquire(524288 + body.length, this.#gone.signal), controller = new AbortController(), call = {
			id: Number(id),
			header,
			body,
			signal: controller.signal
		};
		this.#running.set(call.id, controller), this.#answer(call).finally(() => {
			this.#running.delete(call.id), held[Symbol.dispose]();
		});
	}
	async #answer(call) {
		let { id } = call;
		try {
			call.header.call === "readChunks" ? await this.#stream(call) : call.header.call === "followArchive" ? await this.#follow(call) : await this.#channel.write({ id }, await this.#run(call));
		} catch (error) {
			if (this.#gone.signal.aborted) return;
			await this.#channel.write({
				id,
				error: encodeError(error)
			}).catch(() => this.stop());
		}
	}
	async #run({ id, header, body, signal }) {
		let name = header.call, tiers = async () => await this.#node.tiers(readRepository(header), { signal });
		switch (name) {
			case "ping": return NOTHING;
			case "status": return encodeJson(await this.#node.status());
			case "peers": return encodeJson(await this.#node.peers(readRepository(header)));
			case "entries": return encodeJson(await this.#node.entries(readRepository(header)));
			case "verify": {
				let deep = header.deep === !0;
				return encodeJson(await this.#node.verify(readRepository(header), {
					deep,
					signal
				}));
			}
			case "tiers": return await tiers(), NOTHING;
			case "find": return encodeJson(await (await tiers()).find(readQuery(header), { signal }));
			case "readManifest": return await (await tiers()).readManifest(readSignedEntry(header), { signal });
			case "has": {
				let digests = decodeDigests(body);
				return Uint8Array.from(await (await tiers()).has(digests), Number);
			}
			case "put": {
				let frame = readFrame({
					header,
					body
				});
				return await (await tiers()).put(frame), NOTHING;
			}
			case "inbox": return encodeJson(await this.#inboxes.open(readRepository(header), await tiers()));
			case "take": return await this.#inboxes.take(readRepository(header), await tiers(), {
				header,
				body
			}), NOTHING;
			case "putManifest": return await (await tiers()).putManifest(readDigest(header), body), NOTHING;
			case "commit": {
				let entry = readCommittedEntry(header);
				return encodeJson(await (await tiers()).commit(entry));
			}
			case "findAnswers":
			case "putAnswer":
			case "countApi": {
				let answers = await this.#node.answers(readRepository(header), { signal });
				return await this.#answers.call(name, answers, {
					header,
					body,
					signal
				});
			}
			case "takeTurn": {
				let isForAnswers = header.answers === !0, repository = readRepository(header), giver = isForAnswers ? (await this.#node.answers(repository)).tiers : await tiers();
				return encodeJson(await this.#takeTurn(giver, {
					header,
					id,
					signal
				}));
			}
			case "renewTurn": return this.#turns.renew(readTurnName(header), header.progress), NOTHING;
			case "endTurn": return await this.#turns.end(readTurnName(header), readTurnResult(header)), NOTHING;
			case "company": return encodeJson(await (await tiers()).company(readDigest(header)));
			case "offerPart": {
				let part = readPart({
					header,
					body
				});
				return encodeJson(await (await tiers()).offerPart(readDigest(header), part));
			}
			case "forget": return await (await tiers()).forget(readSignedEntry(header), { malformed: header.malformed === !0 }), NOTHING;
			default: throw new SwarmCacheError("ERR_FRAME", "A control message asks for an unknown call.");
		}
	}
	/** Who did the work, or nothing if the turn is the client's. */
	async #takeTurn(tiers, { id, header, signal }) {
		let name = readTurnName(header), onWaiting = this.#teller((progress) => ({
			id,
			waiting: progress
		})), turn = await tiers.takeTurn(readDigest(header), {
			signal,
			onWaiting
		});
		return turn.kind === "done" ? { by: turn.by } : (signal.aborted ? await turn.done(!1) : this.#turns.keep(name, turn), {});
	}
	/** Says something now and again: a client that does not read is told no more of what it can do without. */
	#teller(news) {
		let isSaying = !1;
		return (...about) => {
			isSaying || (isSaying = !0, this.#channel.write(news(...about)).catch(() => this.stop()).finally(() => isSaying = !1));
		};
	}
	async #follow({ id, header, signal }) {
		let tiers = await this.#node.tiers(readRepository(header), { signal }), onArrival = this.#teller(() => ({
			id,
			arrived: !0
		}));
		for await (let piece of tiers.followArchive(readFollow(header), {
			signal,
			onArrival
		})) {
			let { header: said, body } = encodePiece(piece, this.#home);
			await this.#channel.write({
				id,
				...said
			}, body);
		}
		await this.#channel.write({
			id,
			end: !0
		});
	}
	async #stream({ id, header, body, signal }) {
		let tiers = await this.#node.tiers(readRepository(header), { signal }), entry = readSignedEntry(header), chunks = decodeRefs(body), indexes = new Map(chunks.map((chunk, index) => [chunk.digest, index])), unopened = new UnopenedFrames();
		this.#unopened.set(id, unopened);
		let places = new PlaceMessages(async (body) => await this.#channel.write({ id }, body)), options = {
			signal,
			unopened: header.unopened === !0,
			placed: header.placed === !0
		};
		try {
			for await (let frame of tiers.readChunks(entry, chunks, options)) {
				let { chunk, bytes, tier, peer, place } = frame, index = indexes.get(chunk.digest), number = unopened.add(frame);
				if (place === void 0 || index === void 0 || number === void 0) await this.#channel.write({
					id,
					frame: index,
					tier,
					peer,
					unopened: number
				}, bytes);
				else {
					let path = relative(this.#home, place.path);
					await places.add({
						...place,
						path,
						frame: index,
						tier,
						peer,
						unopened: number
					});
				}
			}
			await places.flush(), await this.#channel.write({
				id,
				end: !0
			});
		} finally {
			this.#unopened.delete(id);
		}
	}
}, ControlServer = class {
	/** Where clients connect. */
	path;
	#node;
	#logger;
	#home;
	#sessions = /* @__PURE__ */ new Set();
	#server;
	constructor(parts, options) {
		this.#node = parts.node, this.#logger = parts.logger, this.#home = options.home, this.path = controlPath(options.home);
	}
	/** @throws ERR_CONTROL if a node of the same home runs already, or the socket cannot be put there. */
	async start() {
		await prepareControlFolder(this.path), this.#server = await this.#tryListen() ?? await this.#listenInsteadOfTheDead(), this.#server.on("error", (error) => {
			this.#logger.log("warning", "The control socket failed.", { reason: errorMessage(error) });
		});
	}
	/** Ends every connection, and takes the socket away. */
	async stop() {
		let server = this.#server;
		if (this.#server = void 0, server === void 0) return;
		let closed = new Promise((resolve) => server.close(() => resolve()));
		for (let session of this.#sessions) session.stop();
		await closed;
	}
	/** The listening server, or undefined if a socket file is in the way. */
	async #tryListen() {
		let server = createServer((socket) => this.#serve(socket));
		server.maxConnections = 256;
		try {
			return await new Promise((resolve, reject) => {
				server.once("error", reject), server.listen(this.path, resolve);
			}), await protectSocket(this.path), server;
		} catch (cause) {
			if (server.close(), errnoOf(cause) === "EADDRINUSE") return;
			throw new SwarmCacheError("ERR_CONTROL", `The control socket ${this.path} cannot be opened: ${errorMessage(cause)}. Check that the folder can be written, or choose another SWARMCACHE_HOME.`, {
				cause,
				facts: { path: this.path }
			});
		}
	}
	/**
	* Takes the place of a dead process's socket.
	*
	* Of several processes that come for it at once only the holder of the lock may remove the file, since
	* it could be the fresh one of another by then.
	*/
	async #listenInsteadOfTheDead() {
		if (await answers(this.path)) throw this.#taken();
		let lock = `${this.path}.lock`;
		if (!await takeLock(lock)) throw this.#taken();
		try {
			if (await answers(this.path)) throw this.#taken();
			await rm(this.path, { force: !0 });
			let server = await this.#tryListen();
			if (server === void 0) throw this.#taken();
			return server;
		} finally {
			await rm(lock, { force: !0 });
		}
	}
	#serve(socket) {
		let channel = new ControlChannel(socket), session = new ControlSession({
			node: this.#node,
			channel,
			logger: this.#logger,
			home: this.#home
		});
		this.#sessions.add(session), session.run().finally(() => this.#sessions.delete(session));
	}
	#taken() {
		return new SwarmCacheError("ERR_CONTROL", `A node of the home ${this.#home} runs already. Use that one, stop it, or give this one a SWARMCACHE_HOME of its own.`, { facts: {
			home: this.#home,
			path: this.path
		} });
	}
};
/** False if another process holds the lock; one that was left behind by a crash is removed. */
async function takeLock(path) {
	let held = await stat(path).catch(() => void 0);
	held !== void 0 && Date.now() - held.mtimeMs > 1e4 && await rm(path, { force: !0 });
	try {
		return await writeFile(path, "", { flag: "wx" }), !0;
	} catch (error) {
		if (errnoOf(error) === "EEXIST") return !1;
		throw error;
	}
}
/** True if a process listens there; one that hangs counts, as it holds the socket. */
async function answers(path) {
	let socket = connect(path);
	try {
		return await new Promise((resolve) => {
			socket.setTimeout(300, () => resolve(!0)), socket.once("connect", () => resolve(!0)), socket.once("error", (error) => {
				let errno = errnoOf(error);
				resolve(errno !== "ECONNREFUSED" && errno !== "ENOENT");
			});
		});
	} finally {
		socket.destroy();
	}
}
export { ControlServer };
