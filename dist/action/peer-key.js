import { n as errnoOf, t as SwarmCacheError } from "./errors.js";
import { n as isPeerId } from "./peer.js";
import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from "node:crypto";
import { join } from "node:path";
import { chmod, link, mkdir, open, rm, writeFile } from "node:fs/promises";
// src/identity/base58.ts
const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", BASE = 58n;
/** `bytes` in base58btc, without a multibase prefix; meant for short values such as peer ids. */
function encodeBase58(bytes) {
	let value = bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString("hex")}`), text = "";
	for (; value > 0n;) text = ALPHABET[Number(value % BASE)] + text, value /= BASE;
	let zeros = bytes.findIndex((byte) => byte !== 0);
	return "1".repeat(zeros === -1 ? bytes.length : zeros) + text;
}
/** The bytes that `text` stands for, or undefined if it is not base58btc. */
function decodeBase58(text) {
	let value = 0n;
	for (let digit of text) {
		let number = ALPHABET.indexOf(digit);
		if (number === -1) return;
		value = value * BASE + BigInt(number);
	}
	let hex = value === 0n ? "" : value.toString(16), zeros = /^1*/.exec(text)[0].length;
	return Buffer.from("00".repeat(zeros) + (hex.length % 2 == 0 ? hex : `0${hex}`), "hex");
}
// src/identity/peer-key.ts
const PEER_ID_PREFIX = Uint8Array.of(0, 36, 8, 1, 18, 32), PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex"), FILE_HEADER = "swarmcache peer key 1";
/** A new identity that lives as long as the process. */
function createPeerKey() {
	return peerKeyOf(randomBytes(32));
}
/**
* The identity kept in `home`, made on first use; processes that start at once get the same one.
*
* @throws ERR_STORE if the file is damaged or cannot be read or written.
*/
async function loadPeerKey(home) {
	let path = join(home, "peer-key");
	try {
		return peerKeyOf(await readSeed(path) ?? await createSeedFile(home, path));
	} catch (cause) {
		throw cause instanceof SwarmCacheError ? cause : new SwarmCacheError("ERR_STORE", `The peer key ${path} cannot be used (${errnoOf(cause) ?? String(cause)}). Check the owner and the permissions of the folder.`, {
			cause,
			facts: { path }
		});
	}
}
/** True if `signature` (base64url) over `bytes` was made by the key of `peerId`; false for anything malformed. */
function verifySignature(peerId, bytes, signature) {
	let key = publicKeyOf(peerId), raw = Buffer.from(signature, "base64url");
	return key === void 0 || raw.length !== 64 || raw.toString("base64url") !== signature ? !1 : verify(null, bytes, key, raw);
}
function peerKeyOf(seed) {
	let privateKey = createPrivateKey({
		key: Buffer.concat([PKCS8_PREFIX, seed]),
		format: "der",
		type: "pkcs8"
	}), { x } = createPublicKey(privateKey).export({ format: "jwk" });
	return {
		peerId: peerIdOf(Buffer.from(x, "base64url")),
		seed: Uint8Array.from(seed),
		sign: (bytes) => sign(null, bytes, privateKey).toString("base64url")
	};
}
/** The peer id of an Ed25519 public key of 32 bytes. */
function peerIdOf(publicBytes) {
	return encodeBase58(Buffer.concat([PEER_ID_PREFIX, publicBytes]));
}
/** The 32 bytes of the Ed25519 public key that `peerId` names, or undefined if it names none. */
function publicBytesOf(peerId) {
	if (!isPeerId(peerId)) return;
	let bytes = decodeBase58(peerId);
	if (bytes !== void 0 && bytes.length === PEER_ID_PREFIX.length + 32 && PEER_ID_PREFIX.every((byte, index) => bytes[index] === byte)) return bytes.subarray(PEER_ID_PREFIX.length);
}
function publicKeyOf(peerId) {
	let bytes = publicBytesOf(peerId);
	if (bytes === void 0) return;
	let x = Buffer.from(bytes).toString("base64url");
	return createPublicKey({
		key: {
			kty: "OKP",
			crv: "Ed25519",
			x
		},
		format: "jwk"
	});
}
async function readSeed(path) {
	let text;
	try {
		await using file = await open(path);
		let { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(257) });
		text = buffer.toString("utf8", 0, bytesRead);
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return;
		throw error;
	}
	let [header, body, ...rest] = text.split("\n"), seed = Buffer.from(body ?? "", "base64url");
	if (header !== FILE_HEADER || seed.length !== 32 || rest.join("") !== "") throw new SwarmCacheError("ERR_STORE", `The peer key ${path} is damaged. Put back a copy of it, or remove the file to start under a new peer id.`, { facts: { path } });
	return seed;
}
async function createSeedFile(home, path) {
	await mkdir(home, { recursive: !0 });
	let seed = randomBytes(32), draft = `${path}.${randomBytes(6).toString("hex")}.tmp`, text = `${FILE_HEADER}\n${seed.toString("base64url")}\n`;
	await writeFile(draft, text, {
		mode: 384,
		flag: "wx"
	});
	try {
		return await chmod(draft, 384), await link(draft, path), seed;
	} catch (error) {
		let winner = errnoOf(error) === "EEXIST" ? await readSeed(path) : void 0;
		if (winner === void 0) throw error;
		return winner;
	} finally {
		await rm(draft, { force: !0 });
	}
}
export { verifySignature as a, publicBytesOf as i, loadPeerKey as n, peerIdOf as r, createPeerKey as t };
