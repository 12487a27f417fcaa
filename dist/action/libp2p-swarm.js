import { a as withDeadline, r as startDeadline, t as abortable } from "./deadline.js";
import { i as inputError, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as publish } from "./events.js";
import { n as isPeerId } from "./peer.js";
import { a as verifySignature } from "./peer-key.js";
import "./identity.js";
import { t as MessageStream } from "./message.js";
import { createCipheriv, createDecipheriv, createHash, createHmac, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { networkInterfaces } from "node:os";
import { setImmediate } from "node:timers/promises";
// src/swarm/libp2p-byte-stream.ts
const PIECE_BYTES = 131072;
/**
* A libp2p stream with backpressure in both directions.
*
* An end without the other side's word for it (reset, killed sender) rejects with ERR_CLOSED where it
* can be told from a clean one.
*/
var Libp2pByteStream = class {
	source;
	#stream;
	#queue = [];
	#queuedBytes = 0;
	#paused = !1;
	#resuming = !1;
	#discarding = !1;
	#endedByOther;
	#ended = !1;
	#error;
	#wake;
	#unyieldedBytes = 0;
	#linger;
	constructor(stream, onClose = () => {}) {
		this.#stream = stream, this.source = this.#read(), this.#endedByOther = stream.remoteWriteStatus === "closed" && stream.status === "open", this.#ended = stream.readableEnded, stream.addEventListener("remoteCloseWrite", () => {
			this.#endedByOther = !0;
		}), stream.addEventListener("end", () => this.#end()), stream.addEventListener("close", (event) => {
			this.#closed(event), onClose();
		}), stream.addEventListener("message", (event) => this.#receive(event));
	}
	async write(bytes) {
		for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
			let piece = bytes.subarray(start, start + PIECE_BYTES);
			if (this.#unyieldedBytes += piece.length, this.#unyieldedBytes >= PIECE_BYTES && (this.#unyieldedBytes = 0, await setImmediate()), this.#stream.writeStatus !== "writable") throw this.#closedError();
			try {
				this.#stream.send(piece);
			} catch (cause) {
				throw this.#closedError(cause);
			}
			for (; this.#stream.writableNeedsDrain;) await this.#drained();
		}
	}
	async closeWrite() {
		try {
			await this.#stream.close({ signal: AbortSignal.timeout(5e3) });
		} catch (cause) {
			throw this.#closedError(cause);
		}
	}
	abort(error) {
		clearTimeout(this.#linger), this.#stream.abort(error ?? /* @__PURE__ */ Error("aborted"));
	}
	/** Ends a conversation that has been answered: sends what was written, and takes no more. */
	async finish() {
		this.#discarding = !0, this.#queue = [], this.#queuedBytes = 0, this.#resume(), await this.closeWrite(), this.#stream.status === "open" && (this.#linger = setTimeout(() => this.abort(), 5e3), this.#linger.unref());
	}
	async *#read() {
		for (;;) {
			let piece = this.#queue.shift();
			if (piece !== void 0) this.#queuedBytes -= piece.length, this.#resume(), yield piece;
			else if (this.#error !== void 0) throw this.#error;
			else if (this.#ended) return;
			else await new Promise((resolve) => this.#wake = resolve);
		}
	}
	#receive(event) {
		if (this.#discarding) return;
		let pieces = event.data instanceof Uint8Array ? [event.data] : event.data;
		for (let piece of pieces) this.#queue.push(piece), this.#queuedBytes += piece.length;
		this.#pauseIfFull(), this.#wake?.();
	}
	#pauseIfFull() {
		if (!(this.#resuming || this.#paused || this.#queuedBytes < 262144)) try {
			this.#stream.pause(), this.#paused = !0;
		} catch {}
	}
	#resume() {
		if (!(!this.#paused || this.#queuedBytes > 65536)) {
			this.#paused = !1, this.#resuming = !0;
			try {
				this.#stream.resume();
			} catch {}
			this.#resuming = !1, this.#stream.status !== "open" && this.#stream.readBufferLength === 0 && this.#end(), this.#pauseIfFull();
		}
	}
	#end() {
		this.#endedByOther || (this.#error ??= this.#closedError()), this.#ended = !0, this.#wake?.();
	}
	#closed(event) {
		clearTimeout(this.#linger), event.error !== void 0 && !this.#ended && (this.#error ??= this.#closedError(event.error)), this.#stream.readBufferLength === 0 && this.#end(), this.#wake?.();
	}
	async #drained() {
		let { promise, resolve, reject } = Promise.withResolvers(), onClose = (event) => reject(this.#closedError(event.error));
		this.#stream.addEventListener("drain", resolve, { once: !0 }), this.#stream.addEventListener("close", onClose, { once: !0 });
		try {
			if (this.#stream.writeStatus === "closed") throw this.#closedError();
			await promise;
		} finally {
			this.#stream.removeEventListener("drain", resolve), this.#stream.removeEventListener("close", onClose);
		}
	}
	#closedError(cause) {
		let why = cause instanceof Error ? ` (${cause.message})` : "";
		return new SwarmCacheError("ERR_CLOSED", `The conversation ended before it was complete${why}.`, { cause });
	}
};
// src/swarm/address-order.ts
const BRIDGE = /^(docker|br-|veth|virbr|cni|flannel|cali|podman|lxc|lxdbr|vmnet|vboxnet)/, LINK_LOCAL = /^\/(ip4\/169\.254\.|ip6\/fe[89ab][0-9a-f]:)/i, LOOPBACK = /^\/(ip4\/127\.|ip6\/::1\/)/;
/** True if bytes to this multiaddr pass through a relay. */
function isRelayed(address) {
	return address.includes("/p2p-circuit");
}
/**
* Compares multiaddrs by the order in which to dial them: direct, then loopback (another machine's
* loopback is our own), then through a relay.
*/
function compareAddresses(a, b) {
	let difference = rank(a) - rank(b);
	return difference === 0 ? 0 : difference < 0 ? -1 : 1;
}
/** The multiaddrs worth telling others about, in dialling order: none link-local, container bridges only if nothing else is left. */
function announceable(addresses, interfaces = networkInterfaces()) {
	let bridged = bridgeHosts(interfaces), usable = addresses.filter((address) => !LINK_LOCAL.test(address)), routed = usable.filter((address) => !bridged.has(hostOf(address)));
	return (routed.some((address) => !LOOPBACK.test(address)) ? routed : usable).toSorted(compareAddresses);
}
function rank(address) {
	return (isRelayed(address) ? 2 : 0) + +!!LOOPBACK.test(address);
}
function hostOf(address) {
	return address.split("/")[2] ?? "";
}
function bridgeHosts(interfaces) {
	return new Set(Object.entries(interfaces).filter(([name]) => BRIDGE.test(name)).flatMap(([, infos]) => infos ?? []).map((info) => info.address));
}
/** What the ID tokens of connected peers said. */
var AttestedPeers = class {
	#attestations = /* @__PURE__ */ new Map();
	/** Remembers the newer of what a peer has shown. */
	attest(attestation) {
		let { peerId } = attestation, known = this.#attestations.get(peerId);
		if (known !== void 0 && known.expires > attestation.expires || (this.#attestations.delete(peerId), this.#attestations.set(peerId, attestation), this.#attestations.size <= 2048)) return;
		let [oldest] = this.#attestations.keys();
		this.#attestations.delete(oldest);
	}
	of(peerId) {
		return this.#attestations.get(peerId);
	}
	forget(peerId) {
		this.#attestations.delete(peerId);
	}
}, BannedPeers = class {
	#untilMs = /* @__PURE__ */ new Map();
	#now;
	constructor(now = () => performance.now()) {
		this.#now = now;
	}
	/** Bans a peer for that long; a ban that lasts longer already stays as it is. */
	ban(peerId, milliseconds) {
		let untilMs = Math.max(this.#now() + milliseconds, this.#untilMs.get(peerId) ?? 0);
		this.#untilMs.set(peerId, untilMs), this.#untilMs.size > 2048 && this.#dropOne();
	}
	has(peerId) {
		let untilMs = this.#untilMs.get(peerId);
		return untilMs === void 0 ? !1 : untilMs > this.#now() || (this.#untilMs.delete(peerId), !1);
	}
	get size() {
		return this.#untilMs.size;
	}
	#dropOne() {
		let soonest;
		for (let each of this.#untilMs) (soonest === void 0 || each[1] < soonest[1]) && (soonest = each);
		soonest !== void 0 && this.#untilMs.delete(soonest[0]);
	}
};
// src/swarm/connection-encrypter.ts
const NOT_MEMBER = "it does not take part in this swarm, or has another swarm key or repository (the handshake ended early)", OTHER_PEER = "another peer answers there", BAD_TOKEN = "a token was refused: ";
/**
* Lets only members get as far as a connection: nothing else of libp2p (identify, DHT, any protocol) is
* reachable before both sides have passed the handshake.
*/
var MemberEncrypter = class {
	protocol;
	#parts;
	constructor(parts) {
		this.protocol = parts.handshake.protocol, this.#parts = parts;
	}
	async secureOutbound(connection, options) {
		try {
			return this.#admit(connection, await this.#parts.handshake.outbound(connection, options));
		} catch (cause) {
			throw options?.signal?.throwIfAborted(), Error(failureOf(cause), { cause });
		}
	}
	async secureInbound(connection, options) {
		let { handshake, refusals } = this.#parts;
		try {
			let handshaken = await handshake.inbound(connection, options);
			return refusals.admitted(connection), this.#admit(connection, handshaken);
		} catch (error) {
			throw refusals.refused(connection, errorMessage(error)), error;
		}
	}
	#admit(connection, { secured, attestation }) {
		let { attested, silence } = this.#parts;
		return attestation !== void 0 && attested.attest(attestation), silence.follow(connection), withoutThrowingSend(secured);
	}
};
/**
* The muxer sends some frames from microtasks, where a throw would end the process. A connection that
* cannot be written to any more is aborted, and everything on it hears of that.
*/
function withoutThrowingSend(secured) {
	let { connection } = secured, send = connection.send.bind(connection);
	return connection.send = (data) => {
		try {
			return send(data);
		} catch (error) {
			return connection.abort(error), !1;
		}
	}, secured;
}
function failureOf(error) {
	return error instanceof Error && error.name === "UnexpectedPeerError" ? OTHER_PEER : isSwarmCacheError(error, "ERR_PROOF") ? BAD_TOKEN + error.message : NOT_MEMBER;
}
/** Why a dial failed, if its handshake did. */
function handshakeFailure(error) {
	if (error instanceof AggregateError) return error.errors.map(handshakeFailure).find((failure) => failure !== void 0);
	if (!(error instanceof Error)) return;
	let { message } = error;
	if (message === OTHER_PEER) return {
		kind: "other-peer",
		why: message
	};
	if (message.startsWith(BAD_TOKEN)) return {
		kind: "not-member",
		why: message
	};
	let isOther = message.startsWith("Protocol selection failed");
	return message === NOT_MEMBER || isOther ? {
		kind: "not-member",
		why: NOT_MEMBER
	} : void 0;
}
/** The next bytes of the connection; what came after them stays there. */
async function readExactly(connection, count, signal) {
	if (signal?.throwIfAborted(), count === 0) return Buffer.alloc(0);
	if (connection.status !== "open") throw Error("the connection is closed");
	let { promise, resolve, reject } = Promise.withResolvers(), taken = Buffer.alloc(0), onMessage = (event) => {
		taken = Buffer.concat([taken, event.data.subarray()]), taken.length >= count && resolve(taken);
	}, onClose = () => reject(/* @__PURE__ */ Error("the other side left during the handshake")), onAbort = () => reject(signal?.reason);
	connection.addEventListener("message", onMessage), connection.addEventListener("close", onClose), connection.addEventListener("remoteCloseWrite", onClose), signal?.addEventListener("abort", onAbort);
	try {
		await promise;
	} finally {
		connection.removeEventListener("message", onMessage), connection.removeEventListener("close", onClose), connection.removeEventListener("remoteCloseWrite", onClose), signal?.removeEventListener("abort", onAbort);
	}
	return taken.length > count && connection.unshift(taken.subarray(count)), taken.subarray(0, count);
}
/** Reads what `sendSized` sent; rejects before taking any of it if it is longer than `maxBytes`. */
async function readSized(connection, maxBytes, signal) {
	let length = (await readExactly(connection, 2, signal)).readUInt16BE();
	if (length > maxBytes) throw Error(`it announced ${length} bytes, more than a proof has`);
	return await readExactly(connection, length, signal);
}
/** Sends bytes with their length, big endian in two bytes, before them. */
function sendSized(connection, bytes) {
	let length = Buffer.alloc(2);
	length.writeUInt16BE(bytes.length), connection.send(Buffer.concat([length, bytes]));
}
/** Asks the dialler to prove that it has the key; false if what it sent is no proof. Rejects if it left or the signal aborted. */
async function demandProof(connection, key, signal) {
	let nonce = randomBytes(32);
	connection.send(nonce);
	let answer = await readExactly(connection, 32, signal);
	return timingSafeEqual(answer, proofOf(key, nonce));
}
/** Proves to the responder that we have the key. */
async function giveProof(connection, key, signal) {
	let nonce = await readExactly(connection, 32, signal);
	connection.send(proofOf(key, nonce));
}
function proofOf(key, nonce) {
	return createHmac("sha256", key).update("swarmcache/1/gate").update(nonce).digest();
}
// src/swarm/token-proofs.ts
/** As many as the verifiers accept. */
const ACCEPTED = Uint8Array.of(1);
/** Shows our token over a connection that is private already. */
async function giveToken(connection, { source, required }, own, signal) {
	let token = "";
	try {
		token = await source.token(own, { signal });
	} catch (error) {
		if (required) throw error;
	}
	sendSized(connection, Buffer.from(token));
}
/** What the other side's token attests; undefined if it shows none and need not. Rejects with the reason otherwise. */
async function takeToken(connection, { verifier, required }, other, signal) {
	let token = (await readSized(connection, 16384, signal)).toString("utf8");
	if (token !== "") return await verifier.verify(token, {
		peerId: other,
		signal
	});
	if (required) throw Error("it has no ID token");
}
/** Tells the other side that it is accepted. */
function accept(connection) {
	connection.send(ACCEPTED);
}
/** Waits until the other side has accepted us; it leaves if it does not. */
async function accepted(connection, signal) {
	await readExactly(connection, ACCEPTED.length, signal);
}
// src/swarm/token-gate.ts
const HELLO_LABEL = "swarmcache/1/token-gate-hello\0", PROOF_LABEL = "swarmcache/1/token-gate-proof\0", NONCE = /* @__PURE__ */ new Uint8Array(12);
/** Asks the dialler for its token; rejects with the reason if it proves nothing. */
async function demandToken(connection, { peerKey, tokens }, signal) {
	let own = generateKeyPairSync("x25519"), ownKey = rawKey(own.publicKey), hello = Buffer.concat([ownKey, Buffer.from(peerKey.sign(labelled(HELLO_LABEL, ownKey)), "base64url")]);
	connection.send(hello);
	let otherKey = await readExactly(connection, 32, signal), sealed = await readSized(connection, 17424, signal), keys = Buffer.concat([hello, otherKey]), { peerId, token, signature } = parseProof(unseal(own.privateKey, otherKey, keys, sealed));
	if (!verifySignature(peerId, labelled(PROOF_LABEL, keys), signature)) throw Error("its ID token was shown by somebody else than its peer");
	let attestation = await tokens.verifier.verify(token, {
		peerId,
		signal
	});
	return {
		prologue: prologueOf(keys, sealed),
		attestation
	};
}
/** Shows our token to the peer that is meant, if it is the one who answers; returns the prologue for Noise. */
async function showToken(connection, meant, { peerKey, tokens }, signal) {
	let hello = await readExactly(connection, 96, signal), otherKey = hello.subarray(0, 32), helloSignature = hello.subarray(32).toString("base64url");
	if (!verifySignature(meant, labelled(HELLO_LABEL, otherKey), helloSignature)) throw Error("another peer answers");
	let token = await tokens.source.token(peerKey.peerId, { signal }), own = generateKeyPairSync("x25519"), ownKey = rawKey(own.publicKey), keys = Buffer.concat([hello, ownKey]), signature = peerKey.sign(labelled(PROOF_LABEL, keys)), proof = Buffer.from(JSON.stringify({
		peerId: peerKey.peerId,
		signature,
		token
	})), sealed = seal(own.privateKey, otherKey, keys, proof);
	return connection.send(ownKey), sendSized(connection, sealed), prologueOf(keys, sealed);
}
/** What a dialler shows of itself, once it is unsealed; throws if it is malformed. */
function parseProof(bytes) {
	try {
		let { peerId, token, signature } = JSON.parse(Buffer.from(bytes).toString("utf8"));
		if (isPeerId(peerId) && typeof token == "string" && typeof signature == "string") return {
			peerId,
			token,
			signature
		};
	} catch {}
	throw Error("its proof is malformed");
}
function seal(own, other, keys, plain) {
	let cipher = createCipheriv("aes-256-gcm", sealKey(own, other, keys), NONCE);
	return Buffer.concat([
		cipher.update(plain),
		cipher.final(),
		cipher.getAuthTag()
	]);
}
function unseal(own, other, keys, sealed) {
	let body = sealed.subarray(0, -16);
	try {
		let cipher = createDecipheriv("aes-256-gcm", sealKey(own, other, keys), NONCE, { authTagLength: 16 });
		return cipher.setAuthTag(sealed.subarray(body.length)), Buffer.concat([cipher.update(body), cipher.final()]);
	} catch {
		throw Error("its proof is not sealed for this connection");
	}
}
function sealKey(own, other, keys) {
	let x = Buffer.from(other).toString("base64url"), publicKey = createPublicKey({
		key: {
			kty: "OKP",
			crv: "X25519",
			x
		},
		format: "jwk"
	}), shared = diffieHellman({
		privateKey: own,
		publicKey
	});
	return new Uint8Array(hkdfSync("sha256", shared, keys, "swarmcache/1/token-gate-seal", 32));
}
function prologueOf(keys, sealed) {
	return createHash("sha256").update("swarmcache/1/token-gate-prologue\0").update(keys).update(sealed).digest();
}
function rawKey(key) {
	return Buffer.from(key.export({ format: "jwk" }).x, "base64url");
}
function labelled(label, bytes) {
	return Buffer.concat([Buffer.from(label), bytes]);
}
// src/swarm/handshakes.ts
const KEY_PROTOCOL = "/swarmcache/noise/1.0.0", KEY_AND_TOKEN_PROTOCOL = "/swarmcache/noise-tokens/1.0.0", TOKEN_PROTOCOL = "/swarmcache/tokens/1.0.0", HANDSHAKE_PROTOCOLS = [
	KEY_PROTOCOL,
	KEY_AND_TOKEN_PROTOCOL,
	TOKEN_PROTOCOL
];
/** Both have the swarm key: the dialler shows it before Noise, whose prologue then proves it both ways. */
var KeyHandshake = class {
	protocol = KEY_PROTOCOL;
	#key;
	#noise;
	constructor(parts) {
		this.#key = parts.key, this.#noise = parts.createNoise(parts.key);
	}
	async outbound(connection, options) {
		return await giveProof(connection, this.#key, options?.signal), { secured: await this.#noise.secureOutbound(connection, options) };
	}
	async inbound(connection, options) {
		if (!await demandProof(connection, this.#key, options?.signal)) throw Error("it has another swarm key");
		return { secured: await this.#noise.secureInbound(connection, options) };
	}
}, KeyAndTokenHandshake = class {
	protocol = KEY_AND_TOKEN_PROTOCOL;
	#key;
	#tokens;
	#peerKey;
	constructor(parts) {
		this.#key = parts.key, this.#tokens = parts.tokens, this.#peerKey = parts.peerKey;
	}
	async outbound(connection, options) {
		return await this.#exchange(await this.#key.outbound(connection, options), options?.signal);
	}
	async inbound(connection, options) {
		return await this.#exchange(await this.#key.inbound(connection, options), options?.signal);
	}
	async #exchange({ secured }, signal) {
		let { connection, remotePeer } = secured;
		await giveToken(connection, this.#tokens, this.#peerKey.peerId, signal);
		let attestation = await takeToken(connection, this.#tokens, remotePeer.toString(), signal);
		return accept(connection), await accepted(connection, signal), {
			secured,
			attestation
		};
	}
}, TokenHandshake = class {
	protocol = TOKEN_PROTOCOL;
	#tokens;
	#peerKey;
	#createNoise;
	constructor(parts) {
		this.#tokens = parts.tokens, this.#peerKey = parts.peerKey, this.#createNoise = parts.createNoise;
	}
	async outbound(connection, options) {
		let meant = options?.remotePeer?.toString();
		if (meant === void 0) throw Error("its address does not say which peer it is");
		let prologue = await showToken(connection, meant, {
			peerKey: this.#peerKey,
			tokens: this.#tokens
		}, options?.signal), secured = await this.#createNoise(prologue).secureOutbound(connection, options), tokens = {
			...this.#tokens,
			required: !0
		}, attestation = await takeToken(secured.connection, tokens, meant, options?.signal);
		return accept(secured.connection), {
			secured,
			attestation
		};
	}
	async inbound(connection, options) {
		let { prologue, attestation } = await demandToken(connection, {
			peerKey: this.#peerKey,
			tokens: this.#tokens
		}, options?.signal), secured = await this.#createNoise(prologue).secureInbound(connection, options);
		if (secured.remotePeer.toString() !== attestation.peerId) throw Error("its ID token was made for another peer");
		return await giveToken(secured.connection, this.#tokens, this.#peerKey.peerId, options?.signal), await accepted(secured.connection, options?.signal), {
			secured,
			attestation
		};
	}
};
/** kad-dht with bounds on what other members can have it take in, keep and dial. */
function withinBounds(create) {
	return (components) => {
		let datastore = new BoundedRecords(components.datastore).datastore;
		return create(replacing(components, {
			datastore: () => datastore,
			connectionManager: () => boundedStreams(components.connectionManager)
		}));
	};
}
/** Peers as they are named, or without their addresses once too many are, which leaves them aside. */
function limitNamedPeers(isConnected, now = () => performance.now()) {
	let tokens = 64, filledAt = now();
	return (peer) => {
		if (isConnected(peer.id)) return peer;
		let at = now();
		return tokens = Math.min(64, tokens + (at - filledAt) / 1e3 * 8), filledAt = at, tokens < 1 ? {
			...peer,
			multiaddrs: []
		} : (--tokens, peer);
	};
}
function boundedStreams(manager) {
	return replacing(manager, { openStream: () => async (...call) => {
		let stream = await manager.openStream(...call), bytes = 0;
		return stream.addEventListener("message", ({ data }) => {
			bytes += data.byteLength, bytes > 32768 && stream.abort(/* @__PURE__ */ Error("the answer is too long"));
		}), stream;
	} });
}
/** The datastore of the DHT; when it is full, whoever has put in most loses its oldest record. */
var BoundedRecords = class {
	datastore;
	#maxRecords;
	#records = /* @__PURE__ */ new Map();
	#count = 0;
	constructor(datastore, maxRecords = 5e4) {
		this.#maxRecords = maxRecords, this.datastore = replacing(datastore, {
			put: () => async (...call) => {
				let dropped = this.#add(call[0]);
				return dropped !== void 0 && await datastore.delete(dropped), await datastore.put(...call);
			},
			delete: () => async (...call) => {
				this.#remove(call[0]), await datastore.delete(...call);
			}
		});
	}
	/** The record that has to go for it. */
	#add(key) {
		let name = key.toString();
		if (!name.startsWith("/dht/provider/")) return;
		this.#remove(key);
		let peer = peerOf$1(name), own = this.#records.get(peer) ?? /* @__PURE__ */ new Map();
		if (this.#records.set(peer, own), own.set(name, key), this.#count += 1, this.#count <= this.#maxRecords) return;
		let most = own;
		for (let records of this.#records.values()) records.size > most.size && (most = records);
		let [oldest] = most.values();
		return oldest !== void 0 && this.#remove(oldest), oldest;
	}
	#remove(key) {
		let name = key.toString(), peer = peerOf$1(name), own = this.#records.get(peer);
		own?.delete(name) === !0 && (--this.#count, own.size === 0 && this.#records.delete(peer));
	}
};
function peerOf$1(name) {
	return name.slice(name.lastIndexOf("/") + 1);
}
/** The same object with some properties made anew; its methods work on the original. */
function replacing(object, replacements) {
	return new Proxy(object, { get(target, name) {
		let replacement = replacements[name];
		if (replacement !== void 0) return replacement();
		let value = Reflect.get(target, name);
		return typeof value == "function" ? value.bind(target) : value;
	} });
}
// src/swarm/dial-budget.ts
const DEFAULTS = {
	hostBurst: 64,
	hostPerSecond: 1,
	burst: 512,
	perSecond: 8
};
/**
* Bounds what this node does to hosts that somebody else named: any member can put addresses of third
* parties into the registry, the DHT or what it says of itself. A dial costs, unless a member answers.
*/
var DialBudget = class {
	#options;
	#now;
	#all;
	#hosts = /* @__PURE__ */ new Map();
	constructor(options = {}, now = () => performance.now()) {
		this.#options = {
			...DEFAULTS,
			...options
		}, this.#now = now, this.#all = {
			tokens: this.#options.burst,
			filledAt: now()
		};
	}
	/** False if too many dials, there or in all, have led nowhere lately. */
	spend(address) {
		let { hostBurst, hostPerSecond, burst, perSecond } = this.#options, host = this.#hostOf(address);
		return this.#fill(host, hostPerSecond, hostBurst), this.#fill(this.#all, perSecond, burst), host.tokens < 1 || this.#all.tokens < 1 ? !1 : (--host.tokens, --this.#all.tokens, !0);
	}
	/** A member answered there. */
	refund(address) {
		let { hostBurst, burst } = this.#options, host = this.#hostOf(address);
		host.tokens = Math.min(hostBurst, host.tokens + 1), this.#all.tokens = Math.min(burst, this.#all.tokens + 1);
	}
	#hostOf(address) {
		let name = address.split("/")[2] ?? "", host = this.#hosts.get(name) ?? {
			tokens: this.#options.hostBurst,
			filledAt: this.#now()
		};
		return this.#hosts.delete(name), this.#hosts.set(name, host), this.#hosts.size > 2048 && this.#hosts.delete(this.#hosts.keys().next().value), host;
	}
	#fill(bucket, perSecond, most) {
		let now = this.#now();
		bucket.tokens = Math.min(most, bucket.tokens + (now - bucket.filledAt) / 1e3 * perSecond), bucket.filledAt = now;
	}
};
/** The same transport, whose dials are within a budget: whoever of libp2p dials, dials through it. */
function withinBudget(create, budget) {
	return (components) => {
		let transport = create(components), dial = transport.dial.bind(transport);
		return transport.dial = async (address, options) => {
			let name = address.toString();
			if (!budget.spend(name)) throw Error("too many dials led nowhere lately");
			let connection = await dial(address, options);
			return budget.refund(name), connection;
		}, transport;
	};
}
// src/swarm/libp2p-settings.ts
/** To open a socket: a LAN answers in milliseconds, an address that leads nowhere must not cost a job its start. */
const DIAL_TIMEOUT_MS = 8e3, OPEN_TIMEOUT_MS = 5e3, STOP_TIMEOUT_MS = 2500;
/** Who holds what, by digest, as far as the DHT knows. */
var SwarmDht = class {
	#parts;
	/** Statements that no other peer knows yet, because there was none. */
	#untold = /* @__PURE__ */ new Set();
	#settling;
	constructor(parts) {
		this.#parts = parts, parts.node.addEventListener("peer:identify", (event) => {
			event.detail.protocols.includes("/swarmcache/kad/1.0.0") && this.#tellSoon();
		});
	}
	stop() {
		clearTimeout(this.#settling), this.#untold.clear();
	}
	async provide(digest, options = {}) {
		this.#untold.add(digest), await withDeadline(1e4, `Telling the DHT of ${digest}`, options.signal, (signal) => this.#tell(digest, signal)) > 0 && this.#untold.delete(digest);
	}
	async withdraw(digest) {
		this.#untold.delete(digest), await this.#parts.dht.cancelReprovide(this.#parts.contentIdOf(digest));
	}
	async *findProviders(digest, options = {}) {
		options.signal?.throwIfAborted();
		using deadline = startDeadline(5e3, "The search in the DHT", options.signal);
		let { node, contentIdOf } = this.#parts, seen = /* @__PURE__ */ new Set([node.peerId.toString()]);
		try {
			let search = node.contentRouting.findProviders(contentIdOf(digest), deadline);
			for await (let provider of search) {
				let peerId = provider.id.toString();
				seen.has(peerId) || (seen.add(peerId), yield peerId);
			}
		} catch (error) {
			if (options.signal?.throwIfAborted(), !deadline.signal.aborted && node.status === "started") throw error;
		}
	}
	/** How many peers have taken the statement. */
	async #tell(digest, signal) {
		let { dht, contentIdOf } = this.#parts, told = 0;
		for await (let event of dht.provide(contentIdOf(digest), { signal })) event.name === "PEER_RESPONSE" && event.messageName === "ADD_PROVIDER" && (told += 1);
		return told;
	}
	#tellSoon() {
		this.#untold.size !== 0 && (clearTimeout(this.#settling), this.#settling = setTimeout(() => void this.#tellUntold(), 500), this.#settling.unref());
	}
	async #tellUntold() {
		for (let digest of this.#untold) try {
			await this.provide(digest);
		} catch {
			return;
		}
	}
};
/** A digest as a multihash. */
function multihashOf(digest) {
	let bytes = Uint8Array.from([
		18,
		32,
		...Buffer.from(digest, "hex")
	]);
	return {
		code: 18,
		size: 32,
		digest: bytes.subarray(2),
		bytes
	};
}
// src/swarm/libp2p-modules.ts
/** Loads libp2p: here and not before, since it takes longer than all the rest of a start. */
async function loadLibp2p() {
	let [core, nat, start, relay, keys, identity, kad, peerId, pings, tcps, addresses, ...secure] = await Promise.all([
		import("./src12.js"),
		import("./src5.js"),
		import("./src6.js"),
		import("./src7.js"),
		import("./keys.js"),
		import("./src8.js"),
		import("./src9.js"),
		import("./src.js"),
		import("./src10.js"),
		import("./src11.js"),
		import("./src2.js"),
		import("./src3.js"),
		import("./src4.js")
	]), [{ noise }, { yamux }] = secure;
	return {
		autoNAT: nat.autoNAT,
		bootstrap: start.bootstrap,
		circuitRelayServer: relay.circuitRelayServer,
		circuitRelayTransport: relay.circuitRelayTransport,
		createLibp2p: core.createLibp2p,
		generateKeyPairFromSeed: keys.generateKeyPairFromSeed,
		identify: identity.identify,
		identifyPush: identity.identifyPush,
		kadDHT: kad.kadDHT,
		multiaddr: addresses.multiaddr,
		noise,
		peerIdFromMultihash: peerId.peerIdFromMultihash,
		peerIdFromString: peerId.peerIdFromString,
		ping: pings.ping,
		tcp: tcps.tcp,
		yamux
	};
}
/** Lets a connection get as far as the handshake only in the few short lines that it takes to choose one. */
var OpeningGuard = class {
	#last;
	/** `protocols` are the handshakes that may be chosen. */
	constructor(protocols) {
		this.#last = new Set(protocols.map((protocol) => `${protocol}\n`));
	}
	async protect(connection) {
		let incoming = connection, lines = new Lines(this.#last), pass = incoming.onData.bind(connection);
		if (!lines.take(incoming.readBuffer.subarray())) throw notOurs();
		return incoming.onData = (data) => {
			lines.take(data.subarray()) ? (lines.done && (incoming.onData = pass), pass(data)) : connection.abort(notOurs());
		}, connection;
	}
}, Lines = class {
	#last;
	#line = [];
	#left = 0;
	#count = 0;
	done = !1;
	constructor(last) {
		this.#last = last;
	}
	/** False once the bytes are no such lines. */
	take(bytes) {
		for (let byte of bytes) {
			if (this.done) return !0;
			if (this.#left === 0) {
				if (this.#count += 1, byte === 0 || byte > 127 || this.#count > 8) return !1;
				this.#left = byte, this.#line = [];
			} else this.#line.push(byte), --this.#left, this.#left === 0 && (this.done = this.#last.has(Buffer.from(this.#line).toString("latin1")));
		}
		return !0;
	}
};
function notOurs() {
	return new SwarmCacheError("ERR_FRAME", "it does not choose a handshake as peers do");
}
/** Notices connections from outside that end before they have proved membership, and says so. */
var Refusals = class {
	#logger;
	#proof;
	#undecided = /* @__PURE__ */ new WeakMap();
	#windowEndsMs = 0;
	#lines = 0;
	#unsaid = 0;
	/** `proof` names what members prove. */
	constructor(parts) {
		this.#logger = parts.logger, this.#proof = parts.proof;
	}
	/** Follows a connection that has just been accepted, until it is admitted or refused. */
	follow(connection) {
		this.#undecided.set(connection, connection.remoteAddr.toString()), connection.addEventListener("close", () => {
			this.refused(connection, `it left without proving ${this.#proof}`);
		});
	}
	admitted(connection) {
		this.#undecided.delete(connection);
	}
	/** Tells once for each connection that is followed. */
	refused(connection, reason) {
		let address = this.#undecided.get(connection);
		if (address === void 0) return;
		this.#undecided.delete(connection);
		let why = reason.slice(0, 200);
		publish("peer:refused", {
			address,
			reason: why
		}), this.#log(address, why);
	}
	#log(address, reason) {
		let now = performance.now();
		if (now > this.#windowEndsMs && (this.#windowEndsMs = now + 1e4, this.#lines = 0), ++this.#lines > 10) {
			this.#unsaid += 1;
			return;
		}
		let unsaid = this.#unsaid === 0 ? void 0 : this.#unsaid;
		this.#unsaid = 0, this.#logger.log("warning", "A connection was refused.", {
			address,
			reason,
			unsaid
		});
	}
}, RelayReservations = class {
	#components;
	#logger;
	/** Connected peers that relay, with the address that we dialled. */
	#relays = /* @__PURE__ */ new Map();
	#timer;
	#reserving = !1;
	#again = !1;
	constructor(components, parts) {
		this.#components = components, this.#logger = parts.logger;
	}
	start() {
		this.#components.events.addEventListener("peer:identify", this.#onIdentify), this.#components.events.addEventListener("peer:disconnect", this.#onDisconnect), this.#timer = setInterval(() => void this.#reserve(), 3e4), this.#timer.unref();
	}
	stop() {
		clearInterval(this.#timer), this.#components.events.removeEventListener("peer:identify", this.#onIdentify), this.#components.events.removeEventListener("peer:disconnect", this.#onDisconnect), this.#relays.clear();
	}
	#onIdentify = ({ detail }) => {
		let { peerId, protocols, connection } = detail;
		if (!protocols.includes("/libp2p/circuit/relay/0.2.0/hop")) return;
		let address = connection.remoteAddr;
		connection.direction !== "outbound" || isRelayed(address.toString()) || this.#relays.size >= 64 || (this.#relays.set(peerId.toString(), address), this.#reserve());
	};
	#onDisconnect = ({ detail }) => {
		this.#relays.delete(detail.toString()) && this.#reserve();
	};
	async #reserve() {
		if (this.#reserving) this.#again = !0;
		else {
			this.#reserving = !0;
			do
				this.#again = !1, await this.#reserveMissing();
			while (this.#again);
			this.#reserving = !1;
		}
	}
	async #reserveMissing() {
		let { transportManager } = this.#components, reserved = new Set(transportManager.getAddrs().map((address) => relayOf(address.toString())));
		reserved.delete(void 0);
		for (let [peerId, address] of this.#relays) {
			if (reserved.size >= 2) return;
			if (!reserved.has(peerId)) try {
				await transportManager.listen([address.encapsulate("/p2p-circuit")]), reserved.add(peerId);
			} catch (error) {
				this.#logger.log("debug", "A relay gave no slot.", {
					peerId,
					reason: errorMessage(error)
				});
			}
		}
	}
};
function relayOf(address) {
	return /\/p2p\/([^/]+)\/p2p-circuit/.exec(address)?.[1];
}
/**
* Cuts connections from which nothing has arrived for a while: a machine that lost its power or its
* network never says so, and TCP alone needs a quarter of an hour to notice. Unlike libp2p's monitor
* it counts any byte as a sign of life, so that a busy connection is never cut.
*/
var SilenceWatch = class {
	#silenceMs;
	#lastMs = /* @__PURE__ */ new Map();
	#timer;
	constructor(options) {
		this.#silenceMs = options.keepAliveMs * 3.5, this.#timer = setInterval(() => this.#check(), options.keepAliveMs / 2), this.#timer.unref();
	}
	stop() {
		clearInterval(this.#timer);
	}
	/** Only for connections that somebody reads already: the first listener gets what is buffered. */
	follow(connection) {
		let heard = () => void this.#lastMs.set(connection, performance.now());
		heard(), connection.addEventListener("message", heard), connection.addEventListener("close", () => {
			this.#lastMs.delete(connection), connection.removeEventListener("message", heard);
		});
	}
	#check() {
		let now = performance.now();
		for (let [connection, lastMs] of this.#lastMs) now - lastMs < this.#silenceMs || connection.abort(/* @__PURE__ */ Error(`nothing was heard for ${Math.round(now - lastMs)} ms`));
	}
};
// src/swarm/libp2p-node.ts
/** Makes a node. */
async function createNode(parts, options) {
	let libp2p = await loadLibp2p(), { multiaddr, noise } = libp2p, dialOpts = {
		noDelay: !0,
		timeout: 1e3
	}, attested = new AttestedPeers(), banned = new BannedPeers(), budget = new DialBudget(), isBanned = (peerId) => banned.has(peerId.toString()), refusals = new Refusals({
		logger: parts.logger,
		proof: proofNamed(parts)
	}), keepAliveMs = options.keepAliveMs ?? 2e4, silence = new SilenceWatch({ keepAliveMs }), isSeeder = options.role === "seeder", isReachableByRelay = options.role === "runner" || options.listen.length === 0, bootstrap = options.bootstrap ?? [], addressUpdates, isConnected = (_peerId) => !1, node = await libp2p.createLibp2p({
		start: !1,
		privateKey: await libp2p.generateKeyPairFromSeed("Ed25519", parts.peerKey.seed),
		nodeInfo: {
			name: "swarmcache",
			version: "1",
			userAgent: "swarmcache"
		},
		addresses: {
			listen: [...options.listen],
			announce: [...options.announce ?? []],
			announceFilter: (addresses) => announceable(addresses.map(String)).map((address) => multiaddr(address))
		},
		transports: [withinBudget(libp2p.tcp({ dialOpts }), budget), libp2p.circuitRelayTransport()],
		connectionProtector: () => new OpeningGuard(HANDSHAKE_PROTOCOLS),
		connectionEncrypters: handshakes(parts).map((create) => (components) => new MemberEncrypter({
			handshake: create((prologueBytes) => noise({ prologueBytes })(components)),
			attested,
			refusals,
			silence
		})),
		streamMuxers: [libp2p.yamux({
			keepAliveInterval: keepAliveMs,
			streamOptions: {
				maxStreamWindowSize: 4194304,
				maxReadBufferLength: 4194304
			}
		})],
		connectionGater: {
			denyInboundConnection: (connection) => (refusals.follow(connection), !1),
			denyDialMultiaddr: () => !1,
			denyDialPeer: isBanned,
			denyInboundEncryptedConnection: isBanned,
			denyOutboundEncryptedConnection: isBanned,
			denyInboundRelayReservation: isBanned,
			denyInboundRelayedConnection: (_relay, remote) => isBanned(remote),
			denyOutboundRelayedConnection: (source, target) => isBanned(source) || isBanned(target)
		},
		connectionManager: {
			maxConnections: 512,
			maxParallelDials: 64,
			dialTimeout: DIAL_TIMEOUT_MS,
			addressDialTimeout: 5e3,
			inboundUpgradeTimeout: 4e3,
			inboundStreamProtocolNegotiationTimeout: OPEN_TIMEOUT_MS,
			outboundStreamProtocolNegotiationTimeout: OPEN_TIMEOUT_MS,
			inboundConnectionThreshold: 128,
			maxIncomingPendingConnections: 256,
			reconnectRetries: 5,
			addressSorter: (a, b) => compareAddresses(a.multiaddr.toString(), b.multiaddr.toString())
		},
		connectionMonitor: { enabled: !1 },
		peerDiscovery: bootstrap.length === 0 ? [] : [libp2p.bootstrap({
			list: [...bootstrap],
			tagName: "keep-alive-bootstrap",
			timeout: 0
		})],
		services: {
			addressUpdates: (components) => (addressUpdates = components.addressManager, {}),
			identify: libp2p.identify({
				maxInboundStreams: 4,
				runOnLimitedConnection: !0
			}),
			identifyPush: libp2p.identifyPush({
				maxInboundStreams: 4,
				runOnLimitedConnection: !0,
				debounce: 100
			}),
			ping: libp2p.ping({ maxInboundStreams: 8 }),
			autoNat: libp2p.autoNAT(),
			dht: withinBounds(libp2p.kadDHT({
				protocol: "/swarmcache/kad/1.0.0",
				clientMode: options.role === "reader",
				peerInfoMapper: limitNamedPeers((peerId) => isConnected(peerId)),
				initialQuerySelfInterval: 50,
				querySelfInterval: 6e4,
				allowQueryWithZeroPeers: !0,
				maxInboundStreams: 256,
				maxOutboundStreams: 256,
				reprovide: {
					validity: 18e5,
					threshold: 9e5,
					interval: 3e5
				}
			})),
			...isSeeder && { relay: libp2p.circuitRelayServer({
				maxInboundHopStreams: 256,
				maxOutboundStopStreams: 256,
				reservations: {
					maxReservations: 512,
					applyDefaultLimit: !1
				}
			}) },
			...isReachableByRelay && { reservations: (components) => new RelayReservations(components, { logger: parts.logger }) }
		}
	});
	return isConnected = (peerId) => node.getConnections(peerId).length > 0, {
		node,
		dht: new SwarmDht({
			node,
			dht: node.services.dht,
			contentIdOf: (digest) => libp2p.peerIdFromMultihash(multihashOf(digest)).toCID()
		}),
		attested,
		banned,
		release() {
			silence.stop(), addressUpdates?._updatePeerStoreAddresses?.stop();
		},
		peerIdFromString: libp2p.peerIdFromString,
		multiaddr
	};
}
/**
* The handshakes that this node's proofs allow, the strongest first. With a key and tokens that are not
* required, members without a token are met by the key alone.
*/
function handshakes({ peerKey, prologue, tokens }) {
	if (prologue === void 0) {
		if (tokens === void 0) throw TypeError("A swarm needs a prologue, tokens or both.");
		return [(createNoise) => new TokenHandshake({
			tokens,
			peerKey,
			createNoise
		})];
	}
	let byKey = (createNoise) => new KeyHandshake({
		key: prologue,
		createNoise
	});
	if (tokens === void 0) return [byKey];
	let byBoth = (createNoise) => new KeyAndTokenHandshake({
		key: byKey(createNoise),
		tokens,
		peerKey
	});
	return tokens.required ? [byBoth] : [byBoth, byKey];
}
function proofNamed({ prologue, tokens }) {
	return prologue === void 0 ? "by an ID token where it runs" : `that it has the swarm key${tokens?.required === !0 ? ", and by an ID token where it runs" : ""}`;
}
// src/swarm/swarm-errors.ts
/** A dial failed: ERR_NOT_MEMBER if the other side is no member of the swarm, else ERR_PEER. */
function dialError(peerId, addresses, cause) {
	let facts = {
		peerId,
		addresses
	}, failure = handshakeFailure(cause);
	return failure?.kind === "not-member" ? new SwarmCacheError("ERR_NOT_MEMBER", `The peer ${peerId} cannot be connected to: ${failure.why}. Check that both nodes have the same swarm key, repository and setting of SWARMCACHE_AUTH.`, {
		cause,
		facts
	}) : new SwarmCacheError("ERR_PEER", `The peer ${peerId} cannot be connected to: ${errorMessage(cause)}. Check that it is running and that its port is open.`, {
		cause,
		facts
	});
}
/** The peer is not to be talked to. */
function bannedError(peerId) {
	return new SwarmCacheError("ERR_PEER", `The peer ${peerId} is banned for a while, because it misbehaved.`, { facts: { peerId } });
}
/** None of the addresses given for a peer is one. */
function noAddress(peerId) {
	return new SwarmCacheError("ERR_PEER", `The peer ${peerId} cannot be connected to: none of its addresses is a multiaddr that leads to it.`, { facts: { peerId } });
}
/** A conversation could not be opened. */
function openError(peerId, protocol, cause) {
	let why = cause instanceof Error && cause.name === "UnsupportedProtocolError" ? `it does not speak ${protocol}` : errorMessage(cause);
	return new SwarmCacheError("ERR_PEER", `The peer ${peerId} cannot be asked for ${protocol}: ${why}.`, {
		cause,
		facts: {
			peerId,
			protocol
		}
	});
}
/** What to tell of a failed start: ERR_INPUT if the node cannot listen where it was told to. */
function startError(listen, cause) {
	let reason = /EADDRINUSE|EADDRNOTAVAIL|EACCES/.exec(errorMessage(cause))?.[0];
	return reason === void 0 ? cause : inputError(`The node cannot listen on ${listen.join(", ")} (${reason}). Choose another address or port; port 0 takes a free one.`, { listen });
}
// src/swarm/swarm-peers.ts
/** Who is connected, each peer once, by its best connection: a direct one, the oldest. */
function peersOf(connections) {
	let best = /* @__PURE__ */ new Map();
	for (let connection of connections) {
		if (connection.status !== "open") continue;
		let peer = peerOf(connection), other = best.get(peer.peerId);
		(other === void 0 || isBetter(peer, other)) && best.set(peer.peerId, peer);
	}
	return [...best.values()];
}
/** The other side of a connection. */
function peerOf(connection) {
	let address = connection.remoteAddr.toString();
	return {
		peerId: connection.remotePeer.toString(),
		address,
		relayed: isRelayed(address),
		since: connection.timeline.open
	};
}
function isBetter(a, b) {
	return a.relayed === b.relayed ? a.since < b.since : b.relayed;
}
/**
* What to give to libp2p to dial; without addresses it uses those that the DHT or an earlier dial told.
*
* @throws ERR_PEER if none of the addresses leads to the peer.
*/
function dialTarget({ multiaddr, peerIdFromString }, peerId, addresses) {
	if (addresses.length === 0) return peerIdFromString(peerId);
	let target = [];
	for (let text of addresses.slice(0, 16)) {
		let [, named] = /\/p2p\/([^/]+)$/.exec(text) ?? [];
		if (named === void 0 || named === peerId) try {
			target.push(multiaddr(named === void 0 ? `${text}/p2p/${peerId}` : text));
		} catch {}
	}
	if (target.length === 0) throw noAddress(peerId);
	return target;
}
// src/swarm/token-renewal.ts
/** The conversation in which a peer is asked for a fresh token: the one who opens it says nothing else. */
const RENEWAL_PROTOCOL = "/swarmcache/token/1", LIMITS = {
	headerBytes: 17408,
	bodyBytes: 0
}, MAX_TIMER_MS = 2 ** 31 - 1;
/**
* Asks connected peers for fresh ID tokens before theirs expire, beside whatever else goes on over the
* connection. A peer that shows none in time is disconnected where a token is required.
*/
var TokenRenewal = class {
	#parts;
	#timers = /* @__PURE__ */ new Map();
	constructor(parts) {
		this.#parts = parts;
	}
	/** Answers a peer that asks for this node's token. */
	async answer(stream) {
		let { tokens, peerId } = this.#parts;
		await new MessageStream(stream, LIMITS).write({ token: await tokens.source.token(peerId) });
	}
	/** Watches over a peer that has connected, until it is forgotten. */
	follow(peerId) {
		let attestation = this.#parts.attested.of(peerId);
		attestation !== void 0 && this.#schedule(attestation, attestation.expires - renewalLeadMs(attestation) - Date.now());
	}
	forget(peerId) {
		clearTimeout(this.#timers.get(peerId)), this.#timers.delete(peerId), this.#parts.attested.forget(peerId);
	}
	stop() {
		for (let peerId of this.#timers.keys()) this.forget(peerId);
	}
	#schedule(attestation, delayMs) {
		let { peerId } = attestation;
		clearTimeout(this.#timers.get(peerId));
		let timer = setTimeout(() => void this.#renew(attestation), Math.min(MAX_TIMER_MS, Math.max(200, delayMs)));
		timer.unref(), this.#timers.set(peerId, timer);
	}
	async #renew(attestation) {
		let { peerId } = attestation, { attested, logger } = this.#parts, timer = this.#timers.get(peerId), failure = "";
		try {
			let fresh = await this.#ask(peerId);
			if (fresh.expires <= attestation.expires) failure = "it showed the same token again";
			else if (this.#timers.get(peerId) === timer) {
				attested.attest(fresh), this.follow(peerId);
				return;
			}
		} catch (error) {
			failure = errorMessage(error);
		}
		if (this.#timers.get(peerId) !== timer) return;
		let leftMs = attestation.expires - Date.now();
		leftMs > 0 ? this.#schedule(attestation, Math.min(leftMs, renewalLeadMs(attestation) / 6)) : (logger.log("debug", "A peer has not renewed its token.", {
			peerId,
			failure
		}), await this.#expired(attestation, failure));
	}
	async #expired({ peerId }, failure) {
		let { tokens, disconnect } = this.#parts;
		this.forget(peerId), tokens.required && (publish("peer:refused", {
			address: `/p2p/${peerId}`,
			reason: `its ID token has expired, and it showed no other in time (${failure})`
		}), await disconnect(peerId).catch(() => {}));
	}
	async #ask(peerId) {
		let { tokens, open } = this.#parts, what = `Asking the peer ${peerId} for a fresh token`;
		return await withDeadline(8e3, what, void 0, async (signal) => {
			let stream = await open(peerId, signal), onAbort = () => stream.abort();
			signal.addEventListener("abort", onAbort, { once: !0 });
			try {
				let messages = new MessageStream(stream, LIMITS);
				await messages.closeWrite();
				let token = (await messages.read())?.header.token;
				if (typeof token != "string") throw Error("it has no token");
				return await tokens.verifier.verify(token, {
					peerId,
					signal
				});
			} finally {
				signal.removeEventListener("abort", onAbort), stream.abort();
			}
		});
	}
};
function renewalLeadMs({ issuedAt, expires }) {
	return Math.max(0, expires - issuedAt) * .4;
}
// src/swarm/libp2p-swarm.ts
const RENEWAL_STREAM_OPTIONS = {
	runOnLimitedConnection: !0,
	maxInboundStreams: 2,
	maxOutboundStreams: 2
}, STREAM_OPTIONS = {
	runOnLimitedConnection: !0,
	maxInboundStreams: 256,
	maxOutboundStreams: 256
};
/** The swarm over libp2p: TCP, Noise among members only, yamux, kad-dht, circuit relays at seeders. */
var Libp2pSwarm = class {
	peerId;
	#parts;
	#options;
	#handlers = /* @__PURE__ */ new Map();
	#listeners = /* @__PURE__ */ new Set();
	#streams = /* @__PURE__ */ new Set();
	#running;
	#renewal;
	#wanted = !1;
	#lastAddresses = "";
	constructor(parts, options) {
		this.peerId = parts.peerKey.peerId, this.#parts = parts, this.#options = options;
	}
	async start(options = {}) {
		options.signal?.throwIfAborted(), this.#wanted = !0;
		let running = await createNode(this.#parts, this.#options), { node } = running;
		for (let [protocol, handler] of this.#handlers) await node.handle(protocol, (stream, connection) => this.#answer(handler, stream, connection), STREAM_OPTIONS);
		if (node.addEventListener("connection:open", ({ detail: { remotePeer } }) => {
			running.banned.has(remotePeer.toString()) && this.#cut(remotePeer.toString());
		}), node.addEventListener("peer:connect", ({ detail }) => this.#connected(detail)), node.addEventListener("peer:disconnect", ({ detail }) => this.#disconnected(detail)), node.addEventListener("transport:listening", () => this.#checkAddresses()), node.addEventListener("transport:close", () => this.#checkAddresses()), node.addEventListener("self:peer:update", () => this.#checkAddresses()), this.#parts.tokens !== void 0) {
			let renewal = this.#createRenewal(this.#parts.tokens, running);
			await node.handle(RENEWAL_PROTOCOL, (stream, connection) => this.#answer((bytes) => renewal.answer(bytes), stream, connection), RENEWAL_STREAM_OPTIONS), this.#renewal = renewal;
		}
		this.#running = running;
		try {
			this.#assertWanted(), await node.start(), this.#assertWanted(), options.signal?.throwIfAborted();
		} catch (error) {
			throw await this.stop(), options.signal?.throwIfAborted(), startError(this.#options.listen, error);
		}
		this.#checkAddresses();
	}
	async stop() {
		this.#wanted = !1;
		let running = this.#running;
		if (running === void 0 || running.node.status === "starting") return;
		this.#running = void 0, this.#renewal?.stop();
		for (let stream of this.#streams) stream.abort();
		running.dht.stop();
		let { node } = running;
		try {
			await withDeadline(STOP_TIMEOUT_MS, "Leaving the swarm", void 0, async () => node.stop());
		} catch (error) {
			for (let connection of node.getConnections()) connection.abort(error);
			this.#parts.logger.log("debug", "Connections were cut.", { reason: errorMessage(error) });
		}
		running.release();
	}
	addresses() {
		return (this.#running?.node.getMultiaddrs().map(String) ?? []).slice(0, 16);
	}
	peers() {
		let running = this.#running;
		return running === void 0 ? [] : peersOf(running.node.getConnections()).map((peer) => this.#withAttestation(peer));
	}
	listen(listener) {
		return this.#listeners.add(listener), () => {
			this.#listeners.delete(listener);
		};
	}
	async dial(peerId, addresses, options = {}) {
		options.signal?.throwIfAborted();
		let running = this.#started(), connected = this.#peer(peerId);
		if (connected !== void 0) return connected;
		if (running.banned.has(peerId)) throw bannedError(peerId);
		let target = dialTarget(running, peerId, addresses);
		try {
			let connection = await withDeadline(DIAL_TIMEOUT_MS, `Connecting to the peer ${peerId}`, options.signal, (signal) => running.node.dial(target, { signal }));
			return this.#peer(peerId) ?? this.#withAttestation(peerOf(connection));
		} catch (error) {
			throw options.signal?.throwIfAborted(), isSwarmCacheError(error) ? error : dialError(peerId, addresses, error);
		}
	}
	async disconnect(peerId) {
		let running = this.#running;
		running !== void 0 && await running.node.hangUp(running.peerIdFromString(peerId), { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
	}
	ban(peerId, milliseconds) {
		let running = this.#running;
		if (running !== void 0) {
			running.banned.ban(peerId, milliseconds);
			for (let listener of this.#listeners) listener.banned?.(peerId);
			this.#cut(peerId);
		}
	}
	handle(protocol, handler) {
		this.#handlers.set(protocol, handler);
	}
	async open(peerId, protocol, options = {}) {
		options.signal?.throwIfAborted();
		let { node, banned, peerIdFromString } = this.#started();
		if (banned.has(peerId)) throw bannedError(peerId);
		try {
			let stream = await withDeadline(OPEN_TIMEOUT_MS, `Opening a conversation with the peer ${peerId}`, options.signal, async (signal) => {
				let opening = node.dialProtocol(peerIdFromString(peerId), protocol, {
					...STREAM_OPTIONS,
					signal
				});
				return opening.then((late) => signal.aborted && late.abort(/* @__PURE__ */ Error("too late")), () => {}), await abortable(opening, signal);
			});
			return this.#track(stream);
		} catch (error) {
			throw options.signal?.throwIfAborted(), isSwarmCacheError(error) ? error : openError(peerId, protocol, error);
		}
	}
	async provide(digest, options) {
		await this.#started().dht.provide(digest, options);
	}
	async withdraw(digest) {
		await this.#running?.dht.withdraw(digest);
	}
	async *findProviders(digest, options) {
		yield* this.#started().dht.findProviders(digest, options);
	}
	async #answer(handler, stream, connection) {
		let bytes = this.#track(stream);
		try {
			await handler(bytes, connection.remotePeer.toString()), await bytes.finish();
		} catch (error) {
			bytes.abort(error instanceof Error ? error : void 0);
		}
	}
	#track(stream) {
		let bytes = new Libp2pByteStream(stream, () => this.#streams.delete(bytes));
		return this.#streams.add(bytes), bytes;
	}
	#createRenewal(tokens, { attested }) {
		return new TokenRenewal({
			peerId: this.peerId,
			tokens: {
				...tokens,
				required: tokens.required || this.#parts.prologue === void 0
			},
			attested,
			logger: this.#parts.logger,
			open: async (peerId, signal) => await this.open(peerId, RENEWAL_PROTOCOL, { signal }),
			disconnect: async (peerId) => await this.disconnect(peerId)
		});
	}
	#withAttestation(peer) {
		let attestation = this.#running?.attested.of(peer.peerId);
		return attestation === void 0 ? peer : {
			...peer,
			attestation
		};
	}
	#assertWanted() {
		if (!this.#wanted) throw new SwarmCacheError("ERR_CLOSED", "The node was stopped while it was starting.");
	}
	#started() {
		if (this.#running !== void 0) return this.#running;
		throw new SwarmCacheError("ERR_CLOSED", "The node does not take part in its swarm.");
	}
	#peer(peerId) {
		return this.peers().find((peer) => peer.peerId === peerId);
	}
	#cut(peerId) {
		for (let connection of this.#running?.node.getConnections() ?? []) connection.remotePeer.toString() === peerId && connection.abort(bannedError(peerId));
	}
	#connected(id) {
		let peer = this.#peer(id.toString());
		if (peer !== void 0) {
			this.#renewal?.follow(peer.peerId), publish("peer:connected", { peerId: peer.peerId });
			for (let listener of this.#listeners) listener.connected?.(peer);
		}
	}
	#disconnected(id) {
		let peerId = id.toString();
		this.#renewal?.forget(peerId), publish("peer:disconnected", { peerId });
		for (let listener of this.#listeners) listener.disconnected?.(peerId);
	}
	#checkAddresses() {
		let now = this.addresses().join();
		if (now !== this.#lastAddresses && this.#running !== void 0) {
			this.#lastAddresses = now;
			for (let listener of this.#listeners) listener.addressesChanged?.();
		}
	}
};
export { Libp2pSwarm };
