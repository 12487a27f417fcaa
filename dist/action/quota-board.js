export { t as QuotaBoard } from "./quota-board2.js";
