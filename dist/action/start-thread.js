import { Worker } from "node:worker_threads";
// src/async/start-thread.ts
/**
* Starts a thread from a file beside the one that asks, which gives its own `import.meta.url`.
*
* The extension is that of the asking file, so that it works from the sources, from the compiled library
* and from a bundle that puts all its files in one folder.
*/
function startThreadBeside(here, file, workerData) {
	let extension = here.slice(here.lastIndexOf("."));
	return new Worker(new URL(`./${file}${extension}`, here), {
		workerData,
		execArgv: []
	});
}
export { startThreadBeside as t };
