import { n as decodeAnswer, r as encodeAnswer } from "./answer-wire.js";
// src/api-cache/answer-pack.ts
const TIERS = [
	"memory",
	"disk",
	"shared",
	"peers",
	"upstream"
];
/** Answers one behind the other, with the tier that had each; those that do not fit into `maxBytes` are left out. */
function packAnswers(found, maxBytes = 1e400) {
	let pieces = [], bytes = 0;
	for (let { answer, tier } of found) {
		let { header, body } = encodeAnswer(answer), head = Buffer.from(JSON.stringify({
			...header,
			tier
		})), more = 8 + head.length + body.length;
		if (bytes + more > maxBytes) continue;
		let prefix = Buffer.allocUnsafe(8);
		prefix.writeUInt32BE(head.length, 0), prefix.writeUInt32BE(body.length, 4), pieces.push(prefix, head, body), bytes += more;
	}
	return Buffer.concat(pieces, bytes);
}
/** What `packAnswers` made, each body in memory of its own; undefined if anything of it is damaged. */
function unpackAnswers(packed) {
	let bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length), found = [], at = 0;
	for (; at < bytes.length;) {
		if (at + 8 > bytes.length) return;
		let bodyAt = at + 8 + bytes.readUInt32BE(at), end = bodyAt + bytes.readUInt32BE(at + 4);
		if (end > bytes.length) return;
		let header = parsed(bytes.subarray(at + 8, bodyAt)), answer = decodeAnswer(header, Uint8Array.from(bytes.subarray(bodyAt, end))), tier = header?.tier;
		if (answer === void 0 || !TIERS.includes(tier)) return;
		found.push({
			answer,
			tier
		}), at = end;
	}
	return found;
}
function parsed(bytes) {
	try {
		return JSON.parse(bytes.toString("utf8"));
	} catch {
		return;
	}
}
export { unpackAnswers as n, packAnswers as t };
