import { i as inputError, n as errnoOf, r as errorMessage } from "./errors.js";
import { t as assertKeys } from "./cache-key.js";
import { n as isRole } from "./peer.js";
import { n as parseBootstrapAddress, t as parseAddress } from "./address.js";
import { n as parseSize } from "./sizes.js";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
// src/action/inputs.ts
const MODES = [
	"cache",
	"restore",
	"save",
	"serve"
], SETTINGS = {
	"swarm-key": "SWARMCACHE_KEY",
	registry: "SWARMCACHE_REGISTRY",
	bootstrap: "SWARMCACHE_BOOTSTRAP",
	listen: "SWARMCACHE_LISTEN",
	upstream: "SWARMCACHE_UPSTREAM"
};
/** The variables of this process. */
function processEnvironment() {
	return process.env;
}
/**
* Reads and checks the inputs of a step.
*
* @throws ERR_INPUT naming the input.
*/
function readInputs(env) {
	let mode = input(env, "mode") || "cache";
	if (!MODES.includes(mode)) throw inputError(`The input mode is "${mode}", but must be one of ${MODES.join(", ")}.`);
	let inputs = {
		mode,
		paths: lines(env, "path"),
		key: input(env, "key"),
		restoreKeys: lines(env, "restore-keys"),
		crossOs: isTrue(env, "enableCrossOsArchive"),
		failOnCacheMiss: isTrue(env, "fail-on-cache-miss"),
		lookupOnly: isTrue(env, "lookup-only"),
		saveAlways: isTrue(env, "save-always"),
		jobStatus: input(env, "job-status")
	};
	if (mode === "serve") return inputs;
	for (let name of ["path", "key"]) if (input(env, name) === "") throw inputError(`Input required and not supplied: ${name}`);
	return assertKeys(inputs.key, inputs.restoreKeys), inputs;
}
/** The environment with the inputs that are settings in place of the variables they win over. */
function settingsEnvironment(env) {
	let settings = { ...env };
	for (let [name, variable] of Object.entries(SETTINGS)) {
		let value = lines(env, name).join(",");
		value !== "" && (settings[variable] = value);
	}
	return settings;
}
/** True if the run belongs to a branch or tag, which entries are scoped by. */
function hasRef(env) {
	return (env.GITHUB_REF ?? "") !== "";
}
function input(env, name) {
	return (env[`INPUT_${name.replaceAll(" ", "_").toUpperCase()}`] ?? "").trim();
}
function lines(env, name) {
	return input(env, name).split("\n").map((line) => line.replace(/^!\s+/, "!").trim()).filter((line) => line !== "");
}
function isTrue(env, name) {
	return input(env, name).toLowerCase() === "true";
}
// src/config.ts
const LOCAL_BRANCH = "main";
/**
* Reads and checks every setting once.
*
* @throws ERR_INPUT naming the setting, its value (unless secret) and the form it should have.
*/
function loadConfig(sources) {
	let { env = process.env, flags = {} } = sources, workingDirectory = sources.cwd ?? process.cwd(), setting = (name) => presence(env[name]), home = resolvePath(flags.home ?? setting("SWARMCACHE_HOME") ?? join(cacheFolder(env), "swarmcache"), workingDirectory), warnings = [];
	return setting("SWARMCACHE_SHARED") !== void 0 && warnings.push("SWARMCACHE_SHARED has no effect: this version has no shared tier."), {
		home,
		swarmKey: presence(flags.key) ?? setting("SWARMCACHE_KEY"),
		peers: parseSwitch(setting("CACHE_ENABLE_P2P"), "CACHE_ENABLE_P2P"),
		request: requestScope(env, flags),
		role: parseRole(flags.role ?? setting("SWARMCACHE_ROLE")),
		registries: parseRegistries(flags.registry ?? setting("SWARMCACHE_REGISTRY"), join(dirname(home), "swarmcache-peers"), workingDirectory),
		bootstrap: splitList(flags.bootstrap ?? setting("SWARMCACHE_BOOTSTRAP") ?? setting("P2P_BOOTSTRAP_PEERS")).map((address) => parseBootstrapAddress(address, "SWARMCACHE_BOOTSTRAP")),
		listen: parseListen(flags.listen, setting("SWARMCACHE_LISTEN"), setting("P2P_LISTEN_PORT")),
		upstream: parseUpstream(flags.upstream ?? setting("SWARMCACHE_UPSTREAM"), env),
		upstreamEnvironment: upstreamEnvironment(env),
		diskLimitBytes: parseSize(flags.diskLimit ?? setting("SWARMCACHE_DISK_LIMIT") ?? "10GB", "SWARMCACHE_DISK_LIMIT"),
		memoryLimitBytes: parseSize(flags.memoryLimit ?? setting("SWARMCACHE_MEMORY_LIMIT") ?? "64MB", "SWARMCACHE_MEMORY_LIMIT"),
		workingDirectory,
		warnings
	};
}
/** True inside a job of GitHub Actions. */
function insideActions(env) {
	return env.GITHUB_ACTIONS === "true";
}
function requestScope(env, flags) {
	let repository = flags.repository ?? presence(env.SWARMCACHE_REPOSITORY) ?? presence(env.GITHUB_REPOSITORY) ?? "local/local";
	if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw inputError(`SWARMCACHE_REPOSITORY is "${repository}", which is not owner/name, for example octocat/hello.`);
	let scope = flags.ref ?? presence(env.SWARMCACHE_REF) ?? presence(env.GITHUB_REF) ?? `refs/heads/${LOCAL_BRANCH}`;
	if (!/^refs\/[^\s]+$/.test(scope)) throw inputError(`SWARMCACHE_REF is "${scope}", which is not a full ref. Write for example refs/heads/${scope}.`);
	let readable = [
		scope,
		flags.baseRef ?? presence(env.SWARMCACHE_BASE_REF) ?? presence(env.GITHUB_BASE_REF),
		flags.defaultBranch ?? presence(env.SWARMCACHE_DEFAULT_BRANCH) ?? eventDefaultBranch(env)
	].filter((name) => name !== void 0).map((name) => name.startsWith("refs/") ? name : `refs/heads/${name}`);
	return {
		repository: repository.toLowerCase(),
		scope,
		readable: [...new Set(readable)]
	};
}
function eventDefaultBranch(env) {
	if (!insideActions(env)) return LOCAL_BRANCH;
	let path = presence(env.GITHUB_EVENT_PATH);
	if (path !== void 0) try {
		let branch = JSON.parse(readFileSync(path, "utf8")).repository?.default_branch;
		return typeof branch == "string" ? presence(branch) : void 0;
	} catch {
		return;
	}
}
function parseRole(value) {
	let role = presence(value) ?? "runner";
	if (!isRole(role)) throw inputError(`The role is "${role}", but must be seeder, runner or reader.`);
	return role;
}
function parseRegistries(value, defaultPath, workingDirectory) {
	return value === void 0 ? [{
		kind: "dir",
		path: defaultPath
	}] : splitList(value).map((item) => {
		let path = item.startsWith("dir:") ? item.slice(4).trim() : "";
		if (path === "") throw inputError(`SWARMCACHE_REGISTRY contains "${item}", but this version knows only dir:PATH. For peers at fixed addresses use SWARMCACHE_BOOTSTRAP.`);
		return {
			kind: "dir",
			path: resolvePath(path, workingDirectory)
		};
	});
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
const UPSTREAM_NAMES = /^(ACTIONS_|GITHUB_|RUNNER_|SEGMENT_DOWNLOAD_|CACHE_UPLOAD_|NODE_EXTRA_CA_CERTS$|(https?|all|no)_proxy$|PATH$|HOME$|USERPROFILE$|TMPDIR$|TEMP$|TMP$|SystemRoot$|SystemDrive$|LANG$|LC_ALL$)/i;
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
function presence(value) {
	let trimmed = value?.trim();
	return trimmed === void 0 || trimmed === "" ? void 0 : trimmed;
}
// src/action/daemon-message.ts
/** Process whose end is the end of the job, in the daemon's environment. */
const JOB_PROCESS_VARIABLE = "SWARMCACHE_JOB_PROCESS";
// src/action/process-life.ts
/** True while the process with this id runs, whoever owns it. */
function isRunning(pid) {
	try {
		process.kill(pid, 0);
	} catch (error) {
		if (errnoOf(error) !== "EPERM") return !1;
	}
	return !isZombie(pid);
}
function isZombie(pid) {
	if (process.platform !== "linux") return !1;
	try {
		let stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return stat.slice(stat.lastIndexOf(")") + 1).startsWith(" Z");
	} catch {
		return !1;
	}
}
export { processEnvironment as a, hasRef as i, JOB_PROCESS_VARIABLE as n, readInputs as o, loadConfig as r, settingsEnvironment as s, isRunning as t };
