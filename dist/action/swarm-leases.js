import { a as withDeadline, n as pause, t as abortable } from "./deadline.js";
import { a as endOfPart, r as encodePart } from "./archive-part.js";
import { o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { a as joinLocal, d as parseRequest, f as HeldTurn, i as askState, l as PARTS_WAIT_MS, n as LeaseTable, o as joinRemote, r as askParts, s as LEASE_LIMITS, t as PartTable, u as parseHolderMessage } from "./part-table.js";
import { t as digestOf } from "./digest.js";
import { t as UNLED_TURN } from "./lease.js";
import { t as MessageStream } from "./message.js";
// src/lease/leader-order.ts
/**
* The peers in the order in which they lead the line of a name: rendezvous hashing, so that every peer
* finds the same order alone, and a peer that comes or goes changes it for few names only.
*/
function leaderOrder(name, peers) {
	return [...new Set(peers)].map((peerId) => ({
		peerId,
		weight: digestOf(`lease ${name} ${peerId}`)
	})).sort((a, b) => a.weight > b.weight ? -1 : 1).map(({ peerId }) => peerId);
}
/** Answers the conversations that peers open about turns. */
var LeaseServer = class {
	#parts;
	#maxStreams;
	#maxStreamsPerPeer;
	#counts = /* @__PURE__ */ new Map();
	#streams = /* @__PURE__ */ new Set();
	#claimants = /* @__PURE__ */ new Set();
	#followedMs = -1e400;
	constructor(parts, options = {}) {
		this.#parts = parts, this.#maxStreams = options.maxStreams ?? 4096, this.#maxStreamsPerPeer = options.maxStreamsPerPeer ?? 128;
	}
	/** When a part was asked for last. */
	get followedMs() {
		return this.#followedMs;
	}
	/** Answers one conversation, until the peer leaves it or all is said. */
	async answer(stream, peerId) {
		let messages = new MessageStream(stream, LEASE_LIMITS), count = this.#counts.get(peerId) ?? 0;
		if (count >= this.#maxStreamsPerPeer || this.#streams.size >= this.#maxStreams) await send(messages, { busy: !0 });
		else {
			this.#counts.set(peerId, count + 1), this.#streams.add(stream);
			try {
				await this.#converse(messages, peerId);
			} catch (error) {
				throw isSwarmCacheError(error, "ERR_FRAME") && this.#parts.peers.failed(peerId, error.message, !0), error;
			} finally {
				this.#streams.delete(stream);
				let left = (this.#counts.get(peerId) ?? 1) - 1;
				left === 0 ? this.#counts.delete(peerId) : this.#counts.set(peerId, left);
			}
		}
	}
	/** Sends what was decided, and ends every conversation; whoever waits goes to the next leader. */
	async stop() {
		let sent = Promise.all([...this.#claimants].map((claimant) => claimant.sent));
		await withDeadline(500, "Sending what was decided", void 0, () => sent).catch(() => {});
		let error = new SwarmCacheError("ERR_CLOSED", "This node stops.");
		for (let stream of this.#streams) stream.abort(error);
	}
	async #converse(messages, peerId) {
		let message = await withDeadline(3e3, "The question of a peer for a turn", void 0, () => messages.read());
		if (message === void 0) return;
		let request = parseRequest(message.header);
		if (request === void 0) throw malformed();
		if (request.ask === "turn") {
			await this.#lead(messages, peerId, request.name, request.claim);
			return;
		}
		if (request.ask === "parts") {
			await this.#sendParts(messages, request.name, request.first);
			return;
		}
		let { kind, ...rest } = this.#parts.stateOf(request.name);
		await send(messages, {
			state: kind,
			...rest
		});
	}
	async #sendParts(messages, name, first) {
		this.#followedMs = performance.now();
		let parts = await this.#parts.offered.next(name, first, PARTS_WAIT_MS);
		for (let part of parts) {
			let { header, body } = encodePart(part);
			await send(messages, header, body);
		}
		await messages.closeWrite();
	}
	/** Keeps a peer's place until it goes, or nothing is left to say to it. */
	async #lead(messages, peerId, name, claim) {
		let claimant = new RemoteClaimant(messages, peerId), { holding, holder } = claim, kept = holder !== void 0 && this.#parts.isPresent(holder) ? holder : void 0, place = this.#parts.table.join(name, claimant, {
			holding,
			holder: kept
		});
		if (place === void 0) {
			await send(messages, { busy: !0 });
			return;
		}
		let listening = (async () => {
			for (;;) {
				let message = await messages.read();
				if (message === void 0) return;
				let said = parseHolderMessage(message.header);
				if (said === void 0) throw malformed();
				if ("renew" in said) place.renew(said.renew), claimant.note(place.others);
				else {
					claimant.send({
						noted: !0,
						others: place.finish(said.finish)
					});
					return;
				}
			}
		})();
		this.#claimants.add(claimant);
		try {
			await Promise.race([listening, claimant.over]);
		} finally {
			listening.catch(() => {}), place.leave(), await claimant.sent, this.#claimants.delete(claimant);
		}
	}
}, RemoteClaimant = class {
	peerId;
	#messages;
	#over = Promise.withResolvers();
	#sending = 0;
	#sent = Promise.resolve();
	constructor(messages, peerId) {
		this.peerId = peerId, this.#messages = messages;
	}
	/** Resolves once there is nothing more to say, or nobody takes it. */
	get over() {
		return this.#over.promise;
	}
	/** Resolves when what was said so far has been sent, or cannot be. */
	get sent() {
		return this.#sent;
	}
	waiting({ holder, progress }) {
		this.#sending === 0 && this.send({
			waiting: progress,
			holder
		});
	}
	/** Tells a holder that it is heard, and for how many it works. */
	note(others) {
		this.#sending === 0 && this.send({
			noted: !0,
			others
		});
	}
	granted(others) {
		this.send({ granted: !0 }), others > 0 && this.send({
			noted: !0,
			others
		});
	}
	joined(others) {
		this.note(others);
	}
	done(by) {
		this.send({ done: by }), this.#over.resolve();
	}
	lapsed() {
		this.send({ lapsed: !0 }), this.#over.resolve();
	}
	send(header) {
		this.#sending += 1, this.#sent = this.#sent.then(() => send(this.#messages, header)).catch(() => this.#over.resolve()).finally(() => --this.#sending);
	}
};
async function send(messages, header, body) {
	await withDeadline(2e3, "An answer about a turn", void 0, () => messages.write(header, body));
}
function malformed() {
	return new SwarmCacheError("ERR_FRAME", "What a peer says about a turn is malformed.");
}
/** Turns of a swarm, whose peers share the work of leading the lines by rendezvous hashing. */
var SwarmLeases = class {
	#parts;
	#protocol;
	#answerMs;
	#silenceMs;
	#held;
	#table;
	#offered = new PartTable();
	#server;
	#turns = /* @__PURE__ */ new Map();
	#interests = /* @__PURE__ */ new Set();
	#stopped = new AbortController();
	#toldMs = -1e400;
	#stopListening;
	constructor(parts, options = {}) {
		this.#parts = parts, this.#protocol = options.protocol ?? "/swarmcache/lease/1", this.#answerMs = options.answerMs ?? 1e3, this.#silenceMs = options.leaseMs ?? 2e3, this.#held = {
			beatMs: options.beatMs ?? 500,
			stallMs: options.stallMs ?? 3e4
		}, this.#table = new LeaseTable(options);
		let { peers } = parts, isPresent = (peerId) => this.#isPresent(peerId), stateOf = (name) => this.#stateOf(name);
		this.#server = new LeaseServer({
			table: this.#table,
			offered: this.#offered,
			peers,
			stateOf,
			isPresent
		}, options);
	}
	start() {
		let { swarm } = this.#parts;
		swarm.handle(this.#protocol, (stream, peerId) => this.#server.answer(stream, peerId)), this.#stopListening = swarm.listen({ disconnected: (peerId) => this.#table.gone(peerId) });
	}
	async stop() {
		this.#stopped.abort(new SwarmCacheError("ERR_CLOSED", "The node is stopping, so no turn can be waited for.")), this.#stopListening?.(), await Promise.all([...this.#turns.keys()].map((turn) => turn.leave())), await this.#server.stop(), this.#table.stop();
	}
	async takeTurn(name, options = {}) {
		let stopped = this.#stopped.signal, signal = options.signal === void 0 ? stopped : AbortSignal.any([options.signal, stopped]), place = {
			name,
			passed: /* @__PURE__ */ new Set()
		};
		this.#interests.add(place);
		let onWaiting = ({ holder, progress }) => {
			place.holder = holder, options.onWaiting?.(progress);
		}, turn;
		try {
			return turn = await this.#waitFor(place, signal, onWaiting), turn;
		} finally {
			turn instanceof HeldTurn || this.#interests.delete(place);
		}
	}
	async #waitFor(place, signal, onWaiting) {
		for (;;) {
			signal.throwIfAborted();
			let choice = await this.#choose(place, signal);
			if ("done" in choice) return {
				kind: "done",
				by: choice.done
			};
			let { leader, holder } = choice, line = await this.#join(leader, place.name, { holder }, signal, onWaiting);
			if (line === void 0) {
				if (leader === this.#parts.swarm.peerId) return UNLED_TURN;
				place.passed.add(leader);
				continue;
			}
			let outcome = await abortable(line.outcome, signal).catch((error) => {
				throw line.leave(), error;
			});
			if (outcome.kind === "done") return outcome;
			if (outcome.kind === "granted") return this.#hold(place, line, leader);
			place.passed.add(leader);
		}
	}
	/** Keeps a turn; when who leads is lost the next in order is told that it is held. */
	#hold(place, first, firstLeader) {
		let { signal } = this.#stopped, own = this.#parts.swarm.peerId, leader = firstLeader;
		place.holder = own;
		let turn = new HeldTurn({
			line: first,
			reclaim: async () => {
				for (; !signal.aborted && leader !== own;) {
					place.passed.add(leader);
					let choice = await this.#choose(place, signal);
					if ("done" in choice) return;
					leader = choice.leader;
					let line = await this.#join(leader, place.name, { holding: !0 }, signal);
					if (line !== void 0) return line;
				}
			}
		}, this.#held);
		return this.#turns.set(turn, place), turn.ended.then(() => {
			this.#turns.delete(turn), this.#interests.delete(place), turn.told > 0 && (this.#toldMs = performance.now());
		}), turn;
	}
	hasFollowers() {
		return performance.now() - Math.max(this.#toldMs, this.#server.followedMs) < 5e3;
	}
	company(name) {
		return [...this.#turns].filter(([, { name: own }]) => own === name).some(([turn]) => turn.others > 0) ? "waiting" : this.#connected().length > 0 ? "possible" : "none";
	}
	offer(name, part) {
		return this.#offered.put(name, part);
	}
	async *follow(name, first, signal) {
		let ending = AbortSignal.any([signal, this.#stopped.signal]), holder, next = first;
		for (;;) {
			ending.throwIfAborted(), holder = this.#holderOf(name) ?? holder;
			let parts = holder === void 0 ? [] : await this.#partsOf(holder, name, next, ending);
			parts.length === 0 && await pause(100, ending);
			for (let part of parts) next = Math.max(next, endOfPart(part)), yield {
				part,
				by: holder
			};
		}
	}
	/** Who has the turn that callers of this process wait for, as far as they have heard. */
	#holderOf(name) {
		for (let interest of this.#interests) if (interest.name === name && interest.holder) return interest.holder;
	}
	async #partsOf(holder, name, first, signal) {
		let { swarm } = this.#parts;
		if (holder === swarm.peerId) return await this.#offered.next(name, first, PARTS_WAIT_MS, signal);
		let [protocol, answerMs] = [this.#protocol, this.#answerMs];
		try {
			return await askParts({
				swarm,
				protocol,
				leader: holder,
				name,
				first,
				answerMs,
				signal
			});
		} catch (error) {
			return signal.throwIfAborted(), this.#blame(holder, error), [];
		}
	}
	async #join(leader, name, claim, signal, onWaiting) {
		let { swarm } = this.#parts;
		if (leader === swarm.peerId) return joinLocal(this.#table, leader, name, {
			claim,
			onWaiting
		});
		try {
			return await joinRemote({
				swarm,
				protocol: this.#protocol,
				leader,
				name,
				claim,
				answerMs: this.#answerMs,
				silenceMs: this.#silenceMs,
				onWaiting,
				signal
			});
		} catch (error) {
			signal.throwIfAborted(), this.#blame(leader, error);
			return;
		}
	}
	/** The first in order that leads the name already, else the first in order; alone, this node. */
	async #choose({ name, passed }, signal) {
		let own = this.#parts.swarm.peerId, others = this.#connected().filter((peerId) => !passed.has(peerId));
		if (others.length === 0) return await this.#chosen(own, name, /* @__PURE__ */ new Map([[own, this.#stateOf(name)]]), signal);
		let asked = leaderOrder(name, [own, ...others]).slice(0, 8), known = Promise.withResolvers(), answered = Promise.all(asked.map(async (peerId) => {
			let state = peerId === own ? this.#stateOf(name) : await this.#ask(peerId, name, signal);
			return state?.kind === "done" && known.resolve({ done: state.by }), state?.kind === "held" && known.resolve({ leader: peerId }), state;
		})).then((states) => {
			let first = states.findIndex((state) => state !== void 0), known = new Map(asked.map((peerId, at) => [peerId, states[at]]));
			return this.#chosen(asked[first] ?? own, name, known.set(own, this.#stateOf(name)), signal);
		}), choice = await Promise.race([known.promise, answered]);
		return signal.throwIfAborted(), choice;
	}
	/** Nobody leads the name yet; one who has the turn with a leader that was lost may be heard of. */
	async #chosen(leader, name, states, signal) {
		for (let state of states.values()) {
			let holder = state?.kind === "none" ? state.holder : void 0;
			if (holder === void 0 || !this.#isPresent(holder)) continue;
			let own = states.has(holder) ? states.get(holder) : await this.#ask(holder, name, signal);
			if (own?.kind !== "none" || own.holder === holder) return {
				leader,
				holder
			};
		}
		return { leader };
	}
	#stateOf(name) {
		let state = this.#table.state(name);
		if (state.kind !== "none") return state;
		for (let interest of this.#interests) if (interest.name === name && interest.holder !== void 0) return {
			kind: "none",
			holder: interest.holder
		};
		return state;
	}
	async #ask(peerId, name, signal) {
		try {
			let { swarm } = this.#parts, protocol = this.#protocol, answerMs = this.#answerMs;
			return await askState({
				swarm,
				protocol,
				leader: peerId,
				name,
				answerMs,
				signal
			});
		} catch (error) {
			signal.aborted || this.#blame(peerId, error);
			return;
		}
	}
	#blame(peerId, error) {
		let reason = errorMessage(error);
		isSwarmCacheError(error, "ERR_FRAME") ? this.#parts.peers.failed(peerId, reason, !0) : this.#parts.logger.log("debug", "A peer does not lead a turn", {
			peerId,
			reason
		});
	}
	#isPresent(peerId) {
		return peerId === this.#parts.swarm.peerId || this.#connected().includes(peerId);
	}
	#connected() {
		let { swarm, peers } = this.#parts;
		return swarm.peers().map(({ peerId }) => peerId).filter((peerId) => peers.isUsable(peerId));
	}
};
export { SwarmLeases };
