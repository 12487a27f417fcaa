import { r as errorMessage } from "./errors.js";
import { t as VERSION } from "./version.js";
import { availableParallelism } from "node:os";
import { join } from "node:path";
/** The node that runs for a home, or undefined. */
async function connectToNode(home) {
	return await (await import("./control-client.js")).connectToNode(home);
}
/**
* Opens the cache for a request: through the node that runs for the home, else with one of this process.
*
* @throws ERR_INPUT for a swarm key that is refused; a swarm or a store that cannot be had is a warning.
*/
async function openSession(config, { logger }) {
	warn(config, logger), await assertMembership(config);
	let { repository } = config.request, node = await connectOrWarn(config, logger) ?? await composeNode(config, { logger }, "session"), upstream = await composeUpstream(config, logger), [{ TreeCache }, { BlobCache }, { TreeArchive }, { LazyTiers }] = await Promise.all([
		import("./tree-cache.js"),
		import("./blob.js"),
		import("./tree-archive.js"),
		import("./lazy-tiers.js")
	]), tiers = new LazyTiers((options) => node.tiers(repository, options)), archive = new TreeArchive(), cache = new TreeCache({
		tiers,
		archive,
		upstream,
		logger
	}, {
		request: config.request,
		workingDirectory: config.workingDirectory,
		writeThrough: config.upstream === "write-through",
		threads: Math.min(4, availableParallelism())
	}), blobs = new BlobCache({
		tiers,
		archive
	}, { request: config.request }), stop = async (options) => {
		await cache.settle({ signal: options?.signal ?? AbortSignal.timeout(6e5) }), await upstream?.close(), await node.stop(options);
	};
	return {
		cache,
		blobs,
		node,
		request: config.request,
		stop,
		[Symbol.asyncDispose]: async () => await stop()
	};
}
/**
* Starts a node that takes part in the request's swarm until it is stopped, with a control socket in its home.
*
* @throws ERR_INPUT for a bad key, ERR_CONTROL if a node runs for this home already, ERR_STORE for an unusable
* home, or the reason why it cannot listen.
*/
async function serveNode(config, { logger }) {
	warn(config, logger), await assertMembership(config);
	let { ControlServer } = await import("./control-server.js"), node = await composeNode(config, { logger }, "serve"), control = new ControlServer({
		node,
		logger
	}, { home: config.home });
	try {
		await control.start(), await node.tiers(config.request.repository);
	} catch (error) {
		throw await control.stop(), await node.stop(), error;
	}
	let stop = async (options) => {
		await control.stop(), await node.stop(options);
	};
	return {
		status: async () => await node.status(),
		stop,
		[Symbol.asyncDispose]: async () => await stop()
	};
}
async function connectOrWarn(config, logger) {
	try {
		return await connectToNode(config.home);
	} catch (error) {
		logger.log("warning", `The running node cannot be used: ${errorMessage(error)}`);
		return;
	}
}
async function composeNode(config, { logger }, lifetime) {
	let { LocalNode } = await import("./local-node.js");
	return new LocalNode({ createMember: async (repository) => await composeMember(config, logger, lifetime, repository) }, {
		version: VERSION,
		home: config.home,
		role: config.role,
		membership: membershipOf(config),
		registries: [...config.registries.map(({ kind, path }) => `${kind}:${path}`), ...config.bootstrap]
	});
}
async function composeMember(config, logger, lifetime, repository) {
	let [identity, { NodeTiers }, { Member }] = await Promise.all([
		import("./identity.js"),
		import("./node-tiers.js"),
		import("./member.js")
	]), { store, savesRefused } = await composeStore(config, logger, lifetime, repository), peerKey = lifetime === "serve" ? await identity.loadPeerKey(join(config.home, "keys", encodeURIComponent(repository))) : identity.createPeerKey(), joined = lifetime !== "look" && config.peers && config.swarmKey !== void 0 ? await composeSwarm(config, config.swarmKey, logger, {
		repository,
		peerKey,
		store,
		lifetime
	}) : void 0;
	return new Member({
		store,
		tiers: new NodeTiers({
			store,
			peers: joined,
			leases: joined?.leases ?? await composeOwnLeases(peerKey),
			sign: (entry) => identity.signEntry(entry, peerKey),
			logger
		}, {
			repository,
			provides: config.role !== "reader",
			savesRefused
		}),
		joined,
		logger
	}, {
		repository,
		peerId: peerKey.peerId,
		goesOnAlone: lifetime === "session"
	});
}
async function composeSwarm(config, swarmKey, logger, member) {
	let [identity, { Libp2pSwarm }, { SwarmRouter }, { SwarmTransfer }, { SwarmLeases }, { Rendezvous }, { HandOver }, { HandOverKeeper }, serving] = await Promise.all([
		import("./identity.js"),
		import("./libp2p-swarm.js"),
		import("./swarm-router.js"),
		import("./swarm-transfer.js"),
		import("./swarm-leases.js"),
		import("./rendezvous.js"),
		import("./hand-over.js"),
		import("./hand-over-keeper.js"),
		import("./serving.js")
	]), keys = identity.deriveSwarmKeys(swarmKey, member.repository), { peerKey, store } = member, { role } = config, swarm = new Libp2pSwarm({
		peerKey,
		prologue: keys.prologue,
		logger: logger.scoped("swarm")
	}, {
		role,
		listen: config.listen,
		bootstrap: config.bootstrap
	}), router = new SwarmRouter({
		swarm,
		answers: serving.answersFrom(store, role),
		verifyEntry: identity.verifyEntry,
		logger: logger.scoped("router")
	}), transfer = new SwarmTransfer({
		swarm,
		peers: router,
		supply: serving.supplyFrom(store, role),
		logger: logger.scoped("transfer")
	}, { lanes: { listenHost: laneHost(config) } }), rendezvous = new Rendezvous({
		swarm,
		registries: await composeRegistries(config, keys),
		logger: logger.scoped("registry")
	}, { role }), leases = role === "reader" ? void 0 : new SwarmLeases({
		swarm,
		peers: router,
		logger: logger.scoped("lease")
	}), { verifyEntry } = identity, keeper = new HandOverKeeper({
		store,
		transfer,
		router,
		verifyEntry,
		logger
	}, {
		repository: member.repository,
		role,
		staysOn: member.lifetime === "serve"
	});
	return {
		swarm,
		router,
		transfer,
		leases,
		handOver: role === "reader" ? void 0 : new HandOver({
			swarm,
			store,
			router,
			keeper,
			logger
		}, {
			role,
			ownOnly: member.lifetime === "session"
		}),
		rendezvous
	};
}
/** Turns among the processes that share a node which is in no swarm. */
async function composeOwnLeases({ peerId }) {
	let { MemoryLeaseGroup, MemoryLeases } = await import("./memory-leases.js");
	return new MemoryLeases({
		peerId,
		group: new MemoryLeaseGroup()
	});
}
/** Lanes are accepted where the swarm listens: on one host if it names one, on all of them otherwise. */
function laneHost({ listen }) {
	let hosts = [...new Set(listen.map((address) => address.split("/")[2]))];
	return hosts.length > 1 ? "::" : hosts[0];
}
async function composeRegistries(config, keys) {
	let [{ DirectoryRegistry }, { StaticRegistry }] = await Promise.all([import("./directory-registry.js"), import("./static-registry.js")]), registries = config.registries.map(({ path }) => new DirectoryRegistry({ keys }, { path }));
	return config.bootstrap.length > 0 && registries.push(new StaticRegistry({ addresses: config.bootstrap })), registries;
}
async function composeStore(config, logger, lifetime, repository) {
	let [{ DiskStore }, { verifyEntry }] = await Promise.all([import("./disk-store.js"), import("./identity.js")]), { home, diskLimitBytes, memoryLimitBytes } = config;
	try {
		return { store: await DiskStore.open({
			home,
			repository,
			limitBytes: diskLimitBytes,
			memoryLimitBytes,
			logger: logger.scoped("store"),
			verifyEntry
		}) };
	} catch (error) {
		if (lifetime !== "session") throw error;
		logger.log("warning", `${errorMessage(error)} Going on without a store on disk.`);
		let { MemoryStore } = await import("./memory-store.js");
		return {
			store: new MemoryStore({
				repository,
				limitBytes: memoryLimitBytes
			}),
			savesRefused: "There is no store on disk that would keep it."
		};
	}
}
async function composeUpstream(config, logger) {
	if (config.upstream === "off") return;
	let { ActionsCacheUpstream } = await import("./actions-cache-upstream.js");
	return new ActionsCacheUpstream({ logger: logger.scoped("upstream") }, {
		env: config.upstreamEnvironment,
		workingDirectory: config.workingDirectory
	});
}
async function assertMembership(config) {
	if (!config.peers || config.swarmKey === void 0) return;
	let { assertSwarmKey } = await import("./identity.js");
	assertSwarmKey(config.swarmKey);
}
function membershipOf(config) {
	return config.peers ? config.swarmKey === void 0 ? {
		proof: "none",
		reason: "There is no swarm key, so no peers take part. Set SWARMCACHE_KEY (in Actions the input swarm-key) to a secret that your runners share."
	} : { proof: "key" } : {
		proof: "none",
		reason: "Peers are switched off."
	};
}
/** Says once what has no effect and why no peers take part. */
function warn(config, logger) {
	for (let warning of config.warnings) logger.log("warning", warning);
	let { reason } = membershipOf(config);
	reason !== void 0 && config.peers && logger.log("notice", reason);
}
export { openSession as n, serveNode as r, connectToNode as t };
