import { r as serveNode } from "./compose.js";
import { n as loadConfig } from "./config.js";
import { o as isSwarmCacheError, r as errorMessage } from "./errors.js";
import { t as createLogger } from "./logger.js";
import { i as processEnvironment, n as JOB_PROCESS_VARIABLE, t as isRunning } from "./process-life.js";
/**
* Resolves with the reason once the job of a node is over: post sends SIGTERM, the runner's process
* is gone, or the time that a job can take is over.
*/
async function whenJobEnds(jobProcess) {
	let watched = Number.isSafeInteger(jobProcess) && jobProcess > 1;
	return await new Promise((resolve) => {
		process.once("SIGTERM", () => resolve("the job is done")), process.once("SIGINT", () => resolve("the job is interrupted")), setTimeout(() => resolve("no job takes longer"), watched ? 432e6 : 216e5), watched && setInterval(() => {
			isRunning(jobProcess) || resolve("the process of the job is gone");
		}, 2e3);
	});
}
// src/action/daemon.ts
const logger = createLogger((level, line) => {
	console.log(`${(/* @__PURE__ */ new Date()).toISOString()} ${level} ${line}`);
}, "info");
process.on("uncaughtException", survive), process.on("unhandledRejection", survive);
try {
	let env = processEnvironment(), node = await serveNode(loadConfig({ env }), { logger }, "job"), addresses = (await node.status()).swarms.flatMap((swarm) => swarm.addresses);
	logger.log("info", `Taking part as ${addresses.join(", ") || "a node that listens on nothing"}.`), tell({ state: "ready" });
	let reason = await whenJobEnds(Number(env[JOB_PROCESS_VARIABLE]));
	logger.log("info", `Leaving: ${reason}.`), await node.stop({ signal: AbortSignal.timeout(1e4) });
} catch (error) {
	logger.log("error", errorMessage(error)), tell({
		state: "failed",
		code: isSwarmCacheError(error) ? error.code : void 0,
		message: errorMessage(error)
	}), process.exitCode = 1;
}
process.exit();
function tell(message) {
	process.connected && process.send?.(message);
}
function survive(error) {
	logger.log("warning", errorMessage(error));
}
export {};
