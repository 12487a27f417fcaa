import { a as info, c as saveState, d as setSecret, f as startGroup, i as getState, l as setFailed, m as summary, n as endGroup, p as warning, r as error, s as notice, t as debug, u as setOutput } from "./actions-core.js";
import { o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { n as JOB_PROCESS_VARIABLE, r as hasRef, t as isRunning } from "./process-life.js";
import { n as loadConfig } from "./config.js";
import { t as formatSize } from "./sizes.js";
import { a as withDeadline, n as pause } from "./deadline.js";
import { t as TransferLine } from "./transfer-line.js";
import { t as createLogger } from "./logger.js";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeSync, openSync } from "node:fs";
import { fork } from "node:child_process";
// src/action/fail-soft.ts
/** A failure that the user asked for (`fail-on-cache-miss`). */
var StepFailure = class extends Error {
	name = "StepFailure";
};
/**
* Runs an entry of the action and ends the process.
*
* Bad input and a `StepFailure` fail the step. Anything else that goes wrong, also outside of
* `entry`, is a warning: a cache must not break a build.
*/
async function runFailSoft(entry) {
	process.removeAllListeners("warning").on("warning", (warning) => debug(warning.message)), process.on("uncaughtException", warn), process.on("unhandledRejection", warn), process.once("beforeExit", () => {
		warning("The cache stopped without an answer; the job goes on without it.");
	});
	try {
		await entry();
	} catch (error) {
		error instanceof StepFailure || isSwarmCacheError(error, "ERR_INPUT") ? setFailed(error.message) : warn(error);
	}
	process.stdout.write("", () => process.exit());
}
function warn(error) {
	warning(errorMessage(error)), error instanceof Error && error.stack !== void 0 && debug(error.stack);
}
// src/action/background-node.ts
const PASSED_ON = /^(SWARMCACHE_\w+|ACTIONS_ID_TOKEN_REQUEST_(URL|TOKEN)|CACHE_ENABLE_P2P|P2P_\w+|GITHUB_(ACTIONS|REPOSITORY|REF|BASE_REF|EVENT_NAME|EVENT_PATH|SERVER_URL|API_URL)|RUNNER_(TEMP|OS|NAME|TRACKING_ID)|XDG_CACHE_HOME|PATH|HOME|USERPROFILE|SystemRoot|TMPDIR|TEMP|TMP|LANG|TZ)$/i, PASSED_ON_FOR_GITHUB = /^(GITHUB_TOKEN|ACTIONS_(RUNTIME_TOKEN|RESULTS_URL|CACHE_URL|CACHE_SERVICE_V2|CACHE_MODE)|(HTTPS?|ALL|NO)_PROXY|NODE_USE_ENV_PROXY|NODE_EXTRA_CA_CERTS)$/i;
/**
* Starts a node in a process of its own that outlives this step; resolves when it takes part.
*
* The runner ends it with the job's other left-over processes, should post never come.
*
* @throws what the node could not start for: ERR_INPUT for a bad setting, ERR_CONTROL if one runs already.
*/
async function startNode(env, access) {
	let logPath = join(env.RUNNER_TEMP || tmpdir(), `swarmcache-node-${process.pid}.log`), log = openSync(logPath, "a", 384), child = fork(join(import.meta.dirname, daemonFile()), [], {
		detached: !0,
		execArgv: [],
		env: daemonEnvironment(env, access),
		stdio: [
			"ignore",
			log,
			log,
			"ipc"
		]
	});
	closeSync(log);
	try {
		let message = await withDeadline(1e4, "Starting the node", void 0, (signal) => firstMessage(child, signal));
		if (message.state === "failed") throw new SwarmCacheError(message.code ?? "ERR_CONTROL", message.message);
	} catch (error) {
		throw child.kill("SIGKILL"), error;
	} finally {
		child.connected && child.disconnect(), child.unref();
	}
	return {
		pid: child.pid,
		logPath
	};
}
/** Asks a node to drain and leave; ends it if that takes too long. False if it was gone already. */
async function stopNode({ pid }) {
	if (!isRunning(pid) || !sendSignal(pid, "SIGTERM")) return !1;
	let endMs = performance.now() + 15e3;
	for (; isRunning(pid);) {
		if (performance.now() > endMs) return sendSignal(pid, "SIGKILL");
		await pause(20);
	}
	return !0;
}
function sendSignal(pid, signal) {
	try {
		return process.kill(pid, signal);
	} catch {
		return !1;
	}
}
async function firstMessage(child, signal) {
	let exited = once(child, "exit", { signal }).then(() => ({
		state: "failed",
		code: void 0,
		message: "The process of the node ended at once."
	})), told = once(child, "message", { signal }).then(([message]) => message);
	return await Promise.race([told, exited]);
}
function daemonEnvironment(env, { github }) {
	let passed = Object.entries(env).filter(([name]) => PASSED_ON.test(name) || github && PASSED_ON_FOR_GITHUB.test(name));
	return {
		...github ? { NODE_USE_ENV_PROXY: "1" } : {},
		...Object.fromEntries(passed),
		SWARMCACHE_UPSTREAM: "off",
		[JOB_PROCESS_VARIABLE]: String(process.ppid)
	};
}
function daemonFile() {
	return import.meta.filename.endsWith(".ts") ? "daemon.ts" : "daemon.js";
}
// src/action/state.ts
const NODE_PID = "SWARMCACHE_NODE_PID", NODE_LOG = "SWARMCACHE_NODE_LOG", NODE_ABSENT = "SWARMCACHE_NODE_ABSENT", PRIMARY_KEY = "CACHE_KEY", MATCHED_KEY = "CACHE_RESULT";
/** Keeps the key that was asked for. */
function keepPrimaryKey(key) {
	saveState(PRIMARY_KEY, key);
}
/** Keeps the key that was restored. */
function keepMatchedKey(key) {
	saveState(MATCHED_KEY, key);
}
/** Keeps the node to stop. */
function keepNode(node) {
	saveState(NODE_PID, String(node.pid)), saveState(NODE_LOG, node.logPath);
}
/** Keeps that there is no node and none is to be started. */
function keepNodeAbsent() {
	saveState(NODE_ABSENT, "true");
}
/** What main kept. */
function readState() {
	let pid = Number(getState(NODE_PID)), isPid = Number.isSafeInteger(pid) && pid > 1;
	return {
		primaryKey: getState(PRIMARY_KEY),
		matchedKey: getState(MATCHED_KEY),
		node: isPid ? {
			pid,
			logPath: getState(NODE_LOG)
		} : void 0,
		peers: getState(NODE_ABSENT) === ""
	};
}
/** Reads the settings and hides the secret one from the log. */
function readConfig(env) {
	let config = loadConfig({ env });
	return config.swarmKey !== void 0 && setSecret(config.swarmKey), config.github.token !== void 0 && setSecret(config.github.token), config;
}
/** False, with a word on it, if the run belongs to no ref, which entries are scoped by. */
function isCacheable(env) {
	if (hasRef(env)) return !0;
	let event = env.GITHUB_EVENT_NAME ?? "";
	return info(`[warning]Event Validation Error: The event type ${event} is not supported because it's not tied to a branch or tag ref.`), !1;
}
/**
* Starts the node of the job unless it has one; returns the config to go on with, which is one
* without peers if there can be no node.
*
* @throws ERR_INPUT for a setting that the node refuses.
*/
async function joinSwarm(env, config) {
	if (!config.peers || config.membership.proof === "none") return keepNodeAbsent(), config;
	try {
		let github = config.registries.some(({ kind }) => kind === "github");
		return await isNodeRunning(config.home) || keepNode(await startNode(env, { github })), config;
	} catch (error) {
		if (isSwarmCacheError(error, "ERR_INPUT")) throw error;
		return warning(`No node could be started, so this job works without peers: ${errorMessage(error)}`), keepNodeAbsent(), {
			...config,
			peers: !1
		};
	}
}
/** True if an earlier step of the job, or the machine, has a node for this home. */
async function isNodeRunning(home) {
	let { connectToNode } = await import("./compose2.js"), node = await connectToNode(home);
	return await node?.stop(), node !== void 0;
}
/** Opens a session for `work` and closes it within a deadline. */
async function withSession(config, logger, work) {
	let { openSession } = await import("./compose2.js"), session = await openSession(config, { logger });
	try {
		await work(session);
	} finally {
		await session.stop({ signal: AbortSignal.timeout(6e5) });
	}
}
// src/action/outputs.ts
const TIERS = [
	"memory",
	"disk",
	"shared",
	"peers",
	"upstream"
];
/** Sets the outputs of a restore; `cache-hit` stays unset on a miss, as with actions/cache. */
function setRestoreOutputs(result) {
	setOutput("cache-primary-key", result.key);
	for (let tier of TIERS) setOutput(`bytes-${tier}`, result.bytes[tier]);
	result.hit !== "miss" && (setOutput("cache-hit", String(result.hit === "exact")), setOutput("cache-matched-key", result.matchedKey), setOutput("source", mainSource(result.bytes)));
}
/** The tier that most bytes came from; empty if none were moved. */
function mainSource(bytes) {
	let source = "";
	for (let tier of TIERS) bytes[tier] > (source === "" ? 0 : bytes[source]) && (source = tier);
	return source;
}
/** Writes a line of progress every few seconds while states come in. */
function progressReporter() {
	let line = new TransferLine(), lastMs = performance.now();
	return (progress) => {
		let nowMs = performance.now();
		line.note(progress, nowMs), nowMs - lastMs < 5e3 || (lastMs = nowMs, info(line.describe(progress, nowMs)));
	};
}
// src/action/summary.ts
/** Adds a restore to the summary of the job. */
async function writeRestoreSummary(result, lookupOnly) {
	await writeSummary(restoreTable(result, lookupOnly));
}
/** Adds a save to the summary of the job. */
async function writeSaveSummary(result) {
	await writeSummary(saveTable(result));
}
/** Adds what became of the job's requests to the GitHub API, if there were any. */
async function writeApiSummary(stats) {
	stats.requests > 0 && await writeSummary(apiTable(stats));
}
/** Requests to the API as a table in Markdown. */
function apiTable({ tiers, ...counts }) {
	let { requests, charged, saved, free, collapsed, stale, failed } = counts, how = [
		[free, "confirmed at no cost"],
		[collapsed, "together with others"],
		[stale, "not asked again"]
	].filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`), from = Object.entries(tiers).filter(([tier, count]) => count > 0 && tier !== "upstream");
	return table("GitHub API", {
		Requests: String(requests),
		Charged: String(charged),
		Saved: saved === 0 ? "0" : `${saved} (${how.join(", ")})`,
		"Answers from": from.map(([tier, count]) => `${tier} ${count}`).join(", "),
		Failed: failed === 0 ? "" : String(failed)
	});
}
/** A restore as a table in Markdown. */
function restoreTable(result, lookupOnly) {
	let { matchedKey, bytes } = result, matched = matchedKey === void 0 || matchedKey === result.key ? "" : code(matchedKey), skipped = result.skipped === 0 ? "" : ` (${result.skipped} in place already)`;
	return table("Cache restore", {
		Key: code(result.key),
		Hit: [lookupOnly ? `${result.hit} (lookup only)` : result.hit, matched].join(" ").trim(),
		Source: mainSource(bytes),
		Bytes: bytesOfTiers(bytes),
		Files: result.files === 0 ? "" : `${result.files}${skipped}`,
		Peers: String(result.peers),
		Time: seconds(result.milliseconds)
	});
}
/** A save as a table in Markdown. */
function saveTable(result) {
	let { bytes, chunks } = result;
	return table("Cache save", {
		Key: code(result.key),
		Saved: result.saved ? "yes" : `no: ${result.reason ?? "the key is taken"}`,
		Content: `${formatSize(bytes.content)} in ${result.files} files`,
		New: `${formatSize(bytes.new)}, ${chunks.new} of ${chunks.total} chunks`,
		Stored: formatSize(bytes.stored),
		Time: seconds(result.milliseconds)
	});
}
function table(title, cells) {
	let shown = Object.entries(cells).filter(([, value]) => value !== ""), row = (values) => `| ${values.map(cell).join(" | ")} |`;
	return [
		`#### ${title}`,
		"",
		row(shown.map(([name]) => name)),
		row(shown.map(() => "---")),
		row(shown.map(([, value]) => value)),
		"",
		""
	].join("\n");
}
function bytesOfTiers(bytes) {
	return Object.entries(bytes).filter(([, count]) => count > 0).map(([tier, count]) => `${tier} ${formatSize(count)}`).join(", ");
}
function code(text) {
	return `<code>${text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</code>`;
}
function cell(text) {
	return text.replaceAll("|", "&#124;").replace(/\s+/g, " ");
}
function seconds(milliseconds) {
	return `${(milliseconds / 1e3).toFixed(2)} s`;
}
async function writeSummary(markdown) {
	try {
		await summary.addRaw(markdown).write();
	} catch (error) {
		debug(`No summary was written: ${errorMessage(error)}`);
	}
}
// src/action/workflow-log.ts
const WRITERS = {
	debug,
	info,
	notice,
	warning,
	error
};
/** A logger that writes to the log of the step; notices and above become annotations. */
function workflowLogger() {
	return createLogger((level, line) => WRITERS[level](line), "debug");
}
/** Runs `work` with the lines it prints folded under a title. */
async function inGroup(title, work) {
	startGroup(title);
	try {
		return await work();
	} finally {
		endGroup();
	}
}
// src/action/save-step.ts
/** Saves the paths under `key`; what cannot be saved is said and does not fail the step. */
async function saveStep(cache, inputs, key) {
	let result = await inGroup(`Saving ${key}`, async () => await cache.save(inputs.paths, key, {
		crossOs: inputs.crossOs,
		onProgress: progressReporter()
	}));
	if (await writeSaveSummary(result), !result.saved) {
		info(`Cache not saved: ${result.reason ?? `the key ${key} is taken`}`);
		return;
	}
	let { bytes, files } = result;
	info(`Cache Size: ~${formatSize(bytes.content)} in ${files} files, ${formatSize(bytes.stored)} stored`), info(`Cache saved with key: ${key}`);
}
export { runFailSoft as _, writeRestoreSummary as a, isCacheable as c, withSession as d, keepMatchedKey as f, StepFailure as g, stopNode as h, writeApiSummary as i, joinSwarm as l, readState as m, inGroup as n, progressReporter as o, keepPrimaryKey as p, workflowLogger as r, setRestoreOutputs as s, saveStep as t, readConfig as u };
