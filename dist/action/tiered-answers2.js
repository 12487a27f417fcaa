import { a as withDeadline } from "./deadline.js";
import { r as errorMessage } from "./errors.js";
import { t as UNLED_TURN } from "./lease.js";
/** Answers in memory, on slower shelves and with the peers of one repository. */
var TieredAnswers = class {
	#parts;
	#findMs;
	#putMs;
	#writes = /* @__PURE__ */ new Set();
	constructor(parts, options = {}) {
		this.#parts = parts, this.#findMs = options.findMs ?? 250, this.#putMs = options.putMs ?? 5e3;
	}
	async find(key, scope, options = {}) {
		let { memory, shelves = [], peers } = this.#parts, near = readable(key, scope, await memory.get(key)), { holder, signal, nearOnly = !1 } = options;
		if (nearOnly && near.length > 0) return near;
		let known = near.map(({ answer }) => answer.digest), asked = [...shelves.map((shelf) => this.#within("A shelf", signal, (ended) => shelf.get(key, ended))), this.#within("The peers", signal, async (ended) => (await peers?.find(key, scope, {
			...ended,
			holder,
			known
		}) ?? []).map((answer) => ({
			answer,
			tier: "peers"
		})))], far = readable(key, scope, (await Promise.all(asked)).flat());
		return distinct([...near, ...far]);
	}
	async put(answer) {
		let { memory, shelves = [] } = this.#parts;
		if (await memory.put(answer), answer.shared) for (let shelf of shelves) {
			if (this.#writes.size >= 64) return;
			let write = withDeadline(this.#putMs, "Storing an answer", void 0, async (signal) => shelf.put(answer, { signal })).catch((error) => this.#log(`An answer was not stored: ${errorMessage(error)}`)).finally(() => this.#writes.delete(write));
			this.#writes.add(write);
		}
	}
	async takeTurn(name, options) {
		return await this.#parts.leases?.takeTurn(name, options) ?? UNLED_TURN;
	}
	/** Ends what is being written, and the shelves. */
	async close() {
		let { memory, shelves = [] } = this.#parts;
		await Promise.all(this.#writes), await Promise.all([memory, ...shelves].map((shelf) => shelf.close()));
	}
	async #within(what, signal, work) {
		try {
			return await withDeadline(this.#findMs, what, signal, async (ended) => work({ signal: ended }));
		} catch (error) {
			return signal?.throwIfAborted(), this.#log(`Going on without it: ${errorMessage(error)}`), [];
		}
	}
	#log(message) {
		this.#parts.logger.log("debug", message);
	}
};
/** What an asker of that scope may know of. */
function readable(key, { repository, readable: scopes }, found) {
	return found.filter(({ answer }) => answer.key === key && answer.repository === repository && scopes.includes(answer.scope));
}
function distinct(found) {
	let byDigest = /* @__PURE__ */ new Map();
	for (let one of found) byDigest.get(one.answer.digest) === void 0 && byDigest.set(one.answer.digest, one);
	return [...byDigest.values()];
}
export { readable as n, TieredAnswers as t };
