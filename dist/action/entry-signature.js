import { t as entryBytes } from "./entry.js";
import { a as verifySignature } from "./peer-key.js";
// src/identity/entry-signature.ts
/** The entry with `key` as its writer, signed. */
function signEntry(entry, key) {
	let written = {
		...entry,
		writer: key.peerId
	};
	return {
		...written,
		signature: key.sign(entryBytes(written))
	};
}
/** True if the entry is what its writer signed; whether that writer was allowed to is another question. */
function verifyEntry(signed) {
	return verifySignature(signed.writer, entryBytes(signed), signed.signature);
}
/** What is required of entries where nobody has ID tokens: the signature alone. */
async function checkSignature(signed) {
	return verifyEntry(signed) ? { trusted: !0 } : {
		trusted: !1,
		why: "forged",
		reason: "its signature is wrong"
	};
}
export { signEntry as n, verifyEntry as r, checkSignature as t };
