import { hash } from "node:crypto";
// src/core/digest.ts
const DIGEST_PATTERN = /^[0-9a-f]{64}$/;
/** The digest of `bytes`; a string is hashed as UTF-8. */
function digestOf(bytes) {
	return hash("sha256", bytes, "hex");
}
/** True if `value` has the form of a digest. */
function isDigest(value) {
	return typeof value == "string" && DIGEST_PATTERN.test(value);
}
export { isDigest as n, digestOf as t };
