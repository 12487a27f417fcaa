import { n as pause, r as startDeadline } from "./deadline.js";
import { t as Limit } from "./limit.js";
import { t as assertKeys } from "./cache-key.js";
import { i as inputError, n as errnoOf, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { tmpdir } from "node:os";
import path from "node:path";
import { fork } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, stat } from "node:fs/promises";
// src/store/actions-cache-outcome.ts
const EXPLANATIONS = [
	{
		reason: "denied",
		pattern: /effective cache-mode/,
		means: "ACTIONS_CACHE_MODE of this job forbids it"
	},
	{
		reason: "denied",
		pattern: /cache write denied:/,
		means: "the service lets this run read only, as it does for forks and other triggers that it doesn't trust"
	},
	{
		reason: "denied",
		pattern: /cache read denied:/,
		means: "the service gives this run nothing to read"
	},
	{
		reason: "quota",
		pattern: /storage quota has been hit|insufficient usage/i,
		means: "the repository's cache storage is used up; delete entries or raise the limit"
	},
	{
		reason: "rate-limit",
		pattern: /\b429\b|rate limit/i,
		means: "the service limits the rate of requests of this repository; fewer or later calls help"
	},
	{
		reason: "unreachable",
		pattern: /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET|socket hang up/,
		means: "the service cannot be reached; check network, proxy and the URL that the runner gives"
	},
	{
		reason: "server-error",
		pattern: /\((?:5\d\d)\)|responded with 5\d\d|status code:? 5\d\d|"?statusCode"?: ?5\d\d/i,
		means: "the service itself has a fault"
	},
	{
		reason: "denied",
		pattern: /\((?:401|403)\)|responded with 40[13]|Unable to get the ACTIONS_RUNTIME_TOKEN/,
		means: "the service refuses this job's token"
	},
	{
		reason: "rubbish",
		pattern: /not valid JSON|Unexpected (?:token|end)|JSON at position|Cache not found\.|Invalid URL/,
		means: "something answered that does not speak the protocol of the cache service"
	},
	{
		reason: "cut",
		pattern: /Premature close|Incomplete download|\baborted\b|Request timeout/i,
		means: "the transfer broke off"
	},
	{
		reason: "tar",
		pattern: /failed with exit code|tar(?:\.exe)?" failed/,
		means: "the archive is damaged or the disk is full; some files may have been written already"
	}
], VERBS = {
	lookup: "look up",
	restore: "restore",
	save: "save"
}, TAKEN = /already[ _](?:exists|being)|\(409\)|responded with 409|Response was not ok/i;
/** Key that a lookup or restore found, undefined for a miss. @throws ERR_UPSTREAM */
function judgeRestore(call, done, transcript) {
	if (assertRan(call, done, transcript), typeof done.result == "string") return done.result;
	let skipped = transcript.troubles.find((text) => text.startsWith("Cache restore skipped: ")), trouble = transcript.warnings.at(-1) ?? skipped;
	if (trouble !== void 0) throw upstreamError(call, trouble, transcript);
}
/** True if the entry was written, false if its name is taken. @throws ERR_UPSTREAM */
function judgeSave(call, done, transcript) {
	assertRan(call, done, transcript);
	let failed = transcript.warnings.some((text) => text.startsWith("Failed to save: "));
	if (typeof done.result == "number" && done.result !== -1 && !failed) return !0;
	let trouble = transcript.troubles.find((text) => text.startsWith("Failed to reserve cache: ")) ?? transcript.troubles.at(-1);
	if (trouble !== void 0 && !trouble.includes("cache write denied:") && TAKEN.test(trouble)) return !1;
	throw upstreamError(call, trouble ?? "it did not say why", transcript);
}
/** ERR_UPSTREAM for a deadline that passed, with what the client had met until then. */
function upstreamTimeout(call, waited, transcript) {
	let last = transcript.troubles.at(-1), found = last === void 0 ? void 0 : explain(last), means = found === void 0 ? "" : ` (${found.means})`, met = last === void 0 ? "" : `; last: ${brief(last)}`;
	return new SwarmCacheError("ERR_UPSTREAM", shorten(`The cache service did not ${VERBS[call.kind]} "${call.key}": ${waited}${means}${met}`), { facts: {
		reason: found?.reason ?? "timeout",
		call: call.kind,
		key: call.key
	} });
}
/** ERR_UPSTREAM for a client that ended without a result. */
function upstreamCrash(call, why, transcript) {
	return new SwarmCacheError("ERR_UPSTREAM", shorten(`The client of the cache service ended before it could ${VERBS[call.kind]} "${call.key}": ${transcript.clean(why)}.`), { facts: {
		reason: "crashed",
		call: call.kind,
		key: call.key
	} });
}
function assertRan(call, done, transcript) {
	if (!done.available) throw new SwarmCacheError("ERR_UPSTREAM", "The cache service of GitHub Actions is unavailable in this environment: the runner sets ACTIONS_RESULTS_URL (or ACTIONS_CACHE_URL) for actions only. Set the upstream to \"off\", or run this as an action.", { facts: {
		reason: "unavailable",
		call: call.kind,
		key: call.key
	} });
	if (done.error !== void 0) throw upstreamError(call, done.error, transcript);
}
function upstreamError(call, trouble, transcript) {
	let found = explain(trouble) ?? explain(transcript.troubles.join("\n")), details = [trouble];
	if (found?.reason === "tar" && details.push(...transcript.toolLines), found?.reason === "rate-limit") {
		let reset = transcript.warnings.find((text) => /will reset in \d+ seconds/.test(text));
		reset !== void 0 && reset !== trouble && details.push(reset);
	}
	let means = found === void 0 ? "" : ` (${meaning(found, call)})`;
	return new SwarmCacheError("ERR_UPSTREAM", shorten(`The cache service did not ${VERBS[call.kind]} "${call.key}"${means}: ${details.map((text) => brief(text)).join("; ")}`), { facts: {
		reason: found?.reason ?? "failed",
		call: call.kind,
		key: call.key
	} });
}
function explain(trouble) {
	return EXPLANATIONS.find(({ pattern }) => pattern.test(trouble));
}
function meaning({ reason, means }, call) {
	return reason === "tar" && call.kind === "save" ? "tar could not read everything" : means;
}
/** The first line without what the client puts around the cause. */
function brief(text) {
	return (text.split("\n", 1)[0] ?? "").replace(/^(?:Failed to (?:restore|save|reserve cache): )(?:Error: )?/, "").replace(/\.? ?Retrying request in \d+ ms\.*$/, "");
}
function shorten(text) {
	return text.length <= 400 ? text : `${text.slice(0, 400)}…`;
}
/**
* Runs one call in `process` under deadlines; when one passes or the signal aborts, the process is
* ended first, so that nothing is written after the rejection.
*
* @throws ERR_UPSTREAM at a deadline or a crash, or the signal's reason.
*/
async function runCall(process, call, transcript, logger, options) {
	using watch = new CallWatch(call, transcript, options);
	let running = process.run(call, (output) => {
		for (let line of transcript.read(output)) logger.log("debug", line.text.replace(/\s*\r?\n\s*/g, " "));
		watch.notice();
	}), stopped = watch.stopped.then((reason) => ({ reason })), outcome = await Promise.race([running, stopped]);
	if ("reason" in outcome) throw await process.end(), outcome.reason;
	if ("crashed" in outcome) throw await process.end(), upstreamCrash(call, outcome.crashed, transcript);
	return watch.notice(), outcome;
}
/** Deadlines and progress of a call in its phases; `stopped` resolves with the reason to give up. */
var CallWatch = class {
	stopped;
	#call;
	#transcript;
	#options;
	#stop;
	#total;
	#poll;
	#onAbort;
	#phase;
	#phaseTimer;
	#archiveBytes = 0;
	#moved = 0;
	#over = !1;
	constructor(call, transcript, options) {
		this.#call = call, this.#transcript = transcript, this.#options = options;
		let { promise, resolve } = Promise.withResolvers();
		this.stopped = promise, this.#stop = resolve;
		let { totalTimeoutMs, stallTimeoutMs, signal } = options;
		this.#total = setTimeout(() => this.#expire(`it took longer than ${totalTimeoutMs} ms in all`), totalTimeoutMs), this.#poll = setInterval(() => void this.#measureArchive(), Math.min(250, Math.max(1, stallTimeoutMs / 4))), this.#onAbort = () => resolve(signal?.reason), signal?.aborted === !0 ? this.#onAbort() : signal?.addEventListener("abort", this.#onAbort, { once: !0 }), this.notice();
	}
	/** Looks at the transcript again: a new phase or more bytes start the phase's deadline anew. */
	notice() {
		if (this.#over) return;
		let { phase, bytes } = this.#transcript, moved = Math.max(bytes, this.#archiveBytes), progressed = moved > this.#moved;
		if (progressed && (this.#moved = moved, phase !== "pack" && this.#options.onProgress?.(moved)), phase === this.#phase && !progressed || phase === "ask" && phase === this.#phase) return;
		this.#phase = phase, clearTimeout(this.#phaseTimer);
		let { lookupTimeoutMs, stallTimeoutMs } = this.#options;
		if (phase === "ask") this.#phaseTimer = setTimeout(() => this.#expire(`it gave no answer within ${lookupTimeoutMs} ms`), lookupTimeoutMs);
		else if (phase === "download" || phase === "upload") {
			let way = phase === "download" ? "received" : "sent";
			this.#phaseTimer = setTimeout(() => this.#expire(`no byte was ${way} for ${stallTimeoutMs} ms (${this.#moved} before)`), stallTimeoutMs);
		}
	}
	[Symbol.dispose]() {
		this.#over = !0, clearTimeout(this.#total), clearTimeout(this.#phaseTimer), clearInterval(this.#poll), this.#options.signal?.removeEventListener("abort", this.#onAbort);
	}
	#expire(waited) {
		this.#stop(upstreamTimeout(this.#call, waited, this.#transcript));
	}
	async #measureArchive() {
		let { archivePath, phase } = this.#transcript;
		if (archivePath !== void 0 && phase === "download") try {
			let { size } = await stat(archivePath);
			this.#archiveBytes = Math.max(this.#archiveBytes, size), this.notice();
		} catch {}
	}
};
// src/store/actions-cache-output.ts
const COMMAND = /^::([a-z-]+)(?: [^:]*)?::(.*)$/, SIGNATURE = /([?&]sig=)[^&\s"']+/g;
/**
* Follows one call of @actions/cache by what it prints, since it reports failures, progress and
* the place of its archive in no other way.
*
* Secrets (masked values, signatures of URLs, the given ones) are taken out of every line.
*/
var ClientTranscript = class {
	phase;
	/** Bytes moved, as far as the client tells. */
	bytes = 0;
	archivePath;
	/** Attempts that failed, refusals and warnings, oldest first; like all lists here the last few. */
	troubles = [];
	warnings = [];
	/** The last lines of tar and its compressor. */
	toolLines = [];
	#secrets;
	#partial = "";
	constructor(kind, secrets = []) {
		this.phase = kind === "save" ? "pack" : "ask", this.#secrets = secrets.filter((secret) => secret.length >= 8);
	}
	/** Takes a piece of output in and returns its lines, clean of secrets. */
	read(output) {
		let pieces = output.startsWith("::") ? [
			this.#partial,
			...output.split(/\r?\n/),
			""
		] : `${this.#partial}${output}`.split(/\r?\n/);
		this.#partial = (pieces.pop() ?? "").slice(0, 4096);
		let lines = [];
		for (let raw of pieces) {
			if (raw.trim() === "") continue;
			let line = this.#decode(raw);
			line !== void 0 && (this.#follow(line), lines.push(line));
		}
		return lines;
	}
	/** `text` without secrets. */
	clean(text) {
		let clean = text.replace(SIGNATURE, "$1***");
		for (let secret of this.#secrets) clean = clean.replaceAll(secret, "***");
		return clean;
	}
	#decode(raw) {
		let command = COMMAND.exec(raw);
		if (command === null) return {
			level: "info",
			text: this.clean(raw)
		};
		let text = command[2].replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
		if (command[1] === "add-mask") {
			text.length >= 8 && this.#secrets.push(text);
			return;
		}
		let level = command[1];
		return level === "debug" || level === "warning" || level === "error" ? {
			level,
			text: this.clean(text)
		} : {
			level: "info",
			text: this.clean(text)
		};
	}
	#follow({ level, text }) {
		if (level === "warning" || level === "error") keep(this.warnings, text, 8), keep(this.troubles, text, 8);
		else if (/^Attempt \d+ of \d+ failed with error: |^\w+.* - Attempt \d+ of \d+ failed/.test(text) || /^Failed to (?:reserve cache|save): |^Cache (?:restore|save) skipped: /.test(text)) keep(this.troubles, text, 8);
		else if (level === "info" && (this.phase === "extract" || this.phase === "pack")) {
			if (text.startsWith("[command]")) return;
			keep(this.toolLines, text, 4);
		}
		this.#followPhase(text);
		let moved = /^(?:Received|Sent) (\d+) of \d+ \(/.exec(text);
		moved !== null && (this.bytes = Number(moved[1]));
		let chunk = /^Uploading chunk of size (\d+) bytes at offset (\d+)/.exec(text);
		chunk !== null && (this.bytes = Math.max(this.bytes, Number(chunk[2])));
	}
	#followPhase(text) {
		let archive = /^Archive [Pp]ath: (.+)$/.exec(text);
		if (archive !== null) {
			this.archivePath = archive[1], this.phase === "ask" && (this.phase = "download");
			return;
		}
		let size = /^Cache Size: ~\d+ MB \((\d+) B\)$/.exec(text);
		size === null ? text === "Reserving Cache" ? this.phase = "ask" : /^Attempting to upload cache located at: |^Saving Cache \(ID: /.test(text) && (this.phase = "upload") : (this.bytes = Number(size[1]), this.phase === "download" && (this.phase = "extract"));
	}
};
function keep(lines, line, most) {
	lines.push(line), lines.length > most && lines.shift();
}
// src/store/actions-cache-process.ts
/** What the client of the cache service reads; nothing else (above all no other secret) is handed on. */
const ENVIRONMENT = /^(ACTIONS_(CACHE_.+|RESULTS_URL|RUNTIME_.+|ORCHESTRATION_ID)|GITHUB_(SERVER_URL|WORKSPACE|REF)|RUNNER_(OS|ARCH|TRACKING_ID)|CACHE_UPLOAD_.+|SEGMENT_DOWNLOAD_TIMEOUT_MINS|(HTTPS?|ALL|NO)_PROXY|NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA|SSL_CERT_(FILE|DIR)|PATH|PATHEXT|HOME|USERPROFILE|USER|TMP|TEMP|TMPDIR|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PROGRAMFILES.*|LANG|LC_.+|TZ|ZSTD_.+|TAR_OPTIONS)$/i, POSIX = process.platform !== "win32";
/**
* A process of its own in which @actions/cache runs, one call at a time.
*
* A process rather than a thread: it costs 20 to 50 ms more to start, but has its own working
* directory and stdout, and tar can be ended together with it.
*/
var ActionsCacheProcess = class ActionsCacheProcess {
	#child;
	#folder;
	#listener;
	#exited;
	#ended;
	constructor(child, folder) {
		this.#child = child, this.#folder = folder, this.#exited = new Promise((resolve) => child.once("exit", resolve)), child.on("message", (message) => this.#listener?.(message)), child.on("exit", (code, signal) => {
			this.#listener?.({ crashed: `its process ended (${signal ?? `exit code ${code}`})` }), this.end();
		}), child.on("error", (error) => this.#listener?.({ crashed: error.message })), this.#hold(!1);
	}
	/** Starts the process with what it needs of `env`. */
	static async start(env) {
		let parent = env.RUNNER_TEMP || tmpdir();
		await mkdir(parent, { recursive: !0 });
		let folder = await mkdtemp(path.join(parent, "swarmcache-upstream-")), passed = {};
		for (let [name, value] of Object.entries(env)) value !== void 0 && ENVIRONMENT.test(name) && (passed[name] = value);
		passed.RUNNER_TEMP = folder, passed.SWARMCACHE_UPSTREAM_WORKER = "1";
		let extension = path.extname(new URL(import.meta.url).pathname), child = fork(new URL(`./actions-cache-worker${extension}`, import.meta.url), {
			cwd: folder,
			env: passed,
			execArgv: [],
			stdio: [
				"ignore",
				"ignore",
				"ignore",
				"ipc"
			],
			detached: POSIX
		});
		return new ActionsCacheProcess(child, folder);
	}
	/** False once it has ended. */
	get alive() {
		return this.#ended === void 0 && this.#child.connected;
	}
	/** Runs one call; resolves with its result, or with the reason why the process ended instead. */
	async run(call, onOutput) {
		this.#hold(!0);
		try {
			return await new Promise((resolve) => {
				this.#listener = (message) => {
					"output" in message ? onOutput(message.output) : resolve("done" in message ? message.done : message);
				}, this.alive ? this.#child.send(call, (error) => error && resolve({ crashed: error.message })) : resolve({ crashed: "its process had ended" });
			});
		} finally {
			this.#listener = void 0, this.#hold(!1);
		}
	}
	/** Ends the process and everything it started; resolves when none of them runs any more. */
	end() {
		return this.#ended ??= this.#end(), this.#ended;
	}
	async #end() {
		this.#killGroup(), this.#child.ref(), this.#child.pid !== void 0 && await this.#exited;
		let deadline = performance.now() + 500;
		for (; this.#killGroup() && performance.now() < deadline;) await pause(5);
		await rm(this.#folder, {
			recursive: !0,
			force: !0,
			maxRetries: 3
		}).catch(() => {});
	}
	/** True if a member was left to kill. */
	#killGroup() {
		let pid = this.#child.pid;
		if (pid === void 0) return !1;
		if (!POSIX) return this.#child.kill("SIGKILL"), !1;
		try {
			return process.kill(-pid, "SIGKILL"), !0;
		} catch (error) {
			if (errnoOf(error) === "ESRCH" || errnoOf(error) === "EPERM") return !1;
			throw error;
		}
	}
	/** Keeps this program running while a call runs, and not otherwise. */
	#hold(busy) {
		busy ? (this.#child.ref(), this.#child.channel?.ref()) : (this.#child.unref(), this.#child.channel?.unref());
	}
}, ActionsCacheUpstream = class {
	#logger;
	#env;
	#workingDirectory;
	#deadlines;
	#turns = new Limit(4, 64);
	#processes = /* @__PURE__ */ new Set();
	#idle = /* @__PURE__ */ new Map();
	#closing = new AbortController();
	constructor(parts, options) {
		this.#logger = parts.logger, this.#env = options.env, this.#workingDirectory = options.workingDirectory, this.#deadlines = {
			lookupTimeoutMs: options.lookupTimeoutMs ?? 1e4,
			stallTimeoutMs: options.stallTimeoutMs ?? 6e4,
			totalTimeoutMs: options.totalTimeoutMs ?? 36e5
		};
	}
	async lookup(paths, key, restoreKeys, options = {}) {
		let found = await this.#call("lookup", paths, key, restoreKeys, options, judgeRestore);
		return found === void 0 ? void 0 : { key: found };
	}
	async restore(paths, key, restoreKeys, options = {}) {
		let found = await this.#call("restore", paths, key, restoreKeys, options, judgeRestore);
		return found === void 0 ? void 0 : { key: found };
	}
	/** The way of a restore whose archive comes from elsewhere; undefined where the client does all by itself. */
	async #relay(source, folder) {
		if (source !== void 0) try {
			let { ArchiveRelay, canRelay } = await import("./archive-relay.js");
			if (!canRelay(this.#env)) return;
			let parts = {
				source,
				logger: this.#logger
			}, silenceMs = Math.min(1e4, this.#deadlines.stallTimeoutMs / 4);
			return await ArchiveRelay.start(parts, {
				env: this.#env,
				folder,
				silenceMs
			});
		} catch (error) {
			this.#logger.log("info", `No download can be shared: ${errorMessage(error)}`);
			return;
		}
	}
	async save(paths, key, options = {}) {
		return await this.#call("save", paths, key, [], options, judgeSave);
	}
	/** Ends running calls with ERR_CLOSED and their processes with them. */
	async close() {
		this.#closing.abort(new SwarmCacheError("ERR_CLOSED", "The upstream is closed."));
		for (let timer of this.#idle.values()) clearTimeout(timer);
		this.#idle.clear(), await Promise.all([...this.#processes].map((process) => process.end()));
	}
	async #call(kind, paths, key, restoreKeys, options, judge) {
		if (assertKeys(key, restoreKeys), paths.length === 0) throw inputError("No path was given. Name at least one file or folder.");
		let signals = [this.#closing.signal];
		options.signal !== void 0 && signals.push(options.signal);
		let signal = AbortSignal.any(signals);
		signal.throwIfAborted();
		let workingDirectory = path.resolve(options.workingDirectory ?? this.#workingDirectory ?? "."), workspace = await chooseWorkspace(paths, workingDirectory, this.#env.GITHUB_WORKSPACE), asked = {
			kind,
			paths,
			key,
			restoreKeys,
			crossOs: options.crossOs ?? !1,
			workingDirectory,
			workspace
		};
		using _turn = await this.#takeTurn(asked, signal);
		await using relay = await this.#relay(options.source, workspace ?? workingDirectory);
		let environment = relay?.environment, call = {
			...asked,
			environment
		}, process = await this.#takeProcess(call), transcript = new ClientTranscript(kind, [this.#env, environment].map((env) => env?.ACTIONS_RUNTIME_TOKEN ?? "")), failed = !0;
		try {
			let { onProgress } = options, watched = {
				...this.#deadlines,
				signal,
				onProgress
			}, verdict = judge(call, await runCall(process, call, transcript, this.#logger, watched), transcript);
			failed = !1;
			for (let warning of transcript.warnings) this.#logger.log("warning", warning);
			return verdict;
		} finally {
			let transferred = transcript.phase === "download" || transcript.phase === "upload";
			failed && transferred && await process.end(), process.alive ? this.#keepIdle(process) : this.#processes.delete(process);
		}
	}
	async #takeTurn(call, signal) {
		let { totalTimeoutMs } = this.#deadlines;
		using deadline = startDeadline(totalTimeoutMs, "Waiting for earlier upstream calls", signal);
		try {
			return await this.#turns.acquire(1, deadline.signal);
		} catch (error) {
			throw !isSwarmCacheError(error, "ERR_LIMIT") && !isSwarmCacheError(error, "ERR_TIMEOUT") ? error : new SwarmCacheError("ERR_UPSTREAM", `${error.message} Start fewer at a time.`, {
				cause: error,
				facts: {
					reason: "timeout",
					call: call.kind,
					key: call.key
				}
			});
		}
	}
	async #takeProcess(call) {
		for (let [process, timer] of this.#idle) {
			if (clearTimeout(timer), this.#idle.delete(process), process.alive) return process;
			this.#processes.delete(process);
		}
		try {
			let process = await ActionsCacheProcess.start(this.#env);
			return this.#processes.add(process), process;
		} catch (error) {
			throw new SwarmCacheError("ERR_UPSTREAM", `The client of the cache service cannot be started: ${errorMessage(error)}. Check RUNNER_TEMP or the folder for temporary files.`, {
				cause: error,
				facts: {
					reason: "crashed",
					call: call.kind,
					key: call.key
				}
			});
		}
	}
	#keepIdle(process) {
		let timer = setTimeout(() => {
			this.#idle.delete(process), this.#processes.delete(process), process.end();
		}, 3e4);
		timer.unref(), this.#idle.set(process, timer);
	}
};
/**
* The folder that names in the archive are relative to (GITHUB_WORKSPACE for plain actions/cache).
*
* Away from it, relative paths mean the working directory; an archive of relative paths alone can
* be made so, one that mixes both kinds cannot be read back in both places.
*/
async function chooseWorkspace(paths, workingDirectory, workspace) {
	if (workspace === void 0 || workspace === "") return;
	let patterns = paths.flatMap((lines) => lines.split("\n")).map((line) => line.trim().replace(/^!+\s*/, "")).filter((line) => line !== "" && !line.startsWith("#")), rooted = patterns.filter((line) => path.isAbsolute(line) || line.startsWith("~"));
	if (rooted.length === patterns.length) return workspace;
	if (rooted.length !== 0) {
		if (await realPath(workspace) === await realPath(workingDirectory)) return workspace;
		throw new SwarmCacheError("ERR_UPSTREAM", `The upstream cannot take relative and absolute paths together outside of GITHUB_WORKSPACE (${workspace}); the working directory is ${workingDirectory}. Run there, or give paths of one kind.`, { facts: {
			reason: "failed",
			workingDirectory,
			workspace
		} });
	}
}
async function realPath(folder) {
	try {
		return await realpath(folder);
	} catch {
		return path.resolve(folder);
	}
}
export { ActionsCacheUpstream };
