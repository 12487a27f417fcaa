import { t as I } from "./index.min.js";
// src/api-cache/memory-shelf.ts
/** Answers of one key that are kept: views of different tokens, and what was replaced a moment ago. */
const MAX_ANSWERS_PER_KEY = 4;
/** Answers in the memory of this process, the least recently used dropped first. */
var MemoryShelf = class {
	#answers;
	constructor({ limitBytes = 33554432 } = {}) {
		this.#answers = new I({
			maxSize: limitBytes,
			maxEntrySize: limitBytes,
			sizeCalculation: (answers) => answers.reduce((sum, { body }) => sum + body.length + 2048, 0)
		});
	}
	async get(key) {
		return (this.#answers.get(key) ?? []).map((answer) => ({
			answer,
			tier: "memory"
		}));
	}
	async put(answer) {
		this.#answers.set(answer.key, addAnswer(this.#answers.get(answer.key) ?? [], answer));
	}
	async delete(key, digest) {
		let left = (this.#answers.get(key) ?? []).filter((answer) => answer.digest !== digest);
		left.length === 0 ? this.#answers.delete(key) : this.#answers.set(key, left);
	}
	usage() {
		let answers = 0;
		for (let kept of this.#answers.values()) answers += kept.length;
		return {
			bytes: this.#answers.calculatedSize,
			answers
		};
	}
	async close() {
		this.#answers.clear();
	}
};
/** The answers of a key with one more, the latest confirmed first; one body of one ref is there once. */
function addAnswer(answers, answer) {
	let same = answers.find((other) => isSame(other, answer)), latest = same !== void 0 && same.validated > answer.validated ? same : answer, shared = latest.shared || same?.shared === !0, received = Math.min(latest.received, same?.received ?? 1e400), others = answers.filter((other) => other !== same);
	return [{
		...latest,
		shared,
		received
	}, ...others].toSorted((a, b) => b.validated - a.validated).slice(0, 4);
}
function isSame(a, b) {
	return a.digest === b.digest && a.scope === b.scope && a.repository === b.repository;
}
export { MemoryShelf as n, addAnswer as r, MAX_ANSWERS_PER_KEY as t };
