import { l as whyNotWritable, s as readableScopes } from "./scope-rules.js";
// src/api-cache/answer-readers.ts
/**
* Which answers a peer may have, and whose may be used: by the ID token that a peer has shown, where it has shown one,
* else by its word, which the swarm key makes as good as that of any other member.
*/
var AnswerReaders = class {
	#swarm;
	#options;
	constructor({ swarm }, options) {
		this.#swarm = swarm, this.#options = options;
	}
	/** Those of the scopes that a peer asks for which it may read: its run's own, its base's and the default branch's. */
	readable(peerId, scopes) {
		let { defaultScope, repository, requiresToken } = this.#options, shown = this.#swarm.peers().find((peer) => peer.peerId === peerId)?.attestation;
		return shown === void 0 ? requiresToken ? [] : scopes : shown.repository === repository ? readableScopes({
			...shown,
			defaultScope
		}, scopes) : [];
	}
	/** Whether one who reads these scopes may use what a peer gives: its run must be one that may write one of them. */
	believes(attestation, scopes) {
		let { defaultScope, repository, requiresToken } = this.#options;
		if (attestation === void 0) return !requiresToken;
		let { event, ref } = attestation;
		return attestation.repository === repository && scopes.includes(ref) && whyNotWritable({
			event,
			ref,
			defaultScope
		}, ref) === void 0;
	}
};
export { AnswerReaders };
