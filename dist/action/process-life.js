import { i as inputError, n as errnoOf } from "./errors.js";
import { t as assertKeys } from "./cache-key.js";
import { readFileSync } from "node:fs";
// src/action/inputs.ts
const MODES = [
	"cache",
	"restore",
	"save",
	"serve"
], SETTINGS = {
	"swarm-key": "SWARMCACHE_KEY",
	auth: "SWARMCACHE_AUTH",
	swarm: "SWARMCACHE_SWARM",
	registry: "SWARMCACHE_REGISTRY",
	bootstrap: "SWARMCACHE_BOOTSTRAP",
	listen: "SWARMCACHE_LISTEN",
	upstream: "SWARMCACHE_UPSTREAM",
	token: "GITHUB_TOKEN"
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
export { readInputs as a, processEnvironment as i, JOB_PROCESS_VARIABLE as n, settingsEnvironment as o, hasRef as r, isRunning as t };
