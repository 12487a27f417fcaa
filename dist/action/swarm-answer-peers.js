import { t as I } from "./index.min.js";
import { a as withDeadline, r as startDeadline, t as abortable } from "./deadline.js";
import { t as Limit } from "./limit.js";
import { o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as MessageStream } from "./message.js";
import { a as SENT_LIMITS, c as questionHeader, i as REPLY_LIMITS, o as parseFindReply, r as QUESTION_LIMITS, s as parseQuestion, t as ANSWERS_PROTOCOL } from "./answer-question.js";
import { n as decodeAnswer, r as encodeAnswer } from "./answer-wire.js";
import "./memory-shelf2.js";
// src/api-cache/answer-search.ts
/** Collects what peers reply to one question, each checked against it; of one body one copy is kept. */
var AnswerSearch = class {
	#options;
	#found = /* @__PURE__ */ new Map();
	#holders = /* @__PURE__ */ new Map();
	constructor(options) {
		this.#options = options;
	}
	get answers() {
		return [...this.#found.values()];
	}
	/** True once a peer has said that it holds an answer. */
	get hasReply() {
		return this.#holders.size > 0;
	}
	/**
	* Takes in the reply to `find`; returns the quotas in it.
	*
	* @throws ERR_FRAME if it is malformed, or holds what was not asked for.
	*/
	addReply(peerId, { header, body }) {
		if (header.busy === !0) throw new SwarmCacheError("ERR_LIMIT", "The peer is busy.");
		let reply = parseFindReply(header);
		if (reply === void 0) throw wrong("it is malformed");
		reply.sent !== void 0 && this.#add(reply.sent, body);
		for (let held of reply.held) {
			let known = this.#holders.get(held.digest);
			known === void 0 ? this.#holders.set(held.digest, {
				held,
				peers: [peerId]
			}) : known.peers.push(peerId);
		}
		return reply.quotas;
	}
	/** Takes in the reply to `send`. @throws ERR_FRAME as above. */
	addSent({ header, body }) {
		header.busy !== !0 && header.none !== !0 && this.#add(header.sent, body);
	}
	/** What peers hold and nobody has sent yet, the latest confirmed first, at most `count`. */
	missing(count) {
		let { known } = this.#options;
		return [...this.#holders.values()].filter(({ held: { digest } }) => !known.includes(digest) && !this.#found.has(digest)).toSorted((a, b) => b.held.validated - a.held.validated).slice(0, count).map(({ held: { digest }, peers }) => ({
			digest,
			peers
		}));
	}
	#add(header, body) {
		let { key, known, scope } = this.#options, answer = decodeAnswer(header, body);
		if (answer === void 0) throw wrong("its answer is malformed");
		let { repository, readable } = scope;
		if (!(answer.key === key && answer.repository === repository && answer.shared && readable.includes(answer.scope))) throw wrong("its answer is none to the question");
		if (known.includes(answer.digest)) return;
		let now = Date.now(), received = Math.min(answer.received, now), validated = Math.min(answer.validated, now), other = this.#found.get(answer.digest);
		other !== void 0 && other.validated >= validated || this.#found.set(answer.digest, {
			...answer,
			received,
			validated
		});
	}
};
function wrong(why) {
	return new SwarmCacheError("ERR_FRAME", `The reply of a peer about an answer is wrong: ${why}.`);
}
/** Answers the questions of peers for answers, each bounded in size, time and number at once. */
var AnswerServer = class {
	#parts;
	#repository;
	#running = /* @__PURE__ */ new Map();
	#total = 0;
	constructor(parts, { repository }) {
		this.#parts = parts, this.#repository = repository;
	}
	/** Answers one conversation. */
	async answer(stream, peerId) {
		let messages = new MessageStream(stream, QUESTION_LIMITS), running = this.#running.get(peerId) ?? 0;
		if (running >= 64 || this.#total >= 256) await reply(messages, { busy: !0 });
		else {
			this.#running.set(peerId, running + 1), this.#total += 1;
			try {
				let question = await this.#readQuestion(messages);
				question !== void 0 && await this.#reply(messages, peerId, question);
			} catch (error) {
				throw isSwarmCacheError(error, "ERR_FRAME") && this.#parts.peers.failed(peerId, error.message, !0), error;
			} finally {
				--this.#total;
				let left = (this.#running.get(peerId) ?? 1) - 1;
				left === 0 ? this.#running.delete(peerId) : this.#running.set(peerId, left);
			}
		}
	}
	async #readQuestion(messages) {
		let message = await withDeadline(3e3, "The question of a peer for an answer", void 0, () => messages.read());
		if (message === void 0) return;
		let question = parseQuestion(message.header);
		if (question !== void 0) return question;
		throw new SwarmCacheError("ERR_FRAME", "The question of a peer for an answer is malformed.");
	}
	async #reply(messages, peerId, question) {
		let { quotas } = this.#parts;
		if (question.ask === "note") {
			quotas.told(peerId, question.quotas), await reply(messages, { noted: !0 });
			return;
		}
		let held = await this.#given(peerId, question.key, question);
		if (question.ask === "send") {
			let answer = held.find(({ digest }) => digest === question.digest), encoded = answer && encodeAnswer(answer);
			await reply(messages, encoded ? { sent: encoded.header } : { none: !0 }, encoded?.body);
			return;
		}
		quotas.told(peerId, question.quotas);
		let news = held.filter(({ digest }) => !question.known.includes(digest)).slice(0, 8), [newest] = news.toSorted((a, b) => b.validated - a.validated), sent = newest !== void 0 && newest.body.length <= 16384 ? encodeAnswer(newest) : void 0;
		await reply(messages, {
			held: news.map(({ digest, body, validated }) => ({
				digest,
				bytes: body.length,
				validated
			})),
			sent: sent?.header,
			quotas: quotas.toTell()
		}, sent?.body);
	}
	/** What the peer may have of a key, each digest once. */
	async #given(peerId, key, asked) {
		if (asked.repository !== this.#repository) return [];
		let scopes = this.#parts.readers.readable(peerId, asked.scopes);
		for (let shelf of this.#parts.shelves) {
			let given = /* @__PURE__ */ new Map();
			for (let { answer } of await shelf.get(key)) answer.key === key && answer.repository === this.#repository && answer.shared && scopes.includes(answer.scope) && given.set(answer.digest, answer);
			if (given.size > 0) return [...given.values()];
		}
		return [];
	}
};
async function reply(messages, header, body) {
	await withDeadline(5e3, "A reply to a peer", void 0, async () => {
		await messages.write(header, body), await messages.closeWrite();
	});
}
/** Tells peers unasked when a quota of the repository runs out. */
var QuotaNews = class {
	#parts;
	#told = /* @__PURE__ */ new Map();
	#waiting = /* @__PURE__ */ new Map();
	#timer;
	#stopListening;
	constructor(parts) {
		this.#parts = parts;
	}
	start() {
		this.#stopListening = this.#parts.quotas.listen((name, state) => this.#saw(name, state));
	}
	stop() {
		this.#stopListening?.(), clearTimeout(this.#timer);
	}
	#saw(name, state) {
		let told = this.#parts.quotas.tellable(name, state);
		if (told === void 0 || !isScarce(state)) return;
		let last = this.#told.get(name);
		last !== void 0 && last.reset >= state.reset && !isStep(last, state) || (this.#told.set(name, state), this.#waiting.set(name, told), this.#timer ??= setTimeout(() => void this.#send(), 500).unref());
	}
	async #send() {
		this.#timer = void 0;
		let news = [...this.#waiting.values()];
		this.#waiting.clear(), await this.#parts.tell(news);
	}
};
function isScarce({ limit, remaining }) {
	return remaining <= limit * .25;
}
function isStep(last, { limit, remaining }) {
	return remaining === 0 ? last.remaining > 0 : last.remaining - remaining >= limit * .05;
}
// src/api-cache/swarm-answer-peers.ts
const SEND_MS = 2e3;
/** Answers of the connected members, all asked in one round trip; larger bodies come from one of them in another. */
var SwarmAnswerPeers = class {
	#parts;
	#gives;
	#maxReplyMs;
	#server;
	#news;
	#finds = new Limit(32);
	#silent = new I({ max: 1024 });
	#replyMs;
	constructor(parts, options) {
		this.#parts = parts, this.#gives = options.gives ?? !0, this.#maxReplyMs = options.replyMs ?? 1e3, this.#replyMs = this.#maxReplyMs, this.#server = new AnswerServer(parts, { repository: options.repository }), this.#news = new QuotaNews({
			quotas: parts.quotas,
			tell: async (told) => this.#tell(told)
		});
	}
	/** Registers the answers to other peers; before the swarm starts. */
	start() {
		this.#gives && this.#parts.swarm.handle(ANSWERS_PROTOCOL, (stream, peerId) => this.#server.answer(stream, peerId)), this.#news.start();
	}
	stop() {
		this.#news.stop();
	}
	/** False for a while for a peer that did not answer here, and while the router leaves it alone. */
	isUsable(peerId) {
		return !((this.#silent.get(peerId)?.until ?? 0) > performance.now()) && this.#parts.peers.isUsable(peerId);
	}
	failed(peerId, reason, misbehaved) {
		this.#parts.peers.failed(peerId, reason, misbehaved);
	}
	async find(key, scope, { signal, holder, known = [] } = {}) {
		let peers = this.#asked(scope);
		if (peers.length === 0) return [];
		using _place = await this.#finds.acquire(1, signal);
		let search = new AnswerSearch({
			key,
			scope,
			known
		});
		using patience = startDeadline(this.#replyMs, "The replies of the peers", signal);
		let scopes = scope.readable.slice(0, 10), of = {
			repository: scope.repository,
			scopes
		}, question = {
			ask: "find",
			key,
			known: known.slice(0, 16),
			quotas: this.#parts.quotas.toTell(),
			...of
		}, ask = async (asked) => await Promise.all(asked.map(async (peerId) => this.#askOne(peerId, question, search, patience.signal)));
		await ask(peers.filter((peerId) => peerId === holder)), search.hasReply || await ask(peers.filter((peerId) => peerId !== holder)), signal?.throwIfAborted();
		let missing = search.missing(4);
		return await Promise.all(missing.map(async ({ digest, peers: holders }) => {
			for (let peerId of holders.slice(0, 2)) {
				let send = {
					ask: "send",
					key,
					digest,
					...of
				};
				if (await this.#fetchFrom(peerId, send, search, signal)) return;
			}
		})), signal?.throwIfAborted(), search.answers;
	}
	/** Peers worth a question: usable, not silent of late, and with answers that may be used. */
	#asked({ readable }) {
		let { readers, swarm } = this.#parts;
		return swarm.peers().filter(({ peerId, attestation }) => this.isUsable(peerId) && readers.believes(attestation, readable)).map(({ peerId }) => peerId).slice(0, 64);
	}
	async #askOne(peerId, question, search, signal) {
		let startedMs = performance.now();
		try {
			let reply = await this.#exchange(peerId, question, REPLY_LIMITS, signal);
			this.#parts.quotas.told(peerId, search.addReply(peerId, reply)), this.#heard(peerId, performance.now() - startedMs);
		} catch (error) {
			if (signal.aborted && !isSwarmCacheError(signal.reason, "ERR_TIMEOUT")) return;
			this.#blame(peerId, error);
		}
	}
	/** False if another holder is to be asked. */
	async #fetchFrom(peerId, question, search, signal) {
		try {
			let what = `An answer of the peer ${peerId}`, sent = await withDeadline(SEND_MS, what, signal, async (ended) => this.#exchange(peerId, question, SENT_LIMITS, ended));
			return search.addSent(sent), sent.header.sent !== void 0;
		} catch (error) {
			return signal?.throwIfAborted(), this.#blame(peerId, error), !1;
		}
	}
	async #exchange(peerId, question, limits, signal) {
		let opening = this.#parts.swarm.open(peerId, ANSWERS_PROTOCOL, { signal });
		opening.then((stream) => signal.aborted && stream.abort(), () => {});
		let messages = new MessageStream(await abortable(opening, signal), limits), talk = async () => {
			await messages.write(questionHeader(question)), await messages.closeWrite();
			let reply = await messages.read();
			if (reply !== void 0) return reply;
			throw new SwarmCacheError("ERR_PEER", `The peer ${peerId} ended without a reply.`);
		};
		try {
			return await abortable(talk(), signal);
		} finally {
			messages.abort();
		}
	}
	#heard(peerId, milliseconds) {
		this.#silent.delete(peerId);
		let wanted = Math.max(250, milliseconds * 10), next = wanted > this.#replyMs ? wanted : this.#replyMs * .9 + wanted * .1;
		this.#replyMs = Math.min(this.#maxReplyMs, next);
	}
	#blame(peerId, error) {
		let reason = errorMessage(error);
		if (isSwarmCacheError(error, "ERR_FRAME") || isSwarmCacheError(error, "ERR_INTEGRITY")) {
			this.#parts.peers.failed(peerId, reason, !0);
			return;
		}
		if (this.#parts.logger.log("debug", "A peer gives no answer of the API", {
			peerId,
			reason
		}), isSwarmCacheError(error, "ERR_LIMIT")) return;
		let ms = Math.min(3e5, (this.#silent.get(peerId)?.ms ?? 2500) * 2);
		this.#silent.set(peerId, {
			until: performance.now() + ms,
			ms
		}), isSwarmCacheError(error, "ERR_TIMEOUT") && (this.#replyMs = Math.min(this.#maxReplyMs, this.#replyMs * 2));
	}
	async #tell(quotas) {
		let { swarm, peers } = this.#parts, usable = swarm.peers().filter(({ peerId }) => peers.isUsable(peerId));
		using patience = startDeadline(SEND_MS, "Telling of a quota");
		await Promise.all(usable.slice(0, 64).map(async ({ peerId }) => {
			let note = {
				ask: "note",
				quotas
			};
			await this.#exchange(peerId, note, REPLY_LIMITS, patience.signal).catch(() => {});
		}));
	}
};
export { SwarmAnswerPeers };
