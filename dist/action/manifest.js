import { t as digestOf } from "./digest.js";
import { t as SwarmCacheError } from "./errors.js";
// src/core/manifest.ts
/** No chunk is larger than this when plain; a frame may be `MAX_FRAME_BYTES` at most. */
const MAX_CHUNK_BYTES = 1048576, MAX_FRAME_BYTES = 1056768, MAX_MANIFEST_BYTES = 67108864, MAGIC = 1935895857;
/**
* Bytes of a manifest, whose digest names it.
*
* Layout, big endian: u32 magic, u32 number of catalog chunks, u32 number of content chunks, then for
* each chunk, catalog first, 32 bytes of digest and u32 plain size.
*/
function encodeManifest(manifest) {
	let refs = [...manifest.catalog, ...manifest.content], bytes = Buffer.allocUnsafe(12 + refs.length * 36);
	bytes.writeUInt32BE(MAGIC, 0), bytes.writeUInt32BE(manifest.catalog.length, 4), bytes.writeUInt32BE(manifest.content.length, 8);
	let offset = 12;
	for (let ref of refs) bytes.write(ref.digest, offset, "hex"), bytes.writeUInt32BE(ref.bytes, offset + 32), offset += 36;
	return bytes;
}
/**
* The manifest that `bytes` encode, after checking that they are what `digest` names.
*
* @throws ERR_INTEGRITY if the digest, the layout or a size is wrong.
*/
function decodeManifest(bytes, digest) {
	if (digestOf(bytes) !== digest) throw damaged(digest, "its digest does not match");
	let view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (view.length < 12 || view.readUInt32BE(0) !== MAGIC) throw damaged(digest, "it does not start like one");
	let catalogCount = view.readUInt32BE(4), contentCount = view.readUInt32BE(8);
	if (view.length !== 12 + (catalogCount + contentCount) * 36) throw damaged(digest, "its length does not match its counts");
	let refs = [];
	for (let offset = 12; offset < view.length; offset += 36) {
		let size = view.readUInt32BE(offset + 32);
		if (size === 0 || size > 1048576) throw damaged(digest, `a chunk claims ${size} bytes`);
		refs.push({
			digest: view.toString("hex", offset, offset + 32),
			bytes: size
		});
	}
	return {
		catalog: refs.slice(0, catalogCount),
		content: refs.slice(catalogCount)
	};
}
/** Plain bytes of a list of chunks. */
function totalBytes(chunks) {
	let total = 0;
	for (let chunk of chunks) total += chunk.bytes;
	return total;
}
function damaged(digest, why) {
	return new SwarmCacheError("ERR_INTEGRITY", `The manifest ${digest} is damaged: ${why}.`, { facts: { digest } });
}
export { encodeManifest as a, decodeManifest as i, MAX_FRAME_BYTES as n, totalBytes as o, MAX_MANIFEST_BYTES as r, MAX_CHUNK_BYTES as t };
