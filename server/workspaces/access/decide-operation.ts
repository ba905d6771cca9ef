import type { GrantedAgentRow } from "../../db/agent-page.ts";
import {
  type AgentOperation,
  decideLevel,
  levelSatisfies,
  OPERATIONS,
  type Operation,
  permissionSatisfies,
} from "../../permissions/levels.ts";
import { grantOf } from "../agents/agent-row.ts";
import type { AccessExplanation } from "./schemas.ts";
import type { Subject } from "./subject.ts";

/** What is to be decided: an agent is there for an operation on one, unless there is none. */
export interface Question {
  subject: Subject;
  operation: Operation;
  agent: GrantedAgentRow | undefined;
  nowMs: number;
  /** How long a deleted agent can be brought back. */
  retentionMs: number;
}

export type Verdict = Pick<AccessExplanation, "allowed" | "reason" | "required" | "actual" | "rule">;

/** Whether the subject may do it, and by which rule: what a call of the operation itself would come to. */
export function decideOperation(question: Question): Verdict {
  const { subject, operation } = question;
  const needs = OPERATIONS[operation];
  const { permission } = subject;
  const required = "workspace" in needs ? needs.workspace : needs.agent;
  if (permission === null || subject.rule === null) {
    return { allowed: false, reason: "NOT_FOUND", required, actual: null, rule: "no_permission" };
  }
  if ("agent" in needs) return decideOnAgent(question, operation as AgentOperation);
  const allowed = permissionSatisfies(permission, needs.workspace);
  const reason = allowed ? null : "INSUFFICIENT_WORKSPACE_ROLE";
  return { allowed, reason, required, actual: permission, rule: "workspace_permission" };
}

function decideOnAgent({ subject, agent, nowMs, retentionMs }: Question, operation: AgentOperation): Verdict {
  const required = OPERATIONS[operation].agent;
  const absent: Verdict = { allowed: false, reason: "NOT_FOUND", required, actual: null, rule: "not_found" };
  if (!agent || !subject.rule) return absent;
  const { level, reason: rule } = decideLevel(subject.rule, agent, grantOf(agent), nowMs);
  const allowed = levelSatisfies(level, required);
  if (agent.deletedAt !== null) {
    const isRestorable = operation === "agent:restore" && agent.deletedAt.getTime() + retentionMs > nowMs;
    if (!isRestorable || !allowed) return absent;
  }
  // Of an agent that is hidden from it a caller is told what it is told of none; whoever asks for another sees more.
  if (level === "none") return { ...absent, actual: "none", rule };
  return { allowed, reason: allowed ? null : "INSUFFICIENT_AGENT_LEVEL", required, actual: level, rule };
}

/** The verdict as one may be told who does not see what is hidden from the subject. */
export function concealed(verdict: Verdict): Verdict {
  return verdict.actual === "none" ? { ...verdict, actual: null, rule: "not_found" } : verdict;
}
