export { t as MAX_ANSWERS_PER_KEY, n as MemoryShelf, r as addAnswer } from "./memory-shelf2.js";
