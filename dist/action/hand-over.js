import { a as withDeadline, r as startDeadline, t as abortable } from "./deadline.js";
import { o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as MessageStream } from "./message.js";
import { t as formatSize } from "./sizes.js";
import { n as countPeers } from "./transfer-line.js";
import { n as HAND_OVER_PROTOCOL, r as parseKeeper, t as HAND_OVER_LIMITS } from "./hand-over-wire.js";
// src/node/hand-over.ts
const ANSWER_MS = 1e3;
/** Hands what only this node holds to peers that stay, before it leaves; and keeps what others hand over. */
var HandOver = class {
	#parts;
	#options;
	constructor(parts, options) {
		this.#parts = parts, this.#options = options;
	}
	/** Registers the answers to other peers; before the swarm starts. */
	start() {
		let { swarm, keeper } = this.#parts;
		swarm.handle(HAND_OVER_PROTOCOL, (stream, peerId) => keeper.answer(stream, peerId));
	}
	/** Hands over, newest first, until the signal aborts; what fails is logged, and it never rejects. */
	async run(options = {}) {
		let { logger, keeper } = this.#parts;
		keeper.stop();
		let signal = options.signal ?? new AbortController().signal, keepers = [], report = {
			handed: 0,
			bytes: 0,
			keepers: 0,
			left: 0
		}, took = /* @__PURE__ */ new Set();
		try {
			let entries = signal.aborted ? [] : await this.#entries();
			entries.length > 0 && keepers.push(...await this.#findKeepers(signal)), keepers.length > 0 && (report.left = entries.length);
			for (let entry of keepers.length > 0 ? entries : []) {
				let { held, takenBy } = await handEntry(entry, keepers, signal);
				(held || takenBy !== void 0) && --report.left, takenBy !== void 0 && (took.add(takenBy), report.handed += 1, report.bytes += entry.contentBytes);
			}
		} catch (error) {
			logger.log("debug", "Handing over ended early.", { reason: errorMessage(error) });
		} finally {
			for (let { messages } of keepers) messages.abort();
		}
		return report.keepers = took.size, this.#tell(report), report;
	}
	async #entries() {
		let { store, swarm } = this.#parts;
		return (await store.entries()).filter(({ writer }) => !this.#options.ownOnly || writer === swarm.peerId).toSorted((a, b) => b.created - a.created).slice(0, 256);
	}
	/** Conversations with seeders, or if there is none with those that have been there longest. */
	async #findKeepers(signal) {
		let { swarm, router } = this.#parts, connected = router.rank(swarm.peers().map(({ peerId }) => peerId)).slice(0, 32), asked = await Promise.all(connected.map((peerId) => this.#greet(peerId, signal))), accepting = asked.flatMap((each) => each?.keeper.accepts === !0 ? [each] : []), seeders = accepting.filter(({ keeper }) => keeper.role === "seeder"), chosen = (seeders.length > 0 || this.#options.role === "seeder" ? seeders : accepting).toSorted((a, b) => b.keeper.uptimeSeconds - a.keeper.uptimeSeconds).slice(0, 8);
		for (let each of asked) each && !chosen.includes(each) && each.messages.abort();
		return chosen;
	}
	async #greet(peerId, signal) {
		let { swarm, logger, router } = this.#parts;
		using deadline = startDeadline(ANSWER_MS, `The peer ${peerId}`, signal);
		let messages;
		try {
			let opening = swarm.open(peerId, HAND_OVER_PROTOCOL, { signal: deadline.signal });
			opening.then((stream) => deadline.signal.aborted && stream.abort(), () => {});
			let stream = await abortable(opening, deadline.signal);
			messages = new MessageStream(stream, HAND_OVER_LIMITS);
			let keeper = parseKeeper(await ask(messages, { leaving: !0 }, deadline.signal));
			if (keeper !== void 0) return {
				peerId,
				messages,
				keeper
			};
			throw new SwarmCacheError("ERR_FRAME", "What it says of itself is malformed.");
		} catch (error) {
			messages?.abort();
			let reason = errorMessage(error);
			isSwarmCacheError(error, "ERR_FRAME") ? router.failed(peerId, reason, !0) : logger.log("debug", "A peer keeps nothing for others.", {
				peerId,
				reason
			});
			return;
		}
	}
	#tell({ handed, bytes, keepers, left }) {
		let { logger } = this.#parts, what = (count) => count === 1 ? "1 entry" : `${count} entries`;
		if (handed > 0) {
			let size = formatSize(bytes);
			logger.log("info", `Handed ${what(handed)} (${size}) over to ${countPeers(keepers)}.`);
		}
		left > 0 && logger.log("info", `No other peer has ${what(left)} of this node.`);
	}
};
/** Whether one of them had the entry, and if not who took it; who fails is asked no more. */
async function handEntry(entry, keepers, signal) {
	signal.throwIfAborted();
	let { lastUsed: _lastUsed, uses: _uses, ...offer } = entry, { repository, scope, key, version, manifest } = entry, holds = {
		repository,
		scope,
		key,
		version
	};
	for (let { messages } of keepers.slice()) if ((await withDeadline(ANSWER_MS, "A keeper", signal, (stop) => ask(messages, {
		holds,
		manifest,
		attested: offer.token !== void 0
	}, stop)).catch(() => drop(keepers, messages)))?.held === !0) return { held: !0 };
	for (let { messages, peerId } of keepers.slice()) if ((await ask(messages, { offer }, signal).catch(() => drop(keepers, messages)))?.taken === !0) return {
		held: !1,
		takenBy: peerId
	};
	return signal.throwIfAborted(), { held: !1 };
}
function drop(keepers, messages) {
	messages.abort();
	let index = keepers.findIndex((each) => each.messages === messages);
	index !== -1 && keepers.splice(index, 1);
}
/** The header of the answer to a question. */
async function ask(messages, question, signal) {
	let answer = await abortable(messages.write(question).then(() => messages.read()), signal);
	if (answer === void 0) throw new SwarmCacheError("ERR_CLOSED", "It ended without an answer.");
	return answer.header;
}
export { HandOver };
