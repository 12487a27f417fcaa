import { t as I } from "./index.min.js";
import { t as QuotaBoard } from "./quota-board2.js";
/**
* Quotas as this machine saw them in GitHub's answers, and as peers tell them.
*
* What a peer tells counts for a minute, and only until GitHub has told this machine itself, so that nobody can hold
* the others up for longer; a peer that is contradicted by GitHub is not listened to for a while.
*/
var SharedQuotas = class {
	#repository;
	#own = new QuotaBoard();
	/** When GitHub last said anything of a quota here, news or not. */
	#heard = new I({ max: 64 });
	#told = new I({ max: 64 });
	#distrusted = new I({
		max: 1024,
		ttl: 6e5
	});
	#shared = new I({ max: 8 });
	/** Of all quotas only those of the repository are told to peers: the others are named after tokens. */
	constructor({ repository }) {
		this.#repository = repository;
	}
	get(name) {
		let own = this.#own.get(name), told = this.#told.get(name), now = Date.now();
		return told === void 0 || told.state.reset <= now || now - told.at > 6e4 || (this.#heard.get(name) ?? 0) >= told.at ? own : own === void 0 || !isSameWindow(own, told.state) || told.state.remaining < own.remaining ? told.state : own;
	}
	saw(name, state) {
		let told = this.#told.get(name);
		told !== void 0 && told.at <= state.seen && isSameWindow(state, told.state) && (state.remaining - told.state.remaining > state.limit * .1 && this.#distrusted.set(told.by, !0), this.#told.delete(name)), this.#heard.set(name, Math.max(this.#heard.get(name) ?? 0, state.seen)), name.endsWith(` ${this.#repository}`) && this.#shared.set(name, !0), this.#own.saw(name, state);
	}
	listen(listener) {
		return this.#own.listen(listener);
	}
	/** Takes in what a peer tells, as far as it can be true. */
	told(by, quotas) {
		if (this.#distrusted.has(by)) return;
		let at = Date.now();
		for (let { host, resource, limit, remaining, reset } of quotas) {
			if (limit === 0 || remaining > limit || reset <= at || reset > at + 366e4) continue;
			let state = {
				limit,
				remaining,
				reset,
				seen: at
			};
			this.#told.set(`${host} ${resource} ${this.#repository}`, {
				state,
				at,
				by
			});
		}
	}
	/** What this machine saw itself of the repository's quotas. */
	toTell() {
		return [...this.#shared.keys()].flatMap((name) => {
			let state = this.#own.get(name);
			return state === void 0 ? [] : this.tellable(name, state) ?? [];
		});
	}
	/** A quota as peers are told of it; undefined if it is not the repository's. */
	tellable(name, { limit, remaining, reset }) {
		let [host, resource, owner] = name.split(" ");
		if (owner === this.#repository && host !== void 0 && resource !== void 0) return {
			host,
			resource,
			limit,
			remaining,
			reset
		};
	}
};
function isSameWindow(a, b) {
	return Math.abs(a.reset - b.reset) <= 1e4;
}
export { SharedQuotas };
