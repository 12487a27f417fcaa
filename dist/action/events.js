import { channel } from "node:diagnostics_channel";
// src/core/events.ts
/** Tells the subscribers of `name`. */
function publish(name, event) {
	let subject = channel(`swarmcache:${name}`);
	subject.hasSubscribers && subject.publish(event);
}
/** Calls `listener` for every `name` until the returned function is called. */
function subscribe(name, listener) {
	let subject = channel(`swarmcache:${name}`), onMessage = (message) => listener(message);
	return subject.subscribe(onMessage), () => {
		subject.unsubscribe(onMessage);
	};
}
export { subscribe as n, publish as t };
