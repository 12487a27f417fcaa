import { n as isDigest } from "./digest.js";
import { r as parseSignedEntry } from "./entry.js";
import { r as isRole } from "./peer.js";
// src/node/hand-over-wire.ts
/**
* How a peer that leaves asks another to keep what it has; messages without bodies, one answer to each.
*
* `{leaving: true}` is answered with `{role, uptimeSeconds, accepts}`; `{holds: name, manifest,
* attested}` with `{held: boolean}`; `{offer: entry}` with `{taken: true}` once all of it is stored there, or `{refused: why}`.
* The bytes come from the peer that leaves, or from any other, as for every other fetch.
*/
const HAND_OVER_PROTOCOL = "/swarmcache/hand-over/1", HAND_OVER_LIMITS = {
	headerBytes: 65536,
	bodyBytes: 0
};
/** What a leaving peer says in a header, or undefined if it is malformed. */
function parseLeavingMessage(header) {
	if (header.leaving === !0) return { leaving: !0 };
	let { holds, manifest, attested } = header;
	if (holds !== void 0) {
		let name = parseName(holds);
		return name !== void 0 && isDigest(manifest) ? {
			holds: name,
			manifest,
			attested: attested === !0
		} : void 0;
	}
	let offer = parseSignedEntry(header.offer);
	return offer === void 0 ? void 0 : { offer };
}
/** What a keeper says of itself, or undefined if it is malformed. */
function parseKeeper({ role, uptimeSeconds, accepts }) {
	if (isRole(role) && typeof accepts == "boolean" && typeof uptimeSeconds == "number" && uptimeSeconds >= 0) return {
		role,
		uptimeSeconds,
		accepts
	};
}
function parseName(value) {
	if (typeof value != "object" || !value) return;
	let { repository, scope, key, version } = value;
	if (isName(repository) && isName(scope) && isName(key) && isDigest(version)) return {
		repository,
		scope,
		key,
		version
	};
}
function isName(value) {
	return typeof value == "string" && value.length > 0 && value.length <= 1024;
}
export { parseLeavingMessage as i, HAND_OVER_PROTOCOL as n, parseKeeper as r, HAND_OVER_LIMITS as t };
