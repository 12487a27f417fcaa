import { r as errorMessage } from "./errors.js";
import { n as decodeAnswer, r as encodeAnswer } from "./answer-wire.js";
import { r as addAnswer } from "./memory-shelf2.js";
var Eventified = class {
	_eventListeners;
	_maxListeners;
	_eventLogger;
	_throwOnEmitError = !1;
	_throwOnEmptyListeners = !0;
	constructor(options) {
		this._eventListeners = /* @__PURE__ */ new Map(), this._maxListeners = 0, this._eventLogger = options?.eventLogger, options?.throwOnEmitError !== void 0 && (this._throwOnEmitError = options.throwOnEmitError), options?.throwOnEmptyListeners !== void 0 && (this._throwOnEmptyListeners = options.throwOnEmptyListeners);
	}
	/**
	* Gets the event logger
	* @returns {Logger}
	*/
	get eventLogger() {
		return this._eventLogger;
	}
	/**
	* Sets the event logger
	* @param {Logger} eventLogger
	*/
	set eventLogger(eventLogger) {
		this._eventLogger = eventLogger;
	}
	/**
	* Gets whether an error should be thrown when an emit throws an error. Default is false and only emits an error event.
	* @returns {boolean}
	*/
	get throwOnEmitError() {
		return this._throwOnEmitError;
	}
	/**
	* Sets whether an error should be thrown when an emit throws an error. Default is false and only emits an error event.
	* @param {boolean} value
	*/
	set throwOnEmitError(value) {
		this._throwOnEmitError = value;
	}
	/**
	* Gets whether an error should be thrown when emitting 'error' event with no listeners. Default is false.
	* @returns {boolean}
	*/
	get throwOnEmptyListeners() {
		return this._throwOnEmptyListeners;
	}
	/**
	* Sets whether an error should be thrown when emitting 'error' event with no listeners. Default is false.
	* @param {boolean} value
	*/
	set throwOnEmptyListeners(value) {
		this._throwOnEmptyListeners = value;
	}
	/**
	* Adds a handler function for a specific event that will run only once
	* @param {string | symbol} eventName
	* @param {EventListener} listener
	* @returns {IEventEmitter} returns the instance of the class for chaining
	*/
	once(eventName, listener) {
		let onceListener = (...arguments_) => {
			this.off(eventName, onceListener), listener(...arguments_);
		};
		return onceListener._originalListener = listener, this.on(eventName, onceListener), this;
	}
	/**
	* Gets the number of listeners for a specific event. If no event is provided, it returns the total number of listeners
	* @param {string} eventName The event name. Not required
	* @returns {number} The number of listeners
	*/
	listenerCount(eventName) {
		if (eventName === void 0) {
			let count = 0;
			for (let entry of this._eventListeners.values()) count += typeof entry == "function" ? 1 : entry.length;
			return count;
		}
		let entry = this._eventListeners.get(eventName);
		return entry === void 0 ? 0 : typeof entry == "function" ? 1 : entry.length;
	}
	/**
	* Gets an array of event names
	* @returns {Array<string | symbol>} An array of event names
	*/
	eventNames() {
		return [...this._eventListeners.keys()];
	}
	/**
	* Gets an array of listeners for a specific event. If no event is provided, it returns all listeners
	* @param {string} [event] (Optional) The event name
	* @returns {EventListener[]} An array of listeners
	*/
	rawListeners(event) {
		if (event === void 0) return this.getAllListeners();
		let entry = this._eventListeners.get(event);
		return entry === void 0 ? [] : typeof entry == "function" ? [entry] : entry;
	}
	/**
	* Prepends a listener to the beginning of the listeners array for the specified event
	* @param {string | symbol} eventName
	* @param {EventListener} listener
	* @returns {IEventEmitter} returns the instance of the class for chaining
	*/
	prependListener(eventName, listener) {
		let existing = this._eventListeners.get(eventName);
		return existing === void 0 ? this._eventListeners.set(eventName, listener) : typeof existing == "function" ? this._eventListeners.set(eventName, [listener, existing]) : existing.unshift(listener), this;
	}
	/**
	* Prepends a one-time listener to the beginning of the listeners array for the specified event
	* @param {string | symbol} eventName
	* @param {EventListener} listener
	* @returns {IEventEmitter} returns the instance of the class for chaining
	*/
	prependOnceListener(eventName, listener) {
		let onceListener = (...arguments_) => {
			this.off(eventName, onceListener), listener(...arguments_);
		};
		return onceListener._originalListener = listener, this.prependListener(eventName, onceListener), this;
	}
	/**
	* Gets the maximum number of listeners that can be added for a single event
	* @returns {number} The maximum number of listeners
	*/
	maxListeners() {
		return this._maxListeners;
	}
	/**
	* Adds a listener for a specific event. It is an alias for the on() method
	* @param {string | symbol} event
	* @param {EventListener} listener
	* @returns {IEventEmitter} returns the instance of the class for chaining
	*/
	addListener(event, listener) {
		return this.on(event, listener), this;
	}
	/**
	* Adds a listener for a specific event
	* @param {string | symbol} event
	* @param {EventListener} listener
	* @returns {IEventEmitter} returns the instance of the class for chaining
	*/
	on(event, listener) {
		let existing = this._eventListeners.get(event);
		if (existing === void 0) return this._eventListeners.set(event, listener), this;
		if (typeof existing == "function") {
			let arr = [existing, listener];
			this._eventListeners.set(event, arr), this._maxListeners > 0 && arr.length > this._maxListeners && console.warn(`MaxListenersExceededWarning: Possible event memory leak detected. ${arr.length} ${event} listeners added. Use setMaxListeners() to increase limit.`);
		} else existing.push(listener), this._maxListeners > 0 && existing.length > this._maxListeners && console.warn(`MaxListenersExceededWarning: Possible event memory leak detected. ${existing.length} ${event} listeners added. Use setMaxListeners() to increase limit.`);
		return this;
	}
	/**
	* Removes a listener for a specific event. It is an alias for the off() method
	* @param {string | symbol} event
	* @param {EventListener} listener
	* @returns {IEventEmitter} returns the instance of the class for chaining
	*/
	removeListener(event, listener) {
		return this.off(event, listener), this;
	}
	/**
	* Determines whether a stored listener matches the listener provided to off().
	* A match occurs when the references are identical, or when the stored listener
	* is a once-wrapper whose original listener equals the provided reference.
	* @param {EventListener} stored - the listener currently stored
	* @param {EventListener} target - the listener passed to off()
	* @returns {boolean} true if the stored listener should be removed
	*/
	matchesListener(stored, target) {
		if (stored === target) return !0;
		let original = stored._originalListener;
		return original !== void 0 && original === target;
	}
	/**
	* Removes a listener for a specific event
	* @param {string | symbol} event
	* @param {EventListener} listener
	* @returns {IEventEmitter} returns the instance of the class for chaining
	*/
	off(event, listener) {
		let entry = this._eventListeners.get(event);
		if (entry === void 0) return this;
		if (typeof entry == "function") return this.matchesListener(entry, listener) && this._eventListeners.delete(event), this;
		let index = entry.indexOf(listener);
		return index === -1 && (index = entry.findIndex((stored) => this.matchesListener(stored, listener))), index !== -1 && (entry.length === 2 ? this._eventListeners.set(event, entry[1 - index]) : entry.length === 1 ? this._eventListeners.delete(event) : entry.splice(index, 1)), this;
	}
	/**
	* Calls all listeners for a specific event
	* @param {string | symbol} event
	* @param arguments_ The arguments to pass to the listeners
	* @returns {boolean} Returns true if the event had listeners, false otherwise
	*/
	emit(event, ...arguments_) {
		let result = !1, entry = this._eventListeners.get(event), argumentLength = arguments_.length;
		if (entry !== void 0) {
			if (typeof entry == "function") argumentLength === 1 ? entry(arguments_[0]) : argumentLength === 2 ? entry(arguments_[0], arguments_[1]) : entry(...arguments_);
			else {
				let listeners = entry.slice(), len = listeners.length;
				for (let i = 0; i < len; i++) argumentLength === 1 ? listeners[i](arguments_[0]) : argumentLength === 2 ? listeners[i](arguments_[0], arguments_[1]) : listeners[i](...arguments_);
			}
			result = !0;
		}
		if (this._eventLogger && this.sendToEventLogger(event, arguments_), !result && event === "error") {
			let error = arguments_[0] instanceof Error ? arguments_[0] : /* @__PURE__ */ Error(`${arguments_[0]}`);
			if (this._throwOnEmitError || this._throwOnEmptyListeners) throw error;
		}
		return result;
	}
	/**
	* Gets all listeners for a specific event. If no event is provided, it returns all listeners
	* @param {string} [event] (Optional) The event name
	* @returns {EventListener[]} An array of listeners
	*/
	listeners(event) {
		let entry = this._eventListeners.get(event);
		return entry === void 0 ? [] : typeof entry == "function" ? [entry] : entry;
	}
	/**
	* Removes all listeners for a specific event. If no event is provided, it removes all listeners
	* @param {string} [event] (Optional) The event name
	* @returns {IEventEmitter} returns the instance of the class for chaining
	*/
	removeAllListeners(event) {
		return event === void 0 ? this._eventListeners.clear() : this._eventListeners.delete(event), this;
	}
	/**
	* Sets the maximum number of listeners that can be added for a single event
	* @param {number} n The maximum number of listeners
	* @returns {void}
	*/
	setMaxListeners(n) {
		this._maxListeners = n < 0 ? 0 : n;
	}
	/**
	* Gets all listeners
	* @returns {EventListener[]} An array of listeners
	*/
	getAllListeners() {
		let result = [];
		for (let entry of this._eventListeners.values()) if (typeof entry == "function") result.push(entry);
		else for (let i = 0; i < entry.length; i++) result.push(entry[i]);
		return result;
	}
	/**
	* Sends a log message using the configured logger based on the event name
	* @param {string | symbol} eventName - The event name that determines the log level
	* @param {unknown} data - The data to log
	*/
	sendToEventLogger(eventName, data) {
		/* v8 ignore next 3 -- @preserve: guarded by caller */
		if (!this._eventLogger) return;
		let message;
		switch (message = typeof data == "string" ? data : Array.isArray(data) && data.length > 0 && data[0] instanceof Error ? data[0].message : data instanceof Error ? data.message : Array.isArray(data) && data.length > 0 && typeof data[0]?.message == "string" ? data[0].message : JSON.stringify(data), eventName) {
			case "error":
				this._eventLogger.error?.(message, {
					event: eventName,
					data
				});
				break;
			case "warn":
				this._eventLogger.warn?.(message, {
					event: eventName,
					data
				});
				break;
			case "trace":
				this._eventLogger.trace?.(message, {
					event: eventName,
					data
				});
				break;
			case "debug":
				this._eventLogger.debug?.(message, {
					event: eventName,
					data
				});
				break;
			case "fatal":
				this._eventLogger.fatal?.(message, {
					event: eventName,
					data
				});
				break;
			default: this._eventLogger.info?.(message, {
				event: eventName,
				data
			});
		}
	}
}, Hookified = class extends Eventified {
	_hooks;
	_throwOnHookError = !1;
	_enforceBeforeAfter = !1;
	_deprecatedHooks;
	_allowDeprecated = !0;
	_useHookClone = !0;
	constructor(options) {
		super({
			eventLogger: options?.eventLogger,
			throwOnEmitError: options?.throwOnEmitError,
			throwOnEmptyListeners: options?.throwOnEmptyListeners
		}), this._hooks = /* @__PURE__ */ new Map(), this._deprecatedHooks = options?.deprecatedHooks ? new Map(options.deprecatedHooks) : /* @__PURE__ */ new Map(), options?.throwOnHookError !== void 0 && (this._throwOnHookError = options.throwOnHookError), options?.enforceBeforeAfter !== void 0 && (this._enforceBeforeAfter = options.enforceBeforeAfter), options?.allowDeprecated !== void 0 && (this._allowDeprecated = options.allowDeprecated), options?.useHookClone !== void 0 && (this._useHookClone = options.useHookClone);
	}
	/**
	* Gets all hooks
	* @returns {Map<string, IHook[]>}
	*/
	get hooks() {
		return this._hooks;
	}
	/**
	* Gets whether an error should be thrown when a hook throws an error. Default is false and only emits an error event.
	* @returns {boolean}
	*/
	get throwOnHookError() {
		return this._throwOnHookError;
	}
	/**
	* Sets whether an error should be thrown when a hook throws an error. Default is false and only emits an error event.
	* @param {boolean} value
	*/
	set throwOnHookError(value) {
		this._throwOnHookError = value;
	}
	/**
	* Gets whether to enforce that all hook names start with 'before' or 'after'. Default is false.
	* @returns {boolean}
	* @default false
	*/
	get enforceBeforeAfter() {
		return this._enforceBeforeAfter;
	}
	/**
	* Sets whether to enforce that all hook names start with 'before' or 'after'. Default is false.
	* @param {boolean} value
	*/
	set enforceBeforeAfter(value) {
		this._enforceBeforeAfter = value;
	}
	/**
	* Gets the map of deprecated hook names to deprecation messages.
	* @returns {Map<string, string>}
	*/
	get deprecatedHooks() {
		return this._deprecatedHooks;
	}
	/**
	* Sets the map of deprecated hook names to deprecation messages.
	* @param {Map<string, string>} value
	*/
	set deprecatedHooks(value) {
		this._deprecatedHooks = value;
	}
	/**
	* Gets whether deprecated hooks are allowed to be registered and executed. Default is true.
	* @returns {boolean}
	*/
	get allowDeprecated() {
		return this._allowDeprecated;
	}
	/**
	* Sets whether deprecated hooks are allowed to be registered and executed. Default is true.
	* @param {boolean} value
	*/
	set allowDeprecated(value) {
		this._allowDeprecated = value;
	}
	/**
	* Gets whether hook objects are cloned before storing. Default is true.
	* @returns {boolean}
	*/
	get useHookClone() {
		return this._useHookClone;
	}
	/**
	* Sets whether hook objects are cloned before storing. Default is true.
	* When false, the original IHook reference is stored directly.
	* @param {boolean} value
	*/
	set useHookClone(value) {
		this._useHookClone = value;
	}
	onHook(hookOrEvent, optionsOrHandler) {
		let hook, options;
		if (typeof hookOrEvent == "string") {
			if (typeof optionsOrHandler != "function") throw TypeError("When calling onHook(event, handler), the second argument must be a function");
			hook = {
				event: hookOrEvent,
				handler: optionsOrHandler
			}, options = void 0;
		} else hook = hookOrEvent, options = optionsOrHandler;
		if (this.validateHookName(hook.event), !this.checkDeprecatedHook(hook.event)) return;
		let entry = options?.useHookClone ?? this._useHookClone ? {
			id: hook.id,
			event: hook.event,
			handler: hook.handler
		} : hook;
		entry.id = entry.id ?? crypto.randomUUID();
		let eventHandlers = this._hooks.get(hook.event);
		if (eventHandlers) {
			let existingIndex = eventHandlers.findIndex((h) => h.id === entry.id);
			if (existingIndex !== -1) eventHandlers[existingIndex] = entry;
			else {
				let position = options?.position ?? "Bottom";
				if (position === "Top") eventHandlers.unshift(entry);
				else if (position === "Bottom") eventHandlers.push(entry);
				else {
					let index = Math.max(0, Math.min(position, eventHandlers.length));
					eventHandlers.splice(index, 0, entry);
				}
			}
		} else this._hooks.set(hook.event, [entry]);
		return entry;
	}
	/**
	* Alias for onHook. This is provided for compatibility with other libraries that use the `addHook` method.
	* @param {string} event - the event name
	* @param {HookFn} handler - the handler function
	* @returns {void}
	*/
	addHook(event, handler) {
		this.onHook({
			event,
			handler
		});
	}
	/**
	* Adds handler functions for specific events
	* @param {Array<IHook>} hooks
	* @param {OnHookOptions} [options] - optional per-call options (e.g., useHookClone override, position)
	* @returns {void}
	*/
	onHooks(hooks, options) {
		for (let hook of hooks) this.onHook(hook, options);
	}
	/**
	* Adds a handler function for a specific event that runs before all other handlers.
	* Equivalent to calling `onHook(hook, { position: "Top" })`.
	* @param {IHook} hook - the hook containing event name and handler
	* @param {PrependHookOptions} [options] - optional per-call options (e.g., useHookClone override)
	* @returns {IHook | undefined} the stored hook, or undefined if blocked by deprecation
	*/
	prependHook(hook, options) {
		return this.onHook(hook, {
			...options,
			position: "Top"
		});
	}
	/**
	* Adds a handler that only executes once for a specific event before all other handlers.
	* Equivalent to calling `onHook` with a self-removing wrapper and `{ position: "Top" }`.
	* @param {IHook} hook - the hook containing event name and handler
	* @param {PrependHookOptions} [options] - optional per-call options (e.g., useHookClone override)
	* @returns {IHook | undefined} the stored hook, or undefined if blocked by deprecation
	*/
	prependOnceHook(hook, options) {
		let wrappedHandler = async (...arguments_) => (this.removeHook({
			event: hook.event,
			handler: wrappedHandler
		}), hook.handler(...arguments_));
		return wrappedHandler._originalHandler = hook.handler, this.onHook({
			id: hook.id,
			event: hook.event,
			handler: wrappedHandler
		}, {
			...options,
			position: "Top"
		});
	}
	/**
	* Adds a handler that only executes once for a specific event
	* @param {IHook} hook - the hook containing event name and handler
	*/
	onceHook(hook) {
		if (this.validateHookName(hook.event), !this.checkDeprecatedHook(hook.event)) return;
		let wrappedHandler = async (...arguments_) => (this.removeHook({
			event: hook.event,
			handler: wrappedHandler
		}), hook.handler(...arguments_));
		wrappedHandler._originalHandler = hook.handler, this.onHook({
			id: hook.id,
			event: hook.event,
			handler: wrappedHandler
		});
	}
	/**
	* Removes a handler function for a specific event
	* @param {IHook} hook - the hook containing event name and handler to remove
	* @returns {IHook | undefined} the removed hook, or undefined if not found
	*/
	removeHook(hook) {
		this.validateHookName(hook.event);
		let eventHandlers = this._hooks.get(hook.event);
		if (eventHandlers) {
			let index = eventHandlers.findIndex((h) => h.handler === hook.handler);
			if (index === -1 && (index = eventHandlers.findIndex((h) => {
				let original = h.handler._originalHandler;
				return original !== void 0 && original === hook.handler;
			})), index !== -1) return eventHandlers.splice(index, 1), eventHandlers.length === 0 && this._hooks.delete(hook.event), {
				event: hook.event,
				handler: hook.handler
			};
		}
	}
	/**
	* Removes multiple hook handlers
	* @param {Array<IHook>} hooks
	* @returns {IHook[]} the hooks that were successfully removed
	*/
	removeHooks(hooks) {
		let removed = [];
		for (let hook of hooks) {
			let result = this.removeHook(hook);
			result && removed.push(result);
		}
		return removed;
	}
	/**
	* Calls all handlers for a specific event
	* @param {string} event
	* @param {T[]} arguments_
	* @returns {Promise<void>}
	*/
	async hook(event, ...arguments_) {
		if (this.validateHookName(event), !this.checkDeprecatedHook(event)) return;
		let eventHandlers = this._hooks.get(event);
		if (eventHandlers) for (let hook of [...eventHandlers]) try {
			await hook.handler(...arguments_);
		} catch (error) {
			let message = `${event}: ${error.message}`;
			if (this.emit("error", Error(message)), this._throwOnHookError) throw Error(message);
		}
	}
	/**
	* Calls all synchronous handlers for a specific event.
	* Async handlers (declared with `async` keyword) are silently skipped.
	*
	* Note: The `hook` method is preferred as it executes both sync and async functions.
	* Use `hookSync` only when you specifically need synchronous execution.
	* @param {string} event
	* @param {T[]} arguments_
	* @returns {void}
	*/
	hookSync(event, ...arguments_) {
		if (this.validateHookName(event), !this.checkDeprecatedHook(event)) return;
		let eventHandlers = this._hooks.get(event);
		if (eventHandlers) {
			for (let hook of [...eventHandlers]) if (hook.handler.constructor.name !== "AsyncFunction") try {
				hook.handler(...arguments_);
			} catch (error) {
				let message = `${event}: ${error.message}`;
				if (this.emit("error", Error(message)), this._throwOnHookError) throw Error(message);
			}
		}
	}
	/**
	* Prepends the word `before` to your hook. Example is event is `test`, the before hook is `before:test`.
	* @param {string} event - The event name
	* @param {T[]} arguments_ - The arguments to pass to the hook
	*/
	async beforeHook(event, ...arguments_) {
		await this.hook(`before:${event}`, ...arguments_);
	}
	/**
	* Prepends the word `after` to your hook. Example is event is `test`, the after hook is `after:test`.
	* @param {string} event - The event name
	* @param {T[]} arguments_ - The arguments to pass to the hook
	*/
	async afterHook(event, ...arguments_) {
		await this.hook(`after:${event}`, ...arguments_);
	}
	/**
	* Calls all handlers for a specific event. This is an alias for `hook` and is provided for
	* compatibility with other libraries that use the `callHook` method.
	* @param {string} event
	* @param {T[]} arguments_
	* @returns {Promise<void>}
	*/
	async callHook(event, ...arguments_) {
		await this.hook(event, ...arguments_);
	}
	/**
	* Gets all hooks for a specific event
	* @param {string} event
	* @returns {IHook[]}
	*/
	getHooks(event) {
		return this.validateHookName(event), this._hooks.get(event);
	}
	/**
	* Gets a specific hook by id, searching across all events
	* @param {string} id - the hook id
	* @returns {IHook | undefined} the hook if found, or undefined
	*/
	getHook(id) {
		for (let eventHandlers of this._hooks.values()) {
			let found = eventHandlers.find((h) => h.id === id);
			if (found) return found;
		}
	}
	/**
	* Removes one or more hooks by id, searching across all events
	* @param {string | string[]} id - the hook id or array of hook ids to remove
	* @returns {IHook | IHook[] | undefined} the removed hook(s), or undefined/empty array if not found
	*/
	removeHookById(id) {
		if (Array.isArray(id)) {
			let removed = [];
			for (let singleId of id) {
				let result = this.removeHookById(singleId);
				result && !Array.isArray(result) && removed.push(result);
			}
			return removed;
		}
		for (let [event, eventHandlers] of this._hooks.entries()) {
			let index = eventHandlers.findIndex((h) => h.id === id);
			if (index !== -1) {
				let [removed] = eventHandlers.splice(index, 1);
				return eventHandlers.length === 0 && this._hooks.delete(event), removed;
			}
		}
	}
	/**
	* Removes all hooks
	* @returns {void}
	*/
	clearHooks() {
		this._hooks.clear();
	}
	/**
	* Removes all hooks for a specific event and returns the removed hooks.
	* @param {string} event - The event name to remove hooks for.
	* @returns {IHook[]} the hooks that were removed
	*/
	removeEventHooks(event) {
		this.validateHookName(event);
		let eventHandlers = this._hooks.get(event);
		if (eventHandlers) {
			let removed = [...eventHandlers];
			return this._hooks.delete(event), removed;
		}
		return [];
	}
	/**
	* Validates hook event name if enforceBeforeAfter is enabled
	* @param {string} event - The event name to validate
	* @throws {Error} If enforceBeforeAfter is true and event doesn't start with 'before' or 'after'
	*/
	validateHookName(event) {
		if (this._enforceBeforeAfter) {
			let eventValue = event.trim().toLocaleLowerCase();
			if (!eventValue.startsWith("before") && !eventValue.startsWith("after")) throw Error(`Hook event "${event}" must start with "before" or "after" when enforceBeforeAfter is enabled`);
		}
	}
	/**
	* Checks if a hook is deprecated and emits a warning if it is
	* @param {string} event - The event name to check
	* @returns {boolean} - Returns true if the hook should proceed, false if it should be blocked
	*/
	checkDeprecatedHook(event) {
		if (this._deprecatedHooks.has(event)) {
			let message = this._deprecatedHooks.get(event), warningMessage = `Hook "${event}" is deprecated${message ? `: ${message}` : ""}`;
			return this.emit("warn", {
				hook: event,
				message: warningMessage
			}), this._allowDeprecated;
		}
		return !0;
	}
};
// node_modules/keyv/dist/index.mjs
const keyvStorageMethodNames = [
	"get",
	"getMany",
	"has",
	"hasMany",
	"set",
	"setMany",
	"delete",
	"deleteMany",
	"clear",
	"disconnect",
	"iterator"
];
function isMethod(obj, name) {
	return name in obj && typeof obj[name] == "function";
}
function resolveMethodType(obj, name) {
	if (!(name in obj)) return "none";
	let value = obj[name];
	return typeof value == "function" ? value.constructor.name === "AsyncFunction" ? "async" : "sync" : "none";
}
function resolveMethod(obj, name) {
	return {
		exists: isMethod(obj, name),
		methodType: resolveMethodType(obj, name)
	};
}
const noneMethod = {
	exists: !1,
	methodType: "none"
};
function buildMethods(obj, names) {
	let methods = {};
	for (let name of names) methods[name] = obj ? resolveMethod(obj, name) : { ...noneMethod };
	return methods;
}
/** The methods a full storage adapter implements. */
const keyvStorageRequiredMethods = [
	"get",
	"has",
	"hasMany",
	"set",
	"setMany",
	"delete",
	"deleteMany",
	"clear"
];
/**
* Whether a detected store has every method of a full storage adapter, whether or not they are
* native `async` functions.
* @param capability - The result of {@link detectKeyvStorage}
* @returns `true` when all of the full storage adapter's methods exist
*/
function hasKeyvStorageMethods(capability) {
	return keyvStorageRequiredMethods.every((m) => capability.methods[m].exists);
}
/**
* Detect whether an object implements the Keyv storage adapter interface
* @param obj - The object to check
* @returns A {@link KeyvStorageCapability} where:
* - `compatible` is `true` when the object is a valid storage adapter (`"keyvStorage"`, `"mapLike"`, or `"asyncMap"`)
* - `store` indicates the detected store type: `"keyvStorage"`, `"mapLike"`, `"asyncMap"`, or `"none"`
* - `methods` maps each method name to `{ exists, methodType }`
* @example
* ```typescript
* import { detectKeyvStorage } from 'keyv';
*
* const map = detectKeyvStorage(new Map());
* map.compatible;               // true
* map.store;                    // "mapLike"
* map.methods.get.exists;       // true
* map.methods.get.methodType;   // "sync"
*
* const adapter = detectKeyvStorage(asyncAdapter);
* adapter.compatible;               // true
* adapter.store;                    // "keyvStorage"
* adapter.methods.get.methodType;   // "async"
* ```
*/
function detectKeyvStorage(obj) {
	if (typeof obj != "object" || !obj) return {
		compatible: !1,
		store: "none",
		methods: buildMethods(null, keyvStorageMethodNames)
	};
	let methods = buildMethods(obj, keyvStorageMethodNames);
	return keyvStorageRequiredMethods.every((k) => methods[k].exists && methods[k].methodType === "async") ? {
		compatible: !0,
		store: "keyvStorage",
		methods
	} : [
		"get",
		"set",
		"delete",
		"has"
	].every((m) => methods[m].exists && methods[m].methodType === "sync") ? {
		compatible: !0,
		store: "mapLike",
		methods
	} : [
		"get",
		"set",
		"delete",
		"clear"
	].every((m) => methods[m].exists) ? {
		compatible: !0,
		store: "asyncMap",
		methods
	} : {
		compatible: !1,
		store: "none",
		methods
	};
}
/**
* Check whether a deserialized entry has expired based on its `expires` timestamp.
*/
function isDataExpired(data) {
	return typeof data.expires == "number" && Date.now() > data.expires;
}
/**
* Calculate an absolute expiry timestamp from a TTL value, in whole milliseconds.
* Returns `undefined` when `ttl` is absent, zero, negative, or non-finite
* (meaning "no expiry").
*
* @param ttl - Time-to-live in milliseconds, or `undefined`
* @returns Absolute expiry timestamp (ms since epoch), or `undefined`
*/
function calculateExpires(ttl) {
	if (!(typeof ttl != "number" || ttl <= 0 || !Number.isFinite(ttl))) return toStoreExpires(Date.now() + ttl);
}
/**
* Convert an absolute expiry into the form stores accept: whole milliseconds, rounded up so an
* entry never expires early, or `undefined` (no expiry) when it is not a finite number. Stores
* such as PostgreSQL's `BIGINT` column and Redis's `PXAT` reject a fractional timestamp.
*
* @param expires - Absolute expiry timestamp (ms since epoch), or `undefined`
* @returns The expiry in whole milliseconds, or `undefined` for no expiry
*/
function toStoreExpires(expires) {
	if (typeof expires == "number" && Number.isFinite(expires)) return Math.ceil(expires);
}
/**
* Resolve a TTL value by falling back to a default when none is given,
* then normalising zero, negative, or non-finite values to `undefined` (meaning "no expiry").
*
* @param ttl - Explicit TTL in milliseconds, or `undefined`
* @param defaultTtl - Fallback TTL (typically `Keyv._ttl`), or `undefined`
* @returns The resolved TTL in milliseconds, or `undefined` for no expiry
*/
function resolveTtl(ttl, defaultTtl) {
	let resolved = ttl ?? defaultTtl;
	if (!(resolved === void 0 || resolved <= 0 || !Number.isFinite(resolved))) return resolved;
}
/**
* Derive a store-level TTL from an absolute `expires` timestamp.
* Returns `undefined` when `expires` is absent, non-finite, or when the derived
* TTL is zero or negative (i.e. the entry has already expired).
*
* @param expires - Absolute expiry timestamp in milliseconds since epoch, or `undefined`
* @returns The remaining TTL in milliseconds, or `undefined`
*/
function ttlFromExpires(expires) {
	if (typeof expires != "number" || !Number.isFinite(expires)) return;
	let remaining = expires - Date.now();
	return remaining > 0 ? remaining : void 0;
}
/**
* Calls a store's `has` once to see whether it returns a promise. A method that is not a native
* `async` function can still return one, such as an `async` method compiled to an older target.
* @param store - The store to check
* @returns `true` when `has` returned a promise
*/
function returnsPromise(store) {
	let result;
	try {
		result = store.has("keyv-probe");
	} catch {
		return !1;
	}
	return typeof result?.then == "function" && (Promise.resolve(result).catch(() => {}), !0);
}
/**
* Scan parallel `keys` and `data` arrays, nullify any expired entries in
* `data`, and batch-delete the corresponding keys via `keyv.deleteMany()`.
*/
async function deleteExpiredKeys(keys, data, keyv) {
	let expiredKeys = [];
	for (let [index, row] of data.entries()) row != null && isDataExpired(row) && (expiredKeys.push(keys[index]), data[index] = void 0);
	expiredKeys.length > 0 && await keyv.deleteMany(expiredKeys);
}
/**
* Maps new hook names to their deprecated equivalents so both fire during migration.
*/
const deprecatedHookAliases = /* @__PURE__ */ new Map([
	["before:set", "preSet"],
	["after:set", "postSet"],
	["before:get", "preGet"],
	["after:get", "postGet"],
	["before:getMany", "preGetMany"],
	["after:getMany", "postGetMany"],
	["before:getRaw", "preGetRaw"],
	["after:getRaw", "postGetRaw"],
	["before:getManyRaw", "preGetManyRaw"],
	["after:getManyRaw", "postGetManyRaw"],
	["before:setRaw", "preSetRaw"],
	["after:setRaw", "postSetRaw"],
	["before:setMany", "preSetMany"],
	["after:setMany", "postSetMany"],
	["before:setManyRaw", "preSetManyRaw"],
	["after:setManyRaw", "postSetManyRaw"],
	["before:delete", "preDelete"],
	["after:delete", "postDelete"],
	["before:deleteMany", "preDeleteMany"],
	["after:deleteMany", "postDeleteMany"]
]);
/**
* Build the deprecated-hooks map used by Hookified to warn when old PRE_/POST_ hook names are registered.
*/
function buildDeprecatedHooks() {
	return /* @__PURE__ */ new Map([
		["preSet", "Use KeyvHooks.BEFORE_SET ('before:set') instead"],
		["postSet", "Use KeyvHooks.AFTER_SET ('after:set') instead"],
		["preGet", "Use KeyvHooks.BEFORE_GET ('before:get') instead"],
		["postGet", "Use KeyvHooks.AFTER_GET ('after:get') instead"],
		["preGetMany", "Use KeyvHooks.BEFORE_GET_MANY ('before:getMany') instead"],
		["postGetMany", "Use KeyvHooks.AFTER_GET_MANY ('after:getMany') instead"],
		["preGetRaw", "Use KeyvHooks.BEFORE_GET_RAW ('before:getRaw') instead"],
		["postGetRaw", "Use KeyvHooks.AFTER_GET_RAW ('after:getRaw') instead"],
		["preGetManyRaw", "Use KeyvHooks.BEFORE_GET_MANY_RAW ('before:getManyRaw') instead"],
		["postGetManyRaw", "Use KeyvHooks.AFTER_GET_MANY_RAW ('after:getManyRaw') instead"],
		["preSetRaw", "Use KeyvHooks.BEFORE_SET_RAW ('before:setRaw') instead"],
		["postSetRaw", "Use KeyvHooks.AFTER_SET_RAW ('after:setRaw') instead"],
		["preSetMany", "Use KeyvHooks.BEFORE_SET_MANY ('before:setMany') instead"],
		["postSetMany", "Use KeyvHooks.AFTER_SET_MANY ('after:setMany') instead"],
		["preSetManyRaw", "Use KeyvHooks.BEFORE_SET_MANY_RAW ('before:setManyRaw') instead"],
		["postSetManyRaw", "Use KeyvHooks.AFTER_SET_MANY_RAW ('after:setManyRaw') instead"],
		["preDelete", "Use KeyvHooks.BEFORE_DELETE ('before:delete') instead"],
		["postDelete", "Use KeyvHooks.AFTER_DELETE ('after:delete') instead"],
		["preDeleteMany", "Use KeyvHooks.BEFORE_DELETE_MANY ('before:deleteMany') instead"],
		["postDeleteMany", "Use KeyvHooks.AFTER_DELETE_MANY ('after:deleteMany') instead"]
	]);
}
/**
* A bridge storage adapter for Keyv that wraps any promise-based store.
*
* This class provides a unified interface for using various async stores
* with Keyv, handling namespace prefixing, TTL-based expiration, and batch operations.
* If the underlying store implements optional methods (has, hasMany, getMany, etc.),
* the bridge will delegate to them. Otherwise, it falls back to using primitives.
*
* @example
* ```typescript
* // Using with a promise-based store
* const bridge = new KeyvBridgeAdapter(myAsyncStore, { namespace: 'cache' });
*
* // Using with Keyv
* const keyv = new Keyv({ store: new KeyvBridgeAdapter(myAsyncStore) });
* ```
*/
var KeyvBridgeAdapter = class extends Hookified {
	_store;
	_namespace;
	_namespaceSeparator = "::";
	_capabilities;
	/**
	* Whether the wrapped store manages its own namespace (exposes a `namespace` property).
	* When true the bridge propagates its namespace to the store and does not prefix keys,
	* so the store's native, namespace-scoped operations (notably `clear()`) are used directly.
	*/
	_storeHandlesNamespace;
	/**
	* Creates a new KeyvBridgeAdapter instance.
	* @param store - The underlying promise-based store to bridge
	* @param options - Configuration options for the adapter
	*/
	constructor(store, options) {
		super({ throwOnHookError: !1 }), this._store = store, this._capabilities = detectKeyvStorage(store), this._storeHandlesNamespace = hasKeyvStorageMethods(this._capabilities) && "namespace" in store, options?.namespaceSeparator !== void 0 && (this._namespaceSeparator = options.namespaceSeparator), options?.namespace && (this._namespace = options.namespace), this._storeHandlesNamespace && (options?.namespace === void 0 ? this._namespace = this._store.namespace : this._store.namespace = this._namespace), typeof store.on == "function" && store.on("error", (error) => this.emit("error", error));
	}
	/**
	* Gets the underlying store instance.
	*/
	get store() {
		return this._store;
	}
	/**
	* Sets the underlying store instance.
	*/
	set store(store) {
		this._store = store;
	}
	/**
	* Gets the capabilities of the underlying store, with `expires: true` to declare that
	* the bridge accepts an absolute `expires` timestamp (which it converts to a ttl for the
	* wrapped legacy store).
	*/
	get capabilities() {
		return {
			...this._capabilities,
			expires: !0
		};
	}
	/**
	* Gets the separator between the namespace and the key. Defaults to `::`.
	*/
	get namespaceSeparator() {
		return this._namespaceSeparator;
	}
	/**
	* Sets the separator between the namespace and the key.
	*/
	set namespaceSeparator(separator) {
		this._namespaceSeparator = separator;
	}
	/**
	* Gets the current namespace.
	*/
	get namespace() {
		return this._namespace;
	}
	/**
	* Sets the namespace. When the wrapped store manages its own namespace, the value is
	* propagated to it so its native scoped operations stay in sync.
	*/
	set namespace(namespace) {
		this._namespace = namespace, this._storeHandlesNamespace && (this._store.namespace = namespace);
	}
	/**
	* Creates a prefixed key by combining the namespace and key with the separator.
	* @param key - The base key
	* @param namespace - Optional namespace to prefix the key with
	* @returns The prefixed key if namespace is provided, otherwise the original key
	*/
	getKeyPrefix(key, namespace) {
		return this._storeHandlesNamespace ? key : namespace ? `${namespace}${this._namespaceSeparator}${key}` : key;
	}
	/**
	* Parses a prefixed key to extract the namespace and original key.
	* @param key - The prefixed key to parse
	* @returns An object containing the namespace (if present) and the original key
	*/
	getKeyPrefixData(key) {
		return this._namespace && key.startsWith(`${this._namespace}${this._namespaceSeparator}`) ? {
			namespace: this._namespace,
			key: key.slice(this._namespace.length + this._namespaceSeparator.length)
		} : { key };
	}
	/**
	* Retrieves a value from the store by key.
	* Automatically handles namespace prefixing and TTL expiration.
	* @param key - The key to retrieve
	* @returns The stored data, or undefined if not found or expired
	*/
	async get(key) {
		let keyPrefix = this.getKeyPrefix(key, this._namespace), data = await this._store.get(keyPrefix);
		if (data != null) {
			if (isDataExpired(data)) await this._store.delete(keyPrefix);
			else return data;
		}
	}
	/**
	* Retrieves multiple values from the store by their keys.
	* Delegates to the store's native getMany if available.
	* @param keys - Array of keys to retrieve
	* @returns Array of stored data in the same order as the input keys
	*/
	async getMany(keys) {
		if (this._capabilities.methods.getMany.exists) {
			let prefixedKeys = keys.map((key) => this.getKeyPrefix(key, this._namespace)), results = await this._store.getMany?.(prefixedKeys) ?? [], values = [];
			for (let [index, data] of results.entries()) data == null ? values.push(void 0) : isDataExpired(data) ? (await this._store.delete(prefixedKeys[index]), values.push(void 0)) : values.push(data);
			return values;
		}
		let values = [];
		for (let key of keys) {
			let data = await this.get(key);
			values.push(data);
		}
		return values;
	}
	/**
	* Stores a value in the store with an optional absolute expiry.
	* The wrapped store's `set(key, value, ttl?)` expects a relative duration, so the absolute
	* `expires` is converted to a remaining ttl (`undefined` when already expired or absent).
	* The value is passed through unchanged — the bridge does not wrap it in an envelope — so
	* expiry is enforced by the wrapped legacy store's own ttl handling. (The read-side
	* {@link isDataExpired} check only fires when a caller stores a raw `{ value, expires }`
	* object directly; when Keyv core drives the bridge the value arrives already encoded.)
	* @param key - The key to store the value under
	* @param value - The value to store
	* @param expires - Optional absolute expiry as Unix ms since epoch
	* @returns Always returns true indicating success
	*/
	async set(key, value, expires) {
		let keyPrefix = this.getKeyPrefix(key, this._namespace);
		if (typeof expires == "number" && expires <= Date.now()) return await this._store.delete(keyPrefix), !0;
		let result = await this._store.set(keyPrefix, value, ttlFromExpires(expires));
		return typeof result != "boolean" || result;
	}
	/**
	* Stores multiple entries in the store at once.
	* Delegates to the store's native setMany if available, otherwise loops over set.
	* @param entries - Array of entries containing key, value, and optional absolute `expires`
	* @returns One boolean per entry, `false` where the store reported that the write failed
	*/
	async setMany(entries) {
		if (this._capabilities.methods.setMany.exists) {
			let now = Date.now(), isExpired = (entry) => typeof entry.expires == "number" && entry.expires <= now, live = entries.filter((entry) => !isExpired(entry)), liveResults;
			live.length > 0 && (liveResults = await this._store.setMany?.(live.map((entry) => ({
				key: this.getKeyPrefix(entry.key, this._namespace),
				value: entry.value,
				ttl: ttlFromExpires(entry.expires)
			}))));
			for (let entry of entries) isExpired(entry) && await this._store.delete(this.getKeyPrefix(entry.key, this._namespace));
			let liveIndex = 0;
			return entries.map((entry) => {
				if (isExpired(entry)) return !0;
				let result = Array.isArray(liveResults) ? liveResults[liveIndex] : liveResults;
				return liveIndex++, result !== !1;
			});
		}
		let results = [];
		for (let entry of entries) results.push(await this.set(entry.key, entry.value, entry.expires));
		return results;
	}
	/**
	* Checks if a key exists in the store and is not expired.
	* Delegates to the store's native has if available.
	* @param key - The key to check
	* @returns True if the key exists and is not expired, false otherwise
	*/
	async has(key) {
		if (this._capabilities.methods.has.exists) {
			let keyPrefix = this.getKeyPrefix(key, this._namespace);
			/* v8 ignore next -- @preserve */
			return this._store.has?.(keyPrefix) ?? !1;
		}
		return await this.get(key) !== void 0;
	}
	/**
	* Checks if multiple keys exist in the store and are not expired.
	* Delegates to the store's native hasMany if available.
	* @param keys - Array of keys to check
	* @returns Array of booleans indicating existence for each key
	*/
	async hasMany(keys) {
		if (this._capabilities.methods.hasMany.exists) {
			let prefixedKeys = keys.map((key) => this.getKeyPrefix(key, this._namespace));
			/* v8 ignore next -- @preserve */
			return this._store.hasMany?.(prefixedKeys) ?? [];
		}
		let results = [];
		for (let key of keys) results.push(await this.has(key));
		return results;
	}
	/**
	* Deletes a value from the store by key.
	* @param key - The key to delete
	* @returns True if the key was deleted, false otherwise
	*/
	async delete(key) {
		let keyPrefix = this.getKeyPrefix(key, this._namespace);
		return this._store.delete(keyPrefix);
	}
	/**
	* Deletes multiple keys from the store at once.
	* Delegates to the store's native deleteMany if available.
	* @param keys - Array of keys to delete
	* @returns Array of booleans indicating success for each key
	*/
	async deleteMany(keys) {
		if (this._capabilities.methods.deleteMany.exists) {
			let prefixedKeys = keys.map((key) => this.getKeyPrefix(key, this._namespace)), result = await this._store.deleteMany?.(prefixedKeys) ?? [];
			return Array.isArray(result) ? result : keys.map(() => result);
		}
		let results = [];
		for (let key of keys) try {
			let keyPrefix = this.getKeyPrefix(key, this._namespace), result = await this._store.delete(keyPrefix);
			results.push(result);
		} catch (error) {
			this.emit("error", error), results.push(!1);
		}
		return results;
	}
	/**
	* Clears entries from the store. With no namespace, the whole store is cleared. With a
	* namespace, only that namespace's entries are removed: a store that manages its own
	* namespace clears them itself, and otherwise the bridge finds them with the store's
	* `iterator()`. A store with neither can't tell namespaces apart, so this throws rather
	* than call the store's `clear()` and delete every namespace's entries.
	* @throws {Error} If a namespace is set and the store neither manages it nor has `iterator()`.
	*/
	async clear() {
		if (!this._namespace || this._storeHandlesNamespace) {
			await this._store.clear();
			return;
		}
		if (!this._capabilities.methods.iterator.exists) throw Error(`Can't clear namespace "${this._namespace}": the store has no iterator() to find that namespace's keys, and its clear() would delete every namespace. Give the store an iterator(), or clear it without a namespace.`);
		let prefix = `${this._namespace}${this._namespaceSeparator}`, keysToDelete = [];
		/* v8 ignore next -- @preserve */
		for await (let entry of this._store.iterator?.(this._namespace) ?? []) {
			let key = Array.isArray(entry) ? entry[0] : entry;
			typeof key == "string" && key.startsWith(prefix) && keysToDelete.push(key);
		}
		for (let key of keysToDelete) await this._store.delete(key);
	}
	/**
	* Creates an async iterator for iterating over store entries.
	* If the underlying store does not support iteration, returns an empty generator.
	* @returns An async generator yielding [key, value] pairs
	*/
	async *iterator() {
		if (!this._capabilities.methods.iterator.exists) return;
		let namespace = this._namespace, prefix = namespace && !this._storeHandlesNamespace ? `${namespace}${this._namespaceSeparator}` : void 0;
		/* v8 ignore next -- @preserve */
		for await (let entry of this._store.iterator?.(this._namespace) ?? []) {
			let [key, data] = Array.isArray(entry) ? entry : [entry];
			(!prefix || typeof key != "string" || key.startsWith(prefix)) && (data && isDataExpired(data) ? await this._store.delete(key) : yield [prefix && typeof key == "string" ? key.slice(prefix.length) : key, data]);
		}
	}
	/**
	* Disconnects from the underlying store.
	* No-op if the store does not support disconnect.
	*/
	async disconnect() {
		this._capabilities.methods.disconnect.exists && await this._store.disconnect?.();
	}
};
function getGlobalBuffer() {
	return globalThis.Buffer;
}
function bytesToBase64(bytes) {
	let buffer = getGlobalBuffer();
	if (buffer) return buffer.from(bytes).toString("base64");
	let binary = "";
	for (let byte of bytes) binary += String.fromCharCode(byte);
	return btoa(binary);
}
function base64ToBytes(value) {
	let buffer = getGlobalBuffer();
	if (buffer) return buffer.from(value, "base64");
	let binary = atob(value), bytes = new Uint8Array(binary.length);
	for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
	return bytes;
}
function isBinaryValue(value) {
	return getGlobalBuffer()?.isBuffer(value) ? !0 : value instanceof Uint8Array;
}
/**
* Pre-process a value tree, converting Buffer and BigInt to tagged strings
* before JSON.stringify can call toJSON() on them.
*/
function prepare(value) {
	if (value == null) return value;
	if (isBinaryValue(value)) return `:base64:${bytesToBase64(value)}`;
	if (typeof value == "bigint") return `:bigint:${value.toString()}`;
	if (typeof value == "string") return value.startsWith(":") ? `:${value}` : value;
	if (Array.isArray(value)) return value.map((item) => prepare(item));
	if (typeof value == "object") {
		if (typeof value.toJSON == "function") return prepare(value.toJSON());
		let result = Object.create(null);
		for (let key of Object.keys(value)) value[key] !== void 0 && (result[key] = prepare(value[key]));
		return result;
	}
	return value;
}
var KeyvJsonSerializer = class {
	stringify(object) {
		return JSON.stringify(prepare(object));
	}
	parse(data) {
		return JSON.parse(data, (_, value) => typeof value == "string" ? value.startsWith(":bigint:") ? BigInt(value.slice(8)) : value.startsWith(":base64:") ? base64ToBytes(value.slice(8)) : value.startsWith(":") ? value.slice(1) : value : value);
	}
};
new KeyvJsonSerializer();
const categoryPatterns = {
	sql: [
		/;/g,
		/--/g,
		/\/\*/g
	],
	mongo: [/^\$/g, /\{\s*\$/g],
	escape: [
		/\0/g,
		/\r/g,
		/\n/g
	],
	path: [/\.\.\//g, /\.\.\\/g]
};
/**
* Compile an array of RegExp patterns from the enabled categories.
* Returns `undefined` when nothing is enabled.
*/
function buildPatterns(options) {
	let patterns = [];
	for (let [category, regexes] of Object.entries(categoryPatterns)) options[category] !== !1 && patterns.push(...regexes);
	return patterns.length > 0 ? patterns : void 0;
}
/**
* Run all patterns against a string, stripping matched sequences. Stripping one match can form
* another, as `..././` becomes `../`, so when a match remains, {@link stripRemaining} finishes
* the job.
*/
function applyPatterns(value, patterns, options) {
	for (let pattern of patterns) pattern.lastIndex = 0, value = value.replace(pattern, "");
	return patterns.some((pattern) => value.search(pattern) !== -1) ? stripRemaining(value, options) : value;
}
/**
* Strip the matches a single pass of {@link applyPatterns} left behind. It reads the string once,
* left to right, and drops a pattern as soon as its last character arrives, so a pattern formed by
* an earlier removal is caught without scanning the string again. The result contains no match.
*/
function stripRemaining(value, options) {
	let kept = [];
	for (let char of value) {
		let length = matchLength(kept, char, options);
		length === 0 ? kept.push(char) : kept.length -= length - 1;
	}
	return kept.join("");
}
const whitespace = /\s/;
/**
* The length of the pattern that `char` completes at the end of `kept`, counting `char` itself, or
* 0 when it completes none. `;`, `\0`, `\r` and `\n` need no check: the single pass before this
* removes every one of them, and removing characters never adds one back.
*/
function matchLength(kept, char, options) {
	let last = kept.length - 1;
	if (options.sql && (char === "-" && kept[last] === "-" || char === "*" && kept[last] === "/")) return 2;
	if (options.mongo && char === "$") {
		if (kept.length === 0) return 1;
		let start = kept.length;
		for (; start > 0 && whitespace.test(kept[start - 1]);) start--;
		if (kept[start - 1] === "{") return kept.length - start + 2;
	}
	return options.path && (char === "/" || char === "\\") && kept[last] === "." && kept[last - 1] === "." ? 3 : 0;
}
const allOn = {
	escape: !0,
	mongo: !0,
	path: !0,
	sql: !0
}, allOff = {
	escape: !1,
	mongo: !1,
	path: !1,
	sql: !1
};
/**
* Encapsulates key and namespace sanitization with an LRU result cache.
*/
var KeyvSanitize = class {
	_keys = { ...allOff };
	_namespace = { ...allOff };
	_keyPatterns;
	_namespacePatterns;
	_enabled = !1;
	_cacheKeys = /* @__PURE__ */ new Map();
	_cacheNamespaces = /* @__PURE__ */ new Map();
	_cacheMax = 1e4;
	constructor(options) {
		options !== void 0 && this.updateOptions(options);
	}
	/**
	* The key sanitization pattern configuration.
	*/
	get keys() {
		return this._keys;
	}
	/**
	* Whether any sanitization pattern (keys or namespace) is enabled.
	*/
	get enabled() {
		return this._enabled;
	}
	/**
	* The namespace sanitization pattern configuration.
	*/
	get namespace() {
		return this._namespace;
	}
	/**
	* Update the sanitization configuration. Recompiles patterns and clears the cache.
	*/
	updateOptions(options) {
		this._keys = this.resolvePatterns(options.keys), this._namespace = this.resolvePatterns(options.namespace), this._enabled = Object.values(this._keys).some(Boolean) || Object.values(this._namespace).some(Boolean), this._keyPatterns = buildPatterns(this._keys), this._namespacePatterns = buildPatterns(this._namespace), this._cacheKeys.clear(), this._cacheNamespaces.clear();
	}
	/**
	* Sanitize a single key. Uses an LRU cache for repeated lookups.
	*/
	cleanKey(key) {
		if (!this._keyPatterns) return key;
		let cached = this._cacheKeys.get(key);
		if (cached !== void 0) return this._cacheKeys.delete(key), this._cacheKeys.set(key, cached), cached;
		let result = applyPatterns(key, this._keyPatterns, this._keys);
		if (this._cacheKeys.set(key, result), this._cacheKeys.size > this._cacheMax) {
			let first = this._cacheKeys.keys().next().value;
			first !== void 0 && this._cacheKeys.delete(first);
		}
		return result;
	}
	/**
	* Sanitize an array of keys.
	*/
	cleanKeys(keys) {
		return this._keyPatterns ? keys.map((k) => this.cleanKey(k)) : keys;
	}
	/**
	* Sanitize a namespace string. Uses an LRU cache for repeated lookups.
	*/
	cleanNamespace(ns) {
		if (!this._namespacePatterns) return ns;
		let cached = this._cacheNamespaces.get(ns);
		if (cached !== void 0) return this._cacheNamespaces.delete(ns), this._cacheNamespaces.set(ns, cached), cached;
		let result = applyPatterns(ns, this._namespacePatterns, this._namespace);
		if (this._cacheNamespaces.set(ns, result), this._cacheNamespaces.size > this._cacheMax) {
			let first = this._cacheNamespaces.keys().next().value;
			first !== void 0 && this._cacheNamespaces.delete(first);
		}
		return result;
	}
	/**
	* Clear the LRU caches.
	*/
	clearCache() {
		this._cacheKeys.clear(), this._cacheNamespaces.clear();
	}
	resolvePatterns(options) {
		return options === !1 || options === void 0 ? { ...allOff } : options === !0 ? { ...allOn } : {
			sql: options.sql !== !1,
			mongo: options.mongo !== !1,
			escape: options.escape !== !1,
			path: options.path !== !1
		};
	}
}, KeyvStats = class {
	_hits = 0;
	_misses = 0;
	_sets = 0;
	_deletes = 0;
	_errors = 0;
	_maxEntries = 1e3;
	_enabled = !1;
	hitKeysMap = /* @__PURE__ */ new Map();
	missKeysMap = /* @__PURE__ */ new Map();
	setKeysMap = /* @__PURE__ */ new Map();
	deleteKeysMap = /* @__PURE__ */ new Map();
	errorKeysMap = /* @__PURE__ */ new Map();
	_emitter;
	_listeners = /* @__PURE__ */ new Map();
	constructor(options) {
		options?.maxEntries !== void 0 && (this._maxEntries = options.maxEntries), options?.enabled !== void 0 && (this._enabled = options.enabled), this.reset(), options?.emitter && (this._enabled === !0 ? this.subscribe(options.emitter) : this._emitter = options.emitter);
	}
	/**
	* Total number of cache hits.
	*/
	get hits() {
		return this._hits;
	}
	/**
	* Total number of cache misses.
	*/
	get misses() {
		return this._misses;
	}
	/**
	* Total number of cache sets.
	*/
	get sets() {
		return this._sets;
	}
	/**
	* Total number of cache deletes.
	*/
	get deletes() {
		return this._deletes;
	}
	/**
	* Total number of cache errors.
	*/
	get errors() {
		return this._errors;
	}
	/**
	* LRU-bounded map of key to hit count.
	*/
	get hitKeys() {
		return this.hitKeysMap;
	}
	/**
	* LRU-bounded map of key to miss count.
	*/
	get missKeys() {
		return this.missKeysMap;
	}
	/**
	* LRU-bounded map of key to set count.
	*/
	get setKeys() {
		return this.setKeysMap;
	}
	/**
	* LRU-bounded map of key to delete count.
	*/
	get deleteKeys() {
		return this.deleteKeysMap;
	}
	/**
	* LRU-bounded map of key to error count.
	*/
	get errorKeys() {
		return this.errorKeysMap;
	}
	/**
	* Maximum number of entries per event-type LRU map.
	* @default 1000
	*/
	get maxEntries() {
		return this._maxEntries;
	}
	/**
	* Set the maximum number of entries per event-type LRU map.
	* @param {number} value the new maximum entries
	*/
	/* v8 ignore next 3 -- @preserve */
	set maxEntries(value) {
		this._maxEntries = value;
	}
	/**
	* Whether stats tracking is enabled.
	* @default false
	*/
	get enabled() {
		return this._enabled;
	}
	/**
	* Enable or disable stats tracking. If false it will unsubscribe from the events
	* @param {boolean} value true to enable, false to disable
	*/
	set enabled(value) {
		if (this._enabled = value, this._enabled === !1 && this._listeners.size !== 0) {
			let emitter = this._emitter;
			this.unsubscribe(), this._emitter = emitter;
		} else this._enabled === !0 && this._emitter && this._listeners.size === 0 && this.subscribe(this._emitter);
	}
	/**
	* Build a composite key from a telemetry event.
	* Format: "namespace::key" if namespace is present, otherwise just "key".
	*/
	buildKeyEventName(event) {
		return event.namespace && event.key ? `${event.namespace}::${event.key}` : event.key ?? "";
	}
	/**
	* Increment the count for a key in an LRU-bounded map.
	* Deletes and re-inserts to maintain LRU order, evicts the oldest entry when full.
	*/
	incrementKeys(map, compositeKey) {
		if (this.maxEntries <= 0 || !compositeKey) return;
		let current = map.get(compositeKey) ?? 0;
		if (map.delete(compositeKey), map.set(compositeKey, current + 1), map.size > this.maxEntries) {
			let first = map.keys().next().value;
			first !== void 0 && map.delete(first);
		}
	}
	/**
	* Subscribe to telemetry events from an emitter (e.g. a Keyv instance).
	* Automatically increments the corresponding stat counters and LRU key maps on each event.
	* @param {IEventEmitter} emitter the event emitter to subscribe to
	*/
	subscribe(emitter) {
		this.unsubscribe(), this._emitter = emitter;
		let hitListener = (event) => {
			this._hits++, this.incrementKeys(this.hitKeysMap, this.buildKeyEventName(event));
		}, missListener = (event) => {
			this._misses++, this.incrementKeys(this.missKeysMap, this.buildKeyEventName(event));
		}, setListener = (event) => {
			this._sets++, this.incrementKeys(this.setKeysMap, this.buildKeyEventName(event));
		}, deleteListener = (event) => {
			this._deletes++, this.incrementKeys(this.deleteKeysMap, this.buildKeyEventName(event));
		}, errorListener = (event) => {
			this._errors++, this.incrementKeys(this.errorKeysMap, this.buildKeyEventName(event));
		};
		this._listeners.set("stat:hit", hitListener), this._listeners.set("stat:miss", missListener), this._listeners.set("stat:set", setListener), this._listeners.set("stat:delete", deleteListener), this._listeners.set("stat:error", errorListener), emitter.on("stat:hit", hitListener), emitter.on("stat:miss", missListener), emitter.on("stat:set", setListener), emitter.on("stat:delete", deleteListener), emitter.on("stat:error", errorListener);
	}
	/**
	* Unsubscribe from the currently subscribed emitter, removing all telemetry event listeners.
	*/
	unsubscribe() {
		if (this._emitter) {
			for (let [eventName, listener] of this._listeners) this._emitter.off(eventName, listener);
			this._listeners.clear(), this._emitter = void 0;
		}
	}
	/**
	* Reset all counters and LRU key maps to their initial state.
	*/
	reset() {
		this._hits = 0, this._misses = 0, this._sets = 0, this._deletes = 0, this._errors = 0, this.hitKeysMap.clear(), this.missKeysMap.clear(), this.setKeysMap.clear(), this.deleteKeysMap.clear(), this.errorKeysMap.clear();
	}
}, Keyv = class Keyv extends Hookified {
	/**
	* Keyv Constructor
	* @param {KeyvStorageAdapter | KeyvOptions} store
	* @param {Omit<KeyvOptions, 'store'>} [options] if you provide the store you can then provide the Keyv Options
	*/
	constructor(store, options) {
		let mergedOptions = Keyv.resolveOptions(store, options);
		super({
			throwOnHookError: !1,
			throwOnEmptyListeners: !0
		}), this.deprecatedHooks = buildDeprecatedHooks(), this._compression = mergedOptions.compression, this._encryption = mergedOptions.encryption, this.initSerialization(mergedOptions), this.initSanitize(mergedOptions), this.initNamespace(mergedOptions.namespace), this.initStats(mergedOptions), mergedOptions.store && this.setStore(mergedOptions.store), this.setTtl(mergedOptions.ttl), this._checkExpired = mergedOptions.checkExpired ?? !0;
	}
	/**
	* Stats manager for tracking cache operation metrics (hits, misses, sets, deletes, errors).
	* @default this is disabled.
	*/
	_stats;
	/**
	* Default time to live in milliseconds. Can be overridden per-key via {@link set}.
	*/
	_ttl;
	/**
	* Key prefix namespace used to isolate keys across different Keyv instances sharing the same store.
	*/
	_namespace;
	/**
	* The underlying storage adapter. Defaults to an in-memory {@link Map}.
	*/
	_store = new KeyvMemoryAdapter(/* @__PURE__ */ new Map());
	/**
	* Pluggable serialization adapter with `stringify` and `parse` methods.
	* When `undefined`, the built-in {@link KeyvJsonSerializer} is used.
	*/
	_serialization;
	/**
	* Pluggable compression adapter with `compress` and `decompress` methods.
	*/
	_compression;
	/**
	* Pluggable encryption adapter with `encrypt` and `decrypt` methods.
	*/
	_encryption;
	/**
	* Sanitization handler for keys and namespaces. By default it is disabled.
	*/
	_sanitize;
	/**
	* When true, Keyv checks expiry at its layer on get/getMany/has/hasMany.
	* Defaults to true so reads stay millisecond-precise even on adapters whose
	* native expiry is coarse or lazily swept (e.g. Memcached, DynamoDB).
	*/
	_checkExpired = !0;
	/**
	* Get the current storage adapter.
	* @returns {KeyvStorageAdapter} The current storage adapter.
	*/
	get store() {
		return this._store;
	}
	/**
	* Set the storage adapter.
	* @param {KeyvStorageAdapter | Map<any, any> | any} store The storage adapter to set.
	*/
	set store(store) {
		this.setStore(store);
	}
	/**
	* Get the current compression adapter.
	* @returns {KeyvCompressionAdapter | undefined} The current compression adapter.
	*/
	get compression() {
		return this._compression;
	}
	/**
	* Set the compression adapter.
	* @param {KeyvCompressionAdapter | undefined} compress The compression adapter to set.
	*/
	set compression(compress) {
		this._compression = compress;
	}
	/**
	* Get the current encryption adapter.
	* @returns {KeyvEncryptionAdapter | undefined} The current encryption adapter.
	*/
	get encryption() {
		return this._encryption;
	}
	/**
	* Set the encryption adapter.
	* @param {KeyvEncryptionAdapter | undefined} encryption The encryption adapter to set.
	*/
	set encryption(encryption) {
		this._encryption = encryption;
	}
	/**
	* Get the current namespace. When Keyv has no namespace of its own, this is the namespace
	* configured on the storage adapter.
	* @returns {string | undefined} The current namespace.
	*/
	get namespace() {
		return this._namespace ?? this._store.namespace;
	}
	/**
	* Set the current namespace.
	* @param {string | undefined} namespace The namespace to set.
	*/
	set namespace(namespace) {
		this._namespace = namespace && this._sanitize.enabled ? this.cleanNamespace(namespace) : namespace, this._store.namespace = this._namespace;
	}
	/**
	* Get the current TTL.
	* @returns {number} The current TTL in milliseconds.
	*/
	get ttl() {
		return this._ttl;
	}
	/**
	* Set the current TTL.
	* @param {number} ttl The TTL to set in milliseconds.
	*/
	set ttl(ttl) {
		this.setTtl(ttl);
	}
	/**
	* Get the current serialization adapter. If `undefined`, serialization is not enabled.
	* @returns {KeyvSerializationAdapter | undefined} The current serialization adapter.
	*/
	get serialization() {
		return this._serialization;
	}
	/**
	* Set the current serialization adapter. Pass a `KeyvSerializationAdapter` to enable
	* custom serialization, or `undefined` to disable serialization entirely.
	* @param {KeyvSerializationAdapter | undefined} serialization The serialization adapter to set.
	*/
	set serialization(serialization) {
		this._serialization = serialization === !1 ? void 0 : serialization;
	}
	/**
	* Get the current sanitize adapter. Sanitization is disabled by default. To
	* enable it `sanitize.keys` or `sanitize.namespace` to true or set KeyvSanitizePatterns
	* to each.
	* @returns {KeyvSanitizeAdapter} The current sanitize adapter.
	*/
	get sanitize() {
		return this._sanitize;
	}
	/**
	* Set the sanitize adapter directly and will run sanitization on namespace, including a
	* namespace kept from the storage adapter, and apply the result to the adapter.
	* @param {KeyvSanitizeAdapter} value The sanitize adapter to use.
	*/
	set sanitize(value) {
		this._sanitize = value, this._namespace && this._sanitize.enabled && (this._namespace = this.cleanNamespace(this._namespace), this._store.namespace = this._namespace), this.sanitizeStoreNamespace();
	}
	/**
	* Get the stats. This is just for this instance
	* @returns {KeyvStats} The current stats.
	*/
	get stats() {
		return this._stats;
	}
	/**
	* Set the stats. When setting a new instance it will unsubscribe the old listeners
	* and subscribe the new instance.
	* @param {KeyvStats} stats The stats instance to set.
	*/
	set stats(stats) {
		this._stats.unsubscribe(), this._stats = stats, this._stats.subscribe(this);
	}
	/**
	* Get whether Keyv checks expiry at its own layer on get/getMany/has/hasMany.
	* When true (default), expired entries are filtered (and deleted) by Keyv regardless of
	* the adapter. Set to false to trust the storage adapter to handle expiry on its own.
	* @returns {boolean} `true` if Keyv checks expiry at its layer.
	*/
	get checkExpired() {
		return this._checkExpired;
	}
	/**
	* Resolves a store to a fully-compliant KeyvStorageAdapter:
	* 1. If the store declares the v6 `capabilities.expires` contract, use it directly (this takes
	*    precedence over structural detection, so a full adapter whose async methods aren't written
	*    with the `async` keyword is not mis-bridged).
	* 2. If the store implements the full async storage interface (but doesn't declare `expires`),
	*    treat it as a legacy relative-`ttl` adapter and wrap it in KeyvBridgeAdapter.
	* 3. If the store is map-like (get/set/delete/has that aren't native `async` functions), wrap it
	*    in KeyvMemoryAdapter. A store other than a Map is first asked once, through `has`, whether
	*    it returns promises; if it does, wrap it in KeyvBridgeAdapter instead.
	* 4. If the store has async get/set/delete/clear, wrap it in KeyvBridgeAdapter.
	* 5. Otherwise, emit an error and fall back to a default in-memory KeyvMemoryAdapter.
	*
	* NOTE: this is used for internal but provided public for custom adapter testing
	* @param {unknown} store The store to resolve.
	* @returns {KeyvStorageAdapter} A fully-compliant storage adapter.
	*/
	resolveStore(store) {
		if (store?.capabilities?.expires === !0) return store;
		let cap = detectKeyvStorage(store);
		return cap.store === "keyvStorage" ? new KeyvBridgeAdapter(store) : cap.store === "mapLike" ? !(store instanceof Map) && returnsPromise(store) ? new KeyvBridgeAdapter(store) : new KeyvMemoryAdapter(store) : cap.store === "asyncMap" ? new KeyvBridgeAdapter(store) : (this.emit("error", /* @__PURE__ */ Error("Could not use the provided storage adapter, falling back to KeyvMemoryAdapter with Map")), new KeyvMemoryAdapter(/* @__PURE__ */ new Map()));
	}
	/**
	* Sets the storage adapter by resolving it via {@link resolveStore}, then wires up
	* error forwarding and namespace propagation. Keyv's namespace, when set, is applied to the
	* adapter. Without one, the adapter keeps the namespace it was configured with.
	* @param {KeyvStorageAdapter | Map<any, any> | any} store The storage adapter to set.
	*/
	setStore(store) {
		this._store = this.resolveStore(store), typeof this._store.on == "function" && this._store.on("error", (error) => this.emit("error", error)), this._namespace === void 0 ? this.sanitizeStoreNamespace() : this._store.namespace = this._namespace;
	}
	/**
	* Sets the TTL, treating zero and negative values as undefined (no TTL).
	* @param {number | undefined} ttl The TTL to set in milliseconds.
	*/
	setTtl(ttl) {
		this._ttl = typeof ttl == "number" && ttl <= 0 ? void 0 : ttl;
	}
	async get(key) {
		if (Array.isArray(key)) return this.getMany(key);
		if (key = this._sanitize.enabled ? this._sanitize.cleanKey(key) : key, key === "") return;
		await this.hookWithDeprecated("before:get", { key });
		let rawData;
		try {
			rawData = await this._store.get(key);
		} catch (error) {
			this.emit("error", error), this.emitTelemetry("stat:error", key), await this.hookWithDeprecated("after:get", {
				key,
				value: void 0
			});
			return;
		}
		let data;
		if (this._checkExpired ? [data] = await this.decodeWithExpire(key, rawData) : data = rawData == null ? void 0 : typeof rawData == "string" ? await this.decode(rawData) : rawData, data === void 0) await this.hookWithDeprecated("after:get", {
			key,
			value: void 0
		}), this.emitTelemetry("stat:miss", key);
		else return await this.hookWithDeprecated("after:get", {
			key,
			value: data
		}), this.emitTelemetry("stat:hit", key), data.value;
	}
	/**
	* Reads many keys from the store, preferring its native `getMany` and falling back to parallel
	* single `get`s when an adapter does not implement it. A directly-used v6 adapter is not
	* structurally required to provide `getMany` (the bridge and memory adapters always do), so
	* this keeps `getMany`/`getManyRaw` working regardless of the resolved adapter.
	* @param keys - the keys to read
	* @returns the raw store results in the same order as `keys`
	*/
	async storeGetMany(keys) {
		return typeof this._store.getMany == "function" ? this._store.getMany(keys) : Promise.all(keys.map(async (key) => this._store.get(key)));
	}
	/**
	* Runs a batch operation without the keys or entries whose key is empty, then returns its results
	* in the original order with `fallback` for each empty key. As with the single-key methods, an
	* empty key never reaches hooks, telemetry or the store.
	* @param items - the keys or entries of the batch
	* @param fallback - the result for an item whose key is empty
	* @param run - runs the batch operation on the items whose key is not empty
	* @returns one result per item, in the same order as `items`
	*/
	async skipEmptyKeys(items, fallback, run) {
		let isEmpty = (item) => (typeof item == "string" ? item : item.key) === "", kept = items.filter((item) => !isEmpty(item));
		if (kept.length === items.length) return run(items);
		let results = kept.length > 0 ? await run(kept) : [], next = 0;
		return items.map((item) => isEmpty(item) ? fallback : results[next++]);
	}
	/**
	* Get many values for an array of keys.
	* @param {string[]} keys the keys to get
	* @returns {Promise<Array<Value | undefined>>} an array of values in the same order as the
	* keys, with `undefined` for keys that do not exist or are expired.
	*/
	async getMany(keys) {
		return keys = this._sanitize.enabled ? this._sanitize.cleanKeys(keys) : keys, this.skipEmptyKeys(keys, void 0, async (keys) => {
			await this.hookWithDeprecated("before:getMany", { keys });
			let rawData;
			try {
				rawData = await this.storeGetMany(keys);
			} catch (error) {
				this.emit("error", error), this.emitTelemetry("stat:error", keys);
				let failed = keys.map(() => void 0);
				return await this.hookWithDeprecated("after:getMany", failed), failed;
			}
			let deserialized;
			deserialized = this._checkExpired ? await this.decodeWithExpire(keys, rawData) : await Promise.all(rawData.map(async (row) => {
				if (row != null) return typeof row == "string" ? this.decode(row) : row;
			}));
			let result = deserialized.map((row) => row === void 0 ? void 0 : row.value);
			await this.hookWithDeprecated("after:getMany", result);
			for (let i = 0; i < result.length; i++) result[i] === void 0 ? this.emitTelemetry("stat:miss", keys[i]) : this.emitTelemetry("stat:hit", keys[i]);
			return result;
		});
	}
	/**
	* Get the raw value of a key. This is the replacement for setting raw to true in the get() method.
	* @param {string} key the key to get
	* @returns {Promise<KeyvStorageGetResult<Value>>} will return a KeyvStorageGetResult<Value> or undefined
	* if the key does not exist or is expired.
	*/
	async getRaw(key) {
		if (key = this._sanitize.enabled ? this._sanitize.cleanKey(key) : key, key === "") return;
		await this.hookWithDeprecated("before:getRaw", { key });
		let rawData;
		try {
			rawData = await this._store.get(key);
		} catch (error) {
			this.emit("error", error), this.emitTelemetry("stat:error", key), await this.hookWithDeprecated("after:getRaw", {
				key,
				value: void 0
			});
			return;
		}
		let data;
		if (this._checkExpired ? [data] = await this.decodeWithExpire(key, rawData) : data = rawData == null ? void 0 : typeof rawData == "string" ? await this.decode(rawData) : rawData, data === void 0) await this.hookWithDeprecated("after:getRaw", {
			key,
			value: void 0
		}), this.emitTelemetry("stat:miss", key);
		else return this.emitTelemetry("stat:hit", key), await this.hookWithDeprecated("after:getRaw", {
			key,
			value: data
		}), data;
	}
	/**
	* Get the raw values of many keys. This is the replacement for setting raw to true in the getMany() method.
	* @param {string[]} keys the keys to get
	* @returns {Promise<Array<KeyvStorageGetResult<Value>>>} will return an array of KeyvStorageGetResult<Value> or undefined if the key does not exist or is expired.
	*/
	async getManyRaw(keys) {
		return keys = this._sanitize.enabled ? this._sanitize.cleanKeys(keys) : keys, this.skipEmptyKeys(keys, void 0, async (keys) => {
			if (await this.hookWithDeprecated("before:getManyRaw", { keys }), keys.length === 0) {
				let result = [];
				return await this.hookWithDeprecated("after:getManyRaw", {
					keys,
					values: result
				}), result;
			}
			let rawData;
			try {
				rawData = await this.storeGetMany(keys);
			} catch (error) {
				this.emit("error", error), this.emitTelemetry("stat:error", keys);
				let failed = keys.map(() => void 0);
				return await this.hookWithDeprecated("after:getManyRaw", {
					keys,
					values: failed
				}), failed;
			}
			let result;
			result = this._checkExpired ? await this.decodeWithExpire(keys, rawData) : await Promise.all(rawData.map(async (row) => {
				if (row != null) return typeof row == "string" ? this.decode(row) : row;
			}));
			for (let i = 0; i < result.length; i++) result[i] === void 0 ? this.emitTelemetry("stat:miss", keys[i]) : this.emitTelemetry("stat:hit", keys[i]);
			return await this.hookWithDeprecated("after:getManyRaw", {
				keys,
				values: result
			}), result;
		});
	}
	/**
	* Set an item to the store
	* @param {string} key the key to use
	* @param {Value} value the value of the key
	* @param {number} [ttl] time to live in milliseconds. Overrides the instance-level `ttl`.
	* @returns {Promise<boolean>} `true` if it was set successfully, `false` on failure.
	*/
	async set(key, value, ttl) {
		if (key = this._sanitize.enabled ? this._sanitize.cleanKey(key) : key, key === "") return !1;
		let data = {
			key,
			value,
			ttl
		};
		await this.hookWithDeprecated("before:set", data), data.ttl = resolveTtl(data.ttl, this._ttl);
		let expires = calculateExpires(data.ttl);
		if (typeof data.value == "symbol") return this.emit("error", "symbol cannot be serialized"), this.emitTelemetry("stat:error", key), !1;
		let formattedValue = {
			value: data.value,
			expires
		}, result = !0, encodedValue = formattedValue;
		try {
			encodedValue = await this.encode(formattedValue), result = await this._store.set(data.key, encodedValue, expires);
		} catch (error) {
			result = !1, this.emit("error", error), this.emitTelemetry("stat:error", key);
		}
		return await this.hookWithDeprecated("after:set", {
			key,
			value: encodedValue,
			ttl
		}), result && this.emitTelemetry("stat:set", key), result;
	}
	/**
	* Set many items to the store
	* @param {Array<KeyvEntry<Value>>} entries the entries to set
	* @returns {Promise<boolean[]>} an array of booleans, one per entry: `true` if set successfully, `false` on failure.
	*/
	async setMany(entries) {
		return entries = entries.map((e) => ({
			...e,
			key: this._sanitize.enabled ? this._sanitize.cleanKey(e.key) : e.key
		})), this.skipEmptyKeys(entries, !1, async (entries) => {
			let data = { entries };
			await this.hookWithDeprecated("before:setMany", data), entries = data.entries;
			let results = [];
			try {
				let serializedEntries = await Promise.all(entries.map(async ({ key, value, ttl }) => {
					ttl = resolveTtl(ttl, this._ttl);
					/* v8 ignore next -- @preserve */
					let expires = calculateExpires(ttl);
					/* v8 ignore next -- @preserve */
					if (typeof value == "symbol") throw this.emit("error", "symbol cannot be serialized"), this.emitTelemetry("stat:error", key), Error("symbol cannot be serialized");
					let formattedValue = {
						value,
						expires
					};
					return {
						key,
						value: await this.encode(formattedValue),
						expires
					};
				})), storeResult = await this._store.setMany(serializedEntries);
				results = Array.isArray(storeResult) ? storeResult : entries.map(() => !0), this.emitTelemetry("stat:set", entries.map((e) => e.key));
			} catch (error) {
				this.emit("error", error), this.emitTelemetry("stat:error", entries.map((e) => e.key)), results = entries.map(() => !1);
			}
			return await this.hookWithDeprecated("after:setMany", {
				entries,
				values: results
			}), results;
		});
	}
	/**
	* Set a raw value to the store without wrapping or serialization. This is the write-side counterpart to getRaw().
	* The value should be a KeyvValue object with { value, expires? }. If you need TTL-based expiration,
	* set `expires` on the value directly (e.g. `{ value: 'bar', expires: Date.now() + 60000 }`).
	* The store-level expiry is derived automatically from `value.expires`, rounded up to a whole millisecond
	* (a non-finite `expires` means no store-level expiry).
	* @param {string} key the key to set
	* @param {KeyvValue<Value>} value the raw value envelope to store
	* @returns {Promise<boolean>} `true` if it was set successfully, `false` on failure.
	*/
	async setRaw(key, value) {
		if (key = this._sanitize.enabled ? this._sanitize.cleanKey(key) : key, key === "") return !1;
		let data = {
			key,
			value
		};
		await this.hookWithDeprecated("before:setRaw", data);
		let expires = toStoreExpires(data.value.expires), ttl = ttlFromExpires(expires), result = !0;
		try {
			let encodedValue = await this.encode(data.value), storeResult = await this._store.set(data.key, encodedValue, expires);
			typeof storeResult == "boolean" && (result = storeResult);
		} catch (error) {
			result = !1, this.emit("error", error), this.emitTelemetry("stat:error", key);
		}
		return await this.hookWithDeprecated("after:setRaw", {
			key,
			value: data.value,
			ttl
		}), result && this.emitTelemetry("stat:set", key), result;
	}
	/**
	* Set many raw values to the store without wrapping or serialization. This is the write-side counterpart to getManyRaw().
	* Each entry's value should be a KeyvValue object with { value, expires? }. If you need TTL-based expiration,
	* set `expires` on each value directly. The store-level expiry is derived automatically from `value.expires`,
	* rounded up to a whole millisecond (a non-finite `expires` means no store-level expiry).
	* @param {KeyvEntry<KeyvValue<Value>>[]} entries the raw entries to set
	* @returns {Promise<boolean[]>} an array of booleans, one per entry: `true` if set successfully, `false` on failure.
	*/
	async setManyRaw(entries) {
		return entries = entries.map((e) => ({
			...e,
			/* v8 ignore next -- @preserve */
			key: this._sanitize.enabled ? this._sanitize.cleanKey(e.key) : e.key
		})), this.skipEmptyKeys(entries, !1, async (entries) => {
			let results = [];
			await this.hookWithDeprecated("before:setManyRaw", { entries });
			try {
				let rawEntries = await Promise.all(entries.map(async ({ key, value }) => ({
					key,
					value: await this.encode(value),
					expires: toStoreExpires(value.expires)
				}))), storeResult = await this._store.setMany(rawEntries);
				results = Array.isArray(storeResult) ? storeResult : entries.map(() => !0), this.emitTelemetry("stat:set", entries.map((e) => e.key));
			} catch (error) {
				this.emit("error", error), this.emitTelemetry("stat:error", entries.map((e) => e.key)), results = entries.map(() => !1);
			}
			return await this.hookWithDeprecated("after:setManyRaw", {
				entries,
				results
			}), results;
		});
	}
	async delete(key) {
		if (Array.isArray(key)) return this.deleteMany(key);
		if (key = this._sanitize.enabled ? this._sanitize.cleanKey(key) : key, key === "") return !1;
		await this.hookWithDeprecated("before:delete", { key });
		let result = !0;
		try {
			result = await this._store.delete(key);
		} catch (error) {
			result = !1, this.emit("error", error), this.emitTelemetry("stat:error", key);
		}
		return await this.hookWithDeprecated("after:delete", {
			key,
			value: result
		}), this.emitTelemetry("stat:delete", key), result;
	}
	/**
	* Delete many items from the store
	* @param {string[]} keys the keys to be deleted
	* @returns {Promise<boolean[]>} an array of booleans indicating success for each key.
	*/
	async deleteMany(keys) {
		return keys = this._sanitize.enabled ? this._sanitize.cleanKeys(keys) : keys, this.skipEmptyKeys(keys, !1, async (keys) => {
			await this.hookWithDeprecated("before:deleteMany", { keys }), await this.hookWithDeprecated("before:delete", { key: keys });
			let results;
			try {
				results = await this._store.deleteMany(keys), this.emitTelemetry("stat:delete", keys);
			} catch (error) {
				this.emit("error", error), this.emitTelemetry("stat:error", keys), results = keys.map(() => !1);
			}
			return await this.hookWithDeprecated("after:deleteMany", {
				keys,
				values: results
			}), await this.hookWithDeprecated("after:delete", {
				key: keys,
				value: results
			}), results;
		});
	}
	async has(key) {
		if (Array.isArray(key)) return this.hasMany(key);
		if (key = this._sanitize.enabled ? this._sanitize.cleanKey(key) : key, key === "") return !1;
		await this.hookWithDeprecated("before:has", { key });
		let result = !1;
		try {
			if (this._checkExpired) {
				let rawData = await this._store.get(key);
				if (rawData != null) {
					let [data] = await this.decodeWithExpire(key, rawData);
					result = data !== void 0;
				}
			} else result = await this._store.has(key);
		} catch (error) {
			this.emit("error", error), this.emitTelemetry("stat:error", key);
		}
		return await this.hookWithDeprecated("after:has", {
			key,
			value: result
		}), result;
	}
	/**
	* Check if many keys exist
	* @param {string[]} keys the keys to check
	* @returns {Promise<boolean[]>} an array of booleans in the same order as the keys, `true` if the key exists.
	*/
	async hasMany(keys) {
		return keys = this._sanitize.enabled ? this._sanitize.cleanKeys(keys) : keys, this.skipEmptyKeys(keys, !1, async (keys) => {
			await this.hookWithDeprecated("before:hasMany", { keys });
			let results = [];
			try {
				if (this._checkExpired) {
					let rawData = await this.storeGetMany(keys);
					results = (await this.decodeWithExpire(keys, rawData)).map((row) => row !== void 0);
				} else results = await this._store.hasMany(keys);
			} catch (error) {
				this.emit("error", error), this.emitTelemetry("stat:error", keys), results = keys.map(() => !1);
			}
			return await this.hookWithDeprecated("after:hasMany", {
				keys,
				values: results
			}), results;
		});
	}
	/**
	* Clear the store. If a namespace is set only entries in that namespace are removed. When the
	* store can't limit the removal to the namespace, nothing is removed and `error` is emitted.
	* Emits a `clear` event.
	* @returns {Promise<void>} resolves once the entries have been cleared.
	*/
	async clear() {
		this.emit("clear"), await this.hook("before:clear", { namespace: this.namespace });
		try {
			await this._store.clear();
		} catch (error) {
			this.emit("error", error), this.emitTelemetry("stat:error");
		}
		await this.hook("after:clear", { namespace: this.namespace });
	}
	/**
	* Will disconnect the store. This is only available if the store has a disconnect method
	* @returns {Promise<void>}
	*/
	async disconnect() {
		this.emit("disconnect"), await this.hook("before:disconnect", { namespace: this.namespace });
		try {
			this._store.disconnect && await this._store.disconnect();
		} catch (error) {
			this.emit("error", error);
		}
		await this.hook("after:disconnect", { namespace: this.namespace });
	}
	/**
	* Iterate over all key-value pairs in the store. Automatically deserializes values,
	* filters out expired entries, and deletes them from the store.
	* @returns {AsyncGenerator<Array<string | unknown>, void>} An async generator yielding `[key, value]` pairs.
	*/
	async *iterator() {
		/* v8 ignore next 3 -- @preserve */
		if (this._store.iterator !== void 0) try {
			for await (let [key, raw] of this._store.iterator()) {
				let data = await this.decode(raw);
				this._checkExpired && data && isDataExpired(data) ? await this.delete(key) : yield [key, data?.value];
			}
		} catch (error) {
			this.emit("error", error), this.emitTelemetry("stat:error");
		}
	}
	/**
	* Encodes a value for storage. Pipeline: serialize → compress → encrypt.
	* If serialization is not configured, returns the data as-is, skipping compression. With an
	* encryption adapter set, it throws instead, since the value can't be encrypted and storing it
	* unencrypted would defeat the adapter.
	* @param {KeyvValue<T>} data The value envelope to encode.
	* @returns {Promise<unknown>} The encoded value.
	* @throws {Error} If an encryption adapter is set while serialization is disabled.
	*/
	async encode(data) {
		if (!this._serialization) {
			if (this._encryption?.encrypt) throw Error("Encryption needs serialization, which is disabled, so Keyv won't store the value unencrypted. Remove `serialization: false` or the encryption adapter.");
			return data;
		}
		let result = await this._serialization.stringify(data);
		return this._compression?.compress && (result = await this._compression.compress(result)), this._encryption?.encrypt && (result = await this._encryption.encrypt(result)), result;
	}
	/**
	* Decodes a stored value. Pipeline: decrypt → decompress → deserialize (reverse of encode).
	* If serialization is not configured, returns the data as a KeyvValue or undefined for strings.
	* @param {unknown} data The raw data from the store.
	* @returns {Promise<KeyvValue<T> | undefined>} The decoded value envelope, or undefined on failure.
	*/
	async decode(data) {
		if (data != null) {
			if (!this._serialization) return typeof data == "string" ? void 0 : data;
			try {
				let result = data;
				return this._encryption?.decrypt && (result = await this._encryption.decrypt(result)), this._compression?.decompress && (result = await this._compression.decompress(result)), typeof result == "string" ? await this._serialization.parse(result) : result;
			} catch (error) {
				this.emit("error", error);
				return;
			}
		}
	}
	/**
	* Deserializes raw data from the store, checks for expiry, and deletes expired keys.
	* Accepts a single key/value or arrays. Returns an array of decoded KeyvValue objects
	* (undefined for missing or expired entries).
	* @param {string | string[]} keys the key(s) to process
	* @param {unknown | unknown[]} rawData the raw data from the store
	* @returns {Promise<Array<KeyvValue<Value> | undefined>>} decoded values with expired entries removed
	*/
	async decodeWithExpire(keys, rawData) {
		let keyArray = Array.isArray(keys) ? keys : [keys], dataArray = Array.isArray(rawData) ? rawData : [rawData], results = [];
		for (let row of dataArray) {
			if (row == null) {
				results.push(void 0);
				continue;
			}
			let deserialized = typeof row == "string" ? await this.decode(row) : row;
			deserialized == null ? results.push(void 0) : results.push(deserialized);
		}
		return await deleteExpiredKeys(keyArray, results, this), results;
	}
	/**
	* Fires a hook under its new name and also under the deprecated alias (if any),
	* so that integrations still subscribing to the old PRE_/POST_ names keep working.
	*/
	async hookWithDeprecated(event, ...args) {
		await this.hook(event, ...args);
		let deprecated = deprecatedHookAliases.get(event);
		deprecated && this.getHooks(deprecated)?.length && await this.hook(deprecated, ...args);
	}
	/**
	* Emit a telemetry event for cache operations.
	* @param {KeyvEvents} event the telemetry event type
	* @param {string | string[]} [key] the cache key or keys (emits one event per key)
	*/
	emitTelemetry(event, key) {
		if (key === void 0) {
			this.emit(event, {
				event: event.replace("stat:", ""),
				namespace: this.namespace,
				timestamp: Date.now()
			});
			return;
		}
		let keys = Array.isArray(key) ? key : [key];
		for (let k of keys) this.emit(event, {
			event: event.replace("stat:", ""),
			key: k,
			namespace: this.namespace,
			timestamp: Date.now()
		});
	}
	/**
	* Merges the overloaded constructor arguments into a single KeyvOptions object.
	*/
	static resolveOptions(store, options) {
		options ??= {}, store ??= {};
		let merged = { ...options };
		return store && store.get ? merged.store = store : Object.assign(merged, store), merged;
	}
	/**
	* Initializes the serialization adapter from options.
	*/
	initSerialization(options) {
		this._serialization = options.serialization === !1 ? void 0 : options.serialization ?? new KeyvJsonSerializer();
	}
	/**
	* Initializes the sanitization handler from options.
	*/
	initSanitize(options) {
		let sanitize = new KeyvSanitize();
		options.sanitize && sanitize.updateOptions(options.sanitize), this._sanitize = sanitize;
	}
	/**
	* Initializes the stats manager from options.
	*/
	initStats(options) {
		this._stats = new KeyvStats({
			emitter: this,
			enabled: options.stats ?? !1
		});
	}
	/**
	* Initializes the namespace, applying sanitization if enabled.
	*/
	initNamespace(namespace) {
		this._namespace = namespace, this._namespace && this._sanitize.enabled && (this._namespace = this.cleanNamespace(this._namespace));
	}
	/**
	* Sanitizes a namespace. When sanitizing leaves nothing, it returns {@link emptiedNamespace} so
	* the instance keeps a namespace of its own.
	*/
	cleanNamespace(namespace) {
		return this._sanitize.cleanNamespace(namespace) || "keyv-sanitized";
	}
	/**
	* Sanitizes the namespace kept from the storage adapter when Keyv has none of its own.
	*/
	sanitizeStoreNamespace() {
		this._namespace === void 0 && this._store.namespace && this._sanitize.enabled && (this._store.namespace = this.cleanNamespace(this._store.namespace));
	}
}, KeyvMemoryAdapter = class extends Hookified {
	_store;
	_namespace;
	_namespaceSeparator = "::";
	_capabilities;
	/**
	* Creates a new KeyvMemoryAdapter instance.
	* @param store - The underlying Map or Map-like object to use for storage
	* @param options - Configuration options for the store
	*/
	constructor(store, options) {
		super({ throwOnHookError: !1 }), this._store = store, this._capabilities = detectKeyvStorage(store), options?.namespaceSeparator !== void 0 && (this._namespaceSeparator = options.namespaceSeparator), options?.namespace && (this._namespace = options?.namespace);
	}
	/**
	* Gets the capabilities of the underlying store, with `expires: true` to declare that
	* this adapter accepts an absolute `expires` timestamp (the v6 storage contract).
	*/
	get capabilities() {
		return {
			...this._capabilities,
			expires: !0
		};
	}
	/**
	* Gets the underlying store instance.
	*/
	get store() {
		return this._store;
	}
	/**
	* Sets the underlying store instance.
	*/
	set store(store) {
		this._store = store;
	}
	/**
	* Gets the separator between the namespace and the key. Defaults to `::`.
	*/
	get namespaceSeparator() {
		return this._namespaceSeparator;
	}
	/**
	* Sets the separator between the namespace and the key.
	*/
	set namespaceSeparator(separator) {
		this._namespaceSeparator = separator;
	}
	/**
	* Gets the current namespace.
	*/
	get namespace() {
		return this._namespace;
	}
	/**
	* Sets the namespace.
	*/
	set namespace(namespace) {
		this._namespace = namespace;
	}
	/**
	* Creates a prefixed key by combining the namespace and key with the separator.
	* @param key - The base key
	* @param namespace - Optional namespace to prefix the key with
	* @returns The prefixed key if namespace is provided, otherwise the original key
	*/
	getKeyPrefix(key, namespace) {
		return namespace ? `${namespace}${this._namespaceSeparator}${key}` : key;
	}
	/**
	* Parses a prefixed key to extract the namespace and original key.
	* @param key - The prefixed key to parse
	* @returns An object containing the namespace (if present) and the original key
	*/
	getKeyPrefixData(key) {
		return this._namespace && key.startsWith(`${this._namespace}${this._namespaceSeparator}`) ? {
			namespace: this._namespace,
			key: key.slice(this._namespace.length + this._namespaceSeparator.length)
		} : { key };
	}
	/**
	* Retrieves a value from the store by key.
	* Automatically handles namespace prefixing and TTL expiration.
	* @param key - The key to retrieve
	* @returns The stored data, or undefined if not found or expired
	*/
	async get(key) {
		let keyPrefix = this.getKeyPrefix(key, this._namespace), entry = this._store.get(keyPrefix);
		if (entry != null) {
			if (entry.expires !== void 0 && Date.now() > entry.expires) this._store.delete(keyPrefix);
			else return entry.value;
		}
	}
	/**
	* Stores a value in the store with an optional absolute expiry.
	* @param key - The key to store the value under
	* @param value - The value to store
	* @param expires - Optional absolute expiry as Unix ms since epoch
	* @returns Always returns true indicating success
	*/
	async set(key, value, expires) {
		let keyPrefix = this.getKeyPrefix(key, this._namespace), entry = {
			value,
			expires: typeof expires == "number" ? expires : void 0
		};
		return this._store.set(keyPrefix, entry, ttlFromExpires(expires)), !0;
	}
	/**
	* Stores multiple entries in the store at once.
	* @param entries - Array of entries containing key, value, and optional absolute `expires`
	*/
	async setMany(entries) {
		let results = [];
		for (let entry of entries) {
			let keyPrefix = this.getKeyPrefix(entry.key, this._namespace), memEntry = {
				value: entry.value,
				expires: typeof entry.expires == "number" ? entry.expires : void 0
			};
			this._store.set(keyPrefix, memEntry, ttlFromExpires(entry.expires)), results.push(!0);
		}
		return results;
	}
	/**
	* Deletes a value from the store by key.
	* @param key - The key to delete
	* @returns True if the key was deleted, false otherwise
	*/
	async delete(key) {
		let keyPrefix = this.getKeyPrefix(key, this._namespace);
		return this._store.delete(keyPrefix);
	}
	/**
	* Clears entries from the store. With no namespace, the whole store is cleared. With a
	* namespace, only that namespace's entries are removed, found through the store's `keys()`.
	* A store without `keys()` can't tell namespaces apart, so this throws rather than call the
	* store's `clear()` and delete every namespace's entries.
	* @throws {Error} If a namespace is set and the store has no `keys()`.
	*/
	async clear() {
		if (!this._namespace) {
			this._store.clear();
			return;
		}
		if (typeof this._store.keys != "function") throw Error(`Can't clear namespace "${this._namespace}": the store has no keys() to find that namespace's keys, and its clear() would delete every namespace. Use a store with keys(), such as a Map, or clear it without a namespace.`);
		let prefix = `${this._namespace}${this._namespaceSeparator}`, keysToDelete = [];
		for (let key of this._store.keys()) key.startsWith(prefix) && keysToDelete.push(key);
		for (let key of keysToDelete) this._store.delete(key);
	}
	/**
	* Checks if a key exists in the store and is not expired.
	* @param key - The key to check
	* @returns True if the key exists and is not expired, false otherwise
	*/
	async has(key) {
		let keyPrefix = this.getKeyPrefix(key, this._namespace), entry = this._store.get(keyPrefix);
		return entry == null ? !1 : entry.expires !== void 0 && Date.now() > entry.expires ? (this._store.delete(keyPrefix), !1) : !0;
	}
	/**
	* Checks if multiple keys exist in the store and are not expired.
	* @param keys - Array of keys to check
	* @returns Array of booleans indicating existence for each key
	*/
	async hasMany(keys) {
		let results = [];
		for (let key of keys) results.push(await this.has(key));
		return results;
	}
	/**
	* Retrieves multiple values from the store by their keys.
	* @param keys - Array of keys to retrieve
	* @returns Array of stored data in the same order as the input keys
	*/
	async getMany(keys) {
		let values = [];
		for (let key of keys) {
			let keyPrefix = this.getKeyPrefix(key, this._namespace), entry = this._store.get(keyPrefix);
			entry == null ? values.push(void 0) : entry.expires !== void 0 && Date.now() > entry.expires ? (this._store.delete(keyPrefix), values.push(void 0)) : values.push(entry.value);
		}
		return values;
	}
	/**
	* Deletes multiple keys from the store at once.
	* @param keys - Array of keys to delete
	* @returns Array of booleans indicating success for each key
	*/
	async deleteMany(keys) {
		let results = [];
		for (let key of keys) try {
			let keyPrefix = this.getKeyPrefix(key, this._namespace), existed = this._store.has(keyPrefix);
			this._store.delete(keyPrefix), results.push(existed);
		} catch (error) {
			this.emit("error", error), results.push(!1);
		}
		return results;
	}
	/**
	* Creates an async iterator for iterating over store entries.
	* If the underlying store does not support iteration, returns an empty generator.
	* @returns {AsyncGenerator<Array<string | Awaited<Value> | undefined>, void>} An async generator yielding [key, value] pairs
	*/
	async *iterator() {
		if (typeof this._store.entries != "function") return;
		let namespace = this._namespace;
		for (let [key, raw] of this._store.entries()) {
			if (namespace && !key.startsWith(`${namespace}${this._namespaceSeparator}`)) continue;
			let entry = raw;
			entry?.expires !== void 0 && Date.now() > entry.expires ? this._store.delete(key) : yield [namespace ? key.slice(namespace.length + this._namespaceSeparator.length) : key, entry?.value];
		}
	}
	/**
	* No-op disconnect for in-memory stores.
	*/
	async disconnect() {}
};
// src/api-cache/keyv-shelf.ts
const MAX_BODY_BYTES = 1048576;
/** Answers in any store that keyv has an adapter for: for fleets, and to outlive the process. */
var KeyvShelf = class {
	#keyv;
	#logger;
	#keepMs;
	#failed = !1;
	constructor({ adapter, logger }, { repository, keepMs = 12096e5 }) {
		this.#keyv = new Keyv({
			store: adapter,
			namespace: `swarmcache-api:${repository}`
		}), this.#logger = logger, this.#keepMs = keepMs, this.#keyv.on("error", (error) => this.#report(error));
	}
	async get(key) {
		try {
			return (await this.#read(key)).map((answer) => ({
				answer,
				tier: "shared"
			}));
		} catch (error) {
			return this.#report(error), [];
		}
	}
	/** Two who write one key at once may lose one of the answers, which is one more request to GitHub. */
	async put(answer, { signal } = {}) {
		if (!(answer.body.length > MAX_BODY_BYTES)) try {
			let kept = await this.#read(answer.key), same = kept.find(({ digest, scope }) => digest === answer.digest && scope === answer.scope);
			if (same !== void 0 && answer.validated - same.validated < 3e5) return;
			signal?.throwIfAborted(), await this.#keyv.set(answer.key, addAnswer(kept, answer).map(toValue), this.#keepMs);
		} catch (error) {
			this.#report(error);
		}
	}
	async delete(key, digest) {
		try {
			let left = (await this.#read(key)).filter((answer) => answer.digest !== digest);
			await this.#keyv.set(key, left.map(toValue), this.#keepMs);
		} catch (error) {
			this.#report(error);
		}
	}
	/** Such stores do not say. */
	usage() {
		return {
			bytes: 0,
			answers: 0
		};
	}
	async close() {
		await this.#keyv.disconnect().catch((error) => this.#report(error));
	}
	async #read(key) {
		let values = await this.#keyv.get(key);
		return Array.isArray(values) ? values.map(fromValue).filter((answer) => answer !== void 0) : [];
	}
	#report(error) {
		this.#logger.log(this.#failed ? "debug" : "warning", `The shared store of API answers fails: ${errorMessage(error)}. Going on without it.`), this.#failed = !0;
	}
};
function toValue(answer) {
	let { header, body } = encodeAnswer(answer);
	return {
		header,
		body: Buffer.from(body).toString("base64")
	};
}
function fromValue(value) {
	if (typeof value != "object" || !value) return;
	let { header, body } = value;
	if (!(typeof body != "string" || body.length > MAX_BODY_BYTES * 2)) return decodeAnswer(header, Buffer.from(body, "base64"));
}
export { KeyvShelf };
