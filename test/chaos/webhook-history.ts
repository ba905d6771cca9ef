/** What the senders recorded: each delivery with its answers, in the order in which they came. */
export interface SentDelivery {
  workspaceId: string;
  id: string;
  isForged: boolean;
  /** Statuses of all answers; 0 where the connection broke. */
  answers: number[];
}

/** What the database holds in the end. */
export interface Outcome {
  deliveries: { workspaceId: string; id: string; status: string }[];
  /** How often each action stands in the audit trail of a workspace. */
  actions: { workspaceId: string; action: string; times: number }[];
  /** Workspaces in which a grant is left that the event of the member's removal takes away. */
  grantsLeft: string[];
}

/** Every way in which the outcome is not what the acknowledgements promised, a sentence each. */
export function findBreaches(history: readonly SentDelivery[], outcome: Outcome): string[] {
  const breaches: string[] = [];
  const stored = new Map(outcome.deliveries.map((one) => [`${one.workspaceId} ${one.id}`, one.status]));
  const times = new Map(outcome.actions.map(({ workspaceId, action, times }) => [`${workspaceId} ${action}`, times]));
  const left = new Set(outcome.grantsLeft);
  const acknowledged = new Set<string>();
  const genuine = new Set<string>();
  for (const { workspaceId, id, isForged, answers } of history) {
    const key = `${workspaceId} ${id}`;
    if (isForged) {
      if (answers.some((status) => status !== 401 && status !== 0)) breaches.push(`${key}: a forged one was answered ${answers}`);
      if (stored.has(key)) breaches.push(`${key}: a forged one is stored`);
      continue;
    }
    genuine.add(key);
    if (answers.some((status) => ![0, 202, 500, 503].includes(status))) breaches.push(`${key}: was answered ${answers}`);
    if (!answers.includes(202)) continue;
    acknowledged.add(workspaceId);
    if (stored.get(key) !== "done") breaches.push(`${key}: acknowledged, and ${stored.get(key) ?? "not stored"}`);
  }
  for (const { workspaceId, isForged } of history) {
    if (!isForged || acknowledged.has(workspaceId)) continue;
    if (times.size > 0 && [...times.keys()].some((key) => key.startsWith(`${workspaceId} `)))
      breaches.push(`${workspaceId}: only forged events are about it, and something was done`);
  }
  for (const workspaceId of acknowledged) {
    for (const action of ["workspace.create", "agent.grant.remove"]) {
      const count = times.get(`${workspaceId} ${action}`) ?? 0;
      if (count !== 1) breaches.push(`${workspaceId}: ${action} took effect ${count} times`);
    }
    if (left.has(workspaceId)) breaches.push(`${workspaceId}: the removed member has a grant`);
  }
  for (const key of stored.keys()) if (!genuine.has(key)) breaches.push(`${key}: is stored, and nobody sent it`);
  return breaches;
}
