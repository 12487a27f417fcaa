import { t as defaultScopeOf } from "./config.js";
import { r as errorMessage } from "./errors.js";
import { t as VERSION } from "./version.js";
import { availableParallelism } from "node:os";
import { join } from "node:path";
// src/compose/answers.ts
const MAX_MEMORY_BYTES = 33554432, FIND_MS = 5e3;
/** The answers of the GitHub API that a member keeps, shares and takes turns for. */
async function composeAnswers(config, logger, { repository, peerKey, joined, requiresToken }) {
	let [{ MemoryShelf }, { DiskShelf }, { SharedQuotas }, { TieredAnswers }, { PatientTurns }, { MemberAnswers }] = await Promise.all([
		import("./memory-shelf.js"),
		import("./disk-shelf.js"),
		import("./shared-quotas.js"),
		import("./tiered-answers.js"),
		import("./patient-turns.js"),
		import("./member-answers.js")
	]), own = logger.scoped("api"), quotas = new SharedQuotas({ repository }), memory = new MemoryShelf({ limitBytes: Math.min(MAX_MEMORY_BYTES, config.memoryLimitBytes) }), disk = new DiskShelf({ logger: own }, {
		folder: join(config.home, "api", encodeURIComponent(repository)),
		limitBytes: Math.min(268435456, config.diskLimitBytes * .05)
	}), shelves = [disk];
	if (config.api.store !== void 0) {
		let [{ KeyvShelf }, { loadKeyvAdapter }] = await Promise.all([import("./keyv-shelf.js"), import("./keyv-adapter.js")]), adapter = await loadKeyvAdapter(config.api.store, "SWARMCACHE_API_STORE");
		shelves.push(new KeyvShelf({
			adapter,
			logger: own
		}, { repository }));
	}
	if (joined === void 0) {
		let leases = await composeOwnLeases(peerKey);
		return new MemberAnswers({
			tiers: new TieredAnswers({
				memory,
				shelves,
				leases: new PatientTurns(leases),
				logger: own
			}, { findMs: FIND_MS }),
			quota: quotas,
			services: [leases]
		});
	}
	let [{ SwarmAnswerPeers }, { AnswerReaders }, { SwarmLeases }] = await Promise.all([
		import("./swarm-answer-peers.js"),
		import("./answer-readers.js"),
		import("./swarm-leases.js")
	]), { swarm, router } = joined, { role } = config, defaultScope = defaultScopeOf(config, repository), readers = new AnswerReaders({ swarm }, {
		repository,
		defaultScope,
		requiresToken
	}), peers = new SwarmAnswerPeers({
		swarm,
		peers: router,
		shelves: [memory, disk],
		readers,
		quotas,
		logger: own
	}, {
		repository,
		gives: role !== "reader"
	}), leases = role === "reader" ? await composeOwnLeases(peerKey) : new SwarmLeases({
		swarm,
		peers,
		logger: own
	}, {
		protocol: "/swarmcache/api-lease/1",
		answerMs: 500,
		leaseMs: 500,
		beatMs: 100
	});
	return new MemberAnswers({
		tiers: new TieredAnswers({
			memory,
			shelves,
			peers,
			leases: new PatientTurns(leases),
			logger: own
		}, { findMs: FIND_MS }),
		quota: quotas,
		services: [peers, leases]
	});
}
/** The cache in front of the GitHub API for a request, over what the node holds. */
async function composeApiCache(config, logger, { node, request }) {
	let [{ GitHubApiCache }, { NearAnswers }, { MemoryShelf }, { QuotaBoard }] = await Promise.all([
		import("./github-api-cache.js"),
		import("./near-answers.js"),
		import("./memory-shelf.js"),
		import("./quota-board.js")
	]), counted, answers = new NearAnswers({
		memory: new MemoryShelf({ limitBytes: Math.min(MAX_MEMORY_BYTES, config.memoryLimitBytes) }),
		quota: new QuotaBoard(),
		open: async () => {
			let opened = await node.answers(request.repository);
			return counted = opened.count(() => cache.stats()), opened;
		}
	}), { repository, scope, readable, readRefused, writeRefused } = request, { urls, maxStaleMs, staleOnErrorMs, sharePersonal } = config.api, cache = new GitHubApiCache({
		tiers: answers,
		quota: answers,
		scope: {
			repository,
			scope,
			readable,
			readRefused,
			writeRefused
		},
		logger: logger.scoped("api")
	}, {
		apiUrls: urls,
		maxStaleMs,
		staleOnErrorMs,
		sharePersonal
	});
	return {
		cache,
		stop: async () => {
			await cache.stop(), await counted?.();
		}
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
// src/compose/gateway.ts
/** The HTTP door of a node, listening; undefined where none is asked for. */
async function startGateway(config, logger, node) {
	if (config.http === void 0) return;
	let [{ HttpGateway }, { GithubApiRoute }] = await Promise.all([import("./http-gateway.js"), import("./github-api-route.js")]), api = await composeApiCache(config, logger, {
		node,
		request: config.request
	}), gateway = new HttpGateway({
		routes: [new GithubApiRoute({ cache: api.cache }, { apiUrl: config.github.apiUrl })],
		logger: logger.scoped("http")
	}, config.http);
	return await gateway.start(), {
		url: gateway.url,
		stop: async () => {
			await gateway.stop(), await api.stop();
		}
	};
}
// src/compose/stores.ts
/** The store of a repository; a command that cannot have one on disk goes on with one in memory. */
async function composeStore(config, logger, lifetime, repository) {
	let [{ DiskStore }, { verifyEntry }] = await Promise.all([import("./disk-store.js"), import("./identity2.js")]), { home, diskLimitBytes, memoryLimitBytes } = config;
	try {
		return { store: await DiskStore.open({
			home,
			repository,
			defaultScope: defaultScopeOf(config, repository),
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
/** What the policy allows of GitHub's cache service. */
async function composeUpstream(config, logger) {
	if (config.upstream === "off") return;
	let { ActionsCacheUpstream } = await import("./actions-cache-upstream.js");
	return new ActionsCacheUpstream({ logger: logger.scoped("upstream") }, {
		env: config.upstreamEnvironment,
		workingDirectory: config.workingDirectory
	});
}
// src/compose/registries.ts
/** The registries that the settings name; those that have nothing to work with are left out with a notice. */
async function composeRegistries(config, parts) {
	let { keys } = parts, [{ DirectoryRegistry }, { StaticRegistry }] = await Promise.all([import("./directory-registry.js"), import("./static-registry.js")]), registries = [];
	for (let each of config.registries) each.kind === "dir" ? registries.push(new DirectoryRegistry({ keys }, { path: each.path })) : registries.push(...await composeGithubRegistry(config, parts));
	return config.bootstrap.length > 0 && registries.push(new StaticRegistry({ addresses: config.bootstrap })), registries;
}
async function composeGithubRegistry({ github, request, upstreamEnvironment: env }, { keys, peerKey, logger }) {
	let { cacheService, token, apiUrl, repository } = github;
	if (cacheService === void 0 && token === void 0) return logger.log("notice", "Runners cannot find each other through GitHub here: there is neither the token of the cache service, which steps that are actions have, nor GITHUB_TOKEN. Start the node in a step \"uses: swarmcache/swarmcache\", or set GITHUB_TOKEN with \"permissions: actions: read\"."), [];
	let [{ GithubRegistry }, { CacheLookup }, { CacheListing }, { ActionsCacheUpstream }] = await Promise.all([
		import("./github-registry.js"),
		import("./github-lookup.js"),
		import("./github-listing.js"),
		import("./actions-cache-upstream.js")
	]), now = Date.now;
	return [new GithubRegistry({
		keys,
		peerKey,
		logger,
		upstream: cacheService === void 0 ? void 0 : new ActionsCacheUpstream({ logger }, { env }),
		lookup: cacheService === void 0 ? void 0 : new CacheLookup(cacheService, now),
		listing: token === void 0 ? void 0 : new CacheListing({
			apiUrl,
			token,
			repository
		}, now)
	}, {
		repository,
		readable: request.readable,
		now
	})];
}
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
	let { request = config.request, writer } = await composeJob(config, logger) ?? {}, node = await connectOrWarn(config, logger) ?? await composeNode(config, { logger }, "session", writer), upstream = await composeUpstream(config, logger), [{ TreeCache }, { BlobCache }, { TreeArchive }, { LazyTiers }] = await Promise.all([
		import("./tree-cache.js"),
		import("./blob.js"),
		import("./tree-archive.js"),
		import("./lazy-tiers.js")
	]), tiers = new LazyTiers({
		open: async (options) => await node.tiers(request.repository, options),
		sign: writer?.sign
	}), archive = new TreeArchive(), cache = new TreeCache({
		tiers,
		archive,
		upstream,
		logger
	}, {
		request,
		workingDirectory: config.workingDirectory,
		writeThrough: config.upstream === "write-through",
		threads: Math.min(4, availableParallelism()),
		notesFolder: join(config.home, "notes")
	}), blobs = new BlobCache({
		tiers,
		archive
	}, { request }), api, stop = async (options) => {
		await (await api)?.stop(), await cache.settle({ signal: options?.signal ?? AbortSignal.timeout(6e5) }), await upstream?.close(), await node.stop(options);
	};
	return {
		cache,
		blobs,
		node,
		request,
		api: async () => (await (api ??= composeApiCache(config, logger, {
			node,
			request
		}))).cache,
		stop,
		[Symbol.asyncDispose]: async () => await stop()
	};
}
/**
* Starts a node that takes part in the request's swarm until it is stopped, with a control socket in its home.
*
* One that lives for a job is another peer each time: what a job could read of its key is of no use afterwards.
*
* @throws ERR_INPUT for a bad key, ERR_CONTROL if a node runs for this home already, ERR_STORE for an unusable
* home, or the reason why it cannot listen.
*/
async function serveNode(config, { logger }, lifetime = "serve") {
	warn(config, logger), await assertMembership(config);
	let { ControlServer } = await import("./control-server.js"), node = await composeNode(config, { logger }, lifetime), control = new ControlServer({
		node,
		logger
	}, { home: config.home }), gateway;
	try {
		await control.start(), gateway = await startGateway(config, logger, node), await node.tiers(config.request.repository);
	} catch (error) {
		throw await gateway?.stop(), await control.stop(), await node.stop(), error;
	}
	let stop = async (options) => {
		await gateway?.stop(), await control.stop(), await node.stop(options);
	};
	return {
		http: gateway?.url,
		status: async () => await node.status(),
		stop,
		[Symbol.asyncDispose]: async () => await stop()
	};
}
/** Outside of a job there are no tokens, and no need to load what reads them. */
async function composeJob(config, logger) {
	if ((config.tokens.request ?? config.upstreamEnvironment.ACTIONS_RUNTIME_TOKEN) !== void 0) return await (await import("./job.js")).composeJob(config, logger);
}
async function connectOrWarn(config, logger) {
	try {
		return await connectToNode(config.home);
	} catch (error) {
		logger.log("warning", `The running node cannot be used: ${errorMessage(error)}`);
		return;
	}
}
async function composeNode(config, { logger }, lifetime, writer) {
	let { LocalNode } = await import("./local-node.js");
	return new LocalNode({ createMember: async (repository) => await composeMember(config, logger, {
		repository,
		lifetime,
		writer
	}) }, {
		version: VERSION,
		home: config.home,
		role: config.role,
		membership: membershipOf(config),
		registries: [...config.registries.map((each) => each.kind === "dir" ? `dir:${each.path}` : `github:${config.github.repository}`), ...config.bootstrap]
	});
}
async function composeMember(config, logger, { repository, lifetime, writer }) {
	let [identity, { composeProofs }, { composeTrust, composeVerifier }, { NodeTiers }, { Member }] = await Promise.all([
		import("./identity2.js"),
		import("./proofs.js"),
		import("./trust.js"),
		import("./node-tiers.js"),
		import("./member.js")
	]), { store, savesRefused } = await composeStore(config, logger, lifetime, repository), peerKey = lifetime === "serve" ? await identity.loadPeerKey(join(config.home, "keys", encodeURIComponent(repository))) : writer?.key ?? identity.createPeerKey(), verifier = composeVerifier(config, logger), proving = {
		repository,
		peerKey,
		verifier,
		source: writer?.source
	}, proofs = lifetime === "look" ? void 0 : await composeProofs(config, logger, proving), { trust, attested } = composeTrust(config, proofs, {
		verifier,
		repository
	}), { check: checkEntry } = trust, joined = proofs === void 0 ? void 0 : await composeSwarm(config, logger, proofs, {
		repository,
		peerKey,
		store,
		checkEntry,
		lifetime
	});
	return new Member({
		store,
		tiers: new NodeTiers({
			store,
			peers: joined,
			leases: joined?.leases ?? await composeOwnLeases(peerKey),
			sign: (entry) => identity.signEntry(entry, peerKey),
			checkEntry,
			logger
		}, {
			repository,
			provides: config.role !== "reader",
			attested,
			savesRefused
		}),
		answers: await composeAnswers(config, logger, {
			repository,
			peerKey,
			joined,
			requiresToken: proofs?.tokens?.required ?? !1
		}),
		joined,
		attest: trust.attest,
		logger
	}, {
		repository,
		peerId: peerKey.peerId,
		goesOnAlone: lifetime === "session"
	});
}
async function composeSwarm(config, logger, { keys, prologue, tokens }, member) {
	let [{ Libp2pSwarm }, { SwarmRouter }, { SwarmTransfer }, { SwarmLeases }, { Rendezvous }, { HandOver }, { HandOverKeeper }, serving] = await Promise.all([
		import("./libp2p-swarm.js"),
		import("./swarm-router.js"),
		import("./swarm-transfer.js"),
		import("./swarm-leases.js"),
		import("./rendezvous.js"),
		import("./hand-over.js"),
		import("./hand-over-keeper.js"),
		import("./serving.js")
	]), { peerKey, store, checkEntry } = member, { role } = config, defaultScope = defaultScopeOf(config, member.repository), swarm = new Libp2pSwarm({
		peerKey,
		prologue,
		tokens,
		logger: logger.scoped("swarm")
	}, {
		role,
		listen: config.listen,
		bootstrap: config.bootstrap
	}), router = new SwarmRouter({
		swarm,
		answers: serving.answersFrom({
			store,
			checkEntry,
			swarm
		}, {
			role,
			defaultScope
		}),
		checkEntry,
		logger: logger.scoped("router")
	}), transfer = new SwarmTransfer({
		swarm,
		peers: router,
		supply: serving.supplyFrom(store, role),
		logger: logger.scoped("transfer")
	}, {
		lanes: { listenHost: laneHost(config) },
		...config.rates
	}), rendezvous = new Rendezvous({
		swarm,
		registries: await composeRegistries(config, {
			keys,
			peerKey,
			logger: logger.scoped("registry")
		}),
		logger: logger.scoped("registry")
	}, { role }), leases = role === "reader" ? void 0 : new SwarmLeases({
		swarm,
		peers: router,
		logger: logger.scoped("lease")
	}), keeper = new HandOverKeeper({
		store,
		transfer,
		router,
		checkEntry,
		logger
	}, {
		repository: member.repository,
		role,
		staysOn: member.lifetime !== "session"
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
/** Lanes are accepted where the swarm listens: on one host if it names one, on all of them otherwise. */
function laneHost({ listen }) {
	let hosts = [...new Set(listen.map((address) => address.split("/")[2]))];
	return hosts.length > 1 ? "::" : hosts[0];
}
async function assertMembership(config) {
	if (!config.peers || config.swarmKey === void 0) return;
	let { assertSwarmKey } = await import("./swarm-keys2.js");
	assertSwarmKey(config.swarmKey);
}
function membershipOf({ peers, membership }) {
	if (!peers) return {
		proof: "none",
		reason: "Peers are switched off."
	};
	let { proof, reason } = membership;
	return {
		proof,
		reason
	};
}
/** Says once what has no effect, and how membership could be proved, or be proved better. */
function warn(config, logger) {
	for (let warning of config.warnings) logger.log("warning", warning);
	let { improvable, reason } = config.membership;
	config.peers && logger.log(improvable ? "notice" : "debug", reason);
}
export { openSession as n, serveNode as r, connectToNode as t };
