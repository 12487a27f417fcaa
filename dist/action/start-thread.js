import { Worker } from "node:worker_threads";
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
/**
* Ends a thread that may be at work, when it is through with its message.
*
* Node aborts the whole process when a thread is terminated in the moment in which it makes a zlib stream.
*/
async function endThread(worker) {
	if (worker.threadId < 0) return;
	let ended = new Promise((resolve) => worker.once("exit", () => resolve()));
	worker.postMessage("end");
	let timer = setTimeout(() => void worker.terminate(), 5e3).unref();
	await ended, clearTimeout(timer);
}
export { startThreadBeside as n, endThread as t };
