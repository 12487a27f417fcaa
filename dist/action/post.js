import { a as info, p as warning, t as debug } from "./actions-core.js";
import { a as withDeadline } from "./deadline.js";
import { r as errorMessage } from "./errors.js";
import { _ as runFailSoft, c as isCacheable, d as withSession, h as stopNode, i as writeApiSummary, m as readState, n as inGroup, r as workflowLogger, t as saveStep, u as readConfig } from "./save-step.js";
import { a as readInputs, i as processEnvironment, o as settingsEnvironment } from "./process-life.js";
import { open } from "node:fs/promises";
/** The last lines of a log file; the reason if it cannot be read. */
async function readTail(path) {
	try {
		await using file = await open(path, "r");
		let { size } = await file.stat(), start = Math.max(0, size - 65536), bytes = Buffer.alloc(size - start), { bytesRead } = await file.read(bytes, 0, bytes.length, start), text = bytes.toString("utf8", 0, bytesRead).trimEnd();
		return start === 0 ? text : text.slice(text.indexOf("\n") + 1);
	} catch (error) {
		return `It cannot be read: ${errorMessage(error)}`;
	}
}
runFailSoft(async () => {
	let state = readState();
	try {
		await saveAtEnd(state);
	} finally {
		state.node !== void 0 && await leave(state.node);
	}
});
async function saveAtEnd(state) {
	let env = settingsEnvironment(processEnvironment()), inputs = readInputs(env);
	if (inputs.mode !== "cache") return;
	let config = readConfig(env);
	if (!isCacheable(env)) return;
	let key = state.primaryKey || inputs.key;
	if (!shouldSave(inputs, key, state.matchedKey)) return;
	let membership = {
		...config.membership,
		improvable: !1
	}, quiet = {
		...config,
		membership,
		peers: config.peers && state.peers,
		warnings: []
	};
	await withSession(quiet, workflowLogger(), async (session) => {
		await saveStep(session.cache, inputs, key);
	});
}
/** True if there is something to save, and the job went well enough to save it. */
function shouldSave(inputs, key, matchedKey) {
	return inputs.jobStatus !== "" && inputs.jobStatus !== "success" && !inputs.saveAlways ? (info(`The job's status is ${inputs.jobStatus}, not saving cache.`), !1) : key.localeCompare(matchedKey, void 0, { sensitivity: "accent" }) !== 0 || (info(`Cache hit occurred on the primary key ${key}, not saving cache.`), !1);
}
async function leave(node) {
	await sumUpApi(), await stopNode(node) || warning("The node of this job had ended before the job did."), await inGroup("Log of the node", async () => info(await readTail(node.logPath)));
}
/** What the node's API cache saved this job, for the summary; a node that does not answer says nothing. */
async function sumUpApi() {
	try {
		let { home, request } = readConfig(settingsEnvironment(processEnvironment())), { connectToNode } = await import("./compose2.js");
		await withDeadline(3e3, "The status of the node", void 0, async () => {
			let running = await connectToNode(home), own = ((await running?.status())?.swarms ?? []).find(({ repository }) => repository === request.repository);
			await running?.stop(), own !== void 0 && await writeApiSummary(own.api);
		});
	} catch (error) {
		debug(`The API cache is not summed up: ${errorMessage(error)}`);
	}
}
export {};
