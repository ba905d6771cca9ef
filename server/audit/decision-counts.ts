/** How calls were decided upon since the process began: made, or turned away for want of a permission. */
export interface DecisionCounts {
  allow: number;
  deny: number;
}
