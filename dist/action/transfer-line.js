import { t as formatSize } from "./sizes.js";
// src/core/transfer-line.ts
const VERBS = {
	lookup: "Looking up",
	transfer: "Moved",
	upstream: "Upstream",
	pack: "Packed"
};
/** Turns the states of one request into lines for people: bytes, rate over the last seconds, peers. */
var TransferLine = class {
	#samples = [];
	#phase;
	/** Counts a state, seen at `nowMs` (milliseconds of a clock that never goes back), into the rate. */
	note(state, nowMs) {
		state.phase !== this.#phase && (this.#phase = state.phase, this.#samples = []);
		let last = this.#samples.at(-1);
		if (!(last !== void 0 && nowMs - last.atMs < 50)) for (this.#samples.push({
			atMs: nowMs,
			bytes: state.bytes
		}); this.#samples.length > 2 && nowMs - this.#samples[1].atMs > 3e3;) this.#samples.shift();
	}
	/** The line for `state`, which counts as well. */
	describe(state, nowMs) {
		if (this.note(state, nowMs), state.phase === "lookup") return `${VERBS.lookup} (${countPeers(state.peers)})`;
		let parts = [`${VERBS[state.phase]} ${formatSize(state.bytes)}${ofTotal(state)}`], rate = this.#bytesPerSecond();
		return rate !== void 0 && parts.push(`${formatSize(rate)}/s`), state.peers > 0 && parts.push(countPeers(state.peers)), parts.join(", ");
	}
	#bytesPerSecond() {
		let first = this.#samples[0], last = this.#samples.at(-1), elapsedMs = last.atMs - first.atMs;
		return elapsedMs <= 0 ? void 0 : (last.bytes - first.bytes) * 1e3 / elapsedMs;
	}
};
/** `1 peer`, `3 peers`. */
function countPeers(peers) {
	return peers === 1 ? "1 peer" : `${peers} peers`;
}
function ofTotal({ bytes, totalBytes }) {
	if (totalBytes === void 0 || totalBytes <= 0) return "";
	let percent = Math.min(100, Math.floor(bytes / totalBytes * 100));
	return ` of ${formatSize(totalBytes)} (${percent}%)`;
}
export { countPeers as n, TransferLine as t };
