// An entry of its own: tRPC's declarations come only to those who ask for them.
export type { SimErrorShape, SimRouter } from "./sim-router.ts";
