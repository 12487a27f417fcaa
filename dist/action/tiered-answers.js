export { t as TieredAnswers, n as readable } from "./tiered-answers2.js";
