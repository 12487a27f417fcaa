import { _ as runFailSoft, a as writeRestoreSummary, c as isCacheable, d as withSession, f as keepMatchedKey, g as StepFailure, l as joinSwarm, n as inGroup, o as progressReporter, p as keepPrimaryKey, r as workflowLogger, s as setRestoreOutputs, t as saveStep, u as readConfig } from "./save-step.js";
import { a as readInputs, i as processEnvironment, o as settingsEnvironment } from "./process-life.js";
import { a as info } from "./actions-core.js";
// src/action/restore-step.ts
/**
* Restores what the inputs ask for and says so as actions/cache does, in the log and the outputs.
*
* @throws StepFailure on a miss with `fail-on-cache-miss`, ERR_INPUT for bad keys or paths.
*/
async function restoreStep(cache, inputs) {
	let { key, restoreKeys, lookupOnly } = inputs, result = await inGroup(`Looking for ${key}`, async () => await cache.restore(inputs.paths, key, restoreKeys, {
		lookupOnly,
		crossOs: inputs.crossOs,
		onProgress: progressReporter()
	}));
	setRestoreOutputs(result), await writeRestoreSummary(result, lookupOnly);
	let { matchedKey } = result;
	if (result.hit === "miss" || matchedKey === void 0) {
		if (inputs.failOnCacheMiss) throw new StepFailure(`Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${key}`);
		info(`Cache not found for input keys: ${[key, ...restoreKeys].join(", ")}`);
	} else keepMatchedKey(matchedKey), info(lookupOnly ? `Cache found and can be restored from key: ${matchedKey}` : `Cache restored from key: ${matchedKey}`);
}
// src/action/main.ts
runFailSoft(async () => {
	let env = settingsEnvironment(processEnvironment()), inputs = readInputs(env), logger = workflowLogger(), config = readConfig(env);
	if (!isCacheable(env)) return;
	let joined = await joinSwarm(env, config);
	inputs.mode !== "serve" && (inputs.mode === "cache" && keepPrimaryKey(inputs.key), await withSession(joined, logger, async ({ cache }) => {
		inputs.mode === "save" ? await saveStep(cache, inputs, inputs.key) : await restoreStep(cache, inputs);
	}));
});
export {};
