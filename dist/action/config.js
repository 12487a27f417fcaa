import { i as inputError, r as errorMessage } from "./errors.js";
import { n as parseBootstrapAddress, t as parseAddress } from "./address.js";
import { n as issuerOfServer, r as parseIssuer } from "./issuer.js";
import { r as isRole } from "./peer.js";
import { a as parseCacheMode, n as branchScope, t as accessOf } from "./scope-rules.js";
import { n as parseSize } from "./sizes.js";
import { isIP } from "node:net";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { readFileSync } from "node:fs";
// src/core/environment.ts
/** A value without the space around it; undefined if nothing is left. */
function presence(value) {
	let trimmed = value?.trim();
	return trimmed === void 0 || trimmed === "" ? void 0 : trimmed;
}
/** True inside a job of GitHub Actions. */
function insideActions(env) {
	return env.GITHUB_ACTIONS === "true";
}
// src/core/membership.ts
const GET_KEY = "set SWARMCACHE_KEY (in Actions the input swarm-key) to a secret that your runners share", YAML = "permissions:\n  id-token: write";
/**
* Chooses the proofs. A swarm key, where there is one and the policy allows it, names the swarm, and all of its
* members have it; ID tokens are shown beside it by those who can, and demanded by the policy `both` only, so
* that a fleet whose long-lived nodes have no job to prove stays in one piece. Without a key the repository
* names the swarm, and every member shows a token.
*/
function planMembership({ policy, hasKey, hasToken, insideActions }) {
	let usesKey = hasKey && policy !== "oidc", usesToken = hasToken && policy !== "key", getToken = insideActions ? `give the job an ID token (keep its other permissions, such as contents: read):\n${YAML}` : "give the node an ID token by SWARMCACHE_OIDC_TOKEN_FILE", none = (reason) => ({
		proof: "none",
		requiresToken: !1,
		reason,
		improvable: !0
	});
	if (policy === "both" && usesKey !== usesToken) {
		let [missing, advice] = usesKey ? ["no ID token", getToken] : ["no swarm key", GET_KEY];
		return none(`SWARMCACHE_AUTH is both, but there is ${missing}, so no peers take part. To change that, ${advice}`);
	}
	if (!usesKey && !usesToken) return none(policy === "oidc" ? `SWARMCACHE_AUTH is oidc, but there is no ID token, so no peers take part. To change that, ${getToken}` : policy === "key" ? `There is no swarm key, so no peers take part. To change that, ${GET_KEY}.` : `There is no swarm key and no ID token, so no peers take part.${insideActions ? " Pull requests from forks get neither." : ""} To change that, ${GET_KEY}, or ${getToken}`);
	let proof = usesKey ? usesToken ? "both" : "key" : "oidc", requiresToken = policy === "both" || proof === "oidc";
	return {
		proof,
		requiresToken,
		...reasonFor(proof, {
			requiresToken,
			isChosen: policy !== void 0,
			insideActions
		})
	};
}
function reasonFor(proof, about) {
	if (proof === "oidc") return {
		reason: "Peers prove themselves by their ID tokens: the runs of this repository form the swarm. Runners with a swarm key form another one.",
		improvable: !1
	};
	if (proof === "both") return {
		reason: `Peers prove themselves by the swarm key, and ${about.requiresToken ? "must show" : "show, where they have one,"} an ID token beside it.`,
		improvable: !1
	};
	let advice = about.insideActions && !about.isChosen ? ` With an ID token beside it, GitHub itself says for which ref each run may save. Give it to the job (keep its other permissions, such as contents: read):\n${YAML}` : "";
	return {
		reason: `Peers prove themselves by the swarm key.${advice}`,
		improvable: advice !== ""
	};
}
// src/core/request-scope.ts
const FACTS = {
	event: "GITHUB_EVENT_NAME",
	ref: "GITHUB_REF",
	workflow: "GITHUB_WORKFLOW_REF",
	runId: "GITHUB_RUN_ID",
	runAttempt: "GITHUB_RUN_ATTEMPT",
	sha: "GITHUB_SHA",
	actor: "GITHUB_ACTOR"
};
/**
* Reads whose cache is meant from flags and environment, and from the event's payload inside a job.
*
* @throws ERR_INPUT for a repository or ref that is none.
*/
function readRequest(env, flags = {}) {
	let repository = flags.repository ?? presence(env.SWARMCACHE_REPOSITORY) ?? presence(env.GITHUB_REPOSITORY) ?? "local/local";
	if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw inputError(`SWARMCACHE_REPOSITORY is "${repository}", which is not owner/name, for example octocat/hello.`);
	let ref = flags.ref ?? presence(env.SWARMCACHE_REF) ?? presence(env.GITHUB_REF) ?? LOCAL_SCOPE;
	if (!/^refs\/[^\s]+$/.test(ref)) throw inputError(`SWARMCACHE_REF is "${ref}", which is not a full ref. Write for example refs/heads/${ref}.`);
	let payload = insideActions(env) ? readPayload(env) : {}, base = flags.baseRef ?? presence(env.SWARMCACHE_BASE_REF) ?? presence(env.GITHUB_BASE_REF), branch = flags.defaultBranch ?? presence(env.SWARMCACHE_DEFAULT_BRANCH) ?? payload.defaultBranch, defaultScope = branch === void 0 ? void 0 : branchScope(branch), fallback = insideActions(env) ? void 0 : LOCAL_SCOPE, readable = [
		ref,
		base && branchScope(base),
		defaultScope ?? fallback
	], request = {
		scope: ref,
		readable: [...new Set(readable.filter((scope) => scope !== void 0))]
	}, event = insideActions(env) ? presence(env.GITHUB_EVENT_NAME) : void 0, { followsFork } = payload, run = event === void 0 ? void 0 : {
		event,
		ref,
		defaultScope,
		followsFork
	};
	return {
		repository: repository.toLowerCase(),
		defaultScope,
		...accessOf(request, run, parseCacheMode(env.ACTIONS_CACHE_MODE)),
		provenance: readProvenance(env)
	};
}
const LOCAL_SCOPE = branchScope("main");
function readPayload(env) {
	let path = presence(env.GITHUB_EVENT_PATH);
	if (path === void 0) return {};
	try {
		let event = JSON.parse(readFileSync(path, "utf8")), branch = event.repository?.default_branch, id = event.repository?.id, followed = event.workflow_run?.head_repository?.id;
		return {
			defaultBranch: typeof branch == "string" ? presence(branch) : void 0,
			followsFork: id === void 0 || followed === void 0 ? void 0 : followed !== id
		};
	} catch {
		return {};
	}
}
function readProvenance(env) {
	if (!insideActions(env)) return;
	let run = {};
	for (let [name, variable] of Object.entries(FACTS)) {
		let value = presence(env[variable]);
		value !== void 0 && (run[name] = value.slice(0, 1024));
	}
	return {
		repositoryId: presence(env.GITHUB_REPOSITORY_ID),
		run
	};
}
// src/config/api-setting.ts
const MAX_SECONDS = 604800;
/**
* Reads the settings of the API cache; `apiUrl` is the one that the environment names.
*
* @throws ERR_INPUT naming the setting, and its value unless it may hold a secret.
*/
function apiSetting(env, apiUrl) {
	let store = presence(env.SWARMCACHE_API_STORE);
	if (store !== void 0 && !/^[a-z][a-z0-9+.-]*:/i.test(store)) throw inputError("SWARMCACHE_API_STORE must be a keyv URI, for example redis://host:6379.");
	return {
		urls: [.../* @__PURE__ */ new Set([apiUrl, "https://api.github.com"])],
		store,
		maxStaleMs: parseSeconds(env, "SWARMCACHE_API_MAX_STALE"),
		staleOnErrorMs: parseSeconds(env, "SWARMCACHE_API_STALE_ON_ERROR"),
		sharePersonal: parseSharing(env, "SWARMCACHE_API_SHARE_PERSONAL")
	};
}
function parseSeconds(env, name) {
	let value = presence(env[name]);
	if (value === void 0) return;
	let seconds = /^\d{1,9}(\.\d{1,3})?s?$/.test(value) ? parseFloat(value) : 1e400;
	if (seconds <= MAX_SECONDS) return seconds * 1e3;
	throw inputError(`${name} is "${value}", but must be a number of seconds up to ${MAX_SECONDS}.`);
}
function parseSharing(env, name) {
	let value = presence(env[name]) ?? "false";
	if (/^(1|true|yes|on)$/i.test(value)) return !0;
	if (/^(0|false|no|off)$/i.test(value)) return !1;
	throw inputError(`${name} is "${value}", but must be true or false.`);
}
/**
* Reads `PORT` or `HOST:PORT`; without a host only this machine reaches the door.
*
* @throws ERR_INPUT for anything else.
*/
function parseHttp(value) {
	if (value === void 0) return;
	let [, host = "127.0.0.1", digits] = /^(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5})$/.exec(value) ?? [], name = host.replace(/^\[(.*)\]$/, "$1"), isHost = isIP(name) !== 0 || /^[\w-]+(\.[\w-]+)*$/.test(name), port = Number(digits);
	if (digits !== void 0 && port <= 65535 && isHost) return {
		host: name,
		port
	};
	throw inputError(`SWARMCACHE_HTTP (--http) is "${value}", but must be a port, or an address and a port such as 127.0.0.1:8787.`);
}
/** What the environment gives; `repository` is meant where it names none. */
function githubSetting(env, repository) {
	let setting = (name) => presence(env[name]), protocol = usesNewerProtocol(env) ? "v2" : "v1", url = (protocol === "v1" ? setting("ACTIONS_CACHE_URL") : void 0) ?? setting("ACTIONS_RESULTS_URL"), token = setting("ACTIONS_RUNTIME_TOKEN");
	return {
		apiUrl: (setting("GITHUB_API_URL") ?? "https://api.github.com").replace(/\/+$/, ""),
		repository: setting("GITHUB_REPOSITORY") ?? repository,
		token: setting("GITHUB_TOKEN"),
		cacheService: url !== void 0 && token !== void 0 && URL.canParse(url) ? {
			url,
			token,
			protocol
		} : void 0
	};
}
/** The choice that @actions/cache makes: Enterprise Server has the older protocol only. */
function usesNewerProtocol(env) {
	let server = presence(env.GITHUB_SERVER_URL) ?? "https://github.com", host = URL.canParse(server) ? new URL(server).hostname : "";
	return (host === "github.com" || host.endsWith(".ghe.com") || host.endsWith(".localhost")) && presence(env.ACTIONS_CACHE_SERVICE_V2) !== void 0;
}
/**
* Reads and checks every setting once.
*
* @throws ERR_INPUT naming the setting, its value (unless secret) and the form it should have.
*/
function loadConfig(sources) {
	let { env = process.env, flags = {} } = sources, workingDirectory = sources.cwd ?? process.cwd(), setting = (name) => presence(env[name]), home = resolvePath(flags.home ?? setting("SWARMCACHE_HOME") ?? join(cacheFolder(env), "swarmcache"), workingDirectory), request = readRequest(env, flags), github = githubSetting(env, request.repository), warnings = [];
	setting("SWARMCACHE_SHARED") !== void 0 && warnings.push("SWARMCACHE_SHARED has no effect: this version has no shared tier.");
	let swarmKey = presence(flags.key) ?? setting("SWARMCACHE_KEY"), tokens = parseTokens(env, flags, workingDirectory);
	return {
		home,
		swarmKey,
		tokens,
		membership: planMembership({
			policy: parseAuth(flags.auth ?? setting("SWARMCACHE_AUTH")),
			hasKey: swarmKey !== void 0,
			hasToken: tokens.request !== void 0 || tokens.file !== void 0,
			insideActions: insideActions(env)
		}),
		swarmOf: parseSwarmOf(flags.swarmOf ?? setting("SWARMCACHE_SWARM")),
		peers: parseSwitch(setting("CACHE_ENABLE_P2P"), "CACHE_ENABLE_P2P"),
		request,
		role: parseRole(flags.role ?? setting("SWARMCACHE_ROLE")),
		registries: parseRegistries(flags.registry ?? setting("SWARMCACHE_REGISTRY"), join(dirname(home), "swarmcache-peers"), workingDirectory, insideActions(env)),
		github,
		api: apiSetting(env, github.apiUrl),
		http: parseHttp(presence(flags.http) ?? setting("SWARMCACHE_HTTP")),
		bootstrap: parseBootstrap(flags.bootstrap ?? setting("SWARMCACHE_BOOTSTRAP"), setting("P2P_BOOTSTRAP_PEERS")),
		listen: parseListen(flags.listen, setting("SWARMCACHE_LISTEN"), setting("P2P_LISTEN_PORT")),
		upstream: parseUpstream(flags.upstream ?? setting("SWARMCACHE_UPSTREAM"), env),
		upstreamEnvironment: upstreamEnvironment(env),
		diskLimitBytes: parseSize(flags.diskLimit ?? setting("SWARMCACHE_DISK_LIMIT") ?? "10GB", "SWARMCACHE_DISK_LIMIT"),
		memoryLimitBytes: parseSize(flags.memoryLimit ?? setting("SWARMCACHE_MEMORY_LIMIT") ?? "32MB", "SWARMCACHE_MEMORY_LIMIT"),
		rates: {
			uploadBytesPerSecond: parseRate(flags.uploadLimit ?? setting("SWARMCACHE_UPLOAD_LIMIT"), "SWARMCACHE_UPLOAD_LIMIT"),
			downloadBytesPerSecond: parseRate(flags.downloadLimit ?? setting("SWARMCACHE_DOWNLOAD_LIMIT"), "SWARMCACHE_DOWNLOAD_LIMIT")
		},
		workingDirectory,
		warnings
	};
}
/** Scope of a repository's default branch, as far as the settings tell: they are about one repository. */
function defaultScopeOf({ request }, repository) {
	return repository === request.repository ? request.defaultScope : void 0;
}
/** A size for each second; undefined where none is set. */
function parseRate(value, name) {
	return value === void 0 ? void 0 : parseSize(value, name);
}
function parseAuth(value) {
	let policy = presence(value);
	if (policy === void 0 || policy === "key" || policy === "oidc" || policy === "both") return policy;
	throw inputError(`SWARMCACHE_AUTH is "${policy}", but must be key, oidc or both.`);
}
function parseSwarmOf(value) {
	let swarmOf = presence(value) ?? "repository";
	if (swarmOf === "repository" || swarmOf === "owner") return swarmOf;
	throw inputError(`SWARMCACHE_SWARM is "${swarmOf}", but must be repository or owner.`);
}
function parseTokens(env, flags, workingDirectory) {
	let issuers = splitList(flags.issuer ?? env.SWARMCACHE_OIDC_ISSUER), url = presence(env.ACTIONS_ID_TOKEN_REQUEST_URL), secret = presence(env.ACTIONS_ID_TOKEN_REQUEST_TOKEN), file = presence(flags.tokenFile) ?? presence(env.SWARMCACHE_OIDC_TOKEN_FILE);
	return {
		issuers: issuers.length === 0 ? [issuerOfServer(presence(env.GITHUB_SERVER_URL))] : issuers.map((issuer) => parseIssuer(issuer, "SWARMCACHE_OIDC_ISSUER")),
		request: url === void 0 || secret === void 0 ? void 0 : {
			url,
			secret
		},
		file: file === void 0 ? void 0 : resolvePath(file, workingDirectory)
	};
}
function parseRole(value) {
	let role = presence(value) ?? "runner";
	if (!isRole(role)) throw inputError(`The role is "${role}", but must be seeder, runner or reader.`);
	return role;
}
function parseRegistries(value, defaultPath, workingDirectory, inActions) {
	if (value === void 0) {
		let local = {
			kind: "dir",
			path: defaultPath
		};
		return inActions ? [local, { kind: "github" }] : [local];
	}
	return splitList(value).map((item) => {
		if (item === "github:") return { kind: "github" };
		let path = item.startsWith("dir:") ? item.slice(4).trim() : "";
		if (path === "") throw inputError(`SWARMCACHE_REGISTRY contains "${item}", but this version knows only dir:PATH and github:. For peers at fixed addresses use SWARMCACHE_BOOTSTRAP.`);
		return {
			kind: "dir",
			path: resolvePath(path, workingDirectory)
		};
	});
}
function parseBootstrap(value, older) {
	let name = value === void 0 ? "P2P_BOOTSTRAP_PEERS" : "SWARMCACHE_BOOTSTRAP";
	return splitList(value ?? older).map((address) => parseBootstrapAddress(address, name));
}
function parseListen(flags, variable, port) {
	let items = (flags ?? splitList(variable)).flatMap((item) => splitList(item));
	if (items.length === 1 && items[0] === "none") return [];
	if (items.length > 16) throw inputError(`SWARMCACHE_LISTEN has ${items.length} addresses; at most 16 are allowed.`);
	if (items.length > 0) return items.map((item) => parseAddress(item, "SWARMCACHE_LISTEN"));
	if (port === void 0) return ["/ip4/0.0.0.0/tcp/0"];
	if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw inputError(`P2P_LISTEN_PORT is "${port}", which is not a port from 0 to 65535.`);
	return [`/ip4/0.0.0.0/tcp/${port}`];
}
function parseUpstream(value, env) {
	let policy = presence(value);
	if (policy === void 0) return insideActions(env) && presence(env.ACTIONS_RUNTIME_TOKEN) !== void 0 ? "write-through" : "off";
	if (policy !== "off" && policy !== "read" && policy !== "write-through") throw inputError(`SWARMCACHE_UPSTREAM is "${policy}", but must be off, read or write-through.`);
	return policy;
}
const UPSTREAM_NAMES = /^(ACTIONS_(?!ID_TOKEN_)|GITHUB_|RUNNER_|SEGMENT_DOWNLOAD_|CACHE_UPLOAD_|NODE_EXTRA_CA_CERTS$|(https?|all|no)_proxy$|PATH$|HOME$|USERPROFILE$|TMPDIR$|TEMP$|TMP$|SystemRoot$|SystemDrive$|LANG$|LC_ALL$)/i;
function upstreamEnvironment(env) {
	let entries = Object.entries(env).filter((entry) => entry[1] !== void 0 && UPSTREAM_NAMES.test(entry[0]));
	return Object.fromEntries(entries);
}
function parseSwitch(value, name) {
	if (value === void 0 || /^(1|true|yes|on)$/i.test(value)) return !0;
	if (/^(0|false|no|off)$/i.test(value)) return !1;
	throw inputError(`${name} is "${value}", but must be true or false.`);
}
function cacheFolder(env) {
	return presence(env.XDG_CACHE_HOME) ?? join(presence(env.HOME) ?? userHome(), ".cache");
}
function userHome() {
	try {
		return homedir();
	} catch (cause) {
		throw inputError(`There is no home folder (${errorMessage(cause)}). Set SWARMCACHE_HOME to a folder for the cache.`);
	}
}
function resolvePath(path, workingDirectory) {
	return path === "~" || path.startsWith("~/") ? join(userHome(), path.slice(1)) : isAbsolute(path) ? path : resolve(workingDirectory, path);
}
function splitList(value) {
	return (value ?? "").split(",").map((item) => item.trim()).filter((item) => item !== "");
}
export { loadConfig as n, defaultScopeOf as t };
