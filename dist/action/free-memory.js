// src/core/free-memory.ts
/**
* Gives the memory behind some bytes back at once; neither they nor any other view of it may be used again.
*
* The collector sees a few small objects where a thread has dropped hundreds of large buffers, and lets some
* 60 MB a thread pile up before it acts.
*/
function freeMemory(bytes) {
	let { buffer } = bytes;
	buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize && buffer.transfer(0);
}
export { freeMemory as t };
