export { forgetWorkspace, type WorkspaceKey } from "./keys.ts";
export type { ChangeOptions, PageOptions, ReadOptions } from "./procedure-options.ts";
export { serializingOptions } from "./serializing-options.ts";
export { type FollowOptions, type SessionEvents, useSessionEvents } from "./use-session-events.ts";
export { type WorkspaceOptions, workspaceOptions } from "./workspace-options.ts";
