import { t as SwarmCacheError } from "./errors.js";
import { n as isDigest } from "./digest.js";
import { n as isPeerId } from "./peer.js";
import { a as withDeadline, n as pause, t as abortable } from "./deadline.js";
import { n as isTurnResult } from "./lease.js";
import { t as MessageStream } from "./message.js";
import { a as endOfPart, o as parsePart } from "./archive-part.js";
import { t as Watchdog } from "./watchdog.js";
/** A turn that was granted: kept alive while its work moves on, and taken along when who leads is lost. */
var HeldTurn = class {
	kind = "mine";
	#reclaim;
	#stallMs;
	#timer;
	#line;
	#progress = 0;
	#movedMs = performance.now();
	#ended = !1;
	#told = 0;
	#current;
	#over = Promise.withResolvers();
	/** `reclaim` gives a place with the next leader, or nothing if there is no use in one. */
	constructor(parts, options) {
		this.#reclaim = parts.reclaim, this.#stallMs = options.stallMs, this.#line = Promise.resolve(parts.line), this.#timer = setInterval(() => void this.#beat(), options.beatMs), this.#timer.unref(), this.#follow(parts.line);
	}
	/** Resolves once the turn is no longer kept. */
	get ended() {
		return this.#over.promise;
	}
	/** How many others wait, when last heard. */
	get others() {
		return this.#current?.others ?? 0;
	}
	/** How many others have learned that the work is done. */
	get told() {
		return this.#told;
	}
	progressed() {
		this.#progress += 1, this.#movedMs = performance.now();
	}
	async done(result) {
		this.#ended || (this.#ended = !0, await this.#tell(result), this.#end());
	}
	async #tell(result) {
		await withDeadline(2e3, "Telling of the end of a turn", void 0, async (signal) => {
			for (;;) {
				let line = await this.#line;
				if (line === void 0 || signal.aborted) return;
				let others = await line.finish(result);
				if (others !== void 0) {
					this.#told = others;
					return;
				}
				this.#line = this.#reclaim();
			}
		}).catch(() => {});
	}
	/** Gives the turn up without a word; the next in line has it. */
	async leave() {
		this.#ended || (this.#end(), (await this.#line)?.leave());
	}
	async #beat() {
		performance.now() - this.#movedMs > this.#stallMs ? await this.leave() : (await this.#line)?.renew(this.#progress);
	}
	async #follow(line) {
		this.#current = line;
		let how = await line.over;
		this.#ended || (how === "lapsed" ? this.#end() : this.#line = this.#claimAgain());
	}
	async #claimAgain() {
		let next = await this.#reclaim().catch(() => void 0);
		return next === void 0 ? this.#end() : this.#ended || this.#follow(next), next;
	}
	#end() {
		this.#ended = !0, this.#over.resolve(), clearInterval(this.#timer);
	}
};
// src/lease/lease-wire.ts
/**
* One question or one place in a line on a stream of its own, as messages without bodies but for parts.
*
* Question: `{ask: 'state', name}`, answered with `{state: 'held'}`, `{state: 'done', by}` or, where the name
* is not led, `{state: 'none', holder?}`.
* Place: `{ask: 'turn', name, holding?, holder?}`, answered with any number of `{waiting: progress, holder}`
* and then `{granted: true}`, or `{done: peerId}`. Who has the turn says `{renew: progress}` twice a second
* and at last `{finish: result}`, both answered with `{noted: true, others}`: the number of those who wait, and of
* those who learn of a success; `{lapsed: true}` takes the turn away.
* `{busy: true}` refuses. Whose stream ends has given its place up.
* Parts: `{ask: 'parts', name, first}`, answered, as soon as there are some that reach beyond the pieces before
* `first` or after two seconds, with any number of parts as `encodePart` makes them and the end.
*/
const LEASE_PROTOCOL = "/swarmcache/lease/1", LEASE_LIMITS = {
	headerBytes: 1024,
	bodyBytes: 0
}, PART_LIMITS = {
	headerBytes: 65536,
	bodyBytes: 65536
}, PARTS_WAIT_MS = 2e3;
/** The request in a header from a peer, or undefined if it is malformed. */
function parseRequest(header) {
	let { ask, name, holding, holder } = header;
	if (isDigest(name)) {
		if (ask === "state") return {
			ask,
			name
		};
		if (ask === "parts") return isCount(header.first) ? {
			ask,
			name,
			first: header.first
		} : void 0;
		if (ask === "turn" && (holding === void 0 || typeof holding == "boolean") && (holder === void 0 || isPeerId(holder))) return {
			ask,
			name,
			claim: {
				holding,
				holder
			}
		};
	}
}
/** What a holder says in a header, or undefined if it is malformed. */
function parseHolderMessage(header) {
	let { renew, finish } = header;
	return isCount(renew) ? { renew } : isTurnResult(finish) ? { finish } : void 0;
}
/** What a leader answers to the question for the state of a name, or undefined if it is malformed. */
function parseState(header) {
	let { state, by, holder } = header;
	return state === "held" ? { kind: state } : state === "none" ? isPeerId(holder) ? {
		kind: state,
		holder
	} : { kind: state } : state === "done" && isPeerId(by) ? {
		kind: "done",
		by
	} : void 0;
}
/** What a leader says to one in its line, or undefined if it is malformed. */
function parseLineMessage(header) {
	let { waiting, holder, done, noted, others } = header;
	if (isCount(waiting) && isPeerId(holder)) return {
		kind: "waiting",
		leader: {
			holder,
			progress: waiting
		}
	};
	if (isPeerId(done)) return {
		kind: "done",
		by: done
	};
	if (noted === !0) return {
		kind: "noted",
		others: isCount(others) ? others : 0
	};
	for (let kind of [
		"granted",
		"lapsed",
		"busy"
	]) if (header[kind] === !0) return { kind };
}
function isCount(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
/**
* What a peer knows of a name.
*
* @throws ERR_TIMEOUT or what the swarm rejects with if it does not answer in time, ERR_FRAME if it answers
* nonsense, or the signal's reason.
*/
async function askState(options) {
	let { answerMs, leader, name } = options, stream;
	try {
		return await withDeadline(answerMs, `The peer ${leader}`, options.signal, async (signal) => {
			stream = await openStream(options, signal), await stream.write({
				ask: "state",
				name
			});
			let message = await stream.read();
			if (message === void 0) throw ended(leader);
			let state = parseState(message.header);
			if (state !== void 0) return state;
			if (parseLineMessage(message.header)?.kind === "busy") return { kind: "none" };
			throw malformed(leader);
		});
	} finally {
		stream?.abort();
	}
}
/** The parts that a peer offers beyond the pieces before `first`, none if it has none for now; rejects as `askState` does. */
async function askParts(options) {
	let { answerMs, leader, name, first } = options, stream, patienceMs = PARTS_WAIT_MS + answerMs;
	try {
		return await withDeadline(patienceMs, `The peer ${leader}`, options.signal, async (signal) => {
			stream = await openStream(options, signal, PART_LIMITS), await stream.write({
				ask: "parts",
				name,
				first
			});
			let parts = [];
			for (;;) {
				let message = await stream.read();
				if (message === void 0) return parts;
				let { header, body } = message;
				if (parseLineMessage(header)?.kind === "busy") return parts;
				let part = parsePart(name, header, body);
				if (part === void 0 || parts.length >= 1024) throw malformed(leader);
				parts.push(part);
			}
		});
	} finally {
		stream?.abort();
	}
}
/** A place in a line that another peer leads; rejects as `askState` does. */
async function joinRemote(options) {
	let { answerMs, leader, name, claim } = options, stream;
	try {
		return await withDeadline(answerMs, `The peer ${leader}`, options.signal, async (signal) => {
			stream = await openStream(options, signal), await stream.write({
				ask: "turn",
				name,
				...claim
			});
			let line = new RemoteLine(stream, options);
			return await line.answered, line;
		});
	} catch (error) {
		throw stream?.abort(), error;
	}
}
/** A place in a line that this process leads; undefined if there is no room. */
function joinLocal(table, peerId, name, options) {
	let claimant = new LocalClaimant(peerId, options.onWaiting), place = table.join(name, claimant, options.claim);
	return place === void 0 ? void 0 : new LocalLine(claimant, place);
}
var RemoteLine = class {
	#messages;
	#leader;
	#onWaiting;
	#watchdog;
	#answered = Promise.withResolvers();
	#outcome = Promise.withResolvers();
	#over = Promise.withResolvers();
	#noted = Promise.withResolvers();
	#renewing = !1;
	#finishing = !1;
	#others = 0;
	constructor(messages, options) {
		this.#messages = messages, this.#leader = options.leader, this.#onWaiting = options.onWaiting;
		let silent = new SwarmCacheError("ERR_TIMEOUT", `The peer ${options.leader} is silent.`);
		this.#watchdog = new Watchdog(options.silenceMs, () => this.#end("lost", silent)), this.#answered.promise.catch(() => {}), this.#follow();
	}
	/** Rejects if the first thing said is nonsense, or nothing is. */
	get answered() {
		return this.#answered.promise;
	}
	get outcome() {
		return this.#outcome.promise;
	}
	get over() {
		return this.#over.promise;
	}
	get others() {
		return this.#others;
	}
	renew(progress) {
		this.#renewing || this.#finishing || (this.#renewing = !0, this.#messages.write({ renew: progress }).catch(() => {}).finally(() => this.#renewing = !1));
	}
	async finish(result) {
		this.#finishing = !0;
		let noted = await withDeadline(1e3, "Telling of the end of a turn", void 0, async () => (await this.#messages.write({ finish: result }), await this.#noted.promise)).catch(() => void 0);
		return this.leave(), noted;
	}
	leave() {
		this.#end("lost");
	}
	async #follow() {
		try {
			for (;;) {
				let message = await this.#messages.read();
				if (message === void 0) throw ended(this.#leader);
				let said = parseLineMessage(message.header);
				if (said === void 0) throw malformed(this.#leader);
				switch (this.#watchdog.heard(), this.#answered.resolve(), said.kind) {
					case "waiting":
						this.#onWaiting?.(said.leader);
						break;
					case "granted":
						this.#outcome.resolve({ kind: "granted" });
						break;
					case "noted":
						this.#others = said.others, this.#finishing && this.#noted.resolve(said.others);
						break;
					case "done": return this.#outcome.resolve(said), this.#end("lapsed");
					case "lapsed": return this.#end("lapsed");
					case "busy": return this.#end("lost");
				}
			}
		} catch (error) {
			this.#end("lost", error);
		}
	}
	#end(how, error = ended(this.#leader)) {
		this.#watchdog[Symbol.dispose](), this.#answered.reject(error), this.#outcome.resolve({ kind: "lost" }), this.#over.resolve(how), this.#noted.resolve(how === "lapsed" ? 0 : void 0), this.#messages.abort();
	}
}, LocalClaimant = class {
	peerId;
	#onWaiting;
	outcome = Promise.withResolvers();
	over = Promise.withResolvers();
	constructor(peerId, onWaiting) {
		this.peerId = peerId, this.#onWaiting = onWaiting;
	}
	waiting(leader) {
		this.#onWaiting?.(leader);
	}
	granted() {
		this.outcome.resolve({ kind: "granted" });
	}
	/** Its place tells at any time. */
	joined() {}
	done(by) {
		this.outcome.resolve({
			kind: "done",
			by
		}), this.over.resolve("lapsed");
	}
	lapsed() {
		this.over.resolve("lapsed");
	}
}, LocalLine = class {
	#claimant;
	#place;
	constructor(claimant, place) {
		this.#claimant = claimant, this.#place = place;
	}
	get outcome() {
		return this.#claimant.outcome.promise;
	}
	get over() {
		return this.#claimant.over.promise;
	}
	get others() {
		return this.#place.others;
	}
	renew(progress) {
		this.#place.renew(progress);
	}
	async finish(result) {
		let others = this.#place.finish(result);
		return this.#claimant.over.resolve("lapsed"), others;
	}
	leave() {
		this.#place.leave(), this.#claimant.over.resolve("lapsed");
	}
};
async function openStream({ swarm, leader, protocol }, signal, limits = LEASE_LIMITS) {
	let opening = swarm.open(leader, protocol, { signal });
	return opening.then((stream) => signal.aborted && stream.abort(), () => {}), new MessageStream(await abortable(opening, signal), limits);
}
function ended(peerId) {
	return new SwarmCacheError("ERR_PEER", `The peer ${peerId} ended the conversation about a turn.`);
}
function malformed(peerId) {
	return new SwarmCacheError("ERR_FRAME", `What the peer ${peerId} says of a turn is malformed.`);
}
// src/lease/lease-table.ts
const DEFAULTS = {
	leaseMs: 2e3,
	maxTurnMs: 12e5,
	beatMs: 500,
	rememberMs: 1e4,
	maxNames: 1024,
	maxPlaces: 1024
};
/** The lines of all names that one peer leads: plain state and timers, no messages. */
var LeaseTable = class {
	#options;
	#lines = /* @__PURE__ */ new Map();
	#finished = /* @__PURE__ */ new Map();
	constructor(options = {}) {
		this.#options = {
			...DEFAULTS,
			...options
		};
	}
	/** What is known of a name here. */
	state(name) {
		if (this.#lines.has(name)) return { kind: "held" };
		let finished = this.#finished.get(name);
		return finished === void 0 ? { kind: "none" } : performance.now() < finished.untilMs ? {
			kind: "done",
			by: finished.by
		} : (this.#finished.delete(name), { kind: "none" });
	}
	/** A place in the line of `name`; the claimant is called before this returns. Undefined if there is no room. */
	join(name, claimant, claim = {}) {
		let state = this.state(name);
		if (state.kind === "done") return claimant.done(state.by), NO_PLACE;
		let line = this.#lines.get(name);
		if (line === void 0) {
			if (this.#lines.size >= this.#options.maxNames) return;
			line = new Line(this.#options, {
				finished: (by) => this.#remember(name, by),
				empty: () => this.#lines.delete(name)
			}), this.#lines.set(name, line), claim.holder !== void 0 && line.reserve(claim.holder);
		}
		return line.join(claimant, claim.holding === !0);
	}
	/** A turn that is kept for a peer until it comes to claim it is not kept any longer. */
	gone(peerId) {
		for (let line of this.#lines.values()) line.gone(peerId);
	}
	stop() {
		for (let line of this.#lines.values()) line.stop();
		this.#lines.clear(), this.#finished.clear();
	}
	#remember(name, by) {
		if (this.#finished.delete(name), this.#finished.set(name, {
			by,
			untilMs: performance.now() + this.#options.rememberMs
		}), this.#finished.size <= this.#options.maxNames) return;
		let [oldest] = this.#finished.keys();
		oldest !== void 0 && this.#finished.delete(oldest);
	}
};
/** A success was known already, so there is nothing to keep. */
const NO_PLACE = {
	others: 0,
	renew() {},
	finish: () => 0,
	leave() {}
};
/** Those who have and those who wait for the turn of one name. */
var Line = class {
	#options;
	#events;
	/** Usually one; more where turns were given by several leaders. */
	#turns = /* @__PURE__ */ new Map();
	#queue = [];
	#progress = 0;
	#reserved;
	#beats;
	constructor(options, events) {
		this.#options = options, this.#events = events;
	}
	get places() {
		return this.#turns.size + this.#queue.length;
	}
	/** Keeps the turn for who had it with another leader, until it has had the time to come. */
	reserve(peerId) {
		let timer = setTimeout(() => this.gone(peerId), this.#options.leaseMs).unref();
		this.#reserved = {
			peerId,
			timer
		};
	}
	gone(peerId) {
		this.#reserved?.peerId === peerId && (clearTimeout(this.#reserved.timer), this.#reserved = void 0, this.#grantNext());
	}
	join(claimant, holding) {
		if (this.places >= this.#options.maxPlaces || holding && this.#turns.size >= 8) return;
		if (holding) this.#reserved?.peerId === claimant.peerId && this.#endReservation(), this.#grant(claimant);
		else if (this.#queue.push(claimant), this.#grantNext(), !this.#turns.has(claimant)) {
			this.#beat(claimant);
			for (let holder of this.#turns.keys()) holder.joined(this.places - 1);
		}
		let others = () => Math.max(0, this.places - 1);
		return {
			get others() {
				return others();
			},
			renew: (progress) => this.#renew(claimant, progress),
			finish: (result) => this.#finish(claimant, result),
			leave: () => this.#leave(claimant)
		};
	}
	stop() {
		this.#endReservation(), clearInterval(this.#beats);
		for (let turn of this.#turns.values()) turn[Symbol.dispose]();
		this.#turns.clear(), this.#queue = [];
	}
	#grantNext() {
		if (this.#turns.size > 0 || this.#reserved !== void 0) return;
		let next = this.#queue.shift();
		if (next === void 0) this.stop(), this.#events.empty();
		else {
			this.#grant(next);
			for (let waiting of this.#queue) waiting.waiting(this.#leader());
		}
	}
	#grant(claimant) {
		let watchdog = new Watchdog(this.#options.leaseMs, () => this.#lapse(claimant)), limit = setTimeout(() => this.#lapse(claimant), this.#options.maxTurnMs).unref(), dispose = () => {
			watchdog[Symbol.dispose](), clearTimeout(limit);
		}, turn = {
			claimant,
			watchdog,
			limit,
			progress: 0,
			[Symbol.dispose]: dispose
		};
		this.#turns.set(claimant, turn), claimant.granted(this.places - 1);
	}
	#renew(claimant, progress) {
		let turn = this.#turns.get(claimant);
		turn !== void 0 && (turn.watchdog.heard(), progress <= turn.progress || (turn.progress = progress, this.#progress += 1));
	}
	#finish(claimant, result) {
		if (!this.#turns.has(claimant)) return 0;
		if (result === !1) return this.#leave(claimant), 0;
		let others = [...this.#turns.keys(), ...this.#queue].filter((other) => other !== claimant);
		this.stop(), this.#events.empty(), result === !0 && this.#events.finished(claimant.peerId);
		for (let other of others) other.done(claimant.peerId);
		return others.length;
	}
	#lapse(claimant) {
		this.#turns.has(claimant) && (claimant.lapsed(), this.#leave(claimant));
	}
	#leave(claimant) {
		let turn = this.#turns.get(claimant);
		turn?.[Symbol.dispose](), this.#turns.delete(claimant);
		let waiting = this.#queue.indexOf(claimant);
		(waiting !== -1 || turn !== void 0) && (waiting !== -1 && this.#queue.splice(waiting, 1), this.#grantNext());
	}
	/** Tells who waits of the leader, now and again. */
	#beat(claimant) {
		claimant.waiting(this.#leader()), this.#beats ??= setInterval(() => {
			for (let waiting of this.#queue) waiting.waiting(this.#leader());
		}, this.#options.beatMs).unref();
	}
	#leader() {
		let [holder] = this.#turns.keys();
		return {
			holder: holder?.peerId ?? this.#reserved?.peerId ?? "",
			progress: this.#progress
		};
	}
	#endReservation() {
		clearTimeout(this.#reserved?.timer), this.#reserved = void 0;
	}
}, PartTable = class {
	#maxNames;
	#maxParts;
	#names = /* @__PURE__ */ new Map();
	constructor(options = {}) {
		this.#maxNames = options.maxNames ?? 16, this.#maxParts = options.maxParts ?? 2048;
	}
	/** Keeps a part; false if there is no room for more of that name. */
	put(name, part) {
		let kept = this.#keptOf(name);
		if (kept.parts.size >= this.#maxParts && !kept.parts.has(part.first)) return !1;
		kept.parts.delete(part.first), kept.parts.set(part.first, part);
		for (let wake of kept.waiting) wake();
		return !0;
	}
	/** Parts that reach beyond the pieces before `first`, in order; waits until there is one, for `waitMs` at most. */
	async next(name, first, waitMs, signal) {
		let found = this.#from(name, first);
		if (found.length > 0) return found;
		let kept = this.#keptOf(name), over = new AbortController(), wake = () => over.abort();
		kept.waiting.add(wake);
		try {
			await pause(waitMs, AbortSignal.any(signal ? [signal, over.signal] : [over.signal]));
		} catch {
			signal?.throwIfAborted();
		} finally {
			kept.waiting.delete(wake);
		}
		return this.#from(name, first);
	}
	#from(name, first) {
		let kept = this.#names.get(name);
		return kept === void 0 ? [] : (kept.usedMs = performance.now(), [...kept.parts.values()].filter((part) => endOfPart(part) > first).sort((a, b) => a.first - b.first).slice(0, 64));
	}
	#keptOf(name) {
		let now = performance.now(), kept = this.#names.get(name) ?? {
			parts: /* @__PURE__ */ new Map(),
			waiting: /* @__PURE__ */ new Set(),
			usedMs: now
		};
		kept.usedMs = now, this.#names.delete(name), this.#names.set(name, kept);
		for (let [other, { usedMs, waiting }] of this.#names) (this.#names.size > this.#maxNames || now - usedMs > 12e4) && waiting.size === 0 && other !== name && this.#names.delete(other);
		return kept;
	}
};
export { joinLocal as a, LEASE_PROTOCOL as c, parseRequest as d, HeldTurn as f, askState as i, PARTS_WAIT_MS as l, LeaseTable as n, joinRemote as o, askParts as r, LEASE_LIMITS as s, PartTable as t, parseHolderMessage as u };
