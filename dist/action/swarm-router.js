import { t as BoundedQueue } from "./bounded-queue.js";
import { a as withDeadline, r as startDeadline, t as abortable } from "./deadline.js";
import { n as entryDigest, r as parseSignedEntry } from "./entry.js";
import { o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as publish } from "./events.js";
import { i as matchEntry, n as compareMatches } from "./entry-match.js";
import { n as isDigest } from "./digest.js";
import "./manifest.js";
import { t as MessageStream } from "./message.js";
/**
* How long to wait for an answer, from how long answers took and from those that did not come.
*
* Answers alone would mislead: once the wait is too short, only those that time out are left, and
* nothing ever lengthens it again. So each time-out stretches the wait, and each answer relaxes it.
*/
var AdaptiveTimeout = class {
	#options;
	#meanMs;
	#deviationMs = 0;
	#stretch = 1;
	constructor(options) {
		this.#options = options;
	}
	/** The wait that suits now. */
	get ms() {
		let { initialMs, minMs, maxMs } = this.#options, base = this.#meanMs === void 0 ? initialMs : minMs + 2 * this.#meanMs + 4 * this.#deviationMs;
		return Math.round(Math.min(maxMs, Math.max(minMs, base * this.#stretch)));
	}
	/** An answer came after `elapsedMs`; one that came too late counts as well. */
	answered(elapsedMs) {
		if (this.#meanMs === void 0) this.#meanMs = elapsedMs, this.#deviationMs = elapsedMs / 2;
		else {
			let difference = Math.abs(elapsedMs - this.#meanMs);
			this.#deviationMs += .25 * (difference - this.#deviationMs), this.#meanMs += .125 * (elapsedMs - this.#meanMs);
		}
		this.#stretch = Math.max(1, this.#stretch * .8);
	}
	/** No answer came in time. */
	timedOut() {
		let { minMs, maxMs } = this.#options;
		this.#stretch = Math.min(maxMs / minMs, this.#stretch * 1.5);
	}
};
// src/router/query-wire.ts
/**
* One question and one answer on a stream of its own, as messages without bodies.
*
* Question: `{query: {repository, scopes, key, restoreKeys, version, attested?, except?}}` or `{manifest: digest}`.
* Answer: `{entry?, nearMisses}`, `{holds: boolean}`, or `{busy: true}` from a peer that is asked too much.
*/
const QUERY_PROTOCOL = "/swarmcache/query/1", QUESTION_LIMITS = {
	headerBytes: 65536,
	bodyBytes: 0
}, ANSWER_LIMITS = {
	headerBytes: 131072,
	bodyBytes: 0
}, MAX_NAME_LENGTH = 1024;
/** The question in a header from a peer, or undefined if it is malformed or over a bound. */
function parseQuestion(header) {
	if (isDigest(header.manifest)) return { manifest: header.manifest };
	let query = header.query;
	if (typeof query != "object" || !query) return;
	let { repository, scopes, key, restoreKeys, version } = query;
	if (!isName(repository, MAX_NAME_LENGTH) || !isName(key, 512) || !isDigest(version) || !areNames(scopes, 10, MAX_NAME_LENGTH) || scopes.length === 0 || !areNames(restoreKeys, 9, 512)) return;
	let asked = {
		repository,
		scopes,
		key,
		restoreKeys,
		version
	}, { attested, except } = query;
	if (except === void 0 || areDigests(except)) return { query: {
		...asked,
		...attested === !0 && { attested },
		...except !== void 0 && { except }
	} };
}
/** The answer in a header from a peer, or undefined if it is malformed; not yet compared with the question. */
function parseAnswer(header) {
	if (header.busy === !0) return { busy: !0 };
	if (typeof header.holds == "boolean") return { holds: header.holds };
	let nearMisses = parseNearMisses(header.nearMisses);
	if (nearMisses === void 0) return;
	if (header.entry === void 0) return { nearMisses };
	let entry = parseSignedEntry(header.entry);
	return entry === void 0 ? void 0 : {
		entry,
		nearMisses
	};
}
function parseNearMisses(value) {
	if (!Array.isArray(value) || value.length > 10) return;
	let nearMisses = [];
	for (let item of value) {
		if (typeof item != "object" || !item) return;
		let { reason, key, scope } = item;
		if (reason !== "other-version" && reason !== "other-scope" || !isName(key, MAX_NAME_LENGTH) || !isName(scope, MAX_NAME_LENGTH)) return;
		nearMisses.push({
			reason,
			key,
			scope
		});
	}
	return nearMisses;
}
function areDigests(value) {
	return Array.isArray(value) && value.length <= 8 && value.every(isDigest);
}
function isName(value, maxLength) {
	return typeof value == "string" && value.length > 0 && value.length <= maxLength;
}
function areNames(value, maxCount, maxLength) {
	return !Array.isArray(value) || value.length > maxCount ? !1 : value.every((item) => isName(item, maxLength));
}
// src/router/find-search.ts
/** Collects the answers to one query and says when they are enough. */
var FindSearch = class {
	#matches = /* @__PURE__ */ new Map();
	#nearMisses = /* @__PURE__ */ new Map();
	#asked = /* @__PURE__ */ new Set();
	#answered = 0;
	#best;
	/** True if the peer has not been asked yet. */
	addAsked(peerId) {
		return !this.#asked.has(peerId) && (this.#asked.add(peerId), !0);
	}
	addAnswer(peerId, answer) {
		this.#answered += 1;
		for (let miss of answer.nearMisses) {
			if (this.#nearMisses.size >= 10) break;
			this.#nearMisses.set(JSON.stringify([
				miss.reason,
				miss.key,
				miss.scope
			]), miss);
		}
		let { match } = answer;
		match !== void 0 && (this.#matches.set(peerId, match), (this.#best === void 0 || compareMatches(match, this.#best) < 0) && (this.#best = match));
	}
	get asked() {
		return this.#asked.size;
	}
	/** True once no other answer could be better: the key itself, in the first scope. */
	get isSettled() {
		return this.#best !== void 0 && this.#best.hit === "exact" && this.#best.scopeRank === 0;
	}
	/** What is known now; `rank` orders the holders. */
	result(rank) {
		let counts = {
			asked: this.#asked.size,
			answered: this.#answered
		}, best = this.#best;
		return best === void 0 ? {
			holders: [],
			nearMisses: [...this.#nearMisses.values()],
			...counts
		} : {
			match: best,
			holders: rank([...this.#matches].filter(([, match]) => match.entry.manifest === best.entry.manifest).map(([peerId]) => peerId)),
			nearMisses: [],
			...counts
		};
	}
};
// src/router/peer-score.ts
const DEFAULTS = {
	backoffMs: 1e3,
	maxBackoffMs: 3e5,
	banMs: 6e5,
	maxBanMs: 216e5,
	forgetMs: 6e5,
	maxPeers: 2048
};
/** What this node remembers of how peers behaved; pure policy, no input or output. */
var PeerScores = class {
	#now;
	#random;
	#options;
	/** The peer touched last is last, so that the first is dropped when there are too many. */
	#scores = /* @__PURE__ */ new Map();
	constructor(parts, options = {}) {
		this.#now = parts.now, this.#random = parts.random, this.#options = {
			...DEFAULTS,
			...options
		};
	}
	succeeded(peerId, outcome) {
		let score = this.#touch(peerId);
		score.failures = Math.floor(score.failures / 2), score.backoffUntil = 0, outcome.latencyMs !== void 0 && (score.latencyMs = blend(score.latencyMs, outcome.latencyMs));
		let { bytes, milliseconds } = outcome;
		bytes !== void 0 && milliseconds !== void 0 && bytes > 0 && (score.bytesPerMs = blend(score.bytesPerMs, bytes / Math.max(milliseconds, .1)));
	}
	/** Returns how long the peer is left alone now, in milliseconds. */
	failed(peerId, misbehaved = !1) {
		let score = this.#touch(peerId), now = this.#now();
		if (misbehaved) {
			score.misdeeds += 1;
			let waitMs = this.#wait(this.#options.banMs, this.#options.maxBanMs, score.misdeeds);
			return score.bannedUntil = now + waitMs, score.calmSince = score.bannedUntil, waitMs;
		}
		if (now < score.backoffUntil) return score.backoffUntil - now;
		score.failures += 1;
		let waitMs = this.#wait(this.#options.backoffMs, this.#options.maxBackoffMs, score.failures);
		return score.backoffUntil = now + waitMs, score.calmSince = Math.max(score.calmSince, score.backoffUntil), waitMs;
	}
	/** True while a wait after misbehaviour lasts. */
	isBanned(peerId) {
		let score = this.#scores.get(peerId);
		return score !== void 0 && this.#now() < score.bannedUntil;
	}
	isUsable(peerId) {
		let score = this.#scores.get(peerId);
		if (score === void 0) return !0;
		let now = this.#now();
		return now >= score.backoffUntil && now >= score.bannedUntil;
	}
	/** The usable ones, each once, the one expected to answer soonest first; equals in random order. */
	rank(peers) {
		return [...new Set(peers)].filter((peerId) => this.isUsable(peerId)).map((peerId) => ({
			peerId,
			cost: this.#cost(peerId),
			tie: this.#random()
		})).sort((a, b) => a.cost - b.cost || a.tie - b.tie).map(({ peerId }) => peerId);
	}
	/** How many peers are remembered. */
	get size() {
		return this.#scores.size;
	}
	/** Expected milliseconds for a typical piece of work, more for those that failed lately. */
	#cost(peerId) {
		let score = this.#scores.get(peerId), latencyMs = score?.latencyMs ?? 20, bytesPerMs = score?.bytesPerMs ?? 5e4;
		score !== void 0 && this.#forget(score);
		let failures = score === void 0 ? 0 : score.failures + 4 * score.misdeeds;
		return (latencyMs + 262144 / bytesPerMs) * (1 + failures);
	}
	#wait(firstMs, maxMs, times) {
		let jitter = .75 + this.#random() / 2;
		return Math.min(maxMs, firstMs * 2 ** Math.min(times - 1, 30)) * jitter;
	}
	#touch(peerId) {
		let score = this.#scores.get(peerId) ?? {
			failures: 0,
			misdeeds: 0,
			calmSince: this.#now(),
			backoffUntil: 0,
			bannedUntil: 0,
			latencyMs: void 0,
			bytesPerMs: void 0
		};
		return this.#scores.delete(peerId), this.#scores.set(peerId, score), this.#scores.size > this.#options.maxPeers && this.#dropOne(), this.#forget(score), score;
	}
	/** Peers that are banned stay as long as others can go: a flood of new names must not lift a ban. */
	#dropOne() {
		let now = this.#now(), victim;
		for (let [peerId, score] of this.#scores) if (victim ??= peerId, now >= score.bannedUntil) {
			victim = peerId;
			break;
		}
		victim !== void 0 && this.#scores.delete(victim);
	}
	#forget(score) {
		let halvings = Math.floor((this.#now() - score.calmSince) / this.#options.forgetMs);
		halvings <= 0 || (score.failures = Math.floor(score.failures / 2 ** halvings), score.misdeeds = Math.floor(score.misdeeds / 2 ** halvings), score.calmSince += halvings * this.#options.forgetMs);
	}
};
function blend(old, sample) {
	return old === void 0 ? sample : old + .3 * (sample - old);
}
/** The digests that the DHT should know this node for; announced in the background until it does. */
var ProvidedRecords = class {
	#parts;
	/** How many entries need a digest announced. */
	#uses = /* @__PURE__ */ new Map();
	#waiting = /* @__PURE__ */ new Set();
	#stop = new AbortController();
	#running = 0;
	#settling;
	#retry;
	constructor(parts) {
		this.#parts = parts;
	}
	add(digest) {
		let uses = this.#uses.get(digest) ?? 0;
		uses === 0 && this.#uses.size >= 2e4 || (this.#uses.set(digest, uses + 1), uses > 0 || (this.#waiting.add(digest), this.#settling ??= setTimeout(() => this.resume(), 1e3).unref()));
	}
	async remove(digest) {
		let uses = this.#uses.get(digest);
		uses !== void 0 && (uses > 1 ? this.#uses.set(digest, uses - 1) : (this.#uses.delete(digest), this.#waiting.delete(digest), await this.#parts.swarm.withdraw(digest)));
	}
	/** Announces what waits, if there is anybody to tell. */
	resume() {
		for (clearTimeout(this.#settling), clearTimeout(this.#retry), this.#settling = void 0, this.#retry = void 0; this.#running < 4 && this.#waiting.size > 0;) {
			if (this.#stop.signal.aborted || this.#parts.swarm.peers().length === 0) return;
			let digest = this.#waiting.values().next().value;
			this.#waiting.delete(digest), this.#announce(digest);
		}
	}
	stop() {
		clearTimeout(this.#settling), clearTimeout(this.#retry), this.#stop.abort(), this.#waiting.clear();
	}
	async #announce(digest) {
		let { swarm, logger } = this.#parts;
		this.#running += 1;
		let failed = !1;
		try {
			using deadline = startDeadline(3e4, "Telling the DHT", this.#stop.signal);
			await swarm.provide(digest, { signal: deadline.signal }), this.#uses.has(digest) || await swarm.withdraw(digest);
		} catch (error) {
			failed = !0, logger.log("debug", "The DHT was not told of a digest; it will be tried again", {
				digest,
				error: errorMessage(error)
			});
		}
		--this.#running, this.#stop.signal.aborted || (failed ? (this.#uses.has(digest) && this.#waiting.add(digest), this.#retry ??= setTimeout(() => this.resume(), 3e4).unref()) : this.resume());
	}
};
// src/router/query-client.ts
/**
* Asks one peer one question.
*
* @throws ERR_FRAME if the answer is malformed, ERR_PEER if there is none, the signal's reason on abort.
*/
async function ask(swarm, peerId, question, signal) {
	let opening = swarm.open(peerId, QUERY_PROTOCOL, { signal });
	opening.then((stream) => signal.aborted && stream.abort(), () => {});
	let stream = await abortable(opening, signal), messages = new MessageStream(stream, ANSWER_LIMITS);
	try {
		let answer = await abortable(exchange(messages, question), signal);
		if (answer === void 0) throw new SwarmCacheError("ERR_PEER", `The peer ${peerId} ended without an answer.`);
		return answer;
	} finally {
		stream.abort();
	}
}
async function exchange(messages, question) {
	await messages.write({ ...question }), await messages.closeWrite();
	let message = await messages.read();
	if (message === void 0) return;
	let answer = parseAnswer(message.header);
	if (answer === void 0) throw wrong("its answer is malformed");
	if ("busy" in answer) throw new SwarmCacheError("ERR_LIMIT", "The peer answers too many questions already.");
	return answer;
}
/** Checks answers to one query; each distinct entry is checked once. */
var QueryAsker = class {
	#swarm;
	#query;
	#checkEntry;
	#verdicts = /* @__PURE__ */ new Map();
	constructor(swarm, query, checkEntry) {
		this.#swarm = swarm, this.#query = query, this.#checkEntry = checkEntry;
	}
	/** @throws ERR_FRAME or ERR_INTEGRITY if the answer is wrong; see `ask` for the rest. */
	async ask(peerId, signal) {
		let answer = await ask(this.#swarm, peerId, { query: this.#query }, signal);
		if (!("nearMisses" in answer)) throw wrong("it answered another question");
		if (answer.entry === void 0) return { nearMisses: answer.nearMisses };
		let match = matchEntry(answer.entry, this.#query);
		if (match === void 0) throw wrong("its entry is no answer to the query");
		if (answer.entry.manifestBytes > 67108864) throw wrong("its manifest is too large");
		let verdict = await this.#check(answer.entry);
		if (verdict.trusted) return {
			match,
			nearMisses: []
		};
		if (verdict.why !== "forged") return {
			nearMisses: [],
			refused: verdict.reason
		};
		let facts = {
			key: answer.entry.key,
			scope: answer.entry.scope,
			writer: answer.entry.writer
		}, message = `It passes on an entry that is not to be believed: ${verdict.reason}.`;
		throw new SwarmCacheError("ERR_INTEGRITY", message, { facts });
	}
	/** Shared by all peers that answer alike, so it ends with none of their questions. */
	async #check(entry) {
		let name = JSON.stringify(entry), verdict = this.#verdicts.get(name) ?? this.#checkEntry(entry);
		return this.#verdicts.set(name, verdict), await verdict;
	}
};
/** True if the peer says that it holds the manifest or part of it. */
async function askHolds(swarm, peerId, manifest, signal) {
	let answer = await ask(swarm, peerId, { manifest }, signal);
	if (!("holds" in answer)) throw wrong("it answered another question");
	return answer.holds;
}
function wrong(why) {
	return new SwarmCacheError("ERR_FRAME", `The answer of a peer is wrong: ${why}.`);
}
// src/router/query-server.ts
const ANSWER_MS = 2500;
/** Answers the questions of peers, each bounded in size, time, rate and number at once. */
var QueryServer = class {
	#parts;
	#askers = /* @__PURE__ */ new Map();
	#running = 0;
	constructor(parts) {
		this.#parts = parts;
	}
	/** Answers one conversation. */
	async answer(stream, peerId) {
		let messages = new MessageStream(stream, QUESTION_LIMITS), asker = this.#askerOf(peerId);
		if (!this.#admit(asker)) await this.#send(messages, { busy: !0 });
		else {
			this.#running += 1, asker.running += 1;
			try {
				let question = await this.#readQuestion(messages, peerId);
				await this.#send(messages, await this.#answerTo(question, peerId));
			} finally {
				--this.#running, --asker.running;
			}
		}
	}
	async #readQuestion(messages, peerId) {
		try {
			let message = await withDeadline(3e3, "The question of a peer", void 0, () => messages.read()), question = message === void 0 ? void 0 : parseQuestion(message.header);
			if (question !== void 0) return question;
			if (message === void 0) throw new SwarmCacheError("ERR_CLOSED", "Nothing was asked.");
		} catch (error) {
			if (isLost(error)) throw error;
		}
		throw this.#parts.misbehaved(peerId, "it asked a malformed question"), new SwarmCacheError("ERR_FRAME", `The peer ${peerId} asked a malformed question.`);
	}
	async #answerTo(question, asker) {
		let { answers, logger } = this.#parts;
		try {
			return await withDeadline(ANSWER_MS, "The answer from the index", void 0, async () => {
				if ("manifest" in question) return { holds: await answers.holds(question.manifest) };
				let { entry, nearMisses } = await answers.find(question.query, asker);
				return {
					entry,
					nearMisses: nearMisses.slice(0, 10)
				};
			});
		} catch (error) {
			return logger.log("debug", "A question could not be answered", { error: errorMessage(error) }), { busy: !0 };
		}
	}
	async #send(messages, answer) {
		await withDeadline(ANSWER_MS, "Sending an answer", void 0, () => messages.write({ ...answer })), await messages.closeWrite();
	}
	#admit(asker) {
		let now = this.#parts.now(), refill = (now - asker.refilledAt) / 1e3 * 50;
		return asker.tokens = Math.min(200, asker.tokens + refill), asker.refilledAt = now, this.#running >= 64 || asker.running >= 8 || asker.tokens < 1 ? !1 : (--asker.tokens, !0);
	}
	#askerOf(peerId) {
		let asker = this.#askers.get(peerId) ?? {
			running: 0,
			tokens: 200,
			refilledAt: this.#parts.now()
		};
		return this.#askers.delete(peerId), this.#askers.set(peerId, asker), this.#askers.size > 2048 && this.#askers.delete(this.#askers.keys().next().value), asker;
	}
};
/** True for the faults of a connection, which are nobody's misbehaviour. */
function isLost(error) {
	return !(error instanceof SwarmCacheError) || error.code === "ERR_CLOSED" || error.code === "ERR_TIMEOUT";
}
// src/router/swarm-router.ts
const TIMEOUT = {
	initialMs: 2e3,
	minMs: 1e3,
	maxMs: 4e3
};
/** Finds entries and holders among the connected peers and through the DHT. */
var SwarmRouter = class {
	#parts;
	#now;
	#scores;
	#timeout;
	#records;
	#server;
	/** The digests announced for each entry, by the entry's. */
	#provided = /* @__PURE__ */ new Map();
	#stop = new AbortController();
	#stopListening;
	constructor(parts, options = {}) {
		let { swarm, answers, logger } = parts;
		this.#parts = parts, this.#now = parts.now ?? (() => performance.now()), this.#scores = new PeerScores({
			now: this.#now,
			random: parts.random ?? Math.random
		}, options.scores);
		let initialMs = options.initialTimeoutMs ?? TIMEOUT.initialMs;
		this.#timeout = new AdaptiveTimeout({
			...TIMEOUT,
			initialMs
		}), this.#records = new ProvidedRecords({
			swarm,
			logger
		});
		let misbehaved = (peerId, reason) => this.failed(peerId, reason, !0);
		this.#server = new QueryServer({
			answers,
			logger,
			now: this.#now,
			misbehaved
		});
	}
	start() {
		this.#parts.swarm.handle(QUERY_PROTOCOL, (stream, peerId) => this.#server.answer(stream, peerId)), this.#stopListening = this.#parts.swarm.listen({ connected: () => this.#records.resume() }), this.#records.resume();
	}
	async stop() {
		this.#stopListening?.(), this.#records.stop(), this.#stop.abort();
	}
	async find(query, options = {}) {
		options.signal?.throwIfAborted();
		let search = new FindSearch(), rank = (peers) => this.rank(peers), peers = this.#connected();
		if (peers.length === 0) return search.result(rank);
		let asker = new QueryAsker(this.#parts.swarm, query, this.#parts.checkEntry), enough = Promise.withResolvers(), questions = new AbortController();
		using deadline = startDeadline(this.#timeout.ms, "Finding an entry", options.signal);
		deadline.signal.addEventListener("abort", () => enough.resolve(), { once: !0 });
		let ask = async (peerId) => {
			if (!search.addAsked(peerId)) return;
			let answer = await this.#question(peerId, questions.signal, (s) => asker.ask(peerId, s));
			if (answer === void 0) return;
			let { refused } = answer;
			refused !== void 0 && this.#parts.logger.log("info", `An entry of a peer is not used: ${refused}.`, { peerId }), search.addAnswer(peerId, answer), search.isSettled && setTimeout(enough.resolve, 10);
		}, direct = Promise.all(peers.map(ask)), digests = query.scopes.map((scope) => entryDigest({
			...query,
			scope
		})), routing = new AbortController(), routingSignal = AbortSignal.any([deadline.signal, routing.signal]), routed = this.#unlessAnswered(peers.length, direct, routingSignal, () => this.#askProviders(digests, routingSignal, ask));
		return Promise.all([direct, routed]).then(() => enough.resolve()), direct.then(() => {
			search.isSettled ? enough.resolve() : peers.length < 32 && setTimeout(enough.resolve, 15);
		}), await enough.promise, routing.abort(), deadline.signal.aborted && options.signal?.aborted !== !0 || questions.abort(), options.signal?.throwIfAborted(), search.result(rank);
	}
	async *holders(manifest, options = {}) {
		let ending = new AbortController(), signals = [
			ending.signal,
			this.#stop.signal,
			...options.signal ? [options.signal] : []
		];
		using deadline = startDeadline(2500, "Finding holders", AbortSignal.any(signals));
		let found = new BoundedQueue(80), asked = /* @__PURE__ */ new Set(), isNamed = !1, ask = async (peerId) => {
			if (asked.has(peerId)) return;
			asked.add(peerId);
			let { swarm } = this.#parts;
			await this.#question(peerId, deadline.signal, (signal) => askHolds(swarm, peerId, manifest, signal)) === !0 && (isNamed = !0, await found.push(peerId));
		}, peers = this.#connected(), direct = Promise.all(peers.map(ask)), routed = this.#afterPeers(peers.length, direct, deadline.signal, async () => {
			peers.length > 0 && !isNamed && await this.#askProviders([manifest], deadline.signal, ask);
		});
		Promise.all([direct, routed]).then(() => found.end()), deadline.signal.addEventListener("abort", () => found.end(), { once: !0 });
		try {
			yield* found;
		} finally {
			ending.abort();
		}
		options.signal?.throwIfAborted();
	}
	provide(entry) {
		let digest = entryDigest(entry);
		this.#provided.has(digest) || (this.#provided.set(digest, entry.manifest), this.#records.add(digest), this.#records.add(entry.manifest));
	}
	async withdraw(entry) {
		let digest = entryDigest(entry), manifest = this.#provided.get(digest);
		manifest !== void 0 && (this.#provided.delete(digest), await Promise.all([this.#records.remove(digest), this.#records.remove(manifest)]));
	}
	succeeded(peerId, outcome) {
		this.#scores.succeeded(peerId, outcome);
	}
	failed(peerId, reason, misbehaved = !1) {
		if (this.#scores.isBanned(peerId) || peerId === this.#parts.swarm.peerId) return;
		let { logger, swarm } = this.#parts, waitMs = Math.round(this.#scores.failed(peerId, misbehaved));
		if (publish("peer:failed", {
			peerId,
			reason
		}), !misbehaved) {
			logger.log("debug", "A peer is left alone for a while", {
				peerId,
				reason,
				waitMs
			});
			return;
		}
		publish("peer:banned", {
			peerId,
			reason,
			milliseconds: waitMs
		});
		let seconds = Math.round(waitMs / 1e3);
		logger.log("warning", "A peer misbehaved and is banned", {
			peerId,
			reason,
			seconds
		}), swarm.ban(peerId, waitMs);
	}
	isUsable(peerId) {
		return this.#scores.isUsable(peerId);
	}
	rank(peers) {
		return this.#scores.rank(peers);
	}
	/** Connected peers worth a question, the best first. */
	#connected() {
		let peers = this.#parts.swarm.peers().map((peer) => peer.peerId);
		return this.rank(peers).slice(0, 64);
	}
	/** Does `work`, in a small swarm only if its peers do not answer soon. */
	async #unlessAnswered(count, answers, signal, work) {
		if (count > 3 && count < 32) {
			using headStart = startDeadline(20, "Asking the peers", signal);
			let answered = answers.then(() => !0);
			if (await abortable(answered, headStart.signal).catch(() => !1)) return;
		}
		signal.aborted || await work();
	}
	/** Does `work`, in a small swarm not before its peers have answered or had the time to. */
	async #afterPeers(count, answers, signal, work) {
		if (count < 32) {
			using headStart = startDeadline(300, "Asking the peers", signal);
			await abortable(answers, headStart.signal).catch(() => {});
		}
		signal.aborted || await work();
	}
	/**
	* One question to one peer, whose score it feeds. A peer that has not answered in time counts as failed
	* at once, and as good again if it answers after all.
	*/
	async #question(peerId, parent, work) {
		let connected = this.#parts.swarm.peers().some((peer) => peer.peerId === peerId), startedMs = this.#now(), timeoutMs = this.#timeout.ms, late = !1, timer = connected ? setTimeout(() => {
			late = !0, this.#timeout.timedOut(), this.failed(peerId, `it did not answer within ${timeoutMs} ms`);
		}, timeoutMs) : void 0;
		using patience = startDeadline(TIMEOUT.maxMs, "An answer", parent);
		try {
			let answer = await work(patience.signal), latencyMs = this.#now() - startedMs;
			return connected && this.#timeout.answered(latencyMs), this.succeeded(peerId, { latencyMs }), answer;
		} catch (error) {
			let misbehaved = isSwarmCacheError(error, "ERR_FRAME") || isSwarmCacheError(error, "ERR_INTEGRITY");
			(misbehaved || !(late || parent.aborted)) && this.failed(peerId, errorMessage(error), misbehaved);
			return;
		} finally {
			clearTimeout(timer);
		}
	}
	/** Asks the peers that the DHT names for any of the digests; ends with the signal at the latest. */
	async #askProviders(digests, signal, ask) {
		let { swarm, logger } = this.#parts, questions = [], named = /* @__PURE__ */ new Set(), search = async (digest) => {
			for await (let peerId of swarm.findProviders(digest, { signal })) {
				if (named.size >= 16) return;
				peerId !== swarm.peerId && !named.has(peerId) && this.isUsable(peerId) && (named.add(peerId), questions.push(ask(peerId)));
			}
		};
		for (let result of await Promise.allSettled(digests.map(search))) result.status === "fulfilled" || signal.aborted || logger.log("debug", "The DHT did not answer", { error: errorMessage(result.reason) });
		await Promise.all(questions);
	}
};
export { SwarmRouter };
