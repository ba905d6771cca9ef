import { createAgent, deleteAgent, getAgent, listAgents, restoreAgent, updateAgent } from "./agents.ts";
import type { WorkspaceCall } from "./enter.ts";
import { appendEvents, listEvents } from "./events.ts";
import { listGrants, removeGrant, setGrant } from "./grants.ts";
import {
  createGuideline,
  deleteGuideline,
  exportGuidelines,
  importGuidelines,
  listGuidelines,
  updateGuideline,
} from "./guidelines.ts";
import { getOwnAccess } from "./own-access.ts";
import type { HeldPath, InputOf, OutputOf, StreamPath } from "./procedures.ts";
import { createSession, deleteSession, getSession, listSessions, updateSession } from "./sessions.ts";

type WorkspacePath = Exclude<HeldPath & `workspaces.${string}`, StreamPath>;

/** What the fake does by itself in a workspace: all of it, or this does not compile. */
export type WorkspaceHandlers = {
  [Path in WorkspacePath]: (call: WorkspaceCall, input: InputOf<Path>) => OutputOf<Path> | Promise<OutputOf<Path>>;
};

export const WORKSPACE_HANDLERS: WorkspaceHandlers = {
  "workspaces.access.me": getOwnAccess,
  "workspaces.agents.create": createAgent,
  "workspaces.agents.list": listAgents,
  "workspaces.agents.get": getAgent,
  "workspaces.agents.update": updateAgent,
  "workspaces.agents.delete": deleteAgent,
  "workspaces.agents.restore": restoreAgent,
  "workspaces.agents.grants.list": listGrants,
  "workspaces.agents.grants.set": setGrant,
  "workspaces.agents.grants.remove": removeGrant,
  "workspaces.guidelines.create": createGuideline,
  "workspaces.guidelines.list": listGuidelines,
  "workspaces.guidelines.update": updateGuideline,
  "workspaces.guidelines.delete": deleteGuideline,
  "workspaces.guidelines.import": importGuidelines,
  "workspaces.guidelines.export": exportGuidelines,
  "workspaces.sessions.create": createSession,
  "workspaces.sessions.list": listSessions,
  "workspaces.sessions.get": getSession,
  "workspaces.sessions.update": updateSession,
  "workspaces.sessions.delete": deleteSession,
  "workspaces.events.append": appendEvents,
  "workspaces.events.list": listEvents,
};

/** The same outside any workspace. */
export type OpenHandlers = {
  [Path in Exclude<HeldPath, WorkspacePath | StreamPath>]: (state: { now(): number; version: string }) => OutputOf<Path>;
};

export const OPEN_HANDLERS: OpenHandlers = {
  "simIntegration.health": ({ now, version }) => ({
    status: "healthy",
    integration: "sim-parlant",
    version,
    timestamp: new Date(now()),
  }),
};
