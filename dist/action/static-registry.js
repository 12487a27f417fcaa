import { n as parseBootstrapAddress } from "./address.js";
import { t as NEVER } from "./peer.js";
// src/registry/static-registry.ts
/** Peers at fixed addresses: their records never expire, and nobody can announce here. */
var StaticRegistry = class {
	name = "static:";
	#records;
	/** @throws ERR_INPUT naming an address that is not a multiaddr with a peer id. */
	constructor(options) {
		let addressesByPeer = /* @__PURE__ */ new Map();
		for (let text of options.addresses) {
			let address = parseBootstrapAddress(text, "The list of bootstrap addresses"), peerId = address.slice(address.lastIndexOf("/") + 1), known = addressesByPeer.get(peerId) ?? [];
			known.includes(address) || addressesByPeer.set(peerId, [...known, address]);
		}
		this.#records = [...addressesByPeer].map(([peerId, addresses]) => ({
			peerId,
			addresses,
			role: "seeder",
			expires: NEVER
		}));
	}
	async announce(_record, options) {
		options?.signal?.throwIfAborted();
	}
	async discover(options) {
		return options?.signal?.throwIfAborted(), [...this.#records];
	}
	async withdraw(_peerId, options) {
		options?.signal?.throwIfAborted();
	}
	watch(_onChange) {
		return () => {};
	}
};
export { StaticRegistry };
