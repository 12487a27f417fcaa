import { i as withDeadline, r as startDeadline, t as abortable } from "./deadline.js";
import { a as isSwarmCacheError, i as inputError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as publish } from "./events.js";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
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
/** The next bytes of the connection; what came after them stays there. */
async function readExactly(connection, count, signal) {
	if (signal?.throwIfAborted(), connection.status !== "open") throw Error("the connection is closed");
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
// src/swarm/connection-encrypter.ts
const NOT_MEMBER = "it does not take part in this swarm, or has another swarm key (the handshake ended early)", OTHER_PEER = "another peer answers there";
/**
* Lets only members get as far as a connection: the dialler proves that it has the key, then Noise
* (whose prologue is bound to the key) proves the peer ids and encrypts. Nothing else of libp2p
* (identify, DHT, any protocol) is reachable before both have passed; a further proof belongs after Noise.
*/
var MemberEncrypter = class {
	protocol = "/swarmcache/noise/1.0.0";
	#parts;
	constructor(parts) {
		this.#parts = parts;
	}
	async secureOutbound(connection, options) {
		let { key, noise, silence } = this.#parts;
		try {
			await giveProof(connection, key, options?.signal);
			let secured = await noise.secureOutbound(connection, options);
			return silence.follow(connection), withoutThrowingSend(secured);
		} catch (cause) {
			options?.signal?.throwIfAborted();
			let isOther = cause instanceof Error && cause.name === "UnexpectedPeerError";
			throw Error(isOther ? OTHER_PEER : NOT_MEMBER, { cause });
		}
	}
	async secureInbound(connection, options) {
		let { key, noise, refusals, silence } = this.#parts;
		try {
			if (!await demandProof(connection, key, options?.signal)) throw Error("it has another swarm key");
			let secured = await noise.secureInbound(connection, options);
			return refusals.admitted(connection), silence.follow(connection), withoutThrowingSend(secured);
		} catch (error) {
			throw refusals.refused(connection, errorMessage(error)), error;
		}
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
/** Why a dial failed, if its handshake did. */
function handshakeFailure(error) {
	if (error instanceof AggregateError) return error.errors.map(handshakeFailure).find((failure) => failure !== void 0);
	if (error instanceof Error) return error.message === NOT_MEMBER ? "not-member" : error.message === OTHER_PEER ? "other-peer" : void 0;
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
		passthroughMapper: kad.passthroughMapper,
		peerIdFromMultihash: peerId.peerIdFromMultihash,
		peerIdFromString: peerId.peerIdFromString,
		ping: pings.ping,
		tcp: tcps.tcp,
		yamux
	};
}
/** Notices connections from outside that end before they have proved membership, and says so. */
var Refusals = class {
	#logger;
	#undecided = /* @__PURE__ */ new WeakMap();
	#windowEndsMs = 0;
	#lines = 0;
	#unsaid = 0;
	constructor(parts) {
		this.#logger = parts.logger;
	}
	/** Follows a connection that has just been accepted, until it is admitted or refused. */
	follow(connection) {
		this.#undecided.set(connection, connection.remoteAddr.toString()), connection.addEventListener("close", () => {
			this.refused(connection, "it left without proving that it has the swarm key");
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
	}, refusals = new Refusals({ logger: parts.logger }), keepAliveMs = options.keepAliveMs ?? 2e4, silence = new SilenceWatch({ keepAliveMs }), isSeeder = options.role === "seeder", isReachableByRelay = options.role === "runner" || options.listen.length === 0, bootstrap = options.bootstrap ?? [], addressUpdates, node = await libp2p.createLibp2p({
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
		transports: [libp2p.tcp({ dialOpts }), libp2p.circuitRelayTransport()],
		connectionEncrypters: [(components) => new MemberEncrypter({
			noise: noise({ prologueBytes: parts.prologue })(components),
			key: parts.prologue,
			refusals,
			silence
		})],
		streamMuxers: [libp2p.yamux({
			keepAliveInterval: keepAliveMs,
			streamOptions: {
				maxStreamWindowSize: 4194304,
				maxReadBufferLength: 4194304
			}
		})],
		connectionGater: {
			denyInboundConnection: (connection) => (refusals.follow(connection), !1),
			denyDialMultiaddr: () => !1
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
			dht: libp2p.kadDHT({
				protocol: "/swarmcache/kad/1.0.0",
				clientMode: options.role === "reader",
				peerInfoMapper: libp2p.passthroughMapper,
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
			}),
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
	return {
		node,
		dht: new SwarmDht({
			node,
			dht: node.services.dht,
			contentIdOf: (digest) => libp2p.peerIdFromMultihash(multihashOf(digest)).toCID()
		}),
		release() {
			silence.stop(), addressUpdates?._updatePeerStoreAddresses?.stop();
		},
		peerIdFromString: libp2p.peerIdFromString,
		multiaddr
	};
}
// src/swarm/swarm-errors.ts
/** A dial failed: ERR_NOT_MEMBER if the other side is no member of the swarm, else ERR_PEER. */
function dialError(peerId, addresses, cause) {
	let facts = {
		peerId,
		addresses
	};
	return handshakeFailure(cause) === "not-member" ? new SwarmCacheError("ERR_NOT_MEMBER", `The peer ${peerId} cannot be connected to: it does not take part in this swarm, or has another swarm key. Check that both nodes have the same key and repository.`, {
		cause,
		facts
	}) : new SwarmCacheError("ERR_PEER", `The peer ${peerId} cannot be connected to: ${errorMessage(cause)}. Check that it is running and that its port is open.`, {
		cause,
		facts
	});
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
// src/swarm/libp2p-swarm.ts
const STREAM_OPTIONS = {
	runOnLimitedConnection: !0,
	maxInboundStreams: 256,
	maxOutboundStreams: 256
};
/** The swarm over libp2p: TCP, Noise bound to the swarm key, yamux, kad-dht, circuit relays at seeders. */
var Libp2pSwarm = class {
	peerId;
	#parts;
	#options;
	#handlers = /* @__PURE__ */ new Map();
	#listeners = /* @__PURE__ */ new Set();
	#streams = /* @__PURE__ */ new Set();
	#running;
	#wanted = !1;
	#lastAddresses = "";
	constructor(parts, options) {
		this.peerId = parts.peerKey.peerId, this.#parts = parts, this.#options = options;
	}
	async start(options = {}) {
		options.signal?.throwIfAborted(), this.#wanted = !0;
		let running = await createNode(this.#parts, this.#options), { node } = running;
		for (let [protocol, handler] of this.#handlers) await node.handle(protocol, (stream, connection) => this.#answer(handler, stream, connection), STREAM_OPTIONS);
		node.addEventListener("peer:connect", ({ detail }) => this.#connected(detail)), node.addEventListener("peer:disconnect", ({ detail }) => this.#disconnected(detail)), node.addEventListener("transport:listening", () => this.#checkAddresses()), node.addEventListener("transport:close", () => this.#checkAddresses()), node.addEventListener("self:peer:update", () => this.#checkAddresses()), this.#running = running;
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
		this.#running = void 0;
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
		return peersOf(this.#running?.node.getConnections() ?? []);
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
		let target = dialTarget(running, peerId, addresses);
		try {
			let connection = await withDeadline(DIAL_TIMEOUT_MS, `Connecting to the peer ${peerId}`, options.signal, (signal) => running.node.dial(target, { signal }));
			return this.#peer(peerId) ?? peerOf(connection);
		} catch (error) {
			throw options.signal?.throwIfAborted(), isSwarmCacheError(error) ? error : dialError(peerId, addresses, error);
		}
	}
	async disconnect(peerId) {
		let running = this.#running;
		running !== void 0 && await running.node.hangUp(running.peerIdFromString(peerId), { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
	}
	handle(protocol, handler) {
		this.#handlers.set(protocol, handler);
	}
	async open(peerId, protocol, options = {}) {
		options.signal?.throwIfAborted();
		let { node, peerIdFromString } = this.#started();
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
	#connected(id) {
		let peer = this.#peer(id.toString());
		if (peer !== void 0) {
			publish("peer:connected", { peerId: peer.peerId });
			for (let listener of this.#listeners) listener.connected?.(peer);
		}
	}
	#disconnected(id) {
		let peerId = id.toString();
		publish("peer:disconnected", { peerId });
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
