import { t as defaultScopeOf } from "./config.js";
import { t as I } from "./index.min.js";
import { t as digestOf } from "./digest.js";
import { t as entryBytes } from "./entry.js";
import { o as isSwarmCacheError, r as errorMessage } from "./errors.js";
import { l as whyNotWritable } from "./scope-rules.js";
import { t as checkSignature } from "./entry-signature.js";
import { join } from "node:path";
// src/identity/entry-trust.ts
const MAX_REMEMBERED = 4096;
/** Believes what a writer's peer key signed and, where tokens are required, what its ID token attests. */
var AttestedTrust = class {
	#verifier;
	#options;
	/** By all that the signature covers, and the signature. */
	#attested = new I({ max: MAX_REMEMBERED });
	#signed = new I({ max: MAX_REMEMBERED });
	constructor(parts, options) {
		this.#verifier = parts.verifier, this.#options = options;
	}
	check = async (entry, options) => {
		if (this.#options.requiresToken) return await this.attest(entry, options);
		let signed = await this.#checkSignature(entry, nameOf(entry));
		if (!signed.trusted || entry.token === void 0) return signed;
		let patience = AbortSignal.timeout(300), signal = options?.signal ? AbortSignal.any([options.signal, patience]) : patience;
		try {
			let verdict = await this.attest(entry, { signal });
			return verdict.trusted || verdict.why !== "unchecked" ? verdict : signed;
		} catch {
			return options?.signal?.throwIfAborted(), signed;
		}
	};
	attest = async (entry, { signal } = {}) => {
		let name = nameOf(entry), attestation = this.#attested.get(name);
		if (attestation === void 0) {
			let signed = await this.#checkSignature(entry, name);
			if (!signed.trusted) return signed;
			let { token, writer: peerId, created: at } = entry;
			if (token === void 0) return refusal("unattested", "no ID token attests who wrote it");
			if (this.#verifier === void 0) return refusal("unchecked", "no issuer of ID tokens is trusted here");
			try {
				attestation = await this.#verifier.verify(token, {
					peerId,
					at,
					signal
				});
			} catch (error) {
				return signal?.throwIfAborted(), refusal(isSwarmCacheError(error, "ERR_PROOF") && error.facts.unchecked !== !0 ? "forged" : "unchecked", lowered(errorMessage(error)));
			}
			let forged = whyForged(entry, attestation);
			if (forged !== void 0) return refusal("forged", forged);
			this.#attested.set(name, attestation);
		}
		let { event, ref } = attestation, { defaultScope } = this.#options, forbidden = whyNotWritable({
			event,
			ref,
			defaultScope
		}, entry.scope);
		return forbidden === void 0 ? {
			trusted: !0,
			attestation
		} : refusal("forbidden", forbidden);
	};
	async #checkSignature(entry, name) {
		if (this.#signed.has(name)) return { trusted: !0 };
		let verdict = await checkSignature(entry);
		return verdict.trusted && this.#signed.set(name, !0), verdict;
	}
};
/** Names exactly this entry with this signature. */
function nameOf(entry) {
	return `${digestOf(entryBytes(entry))} ${entry.signature}`;
}
/** How the entry contradicts its token, which no honest peer lets happen. */
function whyForged(entry, attestation) {
	let { repository, repositoryId, ref } = attestation;
	if (entry.repositoryId !== repositoryId || entry.repository.toLowerCase() !== repository) return `its ID token is one of ${repository} (${repositoryId})`;
	if (entry.scope !== ref) return `its ID token is one of ${ref || "a run without a ref"}`;
}
function refusal(why, reason) {
	return {
		trusted: !1,
		why,
		reason
	};
}
function lowered(message) {
	return `${message.slice(0, 1).toLowerCase()}${message.slice(1)}`.replace(/\.$/, "");
}
// src/compose/trust.ts
/** Which entries a member believes: attested ones only if it shows tokens itself. */
function composeTrust(config, proofs, { verifier, repository }) {
	let attested = proofs?.tokens !== void 0;
	return {
		trust: new AttestedTrust({ verifier: proofs?.tokens?.verifier ?? verifier }, {
			requiresToken: attested,
			defaultScope: defaultScopeOf(config, repository)
		}),
		attested
	};
}
/** Checks the tokens of the issuers that are trusted. */
function composeVerifier({ home, tokens }, logger) {
	let parts = { logger: logger.scoped("identity") }, options = {
		issuers: tokens.issuers,
		folder: join(home, "issuers")
	}, opened, open = async () => (opened ??= import("./issuer-verifier.js").then((module) => new module.IssuerVerifier(parts, options)), await opened);
	return {
		verify: async (...call) => await (await open()).verify(...call),
		claims: async (...call) => await (await open()).claims(...call)
	};
}
export { composeTrust, composeVerifier };
