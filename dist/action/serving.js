import { a as nearMissOf } from "./entry-match.js";
import { s as readableScopes, u as writesDefault } from "./scope-rules.js";
// src/node/serving.ts
/** What a node of `role` gives to the other peers: the store, or nothing if it is a reader. */
function supplyFrom(store, role) {
	return role === "reader" ? NOTHING_SUPPLIED : new StoreSupply(store);
}
/**
* What a node answers to the questions of other peers: its index, as far as the run that a peer's ID token
* attests may read it, or nothing if it is a reader. A run that may write to the default branch, and a member
* that shows no token, are taken at their word: they may ask for several jobs.
*/
function answersFrom(parts, options) {
	return options.role === "reader" ? NOTHING_KNOWN : new StoreAnswers(parts, options);
}
var StoreSupply = class {
	#store;
	constructor(store) {
		this.#store = store;
	}
	async manifest(digest) {
		return await this.#store.getManifest(digest);
	}
	async frame(digest) {
		return await this.#store.get(digest);
	}
	async has(digests) {
		return await this.#store.has(digests);
	}
}, StoreAnswers = class {
	#parts;
	#defaultScope;
	constructor(parts, { defaultScope }) {
		this.#parts = parts, this.#defaultScope = defaultScope;
	}
	async find(asked, asker) {
		let { store, checkEntry } = this.#parts, query = {
			...asked,
			scopes: this.#readable(asked.scopes, asker)
		};
		if (query.scopes.length === 0) return { nearMisses: [] };
		let match = await store.findEntry(query);
		if (match !== void 0) {
			let { trusted } = await checkEntry(match.entry);
			return {
				entry: trusted ? match.entry : void 0,
				nearMisses: []
			};
		}
		return { nearMisses: (await store.findNearMisses(query)).map((entry) => nearMissOf(entry, query)) };
	}
	async holds(manifest) {
		return await this.#parts.store.getManifest(manifest) !== void 0;
	}
	#readable(scopes, asker) {
		let run = this.#parts.swarm.peers().find(({ peerId }) => peerId === asker)?.attestation;
		if (run === void 0) return scopes;
		let { event, ref, baseRef } = run, defaultScope = this.#defaultScope;
		return writesDefault({
			event,
			ref,
			defaultScope
		}) ? scopes : readableScopes({
			ref,
			baseRef,
			defaultScope
		}, scopes);
	}
};
const NOTHING_SUPPLIED = {
	async manifest() {},
	async frame() {},
	async has(digests) {
		return digests.map(() => !1);
	}
}, NOTHING_KNOWN = {
	async find() {
		return { nearMisses: [] };
	},
	async holds() {
		return !1;
	}
};
export { answersFrom, supplyFrom };
