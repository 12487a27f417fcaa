import { t as SwarmCacheError } from "./errors.js";
// src/async/limit.ts
/** Lets at most a number of units (tasks, bytes) be held at once; waiters are served in order and bounded. */
var Limit = class {
	#capacity;
	#maxWaiting;
	#held = 0;
	#waiting = [];
	constructor(capacity, maxWaiting = 1e400) {
		this.#capacity = capacity, this.#maxWaiting = maxWaiting;
	}
	get held() {
		return this.#held;
	}
	/**
	* Waits until `units` fit; more than the whole capacity is granted once nothing else is held.
	* Dispose the result to give them back.
	*
	* @throws ERR_LIMIT if too many wait already, or the signal's reason.
	*/
	async acquire(units = 1, signal) {
		if (signal?.throwIfAborted(), this.#waiting.length > 0 || !this.#fits(units)) {
			if (this.#waiting.length >= this.#maxWaiting) throw new SwarmCacheError("ERR_LIMIT", "Too many requests wait for their turn already.");
			await new Promise((resolve, reject) => {
				let waiter = {
					units,
					grant: () => {
						signal?.removeEventListener("abort", onAbort), resolve();
					}
				}, onAbort = () => {
					this.#waiting = this.#waiting.filter((other) => other !== waiter), this.#grantNext(), reject(signal?.reason);
				};
				signal?.addEventListener("abort", onAbort, { once: !0 }), this.#waiting.push(waiter);
			});
		} else this.#held += units;
		let released = !1;
		return { [Symbol.dispose]: () => {
			released || (released = !0, this.#held -= units, this.#grantNext());
		} };
	}
	/** Runs `work` while holding one unit. */
	async run(work, signal) {
		using _held = await this.acquire(1, signal);
		return await work();
	}
	#fits(units) {
		return this.#held === 0 || this.#held + units <= this.#capacity;
	}
	#grantNext() {
		let next = this.#waiting[0];
		for (; next !== void 0 && this.#fits(next.units);) this.#waiting.shift(), this.#held += next.units, next.grant(), next = this.#waiting[0];
	}
};
export { Limit as t };
