import { o as isSwarmCacheError, r as errorMessage } from "./errors.js";
import { a as parseCacheMode, i as isWider, r as grantedAccess } from "./scope-rules.js";
import { t as createPeerKey } from "./peer-key.js";
import { n as readGrants, t as attestEntry } from "./identity.js";
import { n as signEntry } from "./entry-signature.js";
import { n as RunnerTokenSource } from "./token-sources.js";
/** What the tokens of a job say of its rights, and do for what it saves. */
async function composeJob(config, logger) {
	return {
		request: await grantedRequest(config, logger),
		writer: composeWriter(config, logger)
	};
}
/** The writer of a job that shows ID tokens to its peers; undefined where the node signs. */
function composeWriter({ membership, peers, tokens }, logger) {
	if (!peers || membership.proof !== "oidc" && membership.proof !== "both" || tokens.request === void 0) return;
	let key = createPeerKey(), source = new RunnerTokenSource({}, tokens.request);
	return {
		key,
		source,
		sign: async (entry) => {
			try {
				return signEntry(attestEntry(entry, await source.token(key.peerId)), key);
			} catch (error) {
				if (membership.requiresToken) throw error;
				return logger.log("warning", `"${entry.key}" is saved without an ID token: ${errorMessage(error)}`), signEntry(entry, key);
			}
		}
	};
}
/**
* The request with the rights that GitHub's cache service has granted to the job.
*
* They are a claim of the token for that service, which is read here and goes nowhere. A claim that allows more
* than the environment says counts only if GitHub has signed it; one that allows less needs no proof.
*/
async function grantedRequest(config, logger) {
	let { request, upstreamEnvironment: env } = config, token = env.ACTIONS_RUNTIME_TOKEN, grants = token === void 0 ? void 0 : readGrants(token);
	if (token === void 0 || grants === void 0) return request;
	let mode = parseCacheMode(env.ACTIONS_CACHE_MODE), granted = grantedAccess(request, grants, mode);
	if (isWider(granted, request)) try {
		let signal = AbortSignal.timeout(3e3), { composeVerifier } = await import("./trust.js");
		await composeVerifier(config, logger).claims(token, { signal });
	} catch (error) {
		let reason = isSwarmCacheError(error) ? errorMessage(error) : "its issuer did not answer";
		return logger.log("info", "The scopes in the runtime token are not used.", { reason }), request;
	}
	return {
		...request,
		...granted
	};
}
export { composeJob };
