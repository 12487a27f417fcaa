import { a as nearMissOf } from "./entry-match.js";
// src/node/serving.ts
/** What a node of `role` gives to the other peers: the store, or nothing if it is a reader. */
function supplyFrom(store, role) {
	return role === "reader" ? NOTHING_SUPPLIED : new StoreSupply(store);
}
/** What a node of `role` answers to the questions of other peers: its index, or nothing if it is a reader. */
function answersFrom(store, role) {
	return role === "reader" ? NOTHING_KNOWN : new StoreAnswers(store);
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
		return (await this.#store.get(digest))?.bytes;
	}
	async has(digests) {
		return await this.#store.has(digests);
	}
}, StoreAnswers = class {
	#store;
	constructor(store) {
		this.#store = store;
	}
	async find(query) {
		let match = await this.#store.findEntry(query);
		return match === void 0 ? { nearMisses: (await this.#store.findNearMisses(query)).map((entry) => nearMissOf(entry, query)) } : {
			entry: match.entry,
			nearMisses: []
		};
	}
	async holds(manifest) {
		return await this.#store.getManifest(manifest) !== void 0;
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
