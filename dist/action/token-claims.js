import { t as SwarmCacheError } from "./errors.js";
// src/identity/token-claims.ts
/** GitHub's have 1.5 to 3 KB; properties of the repository that an organisation adds come on top. */
const MAX_TOKEN_LENGTH = 16384, REQUIRED = [
	"repository",
	"repository_id",
	"repository_owner_id"
];
/** The audience that binds a token to a peer: whoever steals it lacks the key of that peer id. */
function tokenAudience(peerId) {
	return `swarmcache:${peerId}`;
}
/** A token was refused; `why` goes on from "The ID token …". */
function proofError(why, cause) {
	return new SwarmCacheError("ERR_PROOF", `The ID token ${why}.`, { cause });
}
/** A token could not be checked, so that nothing is known of it. */
function uncheckedError(why) {
	let message = `The ID token cannot be checked, since ${why}.`;
	return new SwarmCacheError("ERR_PROOF", message, { facts: { unchecked: !0 } });
}
/**
* What the claims of a verified token say, by the names that GitHub gives them.
*
* https://docs.github.com/en/actions/reference/security/oidc
*
* @throws ERR_PROOF if a claim is missing that membership depends on, or has another form than a string.
*/
function attestationOf(claims, peerId) {
	for (let name of REQUIRED) if (text(claims, name) === "") throw proofError(`does not say its ${name}`);
	return {
		issuer: text(claims, "iss"),
		repository: text(claims, "repository").toLowerCase(),
		repositoryId: text(claims, "repository_id"),
		ownerId: text(claims, "repository_owner_id"),
		ref: text(claims, "ref"),
		event: text(claims, "event_name"),
		workflow: text(claims, "workflow_ref"),
		runId: text(claims, "run_id"),
		runAttempt: text(claims, "run_attempt"),
		sha: text(claims, "sha"),
		actor: text(claims, "actor"),
		baseRef: text(claims, "base_ref"),
		visibility: text(claims, "repository_visibility"),
		issuedAt: moment(claims, "iat"),
		expires: moment(claims, "exp"),
		peerId
	};
}
function text(claims, name) {
	let value = claims[name] ?? "";
	if (typeof value != "string" || value.length > 2048) throw proofError(`has a claim ${name} of a form that is not expected`);
	return value;
}
function moment(claims, name) {
	let seconds = claims[name];
	if (typeof seconds != "number" || !Number.isFinite(seconds)) throw proofError(`does not say its ${name}`);
	return seconds * 1e3;
}
export { uncheckedError as a, tokenAudience as i, attestationOf as n, proofError as r, MAX_TOKEN_LENGTH as t };
