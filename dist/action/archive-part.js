import { t as digestOf } from "./digest.js";
import { r as parseSignedEntry } from "./entry.js";
import { a as encodeManifest, i as decodeManifest, o as totalBytes } from "./manifest.js";
// src/core/archive-part.ts
/** Every piece of an upstream's archive is so long, but for the last one: as long as chunks are on average. */
const PIECE_BYTES = 131072, MAX_SHARED_BYTES = 4 * 1024 ** 3;
/**
* The version of a part's entry: a digest of the work that it belongs to and of its place in the archive, so that a
* part can be taken neither for an entry of a tree nor for another part.
*/
function partVersion(work, archiveBytes, first) {
	return digestOf(JSON.stringify([
		"part of an archive",
		work,
		archiveBytes,
		first
	]));
}
/** How many pieces an archive has. */
function pieceCount(archiveBytes) {
	return Math.ceil(archiveBytes / PIECE_BYTES);
}
/** Number of the piece after the last one of a part. */
function endOfPart({ first, pieces }) {
	return first + pieces.length;
}
/** The manifest that a part's entry names. */
function encodePieces(pieces) {
	return encodeManifest({
		catalog: [],
		content: pieces
	});
}
/** A part as a message: its manifest is the body. */
function encodePart(part) {
	let { entry, archiveBytes, first, pieces } = part;
	return {
		header: {
			entry,
			archiveBytes,
			first
		},
		body: encodePieces(pieces)
	};
}
/**
* The part of `work` in a message from elsewhere, or undefined if it is malformed or contradicts itself. Whether
* its writer may be believed is another question.
*/
function parsePart(work, header, body) {
	let { archiveBytes, first } = header, entry = parseSignedEntry(header.entry);
	if (entry === void 0 || !isCount(archiveBytes) || !isCount(first) || archiveBytes > MAX_SHARED_BYTES || entry.origin !== "upstream" || entry.version !== partVersion(work, archiveBytes, first) || entry.manifestBytes !== body.length) return;
	let pieces = decodePieces(entry.manifest, body);
	if (pieces !== void 0 && totalBytes(pieces) === entry.contentBytes) return pieces.every(({ bytes }, index) => bytes === pieceBytes(archiveBytes, first + index) && bytes > 0) ? {
		entry,
		archiveBytes,
		first,
		pieces
	} : void 0;
}
/** How long a piece is; not positive behind the end of the archive. */
function pieceBytes(archiveBytes, number) {
	return Math.min(PIECE_BYTES, archiveBytes - number * PIECE_BYTES);
}
function decodePieces(manifest, body) {
	try {
		let { catalog, content } = decodeManifest(body, manifest);
		return catalog.length === 0 && content.length > 0 && content.length <= 64 ? content : void 0;
	} catch {
		return;
	}
}
function isCount(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
export { endOfPart as a, pieceCount as c, encodePieces as i, PIECE_BYTES as n, parsePart as o, encodePart as r, partVersion as s, MAX_SHARED_BYTES as t };
