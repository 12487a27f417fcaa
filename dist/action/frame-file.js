import { n as MAX_FRAME_BYTES } from "./manifest.js";
import { crc32 } from "node:zlib";
// src/core/frame-file.ts
const MAGIC = 1935894065, MAX_FRAME_FILE_BYTES = 16 + MAX_FRAME_BYTES;
/** Header and frame, to be written one after the other. */
function encodeFrameFile({ chunk, bytes }) {
	let header = Buffer.allocUnsafe(16);
	return header.writeUInt32BE(MAGIC, 0), header.writeUInt32BE(chunk.bytes, 4), header.writeUInt32BE(bytes.length, 8), header.writeUInt32BE(checksum(chunk.digest, header, bytes), 12), [header, bytes];
}
/** The frame in a chunk file, or why it is damaged. */
function decodeFrameFile(digest, file) {
	if (file.length < 16) return `it has ${file.length} bytes, less than its header`;
	let header = Buffer.from(file.buffer, file.byteOffset, 16);
	if (header.readUInt32BE(0) !== MAGIC) return "it does not start like a chunk";
	let plainBytes = header.readUInt32BE(4);
	if (plainBytes === 0 || plainBytes > 1048576) return `it claims ${plainBytes} plain bytes`;
	let frame = file.subarray(16), claimed = header.readUInt32BE(8);
	return frame.length === claimed ? header.readUInt32BE(12) === checksum(digest, header, frame) ? {
		plainBytes,
		frame
	} : "its checksum does not match" : `its frame has ${frame.length} bytes instead of ${claimed}`;
}
function checksum(digest, header, frame) {
	return crc32(frame, crc32(header.subarray(0, 12), crc32(digest)));
}
export { decodeFrameFile as n, encodeFrameFile as r, MAX_FRAME_FILE_BYTES as t };
