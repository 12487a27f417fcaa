// src/core/peer.ts
/** True if `value` names a role. */
function isRole(value) {
	return value === "seeder" || value === "runner" || value === "reader";
}
/** When the record of a peer expires whose address was given to us, not announced. */
const NEVER = 2 ** 53 - 1, PEER_ID_PATTERN = /^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$/;
/** True if `value` has the form of an Ed25519 peer id. */
function isPeerId(value) {
	return typeof value == "string" && PEER_ID_PATTERN.test(value);
}
/** The peer record that `value` (parsed JSON from elsewhere) holds, or undefined if it is malformed. */
function parsePeerRecord(value) {
	if (typeof value != "object" || !value) return;
	let { peerId, addresses, role, expires } = value;
	if (isPeerId(peerId) && isRole(role) && Number.isSafeInteger(expires) && !(!Array.isArray(addresses) || addresses.length > 16)) {
		for (let address of addresses) if (typeof address != "string" || address.length > 512) return;
		return {
			peerId,
			addresses,
			role,
			expires
		};
	}
}
export { parsePeerRecord as i, isPeerId as n, isRole as r, NEVER as t };
