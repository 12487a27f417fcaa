import { r as errorMessage } from "./errors.js";
import "./identity.js";
import { n as deriveOpenKeys, r as deriveSwarmKeys } from "./swarm-keys.js";
import { r as proofError } from "./token-claims.js";
import { n as RunnerTokenSource, t as FileTokenSource } from "./token-sources.js";
// src/identity/swarm-verifier.ts
/** Accepts the tokens of one repository or owner only, by the id, which nobody can take over with the name. */
var SwarmVerifier = class {
	#verifier;
	#members;
	constructor(parts, members) {
		this.#verifier = parts.verifier, this.#members = members;
	}
	async verify(token, expected) {
		let attestation = await this.#verifier.verify(token, expected), { repository } = attestation;
		if ("ownerId" in this.#members) {
			if (attestation.ownerId === this.#members.ownerId) return attestation;
			throw proofError(`is one of ${repository}, which belongs to another owner`);
		}
		if (attestation.repositoryId === this.#members.repositoryId) return attestation;
		throw proofError(`is one of another repository, ${repository}`);
	}
};
// src/compose/proofs.ts
/**
* The proofs for a repository's swarm; undefined if there are none, or, with a warning, if this node cannot prove
* that it belongs there.
*/
async function composeProofs(config, logger, member) {
	let { membership, swarmKey, swarmOf } = config;
	if (!config.peers || membership.proof === "none") return;
	let shown = membership.proof === "key" ? void 0 : await composeTokens(config, logger, member);
	if (membership.proof === "oidc") return shown && {
		keys: deriveOpenKeys(shown.members),
		tokens: shown.tokens
	};
	if (swarmKey === void 0 || membership.requiresToken && shown === void 0) return;
	let [owner] = member.repository.split("/"), keys = deriveSwarmKeys(swarmKey, swarmOf === "owner" ? `${owner}/*` : member.repository);
	return {
		keys,
		prologue: keys.prologue,
		tokens: shown?.tokens
	};
}
async function composeTokens(config, logger, member) {
	let { verifier, source = tokenSource(config) } = member, { peerId } = member.peerKey;
	try {
		let members = membersLike(await verifier.verify(await source.token(peerId), { peerId }), config.swarmOf, member.repository), { requiresToken: required } = config.membership;
		return {
			tokens: {
				source,
				verifier: new SwarmVerifier({ verifier }, members),
				required
			},
			members
		};
	} catch (error) {
		let consequence = config.membership.proof === "both" && !config.membership.requiresToken ? "Going on with the swarm key alone." : "No peers take part.";
		logger.log("warning", `${errorMessage(error)} ${consequence}`);
		return;
	}
}
function tokenSource({ tokens: { file, request } }) {
	return file === void 0 ? new RunnerTokenSource({}, request) : new FileTokenSource({ path: file });
}
function membersLike(own, swarmOf, repository) {
	let [owner] = repository.split("/");
	if (swarmOf === "owner" && own.repository.startsWith(`${owner}/`)) return { ownerId: own.ownerId };
	if (own.repository === repository) return { repositoryId: own.repositoryId };
	throw Error(`The ID token of this node is one of ${own.repository}, not of ${repository}.`);
}
export { composeProofs };
